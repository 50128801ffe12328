"""People erased and posts expired: what is gone, what stays, and that the past says what it said."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from flows import stages
from flows.guards import refuse_rewriting
from flows.removal import erase, first_kept_day, read_names, remove_expired
from flows.stages import Run
from warehouse.config import Config, load_secret, parse_config
from warehouse.errors import ConfigError, InputError, UsageError
from warehouse.intake.privacy import pseudonyms
from warehouse.removal import posts_from, remove_deleted
from warehouse.store import open_store
from warehouse.tables import TABLES

FIRST, ISSUE = dt.date(2024, 1, 1), dt.date(2024, 2, 12)
# Enough words of joy, all of them used by everybody within a week, that some can be shown and one can hide the rare.
PEOPLE, WORDS = 52, ("happy", "sad", "plain", "amused", "beaming", "amped")
# This one writes on three days, in words that nobody else uses.
GONE, CANARY, GONE_DAYS = "u7", "zebracanary", [dt.date(2024, 1, day) for day in (16, 23, 24)]


def posts(*, last: dt.date = ISSUE, without: str = "") -> list[list[str]]:
    """id, at, who, to, text: everybody writes every day; u8 always answers u7."""
    rows = []
    for offset in range((last - FIRST).days):
        day = FIRST + dt.timedelta(days=offset)
        for number in range(PEOPLE):
            name = f"u{number}"
            if name == without or (name == GONE and day not in GONE_DAYS):
                continue
            text = f"{WORDS[(number + offset) % len(WORDS)]} {CANARY if name == GONE else 'day'}"
            rows.append([f"{offset}-{number}", f"{day}T12:00:00", name, GONE if name == "u8" else "", text])
    return rows


def write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "at", "who", "to", "text"], *rows])


def config_in(folder: Path, **sections: object) -> Config:
    folder.mkdir(exist_ok=True)
    columns = {"text": "text", "created_at": "at", "post_id": "id", "author": "who", "reply_to_author": "to"}
    place = {"geo_type": "region", "geo_value": "US-CA"}
    source = {"name": "made", "path": str(folder / "*.csv"), "lang": "en", "columns": columns, "place": place}
    base = {
        "paths": {"warehouse": str(folder / "w.duckdb"), "published": str(folder / "published")},
        "sources": [source],
        "score": {"scorers": ["lexicon"]},
        "signals": {"levels": ["all"]},
        "words": {"window_days": 7, "reference_days": 7, "weeks": 2},
        "contagion": {"span_days": 7},
        "amplification": {"near_duplicate_days": 1},
    }
    return parse_config(base | sections, where="test")


def night(config: Config, issue: dt.date = ISSUE) -> Run:
    """The stages that read posts."""
    run = Run(config=config, issue=issue)
    for stage in (stages.ingest, stages.score, stages.build_signals, stages.words):
        stage(run)
    return run


def table(config: Config, name: str) -> pl.DataFrame:
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        return store.read(TABLES[name])


def newest(config: Config) -> pl.DataFrame:
    """What is known now of every cell of `core.signals`."""
    cell = [name for name in TABLES["core.signals"].key if name != "issue"]
    rows = table(config, "core.signals").sort(*cell, "issue").unique(cell, keep="last")
    return rows.drop("issue", "vintage").sort(cell)


def places_of(config: Config, key: str) -> set[str]:
    """The tables in which a pseudonym stands, whole or in a list."""
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        names = store.query("SELECT schema_name || '.' || table_name AS name FROM duckdb_tables()")["name"]
        sql = "SELECT count(*) FROM {} t WHERE contains(t::VARCHAR, ?)"
        return {name for name in names if store.query(sql.format(name), [key]).item()}


@pytest.fixture(scope="session")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with posts and the warehouse of two nights; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("two_nights")
    write(folder / "a.csv", posts())
    # Two of them: whatever follows a first one is made from scratch.
    for issue in (ISSUE - dt.timedelta(days=1), ISSUE):
        night(config_in(folder), issue)
    return folder


@pytest.fixture
def made(two_nights: Path, tmp_path: Path) -> Config:
    return copied(two_nights, tmp_path / "here")


def copied(folder: Path, to: Path, **sections: object) -> Config:
    shutil.copytree(folder, to)
    return config_in(to, **sections)


def test_an_erased_person_is_nowhere_and_the_next_night_is_as_if_they_had_never_been(
    made: Config, tmp_path: Path
) -> None:
    folder = made.paths.warehouse.parent
    key = pseudonyms(pl.Series([GONE]), secret=load_secret(made)[0], source="made")[0]
    before = table(made, "core.signals")
    assert {"raw.posts", "core.interactions"} <= places_of(made, key)
    done = erase(Run(config=made, issue=ISSUE), source="made", names=[f" @{GONE.upper()} ", "nobody-here"])
    assert (done.named, done.found, done.posts) == (2, 1, 3)
    assert places_of(made, key) == {"raw.erased"}
    assert CANARY.encode() not in made.paths.warehouse.read_bytes()
    (folder / "a.csv").unlink()
    write(folder / "b.csv", posts(last=ISSUE + dt.timedelta(days=1)))
    night(made, ISSUE + dt.timedelta(days=1))
    assert places_of(made, key) == {"raw.erased"}
    refused = table(made, "raw.quarantine")
    assert refused["reason"].to_list() == ["erased_author"] * 3

    never = config_in(tmp_path / "never")
    write(tmp_path / "never" / "a.csv", posts(last=ISSUE + dt.timedelta(days=1), without=GONE))
    night(never, ISSUE + dt.timedelta(days=1))
    assert newest(made).equals(newest(never))
    after = table(made, "core.signals")
    assert after.filter(pl.col("issue") <= ISSUE).equals(before)
    fresh = after.filter(pl.col("issue") > ISSUE, pl.col("time_type") == "day")["time_value"].unique()
    assert set(fresh) == {*GONE_DAYS, ISSUE}
    assert table(made, "out.data_quality").equals(table(never, "out.data_quality"))


def test_the_days_of_posts_that_were_deleted_on_their_platform_are_made_again(made: Config) -> None:
    key = pseudonyms(pl.Series([GONE]), secret=load_secret(made)[0], source="made")[0]
    tomorrow = ISSUE + dt.timedelta(days=1)
    with open_store(made.paths.warehouse, config=made.warehouse) as store, store.transaction():
        ids = store.query("SELECT post_id FROM raw.posts WHERE author_key = ?", [key])["post_id"].to_list()
        assert remove_deleted(store, post_ids=ids, issue=tomorrow, run_id="run") == 3
        assert remove_deleted(store, post_ids=ids, issue=tomorrow, run_id="run") == 0
    night(made, tomorrow)
    fresh = table(made, "core.signals").filter(pl.col("issue") == tomorrow, pl.col("time_type") == "day")
    assert set(GONE_DAYS) <= set(fresh["time_value"])


def test_a_dry_run_and_wrong_names_erase_nothing(made: Config) -> None:
    run, before = Run(config=made, issue=ISSUE), table(made, "raw.posts")
    assert erase(run, source="made", names=[GONE], dry_run=True).posts == 3
    with pytest.raises(UsageError, match=r"no such source\. The configuration has: made"):
        erase(run, source="other", names=[GONE])
    with pytest.raises(InputError, match="names nobody"):
        read_names(b"\n  \n", where="standard input")
    made.paths.warehouse.with_suffix(".key").write_bytes(b"another key, also long enough")
    with pytest.raises(ConfigError, match="not the one its pseudonyms were made with"):
        erase(run, source="made", names=[GONE])
    made.paths.warehouse.with_suffix(".key").unlink()
    with pytest.raises(ConfigError, match="nobody can be found"):
        erase(run, source="made", names=[GONE])
    assert table(made, "raw.posts").equals(before)
    assert table(made, "raw.erased").is_empty()


def test_a_night_with_another_key_reads_nothing_and_makes_none(made: Config) -> None:
    key_file = made.paths.warehouse.with_suffix(".key")
    write(made.paths.warehouse.parent / "late.csv", [["x", "2024-02-01T12:00:00", "u1", "", "happy"]])
    before = table(made, "raw.posts")
    key_file.unlink()
    with pytest.raises(ConfigError, match="is not there"):
        stages.ingest(Run(config=made, issue=ISSUE))
    assert not key_file.exists()
    key_file.write_bytes(b"another key, also long enough")
    with pytest.raises(ConfigError, match="not the one"):
        stages.ingest(Run(config=made, issue=ISSUE))
    assert table(made, "raw.posts").equals(before)


def test_what_was_said_of_expired_days_stays_whatever_comes_later(two_nights: Path, tmp_path: Path) -> None:
    kept = copied(two_nights, tmp_path / "kept")
    expiring = copied(two_nights, tmp_path / "expiring", retention={"raw_days": 28})
    first = first_kept_day(ISSUE, days=28)
    assert first == dt.date(2024, 1, 15)
    receipt = remove_expired(Run(config=expiring, issue=ISSUE))
    assert receipt.reasons == {"expired": len(posts(last=first))}
    assert remove_expired(Run(config=expiring, issue=ISSUE)).rows_in == 0
    left = table(expiring, "raw.posts")
    assert left["time_value"].min() == first
    assert table(expiring, "core.interactions").join(left, on="post_id", how="anti").is_empty()
    # A late post of a day that is kept, one of an expired day, and the whole old file again with a line more.
    late = [["late-1", "2024-01-31T12:00:00", "u1", "", "happy"]]
    old = [["late-2", "2024-01-03T12:00:00", "u1", "", "happy"]]
    tomorrow = ISSUE + dt.timedelta(days=1)
    for config, rows in ((kept, late), (expiring, [*late, *old])):
        folder = config.paths.warehouse.parent
        write(folder / "a.csv", posts(last=tomorrow))
        write(folder / "late.csv", rows)
        night(config, tomorrow)
    for name in ("core.signals", "out.signals", "out.data_quality", "core.quality_counts", "out.word_shifts"):
        assert table(expiring, name).equals(table(kept, name)), name
        assert table(kept, name).height > 0, name
    refused = table(expiring, "raw.quarantine")
    assert set(refused["reason"]) == {"expired"}
    assert refused.height == 1 + len(posts(last=first))


def test_other_settings_leave_the_past_without_posts_as_it_was(two_nights: Path, tmp_path: Path) -> None:
    config = copied(two_nights, tmp_path / "here", retention={"raw_days": 28})
    run = Run(config=config, issue=ISSUE)
    remove_expired(run)
    before, first = table(config, "core.signals"), first_kept_day(ISSUE, days=28)
    wider = copied(config.paths.warehouse.parent, tmp_path / "wider", signals={"levels": ["all", "region"]})
    night(wider, ISSUE + dt.timedelta(days=1))
    after = table(wider, "core.signals")
    old = pl.col("time_value") < first
    assert after.filter(old).equals(before.filter(old))
    regions = after.filter(pl.col("geo_type") == "region")
    assert regions["time_value"].min() == first


def test_posts_that_no_signal_has_seen_do_not_expire_and_the_past_cannot_be_made_anew(
    two_nights: Path, tmp_path: Path
) -> None:
    config = copied(two_nights, tmp_path / "here", retention={"raw_days": 28})
    run = Run(config=config, issue=ISSUE)
    write(tmp_path / "here" / "late.csv", [["late-1", "2024-01-03T12:00:00", "u1", "", "happy"]])
    stages.ingest(replace(run, issue=ISSUE + dt.timedelta(days=1)))
    with pytest.raises(UsageError, match="1 posts came after the newest issue"):
        remove_expired(run)
    night(config, ISSUE + dt.timedelta(days=1))
    assert remove_expired(replace(run, issue=ISSUE + dt.timedelta(days=1))).rows_in > 0
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        assert posts_from(store) == first_kept_day(ISSUE + dt.timedelta(days=1), days=28)
    with pytest.raises(UsageError, match="past issues cannot be made any more"):
        refuse_rewriting(run, last=FIRST)


def test_posts_are_kept_as_long_as_something_reads_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[retention\] raw_days must be at least 28"):
        config_in(tmp_path, retention={"raw_days": 27})
    assert config_in(tmp_path).sha256 == config_in(tmp_path, retention={"raw_days": 400}).sha256
