"""A DuckLake behind the warehouse's door: the catalogue in PostgreSQL, the rows in Parquet files.

For opening one, for the locks that hold across machines and for taking what was deleted out of its files. Not for
reading or writing tables: `store.py` does that, with the same statements for both kinds.
"""

from __future__ import annotations

import contextlib
import enum
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from warehouse.config import WarehouseConfig
from warehouse.errors import BusyError, ConfigError, InputError, StoreError

if TYPE_CHECKING:
    import psycopg

LAKE = "lake"
INSTALL = "pip install --constraint constraints.txt 'affectcast[lake]'"
WAIT_SECONDS = 60
# Where DuckDB shows the catalogue's own tables.
_KNOWN = f"__ducklake_metadata_{LAKE}"
_CONNECT_SECONDS = 10
# First half of every advisory lock of ours, so that other programs in the same database have others.
_OURS = 0x41464643


class Lock(enum.IntEnum):
    """What can be held across machines: a night by one run, the warehouse by whoever has it open, a turn to write."""

    NIGHT = 1
    USE = 2
    WRITE = 3


# ---------------------------------------------------------------------------------------- the catalogue


@contextlib.contextmanager
def _catalogue(config: WarehouseConfig) -> Iterator[psycopg.Connection[Any]]:
    """A session of our own in PostgreSQL, for locks and for what DuckDB cannot ask; a password comes from libpq."""
    try:
        import psycopg
    except ImportError as error:
        raise _not_installed("psycopg") from error
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
            f"{config.catalogue}: PostgreSQL did not take the password, or none was given. Put it into the file that "
            "PGPASSFILE names (or ~/.pgpass), or into PGPASSWORD; never into the configuration."
        )
    if "FATAL" in said:
        why = said.split("FATAL:")[-1].strip().splitlines()[0]
        return ConfigError(
            f"{config.catalogue}: PostgreSQL refused: {why}. Correct [warehouse] catalogue, or make the database and "
            "its user there."
        )
    return StoreError(
        f"{config.catalogue}: PostgreSQL cannot be reached. Check that it runs and that host and port in [warehouse] "
        "catalogue are right, then run again; nothing was changed."
    )


def exists(config: WarehouseConfig) -> bool:
    """Whether the catalogue knows a table."""
    with _catalogue(config) as connection:
        return _has_tables(connection)


def _has_tables(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT to_regclass('ducklake_table') IS NOT NULL").fetchone()
    if not (row and row[0]):
        return False
    row = connection.execute("SELECT EXISTS (SELECT FROM ducklake_table)").fetchone()
    return bool(row and row[0])


# ------------------------------------------------------------------------------------------------ locks


@contextlib.contextmanager
def night_held(config: WarehouseConfig) -> Iterator[Callable[[], None]]:
    """Hold the night on every machine, or `BusyError` at once; the callable says so when the lock was lost."""
    with _catalogue(config) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [_OURS, Lock.NIGHT]).fetchone()
        if not (row and row[0]):
            raise BusyError(
                f"{config.catalogue}: another run is at work on this warehouse, perhaps on another machine. Wait for "
                "it to end."
            )

        def still_held() -> None:
            import psycopg

            try:
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                raise StoreError(
                    f"{config.catalogue}: the connection to PostgreSQL was lost, and the lock of this run with it. "
                    "Run the same command again: it goes on where it stopped."
                ) from None

        yield still_held


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
def in_use(config: WarehouseConfig, *, alone: bool = False) -> Iterator[None]:
    """Say that the warehouse is open, beside others or alone: its files are only removed when nobody reads them."""
    with _catalogue(config) as connection:
        what = "is open elsewhere" if alone else "is being tidied, restored or migrated"
        _wait(connection, Lock.USE, shared=not alone, busy=f"{config.catalogue}: the warehouse {what}")
        yield


@contextlib.contextmanager
def turn_to_write(config: WarehouseConfig) -> Iterator[Callable[[], contextlib.AbstractContextManager[None]]]:
    """What a transaction holds: one writer at a time, so that none writes by what another has just changed."""
    with _catalogue(config) as connection:

        @contextlib.contextmanager
        def turn() -> Iterator[None]:
            _wait(connection, Lock.WRITE, busy=f"{config.catalogue}: another process is writing")
            try:
                yield
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


# ----------------------------------------------------------------------------------------------- opening


@contextlib.contextmanager
def attached(
    config: WarehouseConfig, *, read_only: bool, scratch: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB in memory with the lake as its database; what does not fit in memory goes to `scratch`.

    Without `read_only` a lake that is not there is made: by one process, the others wait.
    """
    settings = config.of_duckdb | {"autoinstall_known_extensions": False, "temp_directory": str(scratch)}
    with contextlib.closing(duckdb.connect(config=settings)) as connection, contextlib.ExitStack() as stack:
        _load_extensions(connection, config=config)
        if not read_only:
            _check_data_folder(config)
            if not exists(config):
                stack.enter_context(stack.enter_context(turn_to_write(config))())
                _refuse_foreign_files(config)
        _attach(connection, config=config, read_only=read_only)
        stack.close()
        yield connection


def _load_extensions(connection: duckdb.DuckDBPyConnection, *, config: WarehouseConfig) -> None:
    """From the packages that bring them; nothing is ever fetched."""
    for name in ("ducklake", "postgres_scanner", *(["httpfs"] if config.is_object_storage else [])):
        found = importlib.util.find_spec(f"duckdb_extension_{name}")
        folder = next(iter(found.submodule_search_locations or []), "") if found else ""
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if not found or not path.is_file():
            raise _not_installed(f"duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}")
        connection.execute(f"LOAD {_quoted(str(path))}")


def _not_installed(package: str) -> ConfigError:
    return ConfigError(
        f'[warehouse] kind = "ducklake": the package {package} is not installed. Install what it needs: {INSTALL}'
    )


def _attach(connection: duckdb.DuckDBPyConnection, *, config: WarehouseConfig, read_only: bool) -> None:
    # No row in the catalogue, only in files: what is deleted is then in one place.
    options = [f"DATA_PATH {_quoted(config.data_path)}", "DATA_INLINING_ROW_LIMIT 0"]
    options += ["READ_ONLY"] if read_only else []
    target = _quoted(f"ducklake:postgres:{config.conninfo}")
    try:
        connection.execute(f"ATTACH {target} AS {LAKE} ({', '.join(options)})")
    except duckdb.Error as error:
        if "does not match existing data path" in str(error):
            raise ConfigError(
                f"[warehouse] data: {config.data_path} is not where this warehouse's files lie, by its catalogue. Give "
                "the same folder, at the same place on every machine."
            ) from None
        raise InputError(
            f"{config.catalogue}: cannot be opened as a warehouse ({type(error).__name__}). Expected a DuckLake, or an "
            "empty database whose user may make tables."
        ) from None
    connection.execute(f"USE {LAKE}")
    connection.execute("SET ducklake_max_retry_count = 20")


def _check_data_folder(config: WarehouseConfig) -> None:
    if config.is_object_storage:
        return
    folder = Path(config.data_path)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"[warehouse] data: {folder} cannot be written to ({error.strerror}). Mend it, or give another folder."
        ) from error


def _refuse_foreign_files(config: WarehouseConfig) -> None:
    """Files that the catalogue does not know are removed when it is tidied, so there must be none of others'."""
    if not config.is_object_storage and any(os.scandir(config.data_path)):
        raise ConfigError(
            f"[warehouse] data: {config.data_path} is not empty, and a new warehouse needs a folder for itself alone."
        )


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


# ------------------------------------------------------------------------------------------ the files


def size_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Bytes of the files that hold the rows of now."""
    sql = f"SELECT coalesce(sum(file_size_bytes), 0)::BIGINT FROM ducklake_table_info('{LAKE}')"
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def tidy(connection: duckdb.DuckDBPyConnection) -> None:
    """Take out of the files what was deleted, join small files, and keep no earlier state. Nobody else may read.

    A table of which rows were deleted is written anew: `ducklake_rewrite_data_files` of DuckLake 1.0 leaves statistics
    that hide rows from later queries (a file in which a column is null throughout, then an insert).
    """
    for schema, table in _with_deletions(connection):
        connection.execute("BEGIN")
        try:
            _write_anew(connection, schema=schema, table=table)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    for call in (
        f"ducklake_merge_adjacent_files('{LAKE}')",
        f"ducklake_expire_snapshots('{LAKE}', older_than => now())",
        f"ducklake_cleanup_old_files('{LAKE}', cleanup_all => true)",
        f"ducklake_delete_orphaned_files('{LAKE}', cleanup_all => true)",
    ):
        connection.execute(f"SELECT count(*) FROM {call}")


def _with_deletions(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Tables of which rows were deleted: a file says so, or what the catalogue calls a column's smallest or largest
    text is in no file any more."""
    return connection.execute(_DELETED_SQL).fetchall()


_DELETED_SQL = f"""
    WITH now AS (SELECT table_id, schema_id, table_name FROM {_KNOWN}.ducklake_table WHERE end_snapshot IS NULL),
    texts AS (
        SELECT table_id, column_id FROM {_KNOWN}.ducklake_column WHERE end_snapshot IS NULL AND column_type = 'varchar'
    ),
    in_files AS (
        SELECT table_id, column_id, min(s.min_value) AS low, max(s.max_value) AS high
        FROM {_KNOWN}.ducklake_file_column_stats s JOIN {_KNOWN}.ducklake_data_file f USING (table_id, data_file_id)
        WHERE f.end_snapshot IS NULL GROUP BY ALL
    ),
    gone AS (
        SELECT table_id FROM {_KNOWN}.ducklake_delete_file WHERE end_snapshot IS NULL
        UNION SELECT table_id FROM {_KNOWN}.ducklake_table_column_stats k JOIN texts USING (table_id, column_id)
        LEFT JOIN in_files USING (table_id, column_id)
        WHERE k.min_value IS DISTINCT FROM low OR k.max_value IS DISTINCT FROM high
    )
    SELECT s.schema_name, n.table_name FROM now n JOIN gone USING (table_id)
    JOIN {_KNOWN}.ducklake_schema s ON s.schema_id = n.schema_id AND s.end_snapshot IS NULL ORDER BY ALL
"""


def _write_anew(connection: duckdb.DuckDBPyConnection, *, schema: str, table: str) -> None:
    old, new = f'"{schema}"."{table}"', f'"{schema}"."{table}_new"'
    connection.execute(f"CREATE TABLE {new} AS FROM {old}")
    connection.execute(f"DROP TABLE {old}")
    connection.execute(f'ALTER TABLE {new} RENAME TO "{table}"')


def last_message(connection: duckdb.DuckDBPyConnection) -> str | None:
    """What was written beside the newest change of the lake."""
    sql = f"SELECT commit_message FROM ducklake_snapshots('{LAKE}') ORDER BY snapshot_id DESC LIMIT 1"
    row = connection.execute(sql).fetchone()
    return row[0] if row else None


def replace_tables(connection: duckdb.DuckDBPyConnection, *, source: Path, message: str) -> None:
    """Put the tables of a DuckDB file in place of those of the lake, all of them or none; nobody else may write."""
    connection.execute(f"ATTACH {_quoted(str(source))} AS source (READ_ONLY)")
    sql = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? AND NOT internal ORDER BY ALL"
    old, new = (connection.execute(sql, [name]).fetchall() for name in (LAKE, "source"))
    connection.execute("BEGIN")
    try:
        for schema, table in old:
            connection.execute(f'DROP TABLE "{schema}"."{table}"')
        for schema, table in new:
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            connection.execute(f'CREATE TABLE "{schema}"."{table}" AS FROM source."{schema}"."{table}"')
        connection.execute(f"CALL ducklake_set_commit_message('{LAKE}', 'affectcast', {_quoted(message)})")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    connection.execute("DETACH source")
