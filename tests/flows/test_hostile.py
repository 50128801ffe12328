"""A night in a broken environment: a message, nothing lost, and a rerun that ends as if nothing had happened."""

from __future__ import annotations

import datetime as dt
import errno
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from night_support import dump, night, published, small_config

from flows import guards, stages
from flows.failures import said
from flows.stages import Run
from warehouse.config import Config
from warehouse.errors import StoreError, UsageError
from warehouse.publish import current


@contextmanager
def full_disk(*, largest_file: int) -> Iterator[None]:
    """No file may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def lived_in(finished: Config, tmp_path: Path) -> Config:
    """A copy of the small night, to do harm to."""
    shutil.copytree(finished.paths.published.parent, tmp_path, dirs_exist_ok=True)
    body = finished.model_dump_json().replace(str(finished.paths.published.parent), str(tmp_path))
    return Config.model_validate_json(body)


def run_of(config: Config) -> Run:
    assert config.run.as_of is not None
    return Run(config=config, issue=config.run.as_of)


def test_posts_that_find_no_room_are_read_again_and_none_is_lost_or_doubled(
    finished: Config, tmp_path: Path
) -> None:
    config = small_config(tmp_path)
    with full_disk(largest_file=200_000), pytest.raises(StoreError, match="free space"):
        stages.ingest(run_of(config))
    again = stages.ingest(run_of(config))
    assert 0 < again.rows_out < dump(finished)["raw.posts"].height
    for name in ("raw.posts", "raw.quarantine", "raw.intake", "core.interactions"):
        assert dump(config)[name].equals(dump(finished)[name])


@pytest.mark.slow
def test_a_night_on_a_full_disk_says_so_and_the_next_one_ends_as_if_it_had_had_room(
    finished: Config, tmp_path: Path
) -> None:
    config = small_config(tmp_path)
    # Room for some batches of posts; then for all stages up to the one that writes most.
    for room in (200_000, 2_000_000):
        with full_disk(largest_file=room), pytest.raises(StoreError, match="free space"):
            night(config)
        assert not config.paths.published.exists()
    night(config)
    expected, got = dump(finished), dump(config)
    assert [name for name in expected if not got[name].equals(expected[name])] == []


def test_a_publication_that_cannot_be_written_leaves_the_one_before(
    lived_in: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = published(lived_in)
    changed = lived_in.model_copy(
        update={"alerts": lived_in.alerts.model_copy(update={"help_line": "Call 123."})}
    )

    elsewhere = tempfile.mkdtemp

    def refuse(*given: Any, **named: Any) -> str:
        folder = Path(named.get("dir") or given[2])
        if folder.is_relative_to(lived_in.paths.published):
            raise OSError(errno.EROFS, "Read-only file system", str(folder))
        return elsewhere(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.mkdtemp", refuse)
        with pytest.raises(OSError, match="Read-only") as raised:
            stages.publish_issue(run_of(changed))
    assert str(lived_in.paths.published) in said(raised.value)
    assert published(lived_in) == before
    _, after = stages.publish_issue(run_of(changed))
    assert current(lived_in.paths.published).version == after.version


def test_a_warehouse_in_a_folder_that_cannot_be_written_to_is_named(lived_in: Config) -> None:
    paths = lived_in.paths.model_copy(update={"warehouse": Path("/proc/state/w.duckdb")})
    with pytest.raises(OSError, match="/proc") as raised:
        night(lived_in.model_copy(update={"paths": paths}))
    assert "/proc/state" in said(raised.value)


@pytest.mark.slow
def test_a_batch_of_nothing_but_duplicates_is_counted_and_changes_nothing(lived_in: Config) -> None:
    before = dump(lived_in)
    path = Path(lived_in.sources[0].path)
    lines = path.read_bytes()
    path.write_bytes(lines + lines)
    received = stages.ingest(run_of(lived_in))
    assert received.rows_out == 0
    assert received.rows_in == sum(received.reasons.values()) > 1_000
    stages.score(run_of(lived_in))
    stages.build_signals(run_of(lived_in))
    after = dump(lived_in)
    differing = {name for name in before if not after[name].equals(before[name])}
    # How far the file was read, and where its records went.
    assert differing <= {"raw.intake", "raw.quarantine", "out.accounting"}
    intake = after["raw.intake"].select("received", "posts", "duplicates", "quarantined").sum().row(0)
    assert intake[0] == sum(intake[1:])


def test_an_empty_batch_makes_a_night_that_publishes_nothing_new(lived_in: Config) -> None:
    for source in lived_in.sources:
        Path(source.path).write_bytes(b"")
    run = run_of(lived_in)
    before = dump(lived_in)
    receipt = stages.ingest(run)
    assert (receipt.rows_in, receipt.rows_out) == (0, 0)
    after = dump(lived_in)
    assert after["raw.posts"].equals(before["raw.posts"])
    assert after["out.accounting"].equals(before["out.accounting"])


@pytest.mark.slow
def test_a_first_night_without_a_single_post_publishes_empty_tables(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    source = config.sources[0]
    Path(source.path).write_bytes(b"")
    done = night(config.model_copy(update={"sources": (source,)}))
    assert done.problems == []
    assert pl.read_parquet(done.publication.folder / "signals.parquet").is_empty()


# ---------------------------------------------------------------------------------------------- clock


def test_a_clock_that_went_back_makes_no_night(lived_in: Config) -> None:
    before = dump(lived_in)
    back = Run(config=lived_in, issue=run_of(lived_in).issue - dt.timedelta(days=1))
    with pytest.raises(UsageError, match="lies before 2024-01-21"):
        guards.refuse_older(back)
    assert [name for name, frame in dump(lived_in).items() if not frame.equals(before[name])] == []


def test_a_clock_that_leapt_ahead_makes_no_night_unless_the_day_is_named(
    lived_in: Config, tmp_path: Path
) -> None:
    issue = run_of(lived_in).issue
    guards.refuse_leap(lived_in, today=issue + dt.timedelta(days=guards.LONGEST_PAUSE_DAYS))
    with pytest.raises(UsageError, match="clock") as raised:
        guards.refuse_leap(lived_in, today=issue + dt.timedelta(days=guards.LONGEST_PAUSE_DAYS + 1))
    assert "--as-of" in raised.value.message
    nowhere = lived_in.paths.model_copy(update={"warehouse": tmp_path / "none.duckdb"})
    guards.refuse_leap(lived_in.model_copy(update={"paths": nowhere}), today=dt.date(2100, 1, 1))
