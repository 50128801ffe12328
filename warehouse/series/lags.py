"""From which day history that came in bulk counts as known: the largest `lag_days` since it was marked `assumed`.

A row does not say when its makers published it. Whoever lowers `lag_days` would let rows that were in time for the
larger one be used before that day. Not for rows that were issued on their day: those are known from it on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from warehouse.config import Config
from warehouse.store import Store

_NAME = "series_lags"


def series_lags(store: Store, *, config: Config) -> dict[str, int]:
    """Signal → days after a period's end from which its number counts as known, of every `[[series]]`."""
    kept = _kept(store)
    return {series.name: max(series.lag_days, kept.get(series.name, 0)) for series in config.series}


def keep_lags(store: Store, *, lags: Mapping[str, int]) -> None:
    """Keep `lags`, of the series that bring `assumed` rows now, where they are larger than those of rows there are.

    A lag whose rows are gone is forgotten.
    """
    kept = _kept(store)
    found = store.query("SELECT DISTINCT signal FROM out.signals WHERE vintage = 'assumed'")["signal"]
    larger = {name: lag for name, lag in kept.items() if name in found.to_list()}
    larger |= {name: max(lag, larger.get(name, 0)) for name, lag in lags.items()}
    if larger != kept:
        store.identify(_NAME, json.dumps(larger, sort_keys=True))


def _kept(store: Store) -> dict[str, int]:
    lags: dict[str, int] = json.loads(store.identity(_NAME) or "{}")
    return lags
