"""The corrected share beside the plain one: whose error rates, in which cells, in what is released."""

from __future__ import annotations

import polars as pl
import pytest
from signal_worlds import Night, crowd, day, posts, run_night, settings

from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.vintages import latest

OUT, QUALITY = TABLES["out.signals"], TABLES["out.measure_quality"]


def put_rates(store: Store, *, lang: str = "en", sensitivity: float = 0.8, specificity: float = 0.9) -> None:
    base = {"scorer": "model", "measure": "anger", "lang": lang, "dataset": "validation", "scorer_version": "1",
            "low": None, "high": None}  # fmt: skip
    rows = [
        base | {"metric": "sensitivity", "value": sensitivity, "n": 800},
        base | {"metric": "specificity", "value": specificity, "n": 4_000},
    ]
    frame = pl.DataFrame(rows, schema=QUALITY.schema.create_empty().schema)
    store.put(QUALITY, frame, run_id="test")


def released(store: Store, *, days: int = 1, hits: int = 100, spanish: int = 0) -> pl.DataFrame:
    """400 people, of whom `hits` are angry; every `spanish`-th post is in Spanish."""
    rows = crowd(400, days=range(days), received=day(days), hits=hits)
    for number, row in enumerate(rows):
        row["lang"] = "es" if spanish and number % spanish == 0 else "en"
    config = settings(levels=("all",), populations=("lang",))
    run_night(store, Night(issue=day(days), arrivals=posts(rows, received=day(days)), config=config))
    return latest(store.read(OUT))


def of(out: pl.DataFrame, signal: str, population: str = "all") -> dict[str, object]:
    rows = out.filter(
        pl.col("signal") == signal, pl.col("population") == population, pl.col("time_type") == "day"
    )
    return rows.sort("time_value").row(-1, named=True)


def test_a_share_is_corrected_by_the_error_rates_of_its_language(store: Store) -> None:
    put_rates(store)
    out = released(store)
    row = of(out, "model_anger_share")
    assert row["value"] == pytest.approx(0.25)
    # (0.25 - 0.1) / (0.8 - 0.1), to a four-hundredth.
    assert row["value_corrected"] == pytest.approx(round(0.15 / 0.7 * 400) / 400)
    assert row["corrected_se"] > row["se"] / 0.7
    assert of(out, "model_anger_mean")["value_corrected"] is None
    assert of(out, "model_joy_share")["value_corrected"] is None


def test_a_cell_of_mixed_languages_is_not_corrected_and_its_languages_are(store: Store) -> None:
    put_rates(store)
    put_rates(store, lang="es", sensitivity=0.6)
    out = released(store, spanish=2)
    assert of(out, "model_anger_share")["value_corrected"] is None
    both = [of(out, "model_anger_share", f"lang={lang}")["value_corrected"] for lang in ("en", "es")]
    assert all(value is not None for value in both)
    nearly = released(store, days=2, spanish=25)
    assert of(nearly, "model_anger_share")["value_corrected"] is not None


def test_the_seven_day_average_is_corrected_too(store: Store) -> None:
    put_rates(store)
    row = of(released(store, days=7), "model_anger_share_7dav")
    assert row["value_corrected"] == pytest.approx(0.15 / 0.7, abs=1 / 400)
    assert row["corrected_se"] > row["se"] / 0.7


def test_rates_that_tell_nothing_leave_the_correction_out(store: Store) -> None:
    put_rates(store, sensitivity=0.15, specificity=0.9)
    row = of(released(store), "model_anger_share")
    assert row["value"] == pytest.approx(0.25)
    assert (row["value_corrected"], row["corrected_se"]) == (None, None)


def test_without_known_error_rates_nothing_is_corrected(store: Store) -> None:
    assert released(store)["value_corrected"].null_count() == latest(store.read(OUT)).height


def test_new_error_rates_hold_for_what_was_released_under_the_old_ones(store: Store) -> None:
    put_rates(store)
    before = released(store, days=14)
    put_rates(store, sensitivity=0.7)
    config = settings(levels=("all",), populations=("lang",))
    run_night(store, Night(issue=day(15), arrivals=None, config=config))
    after = latest(store.read(OUT))
    shares = pl.col("value_corrected").is_not_null()
    assert after.filter(shares).height == before.filter(shares).height
    assert after.filter(shares)["issue"].unique().to_list() == [day(15)]
    assert of(after, "model_anger_share")["value_corrected"] == pytest.approx(0.25, abs=1 / 400)
    same = after.filter(~shares)
    assert same.select("signal", "time_value", "value").equals(
        before.filter(~shares).select("signal", "time_value", "value")
    )
    # The same night again adds nothing and takes nothing away; the next one finds nothing new.
    run_night(store, Night(issue=day(15), arrivals=None, config=config))
    assert latest(store.read(OUT)).equals(after)
    run_night(store, Night(issue=day(16), arrivals=None, config=config))
    assert store.read(OUT, where="issue = ?", parameters=[day(16)]).is_empty()


def test_rates_that_are_known_no_more_take_their_corrections_along(store: Store) -> None:
    put_rates(store)
    released(store)
    store.delete(QUALITY, where="true")
    config = settings(levels=("all",), populations=("lang",))
    run_night(store, Night(issue=day(2), arrivals=None, config=config))
    assert of(latest(store.read(OUT)), "model_anger_share")["value_corrected"] is None
