"""A whole night on the small sample: what it leaves, that it repeats itself, and that nothing leaks."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
from night_support import affectcast, crash, dump, night, published, small_config, write_toml

from flows.export import ExportReceipt, archive_publication
from flows.nightly import STAGES, night_lock, run_backfill, run_nightly
from flows.stages import Run, publish_issue
from warehouse.config import Config
from warehouse.errors import BusyError
from warehouse.export_zip import beside
from warehouse.publish import Publication, current
from warehouse.store import check
from warehouse.tables import PUBLISHED


def test_every_published_table_holds_to_its_contract(finished: Config) -> None:
    folder = current(finished.paths.published).folder
    for name, table in PUBLISHED.items():
        frame = pl.read_parquet(folder / f"{name}.parquet")
        assert frame.columns == table.columns
        check(table, frame)


def test_the_ledger_balances_and_matches_the_sample(finished: Config) -> None:
    accounting = pl.read_parquet(current(finished.paths.published).folder / "accounting.parquet")
    intake = accounting.filter(pl.col("stage") == "intake")
    totals = dict(intake.group_by("reason").agg(pl.col("n").sum()).iter_rows())
    assert totals["received"] == totals["posts"] + totals["duplicates"] + totals["quarantined"]
    reasons = sum(n for reason, n in totals.items() if reason.startswith("quarantined:"))
    assert reasons == totals["quarantined"] > 0


def test_something_is_published_and_something_is_suppressed(finished: Config) -> None:
    signals = pl.read_parquet(current(finished.paths.published).folder / "signals.parquet")
    assert signals.filter(pl.col("value").is_not_null()).height > 50
    assert signals.filter(pl.col("reliability") == "suppressed").height > 50
    assert signals["sample_size"].drop_nulls().min() >= 50


def test_a_second_night_changes_no_published_byte(finished: Config) -> None:
    before, tables = published(finished), dump(finished)
    night(finished)
    assert published(finished) == before
    after = dump(finished)
    assert after.keys() == tables.keys()
    assert all(after[name].equals(tables[name]) for name in tables)


# Before a stage is after the one before it.
POINTS = [f"after:{stage}" for stage in STAGES]


INSIDE = ["batch:1", "batch:2", "batch:3", "chunk:1", "chunk:2"]


@pytest.mark.parametrize(
    "points",
    [pytest.param(POINTS, id="boundaries"), pytest.param(INSIDE, id="inside", marks=pytest.mark.slow)],
)
def test_a_killed_night_run_again_leaves_the_same_tables(
    finished: Config, tmp_path: Path, points: list[str]
) -> None:
    config = small_config(tmp_path)
    path = write_toml(config, tmp_path / "config.toml")
    for point in points:
        assert crash(path, at=point).returncode == -9, f"{point} was never reached"
    last = crash(path, at="never")
    assert last.returncode == 0, last.stderr
    expected, got = dump(finished), dump(config)
    assert got.keys() == expected.keys()
    differing = [name for name in expected if not got[name].equals(expected[name])]
    assert differing == []
    assert _parquet(config) == _parquet(finished)


def _parquet(config: Config) -> dict[str, bytes]:
    return {name: body for name, body in published(config).items() if name.endswith(".parquet")}


def test_two_nights_at_once_are_refused(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    with night_lock(config), pytest.raises(BusyError, match="another run is at work"):
        night(config)


def test_a_reader_keeps_its_publication_while_a_night_runs(tmp_path: Path) -> None:
    config = small_config(tmp_path, run={"as_of": "2024-01-15", "seed": 7, "demo": True})
    night(config)
    reading = current(config.paths.published).folder
    path = write_toml(small_config(tmp_path), tmp_path / "config.toml")
    script = "import sys, polars as pl, pathlib\nwhile sys.stdin.readline():\n" + (
        f" print(pl.read_parquet(pathlib.Path({str(reading)!r}) / 'signals.parquet').height, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
        rows = int(reader.stdout.readline())
        assert crash(path, at="never").returncode == 0
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert int(reader.stdout.readline()) == rows > 0
        reader.stdin.close()
    assert current(config.paths.published).issue.isoformat() == "2024-01-21"


def test_a_backfill_makes_one_issue_a_day_and_looks_at_no_later_data(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    assert config.run.as_of is not None
    last = config.run.as_of
    first = last.replace(day=last.day - 2)
    run_backfill(Run(config=config, issue=last, command="backfill"), first=first, last=last)
    signals = dump(config)["out.signals"]
    assert signals["issue"].n_unique() == 3
    lag = (signals["issue"] - signals["time_value"]).dt.total_days()
    assert lag.min() >= config.signals.reporting_lag_days


def test_an_older_issue_published_again_says_nothing_that_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(tmp_path)
    issue = config.run.as_of
    assert issue is not None
    before = _tables(night(config).publication)
    run_nightly(Run(config=config, issue=issue + dt.timedelta(days=1)))

    def archived(publication: Publication) -> ExportReceipt:
        # Within the lock of the warehouse: another publisher clears away what is half written.
        with pytest.raises(duckdb.ConnectionException):
            duckdb.connect(str(config.paths.warehouse), read_only=True)
        return archive_publication(publication)

    monkeypatch.setattr("flows.export.archive_publication", archived)
    _, again = publish_issue(Run(config=config, issue=issue))
    assert beside(again.folder).exists()
    assert current(config.paths.published).issue > again.issue
    after = _tables(again)
    # Scores of the same truth may be worked out later.
    assert (after.pop("scores")["truth_issue"] <= issue).all()
    assert [name for name, frame in after.items() if not frame.equals(before[name])] == []


def _tables(publication: Publication) -> dict[str, pl.DataFrame]:
    return {name: pl.read_parquet(publication.folder / f"{name}.parquet") for name in PUBLISHED}


# ------------------------------------------------------------------------------------------- leaks

CANARY_WORD = "zyxcanaryword"
CANARY_NAME = "zyxcanaryauthor"
CANARY_MENTION = "zyxcanarymention"


def _plant(folder: Path) -> None:
    row = {
        "id": "canary-1",
        "created_at": "2024-01-10T10:00:00Z",
        "author": CANARY_NAME,
        "text": f"I am so scared {CANARY_WORD} @{CANARY_MENTION} {CANARY_NAME}@example.org",
        "region": "US-CA",
        "reply_to_id": None,
        "reply_to_author": CANARY_MENTION,
    }
    broken = '{"id": "canary-2", "text": "' + CANARY_WORD + '", "author": "' + CANARY_NAME + '", '
    with (folder / "posts_en.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n" + broken + "\n")


def test_no_text_author_or_mention_leaves_the_warehouse(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    _plant(tmp_path)
    path = write_toml(config, tmp_path / "config.toml")
    ran = affectcast("nightly", "--config", str(path), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert list((tmp_path / "prefect").rglob("*.db")), "the orchestrator kept no records to search"
    exported = affectcast("export", "--config", str(path), cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    stored = dump(config)["raw.posts"].filter(pl.col("text").str.contains(CANARY_WORD))
    assert stored.height == 1, "the canary never reached the warehouse, so this test would prove nothing"
    said = (ran.stdout + ran.stderr + exported.stdout + exported.stderr).encode()
    kept = [
        p
        for p in tmp_path.rglob("*")
        if p.is_file() and "state" not in p.parts and p.name != "posts_en.jsonl"
    ]
    haystacks = {"output": said} | {str(path): _searchable(path) for path in kept}
    for canary in (CANARY_WORD, CANARY_NAME, CANARY_MENTION, stored["author_key"][0]):
        assert [name for name, body in haystacks.items() if canary.encode() in body] == []


def test_a_stage_that_fails_on_a_post_quotes_it_nowhere(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    _plant(tmp_path)
    path = write_toml(config, tmp_path / "config.toml")
    script = (
        "import sys; sys.argv = ['affectcast', 'nightly', '--config', sys.argv[1]]\n"
        "from lexicons.score import LexiconScorer\n"
        "def fail(self, posts):\n"
        "    worst = posts.filter(posts['text'].str.contains('zyxcanary'))\n"
        "    if worst.height:\n"
        "        print('REACHED', file=sys.stderr)\n"
        "        raise ValueError('cannot score ' + worst['text'][0])\n"
        "    return real(self, posts)\n"
        "real, LexiconScorer.score = LexiconScorer.score, fail\n"
        "from flows.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(path)],
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
        env=os.environ | {"PREFECT_HOME": str(tmp_path / "prefect")},
    )  # fmt: skip
    assert ran.returncode == 1
    assert "REACHED" in ran.stderr, "no scorer saw the canary, so this test would prove nothing"
    assert "unexpected ValueError" in ran.stderr
    kept = [
        p
        for p in tmp_path.rglob("*")
        if p.is_file() and "state" not in p.parts and p.name != "posts_en.jsonl"
    ]
    haystacks = {"output": (ran.stdout + ran.stderr).encode()} | {str(p): p.read_bytes() for p in kept}
    assert [name for name, body in haystacks.items() if CANARY_WORD.encode() in body] == []


def _searchable(path: Path) -> bytes:
    """A file's bytes; of Parquet, its decompressed cells as well."""
    body = path.read_bytes()
    if path.suffix == ".parquet":
        body += pl.read_parquet(path).write_csv().encode()
    return body


def test_masks_reach_the_stored_text(finished: Config) -> None:
    text = dump(finished)["raw.posts"]["text"]
    assert text.str.contains(r"https?://|@\w|\w@\w").sum() == 0
    assert text.str.contains("<user>").sum() > 0


def test_a_night_opens_no_outside_connection(tmp_path: Path) -> None:
    path = write_toml(small_config(tmp_path), tmp_path / "config.toml")
    guard = Path(__file__).parent / "no_outside.py"
    ran = subprocess.run(
        [sys.executable, str(guard), "nightly", "--config", str(path)],
        capture_output=True, text=True, timeout=400, check=False, cwd=tmp_path,
        env=os.environ | {"PREFECT_HOME": str(tmp_path / "prefect")},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "OUTSIDE" not in ran.stderr
    assert "WATCHED" in ran.stderr
