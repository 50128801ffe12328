"""Prefect itself: a schedule that starts nights, a server that dies, a stage that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from night_support import dump, night, small_config, write_toml

from flows.after_run import report_path
from tests.postgresql import postgresql
from warehouse.config import Config

pytestmark = pytest.mark.slow
UNDER_PREFECT = Path(__file__).with_name("under_prefect.py")


def _under_prefect(config: Config, folder: Path, *, what: str) -> subprocess.CompletedProcess[str]:
    path = write_toml(config, folder / "config.toml")
    command = [sys.executable, "-W", "ignore", str(UNDER_PREFECT), str(path), what]
    environment = os.environ | {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_CLIENT_MAX_RETRIES": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=400, check=False, cwd=folder, env=environment
    )


def _same_as(finished: Config, config: Config) -> list[str]:
    expected, got = dump(finished), dump(config)
    return [name for name in expected if not got[name].equals(expected[name])]


def test_a_night_whose_server_is_killed_ends_or_says_why_and_a_rerun_gives_the_same_tables(
    finished: Config, tmp_path: Path
) -> None:
    config = small_config(tmp_path)
    ran = _under_prefect(config, tmp_path, what="lose:score")
    assert "Prefect server could not be reached" in ran.stderr, ran.stderr[-3000:]
    night(config)
    assert _same_as(finished, config) == []


def test_a_stage_that_takes_too_long_is_stopped_once_and_a_rerun_gives_the_same_tables(
    finished: Config, tmp_path: Path
) -> None:
    config = small_config(tmp_path)
    ran = _under_prefect(config, tmp_path, what="hang:score")
    assert ran.returncode == 1
    assert "SAID score: took longer than 0.5 minutes" in ran.stderr, ran.stderr[-3000:]
    assert not config.paths.published.exists()
    night(config)
    assert _same_as(finished, config) == []


# ------------------------------------------------------------------------------------------- schedule


@contextmanager
def _postgresql() -> Iterator[str]:
    """The address that Prefect's server wants of a PostgreSQL of the test's own."""
    with postgresql() as server:
        yield server.url("postgresql+asyncpg")


@contextmanager
def _sqlite() -> Iterator[None]:
    yield None


@pytest.mark.parametrize("database", [_sqlite, _postgresql], ids=["sqlite", "postgresql"])
def test_the_schedule_starts_a_night_and_stops_when_told_to(
    finished: Config, tmp_path: Path, database: object
) -> None:
    config = small_config(tmp_path, schedule={"cron": "* * * * *"})
    path = write_toml(config, tmp_path / "config.toml")
    with database() as address:  # type: ignore[operation,operator]
        own = {"PREFECT_HOME": str(tmp_path / "prefect")}
        if address:
            own["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = address
        command = [str(Path(sys.executable).parent / "affectcast"), "schedule", "--config", str(path)]
        log = (tmp_path / "schedule.log").open("wb")
        with (
            log,
            subprocess.Popen(
                command, cwd=tmp_path, env=os.environ | own, stdout=log, stderr=log, start_new_session=True
            ) as served,
        ):
            try:
                assert config.run.as_of is not None
                report = report_path(config, issue=config.run.as_of, command="nightly")
                end = time.monotonic() + 400
                while not report.exists() and time.monotonic() < end and served.poll() is None:
                    time.sleep(1)
            finally:
                served.send_signal(signal.SIGINT)
                served.wait(60)
                # Whatever is left of the night after it.
                with suppress(ProcessLookupError):
                    os.killpg(served.pid, signal.SIGKILL)
    said = (tmp_path / "schedule.log").read_text(encoding="utf-8")
    assert report.exists(), said[-3000:]
    assert "published" in report.read_text(encoding="utf-8")
    ours = next(config.paths.published.rglob("signals.parquet")).read_bytes()
    assert ours == next(finished.paths.published.rglob("signals.parquet")).read_bytes()
