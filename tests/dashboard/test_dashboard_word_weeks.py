"""Any two windows of weeks: what the parts add up to, what the graph shows, and what the page says when it cannot."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import publication as made_up
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import data, weekly, word_chart, word_weeks
from dashboard.views import words as view
from dashboard.word_weeks import AT_MOST, EXACT, Cell, Shift, Window
from warehouse import translation
from warehouse.shift import OTHER

VIEW = Path(data.__file__).parent / "views" / "words.py"
SERIES = data.Series(signal=made_up.signal("lexicon", "anxiety"), geo_type="nation", geo_value="us")
LAST = made_up.LAST_DAY


def ended(back: int) -> dt.date:
    return LAST - dt.timedelta(days=7 * back)


def windows(opened: data.Publication, *, window: range, reference: range) -> dict[str, Window]:
    """Windows of cells by how many weeks ago they ended."""
    known = {cell.last: cell for cell in word_weeks.cells(opened, series=SERIES)}
    sides = {"window": window, "reference": reference}
    return {name: Window(tuple(known[ended(n)] for n in reversed(back))) for name, back in sides.items()}


def share(rows: pl.DataFrame, *, term: str, window: Window) -> float:
    """A word's share over a window by a plain loop; 0 in a week in which it is not published."""
    total = 0.0
    for cell in window.cells:
        found = rows.filter(pl.col("time_value") == cell.last, pl.col("term") == term)["share"]
        total += (found[0] if found.len() else 0.0) * cell.people / window.people
    return total


@pytest.mark.parametrize(("window", "reference"), [(range(1), range(1, 5)), (range(2, 5), range(8, 10))])
def test_parts_equal_a_plain_loop_and_add_up_to_the_change(
    opened: data.Publication, window: range, reference: range
) -> None:
    sides = windows(opened, window=window, reference=reference)
    made = word_weeks.shift(opened, series=SERIES, **sides)
    rows = opened.tables["term_weeks"].filter(pl.col("geo_value") == "us")
    for row in made.parts.iter_rows(named=True):
        after, before = (
            share(rows, term=row["term"], window=sides[name]) for name in ("window", "reference")
        )
        assert row["contribution"] == pytest.approx(after - before)
        if row["known"] == EXACT:
            assert (row["after"], row["before"]) == pytest.approx((after, before))
    totals = {
        name: sum(
            float(rows.filter(pl.col("time_value") == cell.last)["share"].sum()) * cell.people / side.people
            for cell in side.cells
        )
        for name, side in sides.items()
    }
    assert made.after == pytest.approx(totals["window"])
    assert made.before == pytest.approx(totals["reference"])
    parts = float(made.exact["contribution"].sum()) + made.unexplained
    assert parts == pytest.approx(totals["window"] - totals["reference"])


def test_a_word_of_one_window_is_a_bound_and_one_of_some_weeks_is_left_out(opened: data.Publication) -> None:
    newest = word_weeks.shift(
        opened, series=SERIES, **windows(opened, window=range(1), reference=range(1, 5))
    )
    assert dict(newest.parts.select("term", "known").iter_rows())["storm"] == AT_MOST
    storm = newest.parts.row(0, named=True)
    assert (storm["term"], storm["before"], storm["after"]) == ("storm", None, 0.02)
    some = word_weeks.shift(opened, series=SERIES, **windows(opened, window=range(4), reference=range(4, 8)))
    assert some.partly == 2
    assert not {"storm", "word9"} & set(some.parts["term"])


def test_windows_that_change_places_change_the_sign_of_every_part(opened: data.Publication) -> None:
    sides = windows(opened, window=range(1), reference=range(1, 5))
    there = word_weeks.shift(opened, series=SERIES, **sides)
    back = word_weeks.shift(opened, series=SERIES, window=sides["reference"], reference=sides["window"])
    both = there.parts.join(back.parts, on=["lexicon", "term"])
    assert both.height == there.parts.height
    assert (both["contribution"] + both["contribution_right"]).abs().max() == pytest.approx(0.0, abs=1e-12)


def test_errors_are_those_of_other_and_of_the_same_people(opened: data.Publication) -> None:
    sides = windows(opened, window=range(2), reference=range(4, 5))
    made = word_weeks.change(**sides)
    first, second, before = (*sides["window"].cells, *sides["reference"].cells)
    weights = [cell.people / sides["window"].people for cell in (first, second)]
    values = [cell.value for cell in (first, second)]
    assert made.after == pytest.approx(sum(w * v for w, v in zip(weights, values, strict=True)))
    errors = [w * cell.error for w, cell in zip(weights, (first, second), strict=True)]
    assert made.error == pytest.approx(math.hypot(*errors, before.error))
    assert made.error_if_same == pytest.approx(math.hypot(sum(errors), before.error))


def cell(first: int, *, weeks: int = 1) -> Cell:
    day = dt.date(2024, 1, 1) + dt.timedelta(days=7 * weeks * first)
    last = day + dt.timedelta(days=7 * weeks - 1)
    return Cell(first=day, last=last, people=100, value=0.1, error=0.01, error_if_same=0.01)


@pytest.mark.parametrize(("weeks", "expected"), [(1, 4), (2, 2), (4, 1), (6, 1)])
def test_a_change_is_read_against_about_four_weeks(weeks: int, expected: int) -> None:
    known = [cell(n, weeks=weeks) for n in range(8)]
    assert word_weeks.usual(known)[1].cells == tuple(known[7 - expected : 7])


def test_a_window_ends_before_a_week_that_is_not_published() -> None:
    known = [cell(n) for n in (0, 1, 3, 4)]
    assert word_weeks.run_from(known, first=known[0].last) == known[:2]
    window, reference = word_weeks.usual(known)
    assert (window.cells, reference.cells) == ((known[3],), (known[2],))
    assert word_weeks.usual(known, around=known[1].first)[0].cells == (known[1],)
    assert word_weeks.usual(known, around=known[0].first)[0].cells == (known[1],)
    assert word_weeks.usual(known, around=dt.date(2030, 1, 1))[0].cells == (known[3],)


def test_an_alert_opens_on_its_own_week_and_the_weeks_before_it(opened: data.Publication) -> None:
    row: dict[str, Any] = {
        "signal": SERIES.signal, "geo_type": "nation", "location": "us", "time_value": ended(2) - dt.timedelta(days=3),
    }  # fmt: skip
    assert word_weeks.for_alert(opened, row=row) == {
        "signal": SERIES.signal, "place": "nation:us", "from": str(ended(2)), "to": str(ended(2)),
        "against_from": str(ended(6)), "against_to": str(ended(3)),
    }  # fmt: skip
    assert word_weeks.for_alert(opened, row=row | {"signal": made_up.signal("emotion", "fear")}) is None
    for when in (LAST + dt.timedelta(days=1), ended(11), ended(20)):
        assert word_weeks.for_alert(opened, row=row | {"time_value": when}) is None, (
            "weeks without the alert's day"
        )


# ---------------------------------------------------------------------------------------------- figure


def shift_of(*parts: tuple[str, str, float, str]) -> Shift:
    rows = pl.DataFrame(
        parts, schema=["lexicon", "term", "contribution", "known"], orient="row"
    ).with_columns(before=pl.lit(0.0), after=pl.col("contribution"), n_people=pl.lit(60))
    return Shift(parts=rows, other=(0.01, 0.02), partly=0, step=0.0001)


def drawn(*parts: tuple[str, str, float, str]) -> Any:
    return word_chart.shift_figure(shift_of(*parts), most=3).data[0]


def test_no_spreadsheet_runs_a_word_of_the_table_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[Any] = []
    monkeypatch.setattr("streamlit.dataframe", lambda table, **_: handed.append(table))
    view._numbers(shift_of(("en", "=1+1", 0.03, EXACT), ("en", "up", 0.02, EXACT)))
    assert handed[0]["Word"].to_pylist() == ["'=1+1", "up", "all other words"]


def test_the_graph_has_the_largest_first_signs_on_both_sides_and_the_rest_last() -> None:
    bars = drawn(
        ("en", "up", 0.03, EXACT), ("en", "down", -0.02, EXACT), ("es", "<b>x", 0.015, AT_MOST),
        ("en", "small", 0.002, EXACT), ("en", "bound", 0.001, AT_MOST),
    )  # fmt: skip
    assert list(bars.text) == ["▲ up", "▼ down", "▲ ≤ &lt;b&gt;x · es", "▲ all other words"]
    assert list(bars.x) == pytest.approx([3.0, -2.0, 1.5, 1.2])
    up, down, bound, rest = bars.marker.color
    assert up == bound != down
    assert rest not in (up, down)
    assert list(bars.marker.pattern.shape) == ["", "", "/", "x"]


# ------------------------------------------------------------------------------------------------ page


def opened_page(folder: Path, **parameters: str) -> AppTest:
    app = AppTest.from_file(str(VIEW), default_timeout=60)
    app.query_params |= parameters
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["app", "--published", str(folder), "--state", str(folder / "state")])
        app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.warning]
    return "\n".join(part.value.replace("\\", "") for part in parts)


def test_the_page_says_change_error_people_and_what_is_not_shown(published: Path) -> None:
    text = said(opened_page(published))
    assert "27 May to 02 Jun 2024 against 29 Apr to 26 May 2024" in text
    for part in ("more than noise", "as if the same people posted", "n = ",
                 "2 words are known in every period of one window only",
                 "accounting, not causes", "Words of another list than affecten"):  # fmt: skip
        assert part in text.replace("_", ""), part


def test_the_page_says_how_long_a_period_is_and_when_words_of_its_own_place_changed(
    tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    rows = tables["term_weeks"]
    later = (
        pl.when(pl.col("geo_type") == "nation")
        .then("issue")
        .otherwise(pl.col("issue") + pl.duration(days=30))
    )
    found = tables | {"term_weeks": rows.with_columns(issue=later)}
    text = said(opened_page(made_up.write(tmp_path, tables=found), place="nation:us"))
    assert "periods of 1 week." in text
    assert f"last changed at issue {translation.date(rows['issue'][0])}" in text


def test_an_unknown_error_of_a_week_is_said_and_stops_nothing(
    tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    known = pl.when(pl.col("time_value") != ended(1)).then(pl.col("se"))
    found = tables | {"signals": tables["signals"].with_columns(se=known)}
    text = said(opened_page(made_up.write(tmp_path, tables=found), place="nation:us"))
    assert "error unknown, cannot be judged" in text


def test_a_bound_has_no_number_where_the_word_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[Any] = []
    monkeypatch.setattr("streamlit.dataframe", lambda table, **_: handed.append(table))
    shift = shift_of(("en", "storm", 0.02, AT_MOST))
    view._numbers(replace(shift, parts=shift.parts.with_columns(before=pl.lit(None, dtype=pl.Float64))))
    assert handed[0]["Before (% of posts)"].to_pylist() == [None, 1.0]


def test_windows_come_from_the_address_in_any_order_and_length(published: Path) -> None:
    app = opened_page(
        published, signal=SERIES.signal, place="nation:us", to=str(ended(9)), against_from=str(ended(2)),
        against_to=str(ended(0)), **{"from": str(ended(11))},
    )  # fmt: skip
    text = said(app)
    assert "against 13 May to 02 Jun 2024" in text
    assert "11 Mar to 31 Mar 2024" in text


def test_windows_that_share_weeks_are_refused(published: Path) -> None:
    app = opened_page(published, against_from=str(ended(4)), against_to=str(ended(0)))
    assert "share weeks" in said(app)
    assert "Words that moved it" not in [part.value for part in app.subheader]


def test_unknown_parameters_give_the_default_and_a_note(published: Path) -> None:
    text = said(opened_page(published, signal="nope", place="region:xx", **{"from": "2024-02-30"}))
    assert text.count("is not available here") == 3
    assert "more than noise" in text


def test_a_place_with_a_withheld_week_between_says_that_windows_end_there(published: Path) -> None:
    assert "not published with its words" in said(opened_page(published, place="region:us-ca"))


@pytest.fixture(scope="module")
def tables(published: Path) -> dict[str, pl.DataFrame]:
    return {path.stem: pl.read_parquet(path) for path in data.current(published).folder.glob("*.parquet")}


@pytest.mark.parametrize(
    ("keep", "shifts", "expected"),
    [
        (pl.lit(value=False), False, "No words are published for any mood"),
        (pl.lit(value=False), True, "The newest weeks against those before them"),
        (
            pl.col("time_value") == LAST,
            True,
            "Only one period is published with its words, 27 May to 02 Jun 2024",
        ),
        (pl.col("term") == "(other)", True, "No word was used by enough people"),
    ],
)
def test_what_is_not_there_is_said(
    tables: dict[str, pl.DataFrame], tmp_path: Path, keep: pl.Expr, shifts: bool, expected: str
) -> None:
    found = tables | {"term_weeks": tables["term_weeks"].filter(keep)}
    if not shifts:
        found |= {"word_shifts": tables["word_shifts"].head(0)}
    assert expected in said(opened_page(made_up.write(tmp_path, tables=found)))


def test_the_page_opens_on_the_mood_that_moved_most_where_it_has_most_words(opened: data.Publication) -> None:
    told = word_weeks.best_told(opened)
    weeks = opened.tables["term_weeks"].filter(pl.col("term") != OTHER)
    moved = dict(weekly.changes(opened).group_by("signal").agg(pl.col("z").abs().max()).iter_rows())
    assert set(told) == set(weeks["signal"])
    sizes = [moved.get(signal) or 0.0 for signal in told]
    assert sizes == sorted(sizes, reverse=True)
    for signal, place in told.items():
        rows = weeks.filter(pl.col("signal") == signal, pl.col("time_value") == pl.col("time_value").max())
        counts = {
            f"{kind}:{value}": n
            for kind, value, n in rows.group_by("geo_type", "geo_value").len().iter_rows()
        }
        assert counts[place] == max(counts.values())
