from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import publication as made_up
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import acknowledgements, cards, data, launch, shell, skill

ROOT = Path(shell.__file__).parent
VIEWS = {name: ROOT / "views" / f"{name}.py" for name in shell.PAGES}
TIMEOUT = 60
# What only a page of its own says: a heading or sentence that proves the right page was drawn.
SAYS = {
    "overview": "What changed this week",
    "timelines": "Anxiety",
    "outlook": "Chance of an unusual high",
    "alerts": "2 open",
    "contagion": "A what-if, not a forecast",
    "signals": "What it must not be used for",
    "trust": "What was left out, and why",
    "words": "Words that moved it",
    "export": "has no export beside it",
}


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, published: Path) -> Path:
    """Point the dashboard at the made-up publication and return its state folder."""
    return _point(monkeypatch, published=published, state=tmp_path / "state")


def _point(monkeypatch: pytest.MonkeyPatch, *, published: Path, state: Path) -> Path:
    monkeypatch.setattr(sys, "argv", ["app.py", "--published", str(published), "--state", str(state)])
    return state


def _run(file: Path, **parameters: str) -> AppTest:
    app = AppTest.from_file(str(file), default_timeout=TIMEOUT)
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def _text(app: AppTest) -> str:
    parts = [app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.success]
    parts += [app.warning, app.error]
    text = "\n".join(element.value for part in parts for element in part)
    return text.replace("\\", "")


@pytest.mark.parametrize("name", shell.PAGES)
def test_each_view_alone_draws_without_error(name: str, arguments: Path) -> None:
    app = _run(VIEWS[name])
    assert not app.exception
    assert app.title[0].value == name.capitalize()
    assert SAYS[name] in _text(app)
    assert "Issue 03 Jun 2024" in _text(app)
    assert "must not be used" in _text(app)
    assert "988" in _text(app)


@pytest.mark.parametrize("name", shell.PAGES)
def test_each_view_says_what_to_run_where_nothing_is_published(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _point(monkeypatch, published=tmp_path / "nowhere", state=tmp_path)
    app = _run(VIEWS[name])
    assert not app.exception
    assert app.title[0].value == "Nothing to show yet"
    assert "affectcast demo" in _text(app)


@pytest.mark.parametrize("kind", ["absent", "empty"])
# The export page reads the zip beside the publication, and no table for what it says.
@pytest.mark.parametrize("name", [name for name in shell.PAGES if name != "export"])
def test_each_view_explains_missing_and_empty_tables(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(made_up.PUBLISHED)
    options = {"leave_out": names} if kind == "absent" else {"emptied": names}
    _point(monkeypatch, published=made_up.build(tmp_path / kind, **options), state=tmp_path)
    app = _run(VIEWS[name])
    assert not app.exception
    wanted = "was not part of this publication" if kind == "absent" else "of this publication is empty"
    assert wanted in _text(app)


@pytest.mark.parametrize("name", shell.PAGES)
def test_each_view_draws_when_one_other_table_is_missing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in ("signals", "signal_catalogue", "places", "forecasts", "scores", "alerts"):
        folder = made_up.build(tmp_path / table, leave_out=(table,))
        _point(monkeypatch, published=folder, state=tmp_path)
        assert not _run(VIEWS[name]).exception, table


@pytest.mark.parametrize("name", shell.PAGES)
def test_foreign_text_is_shown_as_typed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _point(monkeypatch, published=made_up.build(tmp_path, nasty=True), state=tmp_path)
    app = _run(VIEWS[name], place="region:us-zz")
    assert not app.exception
    shown = "\n".join(
        element.value for part in (app.markdown, app.caption, app.subheader) for element in part
    )
    assert "<b>" not in shown
    assert ":red[" not in shown
    assert "](http" not in shown


def test_selectors_are_read_from_the_address(arguments: Path) -> None:
    app = _run(VIEWS["timelines"], signal="emotion_fear_share", place="region:us-ny", period="week")
    assert app.subheader[0].value.replace("\\", "") == "Fear (model)"
    assert app.multiselect[0].value == ["region:us-ny"]
    assert app.selectbox(key="choice_period").value == "week"
    assert not app.info[1:]


def test_selecting_writes_the_address(arguments: Path) -> None:
    app = _run(VIEWS["outlook"])
    app.selectbox(key="choice_place").select("region:us-tx").run()
    assert app.query_params["place"] in ("region:us-tx", ["region:us-tx"])
    assert "Texas" in _text(app)
    assert "Little history" in _text(app)


@pytest.mark.parametrize("name", ["timelines", "outlook", "overview", "alerts", "trust"])
def test_a_bad_address_falls_back_with_a_note(name: str, arguments: Path) -> None:
    bad = "<script>alert(1)</script>"
    parameters = dict.fromkeys(("signal", "place", "period", "population", "status", "task"), bad)
    app = _run(VIEWS[name], **parameters)
    assert not app.exception
    notes = [note.value for note in app.info if "is not available here" in note.value]
    assert notes
    assert not any("<script>" in note for note in notes)


def test_a_patchy_place_opens_weekly(arguments: Path) -> None:
    app = _run(VIEWS["timelines"], place="region:us-wy")
    assert app.selectbox(key="choice_period").value == "week"


def test_overview_answers_whether_where_since_when_and_how_sure(arguments: Path) -> None:
    verdict = _run(VIEWS["overview"]).error[0].value.replace("\\", "")
    assert "2 open alerts that tell 1 story" in verdict
    assert "California" in verdict
    assert "31 May 2024" in verdict
    assert "71% of such alerts were right" in verdict


def test_overview_says_when_nothing_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _point(monkeypatch, published=made_up.build(tmp_path, emptied=("alerts",)), state=tmp_path)
    assert "no open alert" in _run(VIEWS["overview"]).success[0].value


def test_outlook_says_when_forecasts_beat_nothing(arguments: Path) -> None:
    app = _run(VIEWS["outlook"], signal="lexicon_joy_share", period="week")
    assert "no better than a flat line" in _text(app)


def test_outlook_says_where_chances_of_a_high_have_no_skill(arguments: Path) -> None:
    anxiety = made_up.signal("lexicon", "anxiety")
    everywhere = _text(_run(VIEWS["outlook"], signal=anxiety, place="all:all", period="day"))
    assert "did better than its base rate" in everywhere
    assert "50% of alarms 7 days ahead were followed by a high (8 highs)" in everywhere
    elsewhere = _text(_run(VIEWS["outlook"], signal=anxiety, place="nation:us", period="day"))
    assert "No skill: on this series' past" in elsewhere


def test_outlook_says_which_model_is_shown_since_when_and_why(arguments: Path) -> None:
    joy = made_up.signal("lexicon", "joy")
    daily = _text(_run(VIEWS["outlook"], signal=joy, place="region:us-ca", period="day"))
    assert (
        "Model: AutoETS, shown since 02 Jun 2024: took over this night: clearly better than the model"
        in daily
    )
    weekly = _text(_run(VIEWS["outlook"], signal=joy, place="region:us-ca", period="week"))
    assert "Model: Ensemble, shown since 03 May 2024: no other model was clearly better." in weekly


def test_outlook_without_a_choice_shows_the_ensemble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _point(monkeypatch, published=made_up.build(tmp_path, leave_out=("model_choice",)), state=tmp_path)
    text = _text(_run(VIEWS["outlook"], signal=made_up.signal("lexicon", "joy"), place="region:us-ca"))
    assert "Model: Ensemble." in text
    assert "every series shows the ensemble" in _text(_run(VIEWS["trust"]))


def test_trust_says_which_model_each_series_shows_and_why(arguments: Path) -> None:
    app = _run(VIEWS["trust"])
    text = _text(app)
    assert "Which model, and why" in text
    assert "49 series show the ensemble, 1 another model." in text
    assert "at least 5% below" in text
    rows = _table(app, column="Best other model")
    assert len(rows) == 50
    assert rows[0] == {
        "Mood": "Joy (words)", "Place": "California", "By": "day", "Model": "AutoETS", "Since": "02 Jun 2024",
        "Relative error (forecasts judged)": "0.91 (6)", "Best other model": "Ensemble, 1.07",
        "Why": "took over this night: clearly better than the model shown before",
    }  # fmt: skip
    unjudged = next(row for row in rows if row["Place"] == "Texas")
    assert (unjudged["Relative error (forecasts judged)"], unjudged["Best other model"]) == ("– (0)", "–")
    assert unjudged["Why"] == "too few past forecasts were judged to compare models, so the ensemble"


def test_trust_says_what_chances_of_a_high_were_worth(arguments: Path) -> None:
    rows = _table(_run(VIEWS["trust"]), column="F1 of alarms")
    assert [row["Better than the base rate"] for row in rows] == ["4 of 4 series"]
    assert rows[0]["F1 of alarms"] == "0.50 (random 0.20, calendar 0.25)"
    assert rows[0]["Brier score"] == "0.12 (base rate 0.16)"


def test_chances_of_a_high_that_nobody_could_judge_are_left_out() -> None:
    scores = made_up.frames()["scores"]
    of_outlook = scores.filter(pl.col("task") == "outlook_day")
    unjudged = of_outlook.filter(pl.col("metric") == "false_alarms_per_month").with_columns(
        task=pl.lit("outlook_week")
    )
    assert skill.outlook(pl.concat([scores, unjudged]), task="outlook_week").is_empty()
    half = of_outlook.filter((pl.col("location") != "us") | (pl.col("metric") == "alarm_f1"))
    assert skill.outlook(half, task="outlook_day")["n_series"].to_list() == [3]


def test_an_answer_to_an_alert_is_kept_and_shown(arguments: Path) -> None:
    app = _run(VIEWS["alerts"])
    app.text_input(key="note_a1").input("Seen. *Checked* with the news desk")
    app.button(key="acknowledged_a1").click().run()
    assert not app.exception
    said = acknowledgements.latest(arguments)
    assert {name: said[name].status for name in said} == {"a1": "acknowledged", "a2": "acknowledged"}
    assert "0 open · 2 acknowledged" in _text(app)
    app.selectbox(key="choice_status").select("acknowledged").run()
    assert "Seen. *Checked* with the news desk" in _text(app)


def test_the_launch_command_serves_this_machine_only_and_reports_nothing(tmp_path: Path) -> None:
    argv = launch.command(tmp_path, state=tmp_path / "s", port=8123, headless=True)
    text = " ".join(argv)
    assert argv[0] == sys.executable
    assert "--server.address 127.0.0.1" in text
    assert "--browser.gatherUsageStats false" in text
    assert "--server.port 8123" in text
    given = shell.settings(argv[argv.index("--") + 1 :])
    assert (given.published, given.state) == (tmp_path, tmp_path / "s")


def _table(app: AppTest, *, column: str) -> list[dict[str, str]]:
    """The rows of the tables that have the column, as a reader sees them."""
    tables = [element.value for element in app.table if column in element.value.columns]
    rows = [row for table in tables for row in table.to_dict("records")]
    return [{name: text.replace("\\", "") for name, text in row.items()} for row in rows]


def test_trust_tells_own_comparisons_with_surveys_from_those_of_others(arguments: Path) -> None:
    app = _run(VIEWS["trust"])
    rows = _table(app, column="Error against the last value")
    own = [row for row in rows if "California" in row["Signal"]]
    others = [row for row in rows if "Elsewhere" in row["Signal"]]
    assert (len(own), len(others)) == (1, 1)
    assert own[0]["Levels, r"] == "0.64 (0.31 to 0.84)"
    assert own[0]["Second half, r"] == "0.41 (0.02 to 0.69)"
    assert own[0]["Error against the last value"] == "1.35 (1.02 to 1.80)"
    assert own[0]["Survey"] == "National panel: Anxious"
    assert "not about your own data" in _text(app)
    assert "None of your own signals" not in _text(app)


def test_trust_says_when_no_own_signal_was_compared_with_a_survey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _point(monkeypatch, published=made_up.build(tmp_path, emptied=("survey_validity",)), state=tmp_path)
    text = _text(_run(VIEWS["trust"]))
    assert "None of your own signals has been compared with a survey yet" in text
    assert "not about your own data" not in text


def test_a_signal_has_its_page_by_its_address(arguments: Path) -> None:
    name = made_up.frames()["signal_catalogue"]["signal"][2]
    app = _run(VIEWS["signals"], signal=name)
    assert not app.exception
    assert name in _text(app)


def test_the_trust_page_says_how_much_numbers_change_later(arguments: Path) -> None:
    text = _text(_run(VIEWS["trust"]))
    assert "How much do numbers change later?" in text


def test_timelines_say_how_far_a_mood_moved_around_each_event(arguments: Path) -> None:
    anxiety = made_up.signal("lexicon", "anxiety")
    app = _run(VIEWS["timelines"], signal=anxiety, place="region:us-ca")
    assert not app.exception
    text = _text(app)
    assert "Around the events of the calendar" in text
    assert "not its cause" in text
    assert "no more than at the same calendar shifted" in text
    cells = " | ".join(str(cell) for table in app.table for cell in table.value.to_numpy().ravel()).replace(
        "\\", ""
    )
    assert "+3.0 points | +1.0 points to +5.0 points | 0.012" in cells
    other = _text(_run(VIEWS["timelines"], signal=made_up.signal("emotion", "fear")))
    assert "Around the events" not in other


def test_alerts_of_one_story_share_a_card_with_what_is_near_and_how_many_are_false(arguments: Path) -> None:
    app = _run(VIEWS["alerts"])
    text = _text(app)
    assert "at most 2.0 false alerts a week. The budget is 2 a week" in text
    assert len([button for button in app.button if str(button.key).startswith("acknowledged_")]) == 1
    rows = _table(app, column="Severity")
    assert [(row["Mood"], row["Where"], row["Status"]) for row in rows] == [
        ("Anxiety (words)", "United States", "open")
    ]


def test_an_alert_tells_its_numbers_in_their_own_units(published: Path) -> None:
    publication = data.load(data.current(published))
    row = publication.tables["alerts"].row(by_predicate=pl.col("alert_id") == "a1", named=True)
    broken = row | {
        "kind": "data_break",
        "signal": "post_volume",
        "observed": 12000.0,
        "expected": 4000.0,
        "threshold": 5.0,
    }
    told = " ".join(cards.facts(broken, publication=publication))
    assert "observed 12,000" in told
    assert "%" not in told.split("people")[0]
    assert "alert above" not in told
    chance = " ".join(cards.facts(row | {"kind": "forecast_high", "observed": 0.83}, publication=publication))
    assert "observed 83" in chance
