"""The command as a person calls it: one functional test per verb, exit codes, messages for bad input."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import gzip
import json
import os
import random
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from night_support import affectcast, small_config, write_toml

from lexicons.catalogue import read_catalogue
from warehouse.config import Config


def _night(config: Path, cwd: Path) -> None:
    ran = affectcast("nightly", "--plain", "--config", str(config), cwd=cwd)
    assert ran.returncode == 0, ran.stderr


# ---------------------------------------------------------------------------------------- the night


def test_nightly_says_in_ten_lines_what_it_found(tmp_path: Path) -> None:
    path = write_toml(small_config(tmp_path), tmp_path / "config.toml")
    ran = affectcast("nightly", "--plain", "--config", str(path), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.strip().splitlines()
    assert 4 <= len(lines) <= 10
    assert "Received" in ran.stdout
    assert "affectcast dashboard" in lines[-1]


def test_nightly_through_the_orchestrator_gives_the_same_publication(
    finished: Config, tmp_path: Path
) -> None:
    config = small_config(tmp_path)
    path = write_toml(config, tmp_path / "config.toml")
    ran = affectcast("nightly", "--config", str(path), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr[-3000:]
    for name in ("signals", "forecasts", "alerts"):
        ours = next(config.paths.published.rglob(f"{name}.parquet")).read_bytes()
        assert ours == next(finished.paths.published.rglob(f"{name}.parquet")).read_bytes()
    with contextlib.closing(sqlite3.connect(tmp_path / "prefect" / "prefect.db")) as records:
        assert records.execute("SELECT name FROM flow_run").fetchall() == [("nightly 2024-01-21",)]
        ((artifact,),) = records.execute("SELECT data FROM artifact").fetchall()
    report = tmp_path / "state" / "reports" / "2024-01-21-nightly.md"
    assert json.loads(artifact) == report.read_text(encoding="utf-8")


@pytest.mark.slow
def test_single_stages_do_what_the_night_does(finished: Config, tmp_path: Path) -> None:
    config = small_config(tmp_path)
    path = write_toml(config, tmp_path / "config.toml")
    for verb in ("ingest", "score", "signals", "words", "contagion", "forecast", "alerts", "publish"):
        ran = affectcast(verb, "--config", str(path), cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
    for name in ("signals", "forecasts", "alerts", "contagion", "diffusion", "transitions", "weak_ties"):
        ours = next(config.paths.published.rglob(f"{name}.parquet")).read_bytes()
        assert ours == next(finished.paths.published.rglob(f"{name}.parquet")).read_bytes()


@pytest.mark.slow
def test_backfill_makes_past_issues(tmp_path: Path) -> None:
    path = write_toml(small_config(tmp_path), tmp_path / "config.toml")
    ran = affectcast(
        "backfill",
        "--plain",
        "--from",
        "2024-01-20",
        "--to",
        "2024-01-21",
        "--config",
        str(path),
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    assert "2024-01-21" in ran.stdout
    span = ("--from", "2024-01-20", "--to", "2024-01-21")
    again = affectcast("backfill", *span, "--config", str(path), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert again.stdout == ran.stdout
    assert "Task run 'signals" in again.stdout + again.stderr


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    path = write_toml(small_config(tmp_path), tmp_path / "config.toml")
    before = sorted(tmp_path.rglob("*"))
    for verb in (
        "nightly",
        "ingest",
        "score",
        "signals",
        "words",
        "forecast",
        "alerts",
        "contagion",
        "publish",
        "schedule",
    ):
        ran = affectcast(verb, "--dry-run", "--config", str(path), cwd=tmp_path)
        assert ran.returncode == 0, (verb, ran.stderr)
    assert sorted(tmp_path.rglob("*")) == before


def test_schedule_shows_when_it_would_run(tmp_path: Path) -> None:
    path = write_toml(small_config(tmp_path), tmp_path / "config.toml")
    ran = affectcast("schedule", "--dry-run", "--config", str(path), cwd=tmp_path)
    assert "15 3 * * *" in ran.stdout


# ----------------------------------------------------------------------------------- plain files


def test_score_keeps_every_row_and_column_in_order(tmp_path: Path) -> None:
    rows = [
        {"id": "007", "text": "I feel so lonely and scared", "tags": ["a", "b"]},
        {"id": "2", "text": None, "tags": []},
    ]
    posts = tmp_path / "posts.jsonl.gz"
    posts.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    ran = affectcast(
        "score", "--posts", str(posts), "--language", "en", "--out", str(tmp_path / "o.csv"), cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    with (tmp_path / "o.csv").open(encoding="utf-8") as file:
        out = list(csv.DictReader(file))
    assert [row["id"] for row in out] == ["007", "2"]
    assert out[0]["tags"] == '["a","b"]'
    assert out[0]["lexicon_loneliness"] == "1.0"
    assert [row["missing"] for row in out] == ["0", "5"]


def test_score_by_the_embedded_model_ranks_fear_above_joy(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("body\nI am terrified of what comes next\nbest day ever so happy!\n")
    ran = affectcast(
        "score",
        "--posts",
        "p.csv",
        "--text-column",
        "body",
        "--scorer",
        "emotion",
        "--out",
        "o.parquet",
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    out = pl.read_parquet(tmp_path / "o.parquet")
    assert out.columns[0] == "body"
    assert out["emotion_fear"][0] > out["emotion_joy"][0]
    assert out["emotion_joy"][1] > out["emotion_fear"][1]


def _series(path: Path) -> None:
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 4, 9), eager=True)
    frame = pl.DataFrame({"series_id": "a", "time_value": days, "value": [20 + (i % 7) for i in range(100)]})
    frame[-1, "value"] = 90
    pl.concat([frame, frame.with_columns(series_id=pl.lit("b"))]).write_csv(path)


def test_forecast_of_a_file_has_every_series_step_and_level(tmp_path: Path) -> None:
    _series(tmp_path / "s.csv")
    ran = affectcast("forecast", "--series", "s.csv", "--horizon", "3", "--out", "f.csv", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    out = pl.read_csv(tmp_path / "f.csv")
    assert out.height == 2 * 3 * 23
    assert out.select("target", "horizon", "output_type_id").is_unique().all()


def test_alerts_of_a_file_find_the_last_day(tmp_path: Path) -> None:
    _series(tmp_path / "s.csv")
    ran = affectcast("alerts", "--series", "s.csv", "--out", "a.csv", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    out = pl.read_csv(tmp_path / "a.csv")
    assert out.filter(pl.col("time_value") == "2024-04-09")["alarm"].to_list() == [True, True]
    plain = affectcast("alerts", "--series", "s.csv", "--detector", "ears_c1", "--out", "e.csv", cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    ears = pl.read_csv(tmp_path / "e.csv")
    assert ears.columns == out.columns
    assert ears.height > out.height
    assert ears.filter(pl.col("time_value") == "2024-04-09")["alarm"].to_list() == [True, True]


def test_contagion_of_a_file_with_given_measures(tmp_path: Path) -> None:
    posts = [("p", "a", None, 1.0), ("q", "b", "p", 1.0), ("r", "c", "p", 0.0), ("s", "d", "q", 1.0)]
    frame = pl.DataFrame(posts, schema=["post_id", "author", "parent_id", "anger"], orient="row")
    frame.with_columns(created_at=pl.lit("2024-01-01T10:00:00Z")).write_csv(tmp_path / "p.csv")
    ran = affectcast(
        "contagion",
        "--posts",
        "p.csv",
        "--measures",
        "anger",
        "--permutations",
        "100",
        "--out",
        "c.csv",
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    out = pl.read_csv(tmp_path / "c.csv")
    assert "all" in out["tie_bin"].to_list()
    assert set(out["measure"]) == {"anger"}
    beside = {
        what: pl.read_csv(tmp_path / f"c.{what}.csv") for what in ("branching", "diffusion", "transitions")
    }
    assert beside["branching"].row(0, named=True)["verdict"] == "not identifiable"
    assert beside["diffusion"].is_empty()
    assert beside["transitions"].filter(pl.col("n_transitions") > 0).is_empty()
    assert "branching of anger: not identifiable, times known to the hour only" in ran.stderr
    assert not (tmp_path / "c.weak_ties.csv").exists()


def test_contagion_of_a_file_simulates_diffusion_and_compares_ties(tmp_path: Path) -> None:
    rng = random.Random(0)
    posts = [
        (
            f"p{k}",
            f"a{k % 60}",
            f"p{k - 7}" if k >= 60 else None,
            float(rng.random() < 0.7),
            float(rng.random() < 0.3),
        )
        for k in range(1200)
    ]
    frame = pl.DataFrame(posts, schema=["post_id", "author", "parent_id", "anger", "joy"], orient="row")
    hours = pl.datetime(2024, 1, 1, time_zone="UTC") + pl.duration(minutes=17 * pl.int_range(pl.len()))
    frame.with_columns(created_at=hours).write_parquet(tmp_path / "p.parquet")
    arguments = (
        "--posts",
        "p.parquet",
        "--measures",
        "anger,joy",
        "--permutations",
        "100",
        "--out",
        "c.parquet",
    )
    ran = affectcast("contagion", *arguments, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    rows = pl.read_parquet(tmp_path / "c.diffusion.parquet")
    assert set(rows["alpha"]) == {-1.0, 0.0, 1.0}
    assert rows["coverage"].is_between(0, 1).all()
    assert rows["n_people"].unique().to_list() == [60]
    assert pl.read_parquet(tmp_path / "c.weak_ties.parquet").height == 1
    shown = pl.read_parquet(tmp_path / "c.transitions.parquet").filter(pl.col("suppressed").is_null())
    assert shown.filter(pl.col("n_transitions") > 0)["n_people"].min() >= 50
    people = set(frame["author"]) | set(frame["post_id"])
    for path in tmp_path.glob("c.*"):
        texts = pl.read_parquet(path).select(pl.col(pl.String))
        assert not people & {cell for row in texts.rows() for cell in row}
    asked = ("--what-if", "dampen=0.9,later=1", "--alpha", "-2,0", "--assume", "uneven=0.2,replicates=5")
    ran = affectcast("contagion", *arguments, *asked, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    again = pl.read_parquet(tmp_path / "c.diffusion.parquet")
    assert set(again["alpha"]) == {-2.0, 0.0}
    assert set(again["replicates"]) == {5}
    ours = again.filter(pl.col("scenario") == "as asked: dampen=0.9, later=1")["coverage"]
    assert ours.len() == 2
    assert ours.max() < again.filter(pl.col("scenario") == "as it is")["coverage"].min()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--what-if", "dampen=1.5"), "expected shares from 0 to 1"),
        (("--what-if", "damp=0.5"), "Did you mean dampen?"),
        (("--what-if", ""), "expected KEY=NUMBER"),
        (("--what-if", "dampen"), "expected KEY=NUMBER"),
        (("--what-if", "dampen=.1,dampen=.2"), "given twice"),
        (("--what-if", "later=0.5"), "expected a whole number"),
        (("--assume", "catch=much"), "expected a number"),
        (("--assume", "uneven=0.7"), "below 0.50 with catch 0.5"),
        (("--alpha", "nan"), "expected a finite number"),
        (("--alpha", "-40"), "from -10 to 10"),
    ],
)
def test_what_ifs_that_make_no_sense_are_refused(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("post_id,created_at,parent_id,anger\np,2024-01-01T10:00:00Z,,1\n")
    ran = affectcast(
        "contagion", "--posts", "p.csv", "--measures", "anger", "--out", "c.csv", *options, cwd=tmp_path
    )
    assert ran.returncode == 2
    assert says in " ".join(ran.stderr.split())


# -------------------------------------------------------------------------------------- showing


def test_models_prints_one_json_list_and_nothing_else(tmp_path: Path) -> None:
    ran = affectcast("models", "--json", cwd=tmp_path)
    models = json.loads(ran.stdout)
    assert {model["scorer"] for model in models} == {
        "emotion", "emotion_fast", "mental_health", "mental_health_fast", *read_catalogue().scorers
    }  # fmt: skip
    for model in models:
        taught = model.get("measures_by_language", dict.fromkeys(model["languages"], model["measures"]))
        assert set(model["thresholds"]) == set(model["languages"])
        for language, values in model["thresholds"].items():
            judged = set(taught[language]) - set(model.get("means_only", []))
            assert set(values) == (judged if "share" in model["statistics"] else set())


def test_tables_and_config_are_shown(tmp_path: Path) -> None:
    assert "out.forecasts" in affectcast("tables", cwd=tmp_path).stdout
    path = write_toml(small_config(tmp_path), tmp_path / "config.toml")
    assert json.loads(affectcast("config", "--config", str(path), cwd=tmp_path).stdout)["run"]["demo"] is True


def test_export_writes_a_folder_that_passes_its_own_check(finished_toml: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    ran = affectcast("export", "--config", str(finished_toml), "--to", str(target), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert list(target.rglob("*.csv"))
    assert list((target / "briefs").glob("*.html"))
    checked = affectcast("export", "--check", str(target), cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr


# ------------------------------------------------------------------------------------- bad input

GOOD = '{"id": "%d", "created_at": "2024-01-1%dT00:00:00Z", "author": "someone", "text": "fine words"}\n'


def _config(tmp_path: Path, posts: bytes, *, name: str = "p.jsonl", columns: str = "") -> Path:
    (tmp_path / name).write_bytes(posts)
    path = tmp_path / "config.toml"
    path.write_text(
        '[run]\nas_of = 2024-01-21\n[score]\nscorers = ["lexicon"]\n[contagion]\npermutations = 100\n'
        f'[[sources]]\nname = "s"\npath = "{name}"\nlang = "en"\n'
        f'[sources.columns]\npost_id = "id"\nauthor = "author"\n{columns}'
    )
    return path


def test_an_unknown_key_is_named_with_its_nearest(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[forecast]\nhorizn_days = 3\n")
    ran = affectcast("nightly", cwd=tmp_path)
    assert ran.returncode == 10
    assert "config.toml: [forecast] unknown key 'horizn_days'. Did you mean 'horizon_days'?" in ran.stderr


@pytest.mark.parametrize(
    ("posts", "name", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "p.csv", "p.csv"),
        (b"not gzip at all", "p.csv.gz", "p.csv.gz"),
        (b"id;created_at;author;text\n1;2024-01-01;a;b\n", "p.csv", "delimiter looks like ';'"),
        (b"id,created_at,author\n1,2024-01-01,a\n", "p.csv", "missing columns: text"),
    ],
    ids=["binary", "not gzip", "wrong delimiter", "missing column"],
)
def test_a_file_that_cannot_be_used_ends_with_11_and_says_why(
    tmp_path: Path, posts: bytes, name: str, said: str
) -> None:
    path = _config(tmp_path, posts, name=name)
    ran = affectcast("nightly", "--plain", "--config", str(path), cwd=tmp_path)
    assert ran.returncode == 11, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_bad_records_are_counted_and_lose_no_good_one(tmp_path: Path) -> None:
    good = "".join(GOOD % (n, n % 9) for n in range(200)).encode()
    bad = [
        b'{"id": "b1", "text": "cut',
        b'{"id": "b2", "created_at": "1970-01-01", "author": "a", "text": "old"}',
        b'{"id": "b3", "created_at": "2099-01-01", "author": "a", "text": "new"}',
        b'{"id": "b4", "created_at": "2024-01-10", "author": "a", "text": "' + b"x" * 5_000_000 + b'"}',
        b'{"id": "b5", "created_at": "2024-01-10", "author": "a", "text": "nul \x00"}',
        b'{"id": "b6", "created_at": "2024-01-10", "author": "a", "text": "\xff\xfe"}',
        b'{"id": "b7", "created_at": "never", "author": "a", "text": "when"}',
    ]
    formula = b'{"id": "f", "created_at": "2024-01-10", "author": "=cmd()", "text": "=1+1"}\n'
    path = _config(tmp_path, good + b"\n".join(bad) + b"\n" + formula)
    ran = affectcast("ingest", "--config", str(path), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "208 in, 201 out" in ran.stdout
    assert "7 quarantined" in ran.stdout


def test_a_truncated_file_keeps_what_came_before(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(0) + "".join(GOOD % (n, n % 9) for n in range(5000)).encode(), mtime=0)
    path = _config(tmp_path, whole[: len(whole) // 2], name="p.jsonl.gz")
    ran = affectcast("ingest", "--config", str(path), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "1 quarantined" in ran.stdout


def test_one_bad_source_does_not_stop_the_others_but_ends_with_11(tmp_path: Path) -> None:
    path = _config(tmp_path, "".join(GOOD % (n, n % 9) for n in range(50)).encode())
    (tmp_path / "other.csv").write_text("nothing,useful\n1,2\n")
    path.write_text(path.read_text() + '[[sources]]\nname = "other"\npath = "other.csv"\n')
    ran = affectcast("nightly", "--plain", "--config", str(path), cwd=tmp_path)
    assert ran.returncode == 11
    assert "other.csv: missing columns" in ran.stderr
    assert "50 posts" in ran.stdout
    quiet = affectcast("nightly", "--plain", "--config", str(path), cwd=tmp_path)
    assert quiet.returncode == 11
    assert "50 posts" in quiet.stdout, "a night without new records was stopped by the bad source"


def test_a_past_night_is_not_made_again_with_what_is_known_now(finished_toml: Path, tmp_path: Path) -> None:
    ran = affectcast(
        "nightly", "--plain", "--as-of", "2024-01-15", "--config", str(finished_toml), cwd=tmp_path
    )
    assert ran.returncode == 2
    assert "lies before 2024-01-21" in ran.stderr
    back = affectcast(
        "backfill",
        "--plain",
        "--from",
        "2024-01-20",
        "--to",
        "2024-01-21",
        "--config",
        str(finished_toml),
        cwd=tmp_path,
    )
    assert back.returncode == 2
    assert "not rewritten" in back.stderr


def test_an_issue_that_was_never_made_is_not_published(finished_toml: Path, tmp_path: Path) -> None:
    ran = affectcast("publish", "--as-of", "2024-02-20", "--config", str(finished_toml), cwd=tmp_path)
    assert ran.returncode == 2
    assert "never made" in ran.stderr


def test_a_source_configuration_is_checked_before_anything_is_written(tmp_path: Path) -> None:
    config = small_config(tmp_path, forecast={"models": ["prophet"]})
    path = write_toml(config, tmp_path / "config.toml")
    for extra in ((), ("--dry-run",)):
        ran = affectcast("nightly", "--plain", *extra, "--config", str(path), cwd=tmp_path)
        assert ran.returncode == 10, ran.stderr
        assert "prophet" in ran.stderr
    assert not config.paths.warehouse.exists()


def test_scoring_a_scored_file_again_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("text,missing\nso sad today,mine\n")
    ran = affectcast("score", "--posts", "p.csv", "--language", "en", "--out", "o.csv", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    out = pl.read_csv(tmp_path / "o.csv")
    assert out["missing"].to_list() == ["mine"]
    assert out["lexicon_missing"].to_list() == [0]
    again = affectcast("score", "--posts", "o.csv", "--language", "en", "--out", "p2.csv", cwd=tmp_path)
    assert again.returncode == 11
    assert "lexicon_sadness" in again.stderr


def test_a_cell_that_is_no_number_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("series_id,time_value,value\na,2024-01-01,3\na,2024-01-02,many\n")
    ran = affectcast("forecast", "--series", "s.csv", "--out", "f.csv", cwd=tmp_path)
    assert ran.returncode == 11
    assert "1 of 2 cells are not numbers, the first in row 2" in ran.stderr
    assert "many" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("score", "--posts", "none.csv", "--out", "o.csv"), 11, "no such file"),
        (("score", "--posts", "p.csv"), 2, "--out"),
        (("score", "--posts", "p.csv", "--scorer", "nope", "--out", "o.csv"), 10, "unknown scorer"),
        (("forecast", "--series", "p.csv", "--out", "o.csv"), 11, "missing columns"),
        (("nightly", "--as-of", "yesterday"), 2, "--as-of"),
        (("nightly", "--as-of", "2999-01-01"), 2, "lies in the future"),
        (("nightly", "--plain"), 10, "no [[sources]]"),
        (("forecast", "--out", "o.csv"), 2, "only with a file"),
        (("backfill", "--plain", "--from", "2024-01-02", "--to", "2024-01-01"), 2, "lies after"),
        (("nightly", "--config", "none.toml"), 10, "no such configuration file"),
        (("dashboard", "--published", "none"), 11, "nothing is published"),
        (("export", "--published", "none", "--to", "x"), 11, "nothing is published"),
    ],
)
def test_a_wrong_request_says_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "p.csv").write_text("text\nhello there\n")
    (tmp_path / "config.toml").write_text("")
    ran = affectcast(*arguments, cwd=tmp_path)
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_backtest_ranks_models_on_a_file_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(120)]
    values = [0.2 + 0.05 * (day % 7) + 0.01 * (day % 5) for day in range(120)]
    pl.DataFrame({"series_id": "a", "time_value": days, "value": values, "n": 500}).write_csv(
        tmp_path / "s.csv"
    )
    named = affectcast("backtest", "--list", cwd=tmp_path)
    assert named.returncode == 0
    assert "argentina_protocol_7: " in named.stdout
    (tmp_path / "mine.toml").write_text(
        '[quick]\nabout = "A quick look."\nfrequency = "day"\nhorizon = 7\nevery = 7\npart = 0.2\nhistory = 0\n'
        'minimum_history = 14\nmodels = ["window_mean", "dynamics"]\nseed = 1\n'
    )
    call = ("backtest", "--series", "s.csv", "--task", "quick", "--tasks", "mine.toml", "--out", "scores.csv")
    dry = affectcast(*call, "--dry-run", cwd=tmp_path)
    assert dry.returncode == 0
    assert not (tmp_path / "scores.csv").exists()
    ran = affectcast(*call, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert [line.split()[0] for line in ran.stdout.splitlines()[1:]][-1] == "flat_line"
    assert "step" not in ran.stdout
    assert not (tmp_path / "scores.peaks.csv").exists()
    scores = pl.read_csv(tmp_path / "scores.csv")
    assert set(scores["task"]) == {"quick"}
    assert scores["task_hash"].n_unique() == 1
    assert not (tmp_path / "scores.csv.parts").exists()
    wrong = affectcast(*call[:4], "quikc", *call[5:], cwd=tmp_path)
    assert wrong.returncode == 10
    assert "Did you mean 'quick'" in wrong.stderr


def test_forecast_of_a_file_knows_its_holidays_and_announced_events(tmp_path: Path) -> None:
    last = dt.date(2024, 12, 20)
    days = [last - dt.timedelta(days=back) for back in range(729, -1, -1)]
    strike = dt.date(2024, 12, 23)
    raised = {(12, 25), (10, 1)}
    values = [10.5 + day.weekday() + 30.0 * ((day.month, day.day) in raised) for day in days]
    rows = {"series_id": "a", "time_value": days, "value": [v + 0.1 * (i % 3) for i, v in enumerate(values)]}
    pl.DataFrame(rows).with_columns(place=pl.lit("GB")).write_csv(tmp_path / "s.csv")
    (tmp_path / "events.csv").write_text(
        "name,start,announced\nstrike,2023-10-01,\nstrike,2024-10-01,\nstrike,2024-12-23,2024-12-01\n"
        "strike,nonsense,\n"
    )
    call = ("forecast", "--series", "s.csv", "--model", "seasonal_naive", "--horizon", "7", "--out")
    ran = affectcast(*call, "told.csv", "--events", "events.csv", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "line 5 was left out" in ran.stderr
    found = pl.read_csv(tmp_path / "told.csv", try_parse_dates=True).filter(pl.col("output_type_id") == 0.5)
    by_day = dict(found.select("target_end_date", "value").iter_rows())
    high = {day for day, value in by_day.items() if value > 30.0}
    assert high == {dt.date(2024, 12, 25), strike}
    pl.DataFrame(rows).with_columns(place=pl.lit("Mars")).write_csv(tmp_path / "mars.csv")
    wrong = affectcast(*call[:2], "mars.csv", *call[3:], "none.csv", cwd=tmp_path)
    assert wrong.returncode == 11
    assert "column place: 1 of 1 series" in wrong.stderr


def test_backtest_writes_board_costs_and_peaks_beside_the_scores(tmp_path: Path) -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(150)]
    values = [0.2 + 0.05 * (day % 7) + 0.002 * (day * day % 23) for day in range(150)]
    pl.DataFrame({"series_id": "a", "time_value": days, "value": values, "n": 500}).write_csv(
        tmp_path / "s.csv"
    )
    task = (
        '[quick]\nabout = "A quick look."\nfrequency = "day"\nhorizon = 7\nevery = 7\npart = 0.6\nhistory = 0\n'
        'minimum_history = 14\nmodels = ["window_mean"]\nseed = 1\npeaks = true\n'
    )
    (tmp_path / "mine.toml").write_text(task)
    call = (
        "backtest",
        "--series",
        "s.csv",
        "--task",
        "quick",
        "--tasks",
        "mine.toml",
        "--out",
        "out/scores.csv.gz",
    )
    wrong = affectcast(*call, "--board", "board.xls", cwd=tmp_path)
    assert wrong.returncode == 11
    assert "board.xls: cannot tell the format" in wrong.stderr
    same = affectcast(*call, "--board", "out/scores.costs.csv.gz", cwd=tmp_path)
    assert same.returncode == 2
    assert "--board names a file that the scores, costs or peaks are written to" in same.stderr
    nobody = affectcast(*call, "--workers", "0", cwd=tmp_path)
    assert nobody.returncode == 2
    assert "--workers" in nobody.stderr
    ran = affectcast(*call, "--board", "board.csv", "--per-horizon", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "scores.costs.csv.gz", "scores.csv.gz", "scores.peaks.csv.gz",
    ]  # fmt: skip
    peaks = pl.read_csv(tmp_path / "out" / "scores.peaks.csv.gz")
    assert set(peaks["window_days"]) == {2, 3, 7}
    assert {"hit_rate", "calendar_hit_rate", "f1", "calendar_f1"} <= set(peaks.columns)
    costs = pl.read_csv(tmp_path / "out" / "scores.costs.csv.gz")
    assert costs["model_id"].to_list() == ["flat_line", "window_mean"]
    board = pl.read_csv(tmp_path / "board.csv")
    best = board.row(0, named=True)
    shown = f"{best['relative_wis']:.3f} [{best['relative_wis_low']:.2f}, {best['relative_wis_high']:.2f}]"
    lines = ran.stdout.splitlines()
    assert sum(shown in line for line in lines) == 1
    assert "plain calendar" in lines[0]
    steps = [line for line in lines if line[:1].isdigit()]
    assert [line.split()[0] for line in steps] == [str(step) for step in range(1, 8) for _ in range(4)]
    (tmp_path / "mine.toml").write_text(task.replace("every = 7", "every = 6"))
    wrong = affectcast(*call, cwd=tmp_path)
    assert wrong.returncode == 10
    assert "every equal to horizon" in wrong.stderr
