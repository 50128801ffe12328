"""Which error rates `value_corrected` is made with, from which issue on. Not for correcting: `quantify.py` is."""

from __future__ import annotations

import datetime as dt

import polars as pl

from warehouse.quantify import RATES, rates_of
from warehouse.store import Store
from warehouse.tables import TABLES

ERROR_RATES = TABLES["core.error_rates"]
_MEASURE = ["scorer", "measure", "lang"]


def keep_rates(store: Store, *, issue: dt.date, run_id: str) -> bool:
    """Bring `core.error_rates` up to what `out.measure_quality` says tonight; whether that is something new.

    New rates hold for all periods, also for those that were released under the old ones.
    """
    store.delete(ERROR_RATES, where="issue = ?", parameters=[issue])
    before = rates_at(store, issue=issue)
    found = rates_of(store.read(TABLES["out.measure_quality"])).select(*_MEASURE, *RATES)
    new = found.join(before, on=[*_MEASURE, *RATES], how="anti")
    gone = before.join(found, on=_MEASURE, how="anti").with_columns(
        pl.lit(None, dtype=before.schema[name]).alias(name) for name in RATES
    )
    rows = pl.concat([new.cast(before.schema), gone]).with_columns(issue=pl.lit(issue))
    return store.append(ERROR_RATES, rows.select(ERROR_RATES.columns), run_id=run_id) > 0


def rates_at(store: Store, *, issue: dt.date) -> pl.DataFrame:
    """`scorer`, `measure`, `lang` and the four columns `quantify.RATES`, as last kept by `issue`."""
    rows = store.read(ERROR_RATES, where="issue <= ?", parameters=[issue]).sort(*_MEASURE, "issue")
    newest = rows.unique(_MEASURE, keep="last", maintain_order=True)
    return newest.drop_nulls(RATES).select(*_MEASURE, *RATES)
