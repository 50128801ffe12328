"""The catalogue of a DuckLake as PostgreSQL sees it: whether it answers, and the locks that hold across machines.

Not for what the catalogue says of tables and files: DuckDB reads that, see `ducklake.py`.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from warehouse.config import WarehouseConfig
from warehouse.errors import BusyError, ConfigError, StoreError

if TYPE_CHECKING:
    import psycopg

INSTALL = "pip install --constraint constraints.txt 'affectcast[lake]'"
WAIT_SECONDS = 60
_CONNECT_SECONDS = 10
# Refusals of a server that will take us a little later.
_PASSING = ("starting up", "shutting down", "recovery", "too many clients", "connection slots")
# First half of every advisory lock of ours, so that other programs in the same database have others.
_OURS = 0x41464643


class Lock(enum.IntEnum):
    """What can be held across machines: a night by one run, the warehouse by whoever has it open, a turn to write."""

    NIGHT = 1
    USE = 2
    WRITE = 3


def not_installed(package: str) -> ConfigError:
    """The error where a package that a DuckLake needs is missing."""
    return ConfigError(
        f'[warehouse] kind = "ducklake": the package {package} is not installed. Install what it needs: {INSTALL}'
    )


@contextlib.contextmanager
def _catalogue(config: WarehouseConfig) -> Iterator[psycopg.Connection[Any]]:
    """A session of our own in PostgreSQL, for locks and for what DuckDB cannot ask; a password comes from libpq."""
    try:
        import psycopg
    except ImportError as error:
        raise not_installed("psycopg") from error
    try:
        connection = psycopg.connect(
            config.conninfo, autocommit=True, connect_timeout=_CONNECT_SECONDS, application_name="affectcast"
        )
    except psycopg.ProgrammingError:
        # Without its message, which quotes what it could not read.
        raise ConfigError(
            "[warehouse] catalogue: is not a connection that PostgreSQL's client reads. Expected "
            '"postgres:host=… port=… dbname=… user=…".'
        ) from None
    except psycopg.OperationalError as error:
        raise _unreachable(config, said=str(error)) from None
    with contextlib.closing(connection):
        # A night holds its lock without a word for hours; a machine that is gone must not.
        for setting in (
            "idle_session_timeout = 0",
            "tcp_keepalives_idle = 60",
            "tcp_keepalives_interval = 15",
        ):
            connection.execute(f"SET {setting}")
        yield connection


def _unreachable(config: WarehouseConfig, *, said: str) -> ConfigError | StoreError:
    """What to do, by what the server or its client said; neither ever says a password."""
    if "password" in said:
        return ConfigError(
            f"{config.name}: PostgreSQL did not take the password, or none was given. Put it into the file that "
            "PGPASSFILE names (or ~/.pgpass), or into PGPASSWORD; never into the configuration."
        )
    if "FATAL" in said and not any(words in said for words in _PASSING):
        why = said.split("FATAL:")[-1].strip().splitlines()[0]
        return ConfigError(
            f"{config.name}: PostgreSQL refused: {why}. Correct [warehouse] catalogue, or make the database and "
            "its user there."
        )
    return StoreError(
        f"{config.name}: PostgreSQL cannot be reached. Check that it runs and that host and port in [warehouse] "
        "catalogue are right, then run again; nothing was changed."
    )


def is_made(config: WarehouseConfig) -> bool:
    """Whether the database is the catalogue of a DuckLake already."""
    with _catalogue(config) as connection:
        return _is_made(connection)


def exists(config: WarehouseConfig) -> bool:
    """Whether the catalogue knows a table."""
    with _catalogue(config) as connection:
        if not _is_made(connection):
            return False
        row = connection.execute("SELECT EXISTS (SELECT FROM ducklake_table)").fetchone()
        return bool(row and row[0])


def _is_made(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT to_regclass('ducklake_metadata') IS NOT NULL").fetchone()
    return bool(row and row[0])


# ------------------------------------------------------------------------------------------------ locks


StillHeld = Callable[[], None]
# What a transaction waits for and holds; what it hands out raises where that was lost.
Turn = Callable[[], contextlib.AbstractContextManager[StillHeld]]


@contextlib.contextmanager
def night_held(config: WarehouseConfig) -> Iterator[StillHeld]:
    """Hold the night on every machine, or `BusyError` at once; the callable says so when the lock was lost."""
    with _catalogue(config) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [_OURS, Lock.NIGHT]).fetchone()
        if not (row and row[0]):
            raise BusyError(
                f"{config.name}: another run is at work on this warehouse, perhaps on another machine. Wait for "
                "it to end."
            )
        yield lambda: _refuse_lost(connection, Lock.NIGHT, config=config, what="the lock of this run with it")


def _refuse_lost(
    connection: psycopg.Connection[Any], *locks: Lock, config: WarehouseConfig, what: str
) -> None:
    """`StoreError` where the session of these locks is gone, or has them no more."""
    import psycopg

    sql = (
        "SELECT count(DISTINCT objid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s "
        "AND objid = ANY(%s) AND pid = pg_backend_pid()"
    )
    with contextlib.suppress(psycopg.OperationalError):
        row = connection.execute(sql, [_OURS, [int(lock) for lock in locks]]).fetchone()
        if row and row[0] == len(locks):
            return
    raise StoreError(
        f"{config.name}: the connection to PostgreSQL was lost, and {what}. See that it runs, then run the same "
        "command again: it goes on where it stopped."
    )


def night_is_held(config: WarehouseConfig) -> bool:
    """Whether a run is at work on some machine."""
    sql = (
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    with _catalogue(config) as connection:
        row = connection.execute(sql, [_OURS, Lock.NIGHT]).fetchone()
    return bool(row and row[0])


@contextlib.contextmanager
def in_use(config: WarehouseConfig, *, alone: bool = False) -> Iterator[Turn]:
    """Say that the warehouse is open, beside others or alone: its files are only removed when nobody reads them.

    Hands out turns to write: one writer at a time, so that none writes by what another has just changed.
    """
    with _catalogue(config) as connection:
        what = "is open elsewhere" if alone else "is being tidied, restored or migrated"
        _wait(connection, Lock.USE, shared=not alone, busy=f"{config.name}: the warehouse {what}")

        @contextlib.contextmanager
        def turn() -> Iterator[StillHeld]:
            _wait(connection, Lock.WRITE, busy=f"{config.name}: another process is writing")
            lost = "this turn to write with it; nothing of it was kept"
            try:
                yield lambda: _refuse_lost(connection, Lock.USE, Lock.WRITE, config=config, what=lost)
            finally:
                _unlock(connection, Lock.WRITE)

        yield turn


def _wait(connection: psycopg.Connection[Any], lock: Lock, *, busy: str, shared: bool = False) -> None:
    import psycopg

    call = "pg_advisory_lock_shared" if shared else "pg_advisory_lock"
    try:
        connection.execute(f"SET lock_timeout = '{WAIT_SECONDS}s'")
        connection.execute(f"SELECT {call}(%s, %s)", [_OURS, lock])
    except psycopg.errors.LockNotAvailable:
        raise BusyError(
            f"{busy}, for more than {WAIT_SECONDS} seconds. Wait for it to end and run the same command again."
        ) from None
    except psycopg.OperationalError as error:
        raise _lost(error) from None


def _unlock(connection: psycopg.Connection[Any], lock: Lock) -> None:
    import psycopg

    # With its session gone, the lock is gone too.
    with contextlib.suppress(psycopg.OperationalError):
        connection.execute("SELECT pg_advisory_unlock(%s, %s)", [_OURS, lock])


def _lost(error: Exception) -> StoreError:
    return StoreError(
        f"the catalogue in PostgreSQL stopped answering ({type(error).__name__}). Nothing of this was kept; see that "
        "it runs, then run the same command again."
    )
