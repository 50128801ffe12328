"""The night's breaks: kept once, the same on a rerun, with new ones added and known ones left alone."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from signal_worlds import Night, ReadOff, crowd, day, posts, run_night

from flows.breaks import keep_quality_and_breaks
from flows.stages import Run
from warehouse.config import Config
from warehouse.scoring import Scorer
from warehouse.store import Store
from warehouse.tables import TABLES

BREAKS = TABLES["out.breaks"]
PEOPLE = 60


@dataclass(frozen=True, kw_only=True)
class Drawn(Run):
    """A night whose scorer reads its scores off the text."""

    version: str = "1"

    def scorers(self) -> list[Scorer]:
        return [ReadOff(version=self.version, measures=("anger",), thresholds={"en": (0.5,)})]


def _night(
    store: Store, *, issue: int, arrivals: pl.DataFrame | None = None, version: str = "1"
) -> pl.DataFrame:
    run = Drawn(config=Config(), issue=day(issue), version=version)
    scorers = tuple(run.scorers())
    run_night(store, Night(issue=day(issue), arrivals=arrivals, scorers=scorers))  # type: ignore[arg-type]
    keep_quality_and_breaks(store, run=run)
    return store.read(BREAKS).with_columns(pl.col("geo_type", "what").cast(pl.String))


def test_a_crowd_that_doubles_is_a_break_kept_once(store: Store) -> None:
    rows = [
        *crowd(PEOPLE, days=range(52), received=day(52)),
        *crowd(PEOPLE, days=range(45, 52), received=day(52), tag="new"),
    ]
    known = _night(store, issue=50, arrivals=posts(rows[: PEOPLE * 50], received=day(50)))
    assert known.is_empty()
    found = _night(store, issue=52, arrivals=posts(rows[PEOPLE * 50 :], received=day(52)))
    assert set(found["what"]) == {"post_volume", "people_volume"}
    assert set(found["onset"]) == {day(45)}
    assert set(found["issue"]) == {day(52)}
    assert set(found["observed"].round(0)) == {2.0 * PEOPLE}
    assert _night(store, issue=52).equals(found)
    assert _night(store, issue=53).equals(found)


def test_another_version_of_a_scorer_is_kept_with_the_issue_it_began_with(store: Store) -> None:
    first = posts(crowd(PEOPLE, days=range(5), received=day(5)), received=day(5))
    assert _night(store, issue=5, arrivals=first).is_empty()
    changed = _night(store, issue=6, version="2")
    assert changed.select("what", "scorer", "onset", "issue").rows() == [
        ("scorer_version", "model", day(6), day(6))
    ]
    assert _night(store, issue=7, version="2").equals(changed)
