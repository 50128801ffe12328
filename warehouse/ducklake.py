"""A DuckLake behind the warehouse's door: the catalogue in PostgreSQL, the rows in Parquet files.

For opening one and for taking what was deleted out of its files. Not for reading or writing tables: `store.py` does
that, with the same statements for both kinds. Locks are in `lake_catalogue.py`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from warehouse.config import WarehouseConfig, object_storage_address
from warehouse.errors import ConfigError, InputError, StoreError
from warehouse.lake_catalogue import Turn, is_made, not_installed

LAKE = "lake"
# Where DuckDB shows the catalogue's own tables.
_KNOWN = f"__ducklake_metadata_{LAKE}"


# ----------------------------------------------------------------------------------------------- opening


@contextlib.contextmanager
def attached(
    config: WarehouseConfig, *, read_only: bool, scratch: Path, turn: Turn
) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB in memory with the lake as its database; what does not fit in memory goes to `scratch`.

    Without `read_only` a lake that is not there is made: by one process, the others wait for their `turn`.
    """
    with contextlib.closing(_instance(config, scratch=scratch)) as connection:
        _load_extensions(connection, config=config)
        if config.is_object_storage:
            _sign_in(connection)
        if not read_only:
            _check_data_folder(config)
        with contextlib.ExitStack() as stack:
            if not read_only and not is_made(config):
                stack.enter_context(turn())
                if not is_made(config):
                    _refuse_foreign_files(connection, config=config)
            _attach(connection, config=config, read_only=read_only)
        yield connection


def _instance(config: WarehouseConfig, *, scratch: Path) -> duckdb.DuckDBPyConnection:
    settings = config.of_duckdb | {"autoinstall_known_extensions": False, "temp_directory": str(scratch)}
    try:
        return duckdb.connect(config=settings)
    except (duckdb.InvalidInputException, duckdb.ParserException) as error:
        raise InputError(f"[warehouse]: settings were refused by DuckDB: {settings}.") from error


def _load_extensions(connection: duckdb.DuckDBPyConnection, *, config: WarehouseConfig) -> None:
    """From the packages that bring them; nothing is ever fetched."""
    for name in ("ducklake", "postgres_scanner", *(["httpfs", "aws"] if config.is_object_storage else [])):
        found = importlib.util.find_spec(f"duckdb_extension_{name}")
        folder = next(iter(found.submodule_search_locations or []), "") if found else ""
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if not found or not path.is_file():
            raise not_installed(f"duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}")
        connection.execute(f"LOAD {quoted(str(path))}")


def _sign_in(connection: duckdb.DuckDBPyConnection) -> None:
    """To the object storage, with the credentials that Amazon's own clients would find."""
    at = urlsplit(object_storage_address())
    options = ["TYPE s3", "PROVIDER credential_chain"]
    if at.netloc:
        secure = "false" if at.scheme == "http" else "true"
        options += [f"ENDPOINT {quoted(at.netloc)}", f"USE_SSL {secure}", "URL_STYLE 'path'"]
    try:
        connection.execute(f"CREATE SECRET ({', '.join(options)})")
    except duckdb.Error:
        raise ConfigError(
            "[warehouse] data: no credentials for the object storage were found. Expected them where Amazon's clients "
            "look: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
        ) from None


def _attach(connection: duckdb.DuckDBPyConnection, *, config: WarehouseConfig, read_only: bool) -> None:
    # No row in the catalogue, only in files: what is deleted is then in one place.
    options = [f"DATA_PATH {quoted(config.data_path)}", "DATA_INLINING_ROW_LIMIT 0"]
    options += ["READ_ONLY"] if read_only else []
    target = quoted(f"ducklake:postgres:{config.conninfo}")
    try:
        connection.execute(f"ATTACH {target} AS {LAKE} ({', '.join(options)})")
    except duckdb.Error as error:
        if "does not match existing data path" in str(error):
            raise ConfigError(
                f"[warehouse] data: {config.data_path} is not where this warehouse's files lie, by its catalogue. Give "
                "the same folder, at the same place on every machine."
            ) from None
        raise InputError(
            f"{config.name}: cannot be opened as a warehouse ({type(error).__name__}). Expected a DuckLake, or an "
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


def _refuse_foreign_files(connection: duckdb.DuckDBPyConnection, *, config: WarehouseConfig) -> None:
    """Files that the catalogue does not know are removed when it is tidied, so there must be none of others'."""
    if not config.is_object_storage:
        with os.scandir(config.data_path) as entries:
            found = any(entries)
    else:
        try:
            sql = f"SELECT count(*) FROM (FROM glob({quoted(config.data_path + '**')}) LIMIT 1)"
            found = connection.execute(sql).fetchall() != [(0,)]
        except duckdb.Error as error:
            raise ConfigError(
                f"[warehouse] data: {config.data_path} cannot be read ({type(error).__name__}). Check that the bucket "
                "is there, its credentials, and AWS_ENDPOINT_URL where the storage is not Amazon's."
            ) from None
    if found:
        raise ConfigError(
            f"[warehouse] data: {config.data_path} is not empty, and a new warehouse needs a place for itself alone."
        )


def quoted(text: str) -> str:
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
    _call(connection, f"ducklake_merge_adjacent_files('{LAKE}')")
    _forget_earlier_states(connection)
    for call in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
        _call(connection, f"{call}('{LAKE}', cleanup_all => true)")


def _call(connection: duckdb.DuckDBPyConnection, call: str) -> None:
    # Only what is fetched is done.
    connection.execute(f"SELECT count(*) FROM {call}").fetchall()


def _forget_earlier_states(connection: duckdb.DuckDBPyConnection) -> None:
    """By their numbers: the server stamps states with its own clock, which may be ahead of this machine's."""
    *earlier, newest = _states(connection)
    if earlier:
        _call(connection, f"ducklake_expire_snapshots('{LAKE}', versions => {earlier})")
    left = _states(connection)
    if left != [newest]:
        raise StoreError(
            f"tidying: {len(left)} states of the DuckLake are left where one was expected, so what was deleted may "
            "still be in its files. See that no other program writes to it, then run the same command again."
        )


def _states(connection: duckdb.DuckDBPyConnection) -> list[int]:
    sql = f"SELECT snapshot_id FROM ducklake_snapshots('{LAKE}') ORDER BY 1"
    return [int(row[0]) for row in connection.execute(sql).fetchall()]


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
    connection.execute(f"ATTACH {quoted(str(source))} AS source (READ_ONLY)")
    sql = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? AND NOT internal ORDER BY ALL"
    old, new = (connection.execute(sql, [name]).fetchall() for name in (LAKE, "source"))
    connection.execute("BEGIN")
    try:
        for schema, table in old:
            connection.execute(f'DROP TABLE "{schema}"."{table}"')
        for schema, table in new:
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            connection.execute(f'CREATE TABLE "{schema}"."{table}" AS FROM source."{schema}"."{table}"')
        connection.execute(
            f"CALL ducklake_set_commit_message('{LAKE}', 'affectcast', {quoted(message)})"
        ).fetchall()
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    connection.execute("DETACH source")
