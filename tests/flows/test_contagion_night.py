"""What the night publishes of contagion beside its rows, and that nothing in it is about few people."""

from __future__ import annotations

import polars as pl

from warehouse.config import Config
from warehouse.publish import current


def _published(config: Config, name: str) -> pl.DataFrame:
    return pl.read_parquet(current(config.paths.published).folder / f"{name}.parquet")


def test_a_night_publishes_what_ifs_transitions_and_ties_of_the_window_of_its_rows(finished: Config) -> None:
    rows = _published(finished, "contagion")
    window = rows.select("window_start", "window_end").unique()
    assert window.height == 1
    for name in ("diffusion", "transitions", "weak_ties"):
        frame = _published(finished, name)
        assert frame.height > 0, name
        assert frame.select("window_start", "window_end").unique().equals(window), name


def test_rows_carry_the_what_if_of_their_ties_whatever_the_measure(finished: Config) -> None:
    rows = _published(finished, "contagion").filter(pl.col("ratio").is_not_null())
    what_ifs = _published(finished, "diffusion").filter(pl.col("scenario") == "as it is")
    told = {row["alpha"]: round(row["coverage"], 3) for row in what_ifs.iter_rows(named=True)}
    alphas = {"all": 0.0, "weak": -1.0, "strong": 1.0}
    assert rows.height > 0
    for row in rows.iter_rows(named=True):
        assert row["coverage"] == told[alphas[row["tie_bin"]]]
        assert row["velocity"] is not None


def test_counts_are_rounded_and_no_shown_cell_is_about_few_people(finished: Config) -> None:
    floor, step = finished.disclosure.people_floor, finished.disclosure.rounding
    what_ifs, steps = _published(finished, "diffusion"), _published(finished, "transitions")
    assert what_ifs["n_people"].min() >= floor
    assert (what_ifs["n_ties"] % step == 0).all()
    shown = steps.filter(pl.col("n_people") > 0)
    assert (shown["n_people"] >= floor).all()
    assert (shown["n_transitions"] % step == 0).all()
    hidden = steps.filter(pl.col("suppressed").is_not_null())
    assert hidden["n_people"].null_count() == hidden.height
