"""The contagion page: what it says was found and what not, and that it shows nothing that is hidden."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
import publication as made_up
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import co_movement, contagion, contagion_charts, data, shell

VIEW = Path(shell.__file__).parent / "views" / "contagion.py"
ROW = made_up.frames()["contagion"].filter(
    pl.col("measure") == "anger", pl.col("tie_bin") == "all", pl.col("window_end") == made_up.ISSUE
)


def _row(**given: Any) -> dict[str, Any]:
    return ROW.row(0, named=True) | given


def _run(monkeypatch: pytest.MonkeyPatch, *, published: Path, **parameters: str) -> AppTest:
    monkeypatch.setattr(
        sys, "argv", ["app.py", "--published", str(published), "--state", str(published / "s")]
    )
    app = AppTest.from_file(str(VIEW), default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def _text(app: AppTest) -> str:
    parts = [app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.warning]
    return "\n".join(element.value for part in parts for element in part).replace("\\", "")


def _table(app: AppTest, *, column: str) -> list[dict[str, str]]:
    tables = [element.value for element in app.table if column in element.value.columns]
    rows = [row for table in tables for row in table.to_dict("records")]
    return [{name: str(text).replace("\\", "") for name, text in row.items()} for row in rows]


# ------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, contagion.FOUND),
        ({"q_value": 0.05}, contagion.NOT_FOUND),
        ({"ratio": 0.8}, contagion.NOT_FOUND),
        ({"follow_rate": None, "ratio": None, "q_value": None}, contagion.TOO_FEW),
        ({"ratio": None}, contagion.TOO_FEW),
    ],
)
def test_a_row_is_found_not_found_or_too_few(given: dict[str, Any], expected: str) -> None:
    assert contagion.outcome(_row(**given)) == expected


def test_a_finding_has_its_rates_interval_and_size_and_claims_no_cause() -> None:
    assert contagion.headline(_row()) == "Anger: found."
    text = contagion.sentence(_row())
    for said in (
        "24.1%",
        "17.0%",
        "1.42 times (95% interval 1.24 to 1.63)",
        "q 0.006",
        "8,200 answers, 1,450 people",
    ):
        assert said in text
    assert "large and lasting enough for an alert (above in 3 of 3 parts" in text
    assert text.endswith("why is not established.")
    assert "spread" not in text


def test_a_small_or_short_lived_finding_is_said_to_be_so() -> None:
    for given in ({"ratio_low": 1.05}, {"parts_above": 2}, {"parts_above": None}, {"ratio_low": None}):
        assert "not large or lasting enough for an alert" in contagion.sentence(_row(**given))


def test_what_was_not_found_says_what_would_still_fit() -> None:
    text = contagion.sentence(_row(q_value=0.3, ratio_high=1.2))
    assert "no more than shuffling gives. A ratio up to 1.20 would fit these data." in text


def test_weak_ties_are_a_hint_at_most() -> None:
    row = made_up.frames()["weak_ties"].row(0, named=True)
    assert contagion.weak_sentence(row).startswith(
        "It was not found that anger is followed along weaker ties than joy"
    )
    assert "take it as a hint" in contagion.weak_sentence(row | {"p_value": 0.01})
    blank = dict.fromkeys(("p_value", "mean_first", "mean_second", "n_second"))
    assert "could not be compared: too few people" in contagion.weak_sentence(row | blank)
    assert "610 and unpublished" in contagion.weak_sentence(row | blank)


def test_a_branching_ratio_whose_interval_reaches_zero_is_not_found() -> None:
    row = contagion.branching_row(_row(branching_low=0.0))
    assert row["In words"] == "not found: the interval reaches 0"


def test_overlapping_intervals_allow_no_claim_about_ties() -> None:
    rows = contagion.of_window(made_up.frames()["contagion"], window=str(made_up.ISSUE))
    anger = rows.filter(pl.col("measure") == "anger")
    assert "no difference can be claimed" in contagion.bins_sentence(anger)
    is_weak = pl.col("tie_bin") == "weak"
    apart = anger.with_columns(ratio_low=pl.when(is_weak).then(1.6).otherwise("ratio_low"))
    assert "the intervals do not overlap" in contagion.bins_sentence(apart)
    assert "not compared" in contagion.bins_sentence(rows.filter(pl.col("measure") == "fear"))


def test_a_rate_of_growth_is_told_as_a_change_per_day(opened: data.Publication) -> None:
    rows = co_movement.growth_rows(opened.tables["growth"], publication=opened)
    assert [row["Verdict"] for row in rows] == ["growing", "steady", "not known"]
    assert rows[0]["Change per day"] == "+3.1%"
    assert rows[0]["95% interval"] == "+1.2% to +5.1%"
    assert rows[2]["95% interval"] == "too few days"


# ------------------------------------------------------------------------------------------ figures


def test_rates_and_ratios_draw_what_is_shown_and_nothing_hidden() -> None:
    rows = contagion.of_window(made_up.frames()["contagion"], window=str(made_up.ISSUE))
    rates = contagion_charts.rates(rows)
    expected, followed = rates.data[-2:]
    assert list(followed.y)[:3] == ["Anger, all ties", "Anger, weak ties", "Anger, strong ties"]
    assert len(followed.x) == len(expected.x) == 6
    assert not any("Fear" in label for label in followed.y)
    found, not_found = contagion_charts.ratios(rows).data
    assert [label.split(",")[0] for label in (*found.y, *not_found.y)] == ["Anger"] * 3 + ["Joy"] * 3
    assert found.x[0] + found.error_x.array[0] == pytest.approx(1.42 * 1.15)
    assert found.x[0] - found.error_x.arrayminus[0] == pytest.approx(1.42 * 0.87)


def test_a_row_without_a_test_is_drawn_as_not_found_and_without_an_interval() -> None:
    rows = ROW.with_columns(
        pl.lit(None, dtype=pl.Float64).alias(n) for n in ("q_value", "ratio_low", "ratio_high")
    )
    found, not_found = contagion_charts.ratios(rows).data
    assert (len(found.x), len(not_found.x)) == (0, 1)
    assert not_found.customdata[0][1] == "no interval"


def test_what_ifs_have_a_mark_per_alpha_with_the_ends_of_its_runs() -> None:
    rows = made_up.frames()["diffusion"]
    figure = contagion_charts.what_if(rows, shown="coverage")
    assert [trace.name for trace in figure.data] == [
        "Prefers weak (alpha -1)", "Prefers none (alpha 0)", "Prefers strong (alpha +1)",
    ]  # fmt: skip
    assert list(figure.data[0].x) == rows.filter(pl.col("alpha") == -1)["coverage"].to_list()
    assert len({y for trace in figure.data for y in trace.y}) == rows.height


def test_hidden_transitions_show_a_cross_and_no_number() -> None:
    heat = contagion_charts.transitions(made_up.frames()["transitions"]).data[0]
    assert list(heat.y) == ["Anger", "Joy", "None of these"]
    assert [list(row) for row in heat.text][1] == ["×", "×", "88%"]
    assert [list(row) for row in heat.z][1][:2] == [None, None]
    assert heat.customdata[1][0] == "hidden: too few people"
    assert heat.customdata[1][1] == "hidden: would give another away"


def test_history_has_a_line_per_measure_over_the_windows() -> None:
    rows = made_up.frames()["contagion"].filter(pl.col("tie_bin") == "all", pl.col("ratio").is_not_null())
    anger, joy = contagion_charts.history(rows).data
    assert (anger.name, joy.name) == ("Anger", "Joy")
    assert list(anger.y) == pytest.approx([1.22, 1.32, 1.42])


# ------------------------------------------------------------------------------------------- page


def test_the_page_says_what_was_found_and_what_not(monkeypatch: pytest.MonkeyPatch, published: Path) -> None:
    app = _run(monkeypatch, published=published)
    assert not app.exception
    text = _text(app)
    for said in (
        "Anger: found.",
        "Joy: not found.",
        "Fear: too few.",
        "never a proof that one caused the other",
    ):
        assert said in text
    assert "1,450 people who answered or were answered, 6,300 ties between them" in text
    assert "A what-if, not a forecast." in text
    assert "Of 2 pairs of places, 1 moves together at a delay" in text
    assert "Of 3 series: 1 growing, 0 falling, 1 steady, 1 not known" in text
    assert "How it changed" in text
    assert all(line in text for line in contagion.MUST_NOT)


def test_the_tables_carry_sizes_and_reasons(monkeypatch: pytest.MonkeyPatch, published: Path) -> None:
    app = _run(monkeypatch, published=published)
    rows = _table(app, column="Follow rate")
    assert rows[0] == {
        "Mood": "Anger", "Along": "all ties", "Outcome": "found", "Follow rate": "24.1%", "Expected": "17.0%",
        "Ratio": "1.42", "95% interval": "1.24 to 1.63", "q": "0.006", "Parts above": "3 of 3", "Answers": "8,200",
        "People": "1,450",
    }  # fmt: skip
    fear = next(row for row in rows if row["Mood"] == "Fear")
    assert (fear["Outcome"], fear["Follow rate"], fear["People"]) == ("too few", "–", "–")
    branching = {row["Mood"]: row for row in _table(app, column="Branching ratio")}
    assert branching["Anger"]["Interval"] == "0.18 to 0.44"
    assert branching["Joy"]["Branching ratio"] == "not identifiable"
    assert branching["Anger"]["In words"] == "above 0"
    assert "drifts from day to day" in branching["Joy"]["In words"]


def test_an_earlier_window_is_chosen_by_the_address(monkeypatch: pytest.MonkeyPatch, published: Path) -> None:
    app = _run(
        monkeypatch, published=published, window="2024-05-20", shown="velocity", mood="lexicon_joy_share"
    )
    assert app.selectbox(key="choice_window").value == "2024-05-20"
    assert app.selectbox(key="choice_shown").value == "velocity"
    text = _text(app)
    assert "1.22 times" in text
    assert "Answers of 21 Feb to 20 May 2024, as known for issue 03 Jun 2024" in text
    assert "Of 1 series" in text
    assert "No two places could be compared." in text


def test_an_address_that_does_not_exist_is_noted(monkeypatch: pytest.MonkeyPatch, published: Path) -> None:
    app = _run(monkeypatch, published=published, window="yesterday")
    assert not app.exception
    assert any("is not available here" in note.value for note in app.info)


def test_with_one_window_there_is_no_history(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tables = made_up.frames()
    tables["contagion"] = tables["contagion"].filter(pl.col("window_end") == made_up.ISSUE)
    app = _run(monkeypatch, published=made_up.write(tmp_path, tables=tables))
    assert "How it changed" not in _text(app)


def test_where_all_is_hidden_no_chart_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tables = made_up.frames()
    tables["contagion"] = tables["contagion"].filter(pl.col("measure") == "fear")
    app = _run(monkeypatch, published=made_up.write(tmp_path, tables=tables))
    assert not app.exception
    assert "Too few people answered for any number to be shown." in _text(app)
    assert not _table(app, column="Follow rate")
