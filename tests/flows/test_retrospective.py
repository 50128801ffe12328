"""The retrospective report and the events of a night: what is written, what is hidden, and that nothing leaks."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
import re
from pathlib import Path

import polars as pl
import pytest
from night_support import affectcast, dump, night, published, write_toml
from typer.testing import CliRunner

from flows import checks, stages
from flows.cli.app import app
from flows.retrospective.corpus import corpus_of_posts, corpus_of_warehouse
from flows.retrospective.findings import find
from flows.stages import Run
from forecasting.events.calendar import read_calendar
from forecasting.events.study import StudySpec
from warehouse.config import Config, parse_config
from warehouse.errors import InputError
from warehouse.publish import current
from warehouse.store import Receipt

START = dt.date(2024, 1, 1)
DAYS, EVENT = 110, 90
SECRET = "zyxwq"
FILES = {
    "report.html", "days.csv", "rises.csv", "peaks.csv", "peaks_against_calendars.csv", "events.csv",
    "event_effects.csv", "calendar_tests.csv", "stage_segments.csv", "stage_changes.csv", "volume_changes.csv",
}  # fmt: skip
EVENTS = f"""title,start,location,stage
<script>alert(1)</script> flood,{START + dt.timedelta(days=EVENT)},US,response
Fair,{START + dt.timedelta(days=60)},,
Not a day,soon,,
"""


def rows(*, days: int = DAYS, people: int = 120) -> list[dict[str, str]]:
    """A post per person and day; fear rises for a week at the event, and one person has a word of their own."""
    rng = random.Random(5)
    made = []
    for number in range(days):
        fear = 0.6 if EVENT <= number < EVENT + 7 else 0.3
        flood = 0.5 if number >= EVENT else 0.2
        for person in range(people):
            words = ["so"] + ["afraid"] * (rng.random() < fear) + ["happy"] * (rng.random() < 0.4)
            words += ["evacuation"] * (rng.random() < flood) + ["vaccine"] * (rng.random() < 0.3)
            words += [SECRET] if person == 0 else []
            stamp = f"{START + dt.timedelta(days=number)}T10:00:00Z"
            made.append(
                {
                    "id": f"{number}-{person}",
                    "who": f"person {person}",
                    "body": " ".join(words),
                    "when": stamp,
                }
            )
    return made


def write_csv(path: Path, made: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(made[0]))
        writer.writeheader()
        writer.writerows(made)
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a file, through the installed command."""
    folder = tmp_path_factory.mktemp("report")
    write_csv(folder / "posts.csv", rows())
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    ran = affectcast(
        "retrospective", "--posts", "posts.csv", "--events", "events.csv", "--out", "out", "--language", "en",
        "--columns", "text=body,created_at=when,author=who,name=title", cwd=folder,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "line 4 was left out" in ran.stderr
    return folder / "out"


def table(report: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(report / f"{name}.csv", try_parse_dates=True)


def test_a_report_on_a_file_has_the_page_and_a_table_of_everything_in_it(report: Path) -> None:
    assert {path.name for path in report.iterdir()} == FILES
    fear = table(report, "days").filter(pl.col("marker") == "fear")
    assert fear["time_value"].to_list() == [START + dt.timedelta(days=number) for number in range(DAYS)]
    assert fear["sample_size"].unique().to_list() == [120]
    assert fear["se"].is_between(0.02, 0.06).all()
    assert fear.filter(pl.col("value").is_null()).height == 0


def test_the_planted_event_is_found_and_the_other_one_is_not(report: Path) -> None:
    effects = table(report, "event_effects").filter(pl.col("marker") == "fear")
    flood = effects.filter(pl.col("name").str.contains("flood")).row(0, named=True)
    fair = effects.filter(pl.col("name") == "Fair").row(0, named=True)
    assert flood["low"] < 0.3 < flood["high"]
    assert flood["low"] > 0.15
    assert fair["low"] < 0.0 < fair["high"]


def test_the_page_needs_no_network_and_runs_no_name_from_the_calendar(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page) == []
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "is not its cause" in page


def test_nothing_of_a_post_or_a_person_is_in_a_report(report: Path) -> None:
    for path in report.iterdir():
        text = path.read_text(encoding="utf-8")
        assert SECRET not in text, path.name
        assert "person 0" not in text, path.name


def frame(made: list[dict[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(made).rename({"body": "text", "when": "created_at", "who": "author", "id": "post_id"})


def corpus(posts: pl.DataFrame, **options: object):  # type: ignore[no-untyped-def]
    return corpus_of_posts(posts, language="en", config=Config(), tell=lambda _label, _n: None, **options)  # type: ignore[arg-type]


def test_a_person_has_one_vote_and_copies_and_reposts_have_none() -> None:
    made = rows(days=3, people=60)
    quiet = [{**row, "body": "so"} for row in made]
    loud = [{**quiet[0], "id": f"x{k}", "body": f"afraid {k}"} for k in range(300)]
    fifteen = [{**row, "body": "afraid" if 0 < n % 60 <= 15 else "so"} for n, row in enumerate(quiet)]
    shown = corpus(frame(fifteen + loud), frequency="day")
    fear = shown.days.filter(pl.col("marker") == "fear")
    assert fear["value"].round(4).to_list() == [0.25] * 3
    assert fear["sample_size"].to_list() == [60] * 3
    copies = corpus(
        frame(fifteen + [{**row, "body": f"RT @a: {row['body']}"} for row in loud] + fifteen), frequency="day"
    )
    assert copies.days.filter(pl.col("marker") == "fear")["value"].round(4).to_list() == [0.25] * 3
    assert any("300 rows are reposts" in note for note in copies.notes)
    assert any("180 rows repeat" in note for note in copies.notes)


def test_days_of_few_people_or_few_hits_are_gaps_and_are_counted() -> None:
    made = [row for row in rows(days=12, people=100) if row["id"] not in {f"7-{k}" for k in range(40, 100)}]
    seldom = [
        row | {"body": "afraid" if int(row["id"][2:]) < 4 else "so"} if row["id"].startswith("9-") else row
        for row in made
    ]
    shown = corpus(frame(seldom), frequency="day")
    fear = shown.days.filter(pl.col("marker") == "fear").sort("time_value")
    assert fear["value"].is_null().arg_true().to_list() == [7, 9]
    hidden = fear.filter(pl.col("value").is_null())
    assert hidden.select(pl.col("se", "sample_size", "n_posts").is_null().all()).row(0) == (True, True, True)


def test_weeks_are_taken_where_most_days_are_too_thin(tmp_path: Path) -> None:
    made = [
        row
        for row in rows(days=84, people=120)
        if int(row["id"].split("-")[1]) % 7 == int(row["id"].split("-")[0]) % 7
    ]
    thin = corpus(frame(made))
    assert thin.frequency == "week"
    assert thin.days["time_value"].dt.weekday().unique().to_list() == [7]
    assert thin.days.filter(pl.col("marker") == "fear")["sample_size"].unique().to_list() == [120]
    assert corpus(frame(rows(days=84, people=120))).frequency == "day"
    path = tmp_path / "events.csv"
    path.write_text(f"name,start\nA,{START + dt.timedelta(days=70)}\nB,2030-01-01\n", encoding="utf-8")
    found = find(thin, calendar=read_calendar(path), spec=StudySpec(), seed=1)
    assert found.tables["rises"].height == 12
    assert any("12 of 12 weeks can be shown" in note for note in found.notes)
    assert any("1 events begin outside" in note for note in found.notes)


def test_without_authors_two_hundred_posts_stand_in_for_people() -> None:
    made = frame(rows(days=4, people=210)).drop("author")
    assert corpus(made, frequency="day").days.filter(pl.col("marker") == "fear")["value"].null_count() == 0
    assert (
        corpus(made.filter(pl.col("post_id").str.len_chars() < 5), frequency="day")
        .days["value"]
        .is_null()
        .all()
    )


def test_posts_that_no_lexicon_reads_and_thin_files_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No post could be scored"):
        corpus_of_posts(frame(rows(days=2)), language="fi", config=Config(), tell=lambda _label, _n: None)
    write_csv(tmp_path / "posts.csv", rows(days=3, people=20))
    (tmp_path / "events.csv").write_text("name,start\nA,2024-01-02\n", encoding="utf-8")
    names = "text=body,created_at=when,author=who"
    arguments = [
        "retrospective",
        "--posts",
        str(tmp_path / "posts.csv"),
        "--columns",
        names,
        "--language",
        "en",
    ]
    arguments += ["--events", str(tmp_path / "events.csv"), "--out", str(tmp_path / "out")]
    ran = CliRunner().invoke(app, arguments)
    assert isinstance(ran.exception, InputError)
    assert "Nothing can be shown" in ran.exception.message
    assert not (tmp_path / "out").exists()
    wrong = CliRunner().invoke(app, [*arguments, "--columns", "texts=body"])
    assert "there is no texts" in str(wrong.exception)
    dry = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert dry.exit_code == 0
    assert "would set 60 posts" in dry.stdout
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------------------------- the night


def world(folder: Path, *, issue: dt.date, calendar: str | None = EVENTS) -> Config:
    """A configuration on the made-up posts, with or without a calendar."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "posts.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows(people=60))
    body = {
        "run": {"as_of": str(issue), "seed": 3, "demo": True},
        "paths": {
            "published": str(folder / "published"), "exports": str(folder / "exports"),
            "warehouse": str(folder / "w.duckdb"),
        },
        "sources": [
            {"name": "made", "path": str(folder / "posts.jsonl"), "lang": "en",
             "columns": {"text": "body", "created_at": "when", "post_id": "id", "author": "who"},
             "place": {"geo_type": "nation", "geo_value": "US"}}
        ],
        "score": {"scorers": ["lexicon", "crisis"]},
        "forecast": {"models": ["flat_line"], "backtest_origins": 1, "horizon_days": 3},
        "contagion": {"permutations": 100},
    }  # fmt: skip
    if calendar is not None:
        (folder / "events.csv").write_text(calendar, encoding="utf-8")
        body["events"] = {"path": str(folder / "events.csv"), "columns": "name=title"}
    return parse_config(body, where="test")


LAST_ISSUE = START + dt.timedelta(days=DAYS)


def through_events(config: Config) -> Receipt:
    """A night without what events have nothing to do with; the receipt of the stage `events`."""
    assert config.run.as_of is not None
    run = Run(config=config, issue=config.run.as_of)
    checks.check(config)
    for stage in (stages.ingest, stages.score, stages.build_signals):
        stage(run)
    receipt = stages.events(run)
    stages.publish_issue(run)
    return receipt


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A night while an event's window is open, and one after it."""
    folder = tmp_path_factory.mktemp("nights")
    through_events(world(folder, issue=START + dt.timedelta(days=EVENT + 3)))
    config = world(folder, issue=LAST_ISSUE)
    receipt = through_events(config)
    assert receipt.reasons == {"rows of the calendar": 1}
    assert any("line 4 was left out" in note for note in receipt.notes)
    return config


def read(config: Config, name: str) -> pl.DataFrame:
    return pl.read_parquet(current(config.paths.published).folder / f"{name}.parquet")


def test_a_night_publishes_its_calendar_and_what_moved(nights: Config) -> None:
    assert read(nights, "events")["name"].str.contains("flood|Fair").all()
    effects = read(nights, "event_effects")
    assert effects.select("event_id", "signal", "geo_type", "location").is_duplicated().any() is False
    flood = read(nights, "events").filter(pl.col("name").str.contains("flood"))["event_id"][0]
    fear = effects.filter(
        pl.col("event_id") == flood, pl.col("signal") == "lexicon_fear_share", pl.col("location") == "US"
    )
    assert fear["low"][0] > 0.1
    assert fear["reason"].to_list() == [None]
    tests = read(nights, "event_tests")
    assert tests["issue"].unique().to_list() == [LAST_ISSUE]
    assert tests["n_events"].max() == 2


def test_an_open_window_is_no_number_and_its_row_is_kept(nights: Config) -> None:
    kept = dump(nights)["out.event_effects"].filter(
        pl.col("signal") == "lexicon_fear_share", pl.col("location") == "US"
    )
    assert kept.filter(pl.col("reason") == "window_not_over")["issue"].to_list() == [
        START + dt.timedelta(days=EVENT + 3)
    ]
    steady = kept.filter(pl.col("before").is_not_null()).group_by("event_id").len()
    assert steady["len"].to_list() == [1, 1], "a row is added only where something changed"


def test_the_same_night_again_changes_nothing(nights: Config) -> None:
    tables, bytes_before = dump(nights), published(nights)
    through_events(nights)
    after = dump(nights)
    assert [name for name in tables if not after[name].equals(tables[name])] == []
    assert published(nights) == bytes_before


def test_the_report_reads_the_warehouse_as_it_was_known(nights: Config) -> None:
    known = corpus_of_warehouse(nights, as_of=START + dt.timedelta(days=EVENT + 3), place="US")
    assert known.days["time_value"].max() == START + dt.timedelta(days=EVENT + 2)
    assert known.stages == ("mitigation", "preparedness", "recovery", "response")
    assert any("does not have" in note and "suffering" in note for note in known.notes)
    with pytest.raises(InputError, match="no marker is published for place ES"):
        corpus_of_warehouse(nights, as_of=LAST_ISSUE, place="ES")


def test_the_command_reads_the_warehouse_by_default(nights: Config, tmp_path: Path) -> None:
    path = write_toml(nights.model_copy(update={"events": Config().events}), tmp_path / "config.toml")
    (tmp_path / "events.csv").write_text("name,start\nFlood,2024-03-31\n", encoding="utf-8")
    arguments = ["retrospective", "--config", str(path), "--events", str(tmp_path / "events.csv")]
    ran = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out"), "--place", "US"])
    assert ran.exit_code == 0, ran.exception
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES
    again = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "again"), "--place", "US"])
    assert again.exit_code == 0
    for name in FILES - {"report.html"}:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_without_a_calendar_there_are_no_events_and_one_taken_out_is_gone(tmp_path: Path) -> None:
    issue = START + dt.timedelta(days=12)
    tables = ("events", "event_effects", "event_tests")
    calendar = f"title,start\nEarly,{START + dt.timedelta(days=3)}\n"
    through_events(world(tmp_path, issue=issue, calendar=calendar))
    config = world(tmp_path, issue=issue, calendar=None)
    before = [read(config, name).height for name in tables]
    assert all(before)
    assert through_events(config).rows_out == 0
    assert [read(config, name).height for name in tables] == [0, 0, 0]


def test_a_night_with_a_calendar_that_cannot_be_used_ends_before_it_begins(tmp_path: Path) -> None:
    config = world(tmp_path, issue=START + dt.timedelta(days=20), calendar="title,when\nA,2024-01-02\n")
    with pytest.raises(InputError, match="no column start"):
        night(config)
    assert not config.paths.warehouse.exists()


@pytest.mark.real_data
def test_a_real_corpus_gives_a_report_without_a_word_of_it(real_data: Path, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("name,start\nA,2020-01-23\nB,2020-03-10\n", encoding="utf-8")
    ran = affectcast(
        "retrospective", "--posts", str(real_data / "posts" / "weibo_covid_zh.csv.gz"), "--language", "zh",
        "--columns", "created_at=date,author=userid", "--events", "events.csv", "--out", "out", cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    days = table(tmp_path / "out", "days")
    assert days["time_value"].n_unique() == 57
    assert (days["sample_size"].drop_nulls() >= 50).all()
    for path in (tmp_path / "out").glob("*.csv"):
        assert re.search(r"[\u4e00-\u9fff]", path.read_text(encoding="utf-8")) is None, path.name
