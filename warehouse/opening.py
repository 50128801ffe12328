"""Opens a warehouse of either kind, and says what its failures mean. `store.py` is the door that stages go through.

A DuckDB file at `[paths] warehouse`, or a DuckLake (`ducklake.py`); what lies beside a warehouse (key, lock, reports,
caches, copies) lies beside that path in both cases.
"""

from __future__ import annotations

import contextlib
import glob
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl

from warehouse import ducklake, lake_catalogue
from warehouse.config import WarehouseConfig
from warehouse.errors import BusyError, ContractError, InputError, StoreError
from warehouse.lake_catalogue import Turn

# How long a database's log may grow. DuckDB's own 16 MB are a few batches of posts: folded in so often, the last,
# half-filled blocks of a table are compressed again and again, which took a third of the intake's time.
_LOG = "256MB"


def exists(path: Path, *, config: WarehouseConfig) -> bool:
    """Whether there is a warehouse already; of a DuckLake, whether its catalogue knows a table."""
    return lake_catalogue.exists(config) if config.is_lake else path.exists()


def name_of(path: Path, *, config: WarehouseConfig) -> str:
    """What a message calls the warehouse."""
    return config.name if config.is_lake else str(path)


def size_of(path: Path, *, config: WarehouseConfig) -> int:
    """Bytes that the warehouse takes: of its file, or of the Parquet files that its catalogue knows; 0 without one."""
    if not exists(path, config=config):
        return 0
    if not config.is_lake:
        return path.stat().st_size
    with connected(path, config=config, read_only=True) as connection, errors_withheld(config.name):
        return ducklake.size_of(connection)


@contextlib.contextmanager
def connected(
    path: Path, *, config: WarehouseConfig, read_only: bool = False, alone: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The bare database, whatever version its tables are of. For opening, copying and checking only.

    `alone` waits until nobody else has a DuckLake open and keeps others out; a file is never open twice.
    """
    with connected_in_turn(path, config=config, read_only=read_only, alone=alone) as (connection, _):
        yield connection


@contextlib.contextmanager
def connected_in_turn(
    path: Path, *, config: WarehouseConfig, read_only: bool = False, alone: bool = False
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Turn]]:
    """The bare database as `connected` gives it, and what every transaction on it has to wait for and hold."""
    with contextlib.ExitStack() as stack:
        if not config.is_lake:
            yield stack.enter_context(connected_file(path, config=config, read_only=read_only)), nobody_else
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        turn = stack.enter_context(lake_catalogue.in_use(config, alone=alone))
        if alone:
            _remove_spilt(path)
        scratch = stack.enter_context(_spill_folder(path))
        opening = ducklake.attached(config, read_only=read_only, scratch=scratch, turn=turn)
        connection = stack.enter_context(opening)
        _set_up(connection)
        yield connection, turn


@contextlib.contextmanager
def nobody_else() -> Iterator[Callable[[], None]]:
    """The turn of a file: only one process has it open, and keeps it."""
    yield lambda: None


@contextlib.contextmanager
def connected_file(
    path: Path, *, config: WarehouseConfig, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The bare database in a DuckDB file, whatever kind the configured warehouse is of: copies are always files."""
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(
            contextlib.closing(_connect(path, config=config, read_only=read_only))
        )
        if not read_only:
            _remove_spilt(path)
        # Where only reading is allowed, there may be no place for a folder; then nothing is spilt.
        scratch = ""
        with contextlib.suppress(OSError):
            scratch = str(stack.enter_context(_spill_folder(path)))
        connection.execute(f"SET temp_directory = {ducklake.quoted(scratch)}")
        _set_up(connection)
        yield connection


@contextlib.contextmanager
def _spill_folder(path: Path) -> Iterator[Path]:
    """Where what does not fit in memory goes, texts among it: a private folder of this connection alone."""
    with tempfile.TemporaryDirectory(
        prefix=f"{path.name}.tmp-", dir=path.parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _remove_spilt(path: Path) -> None:
    """Remove what killed processes spilt beside a warehouse that nobody else has open."""
    for folder in path.parent.glob(f"{glob.escape(path.name)}.tmp-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _set_up(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = true")


def _connect(path: Path, *, config: WarehouseConfig, read_only: bool) -> duckdb.DuckDBPyConnection:
    settings = config.of_duckdb | {"checkpoint_threshold": _LOG}
    try:
        return duckdb.connect(str(path), read_only=read_only, config=settings)
    except duckdb.IOException as error:
        if "could not set lock" in str(error).lower():
            raise BusyError(
                f"{path}: another process has this warehouse open. Wait for it to end, or stop it, and run again."
            ) from error
        raise InputError(
            f"{path}: cannot be opened as a warehouse. Expected a DuckDB file in a writable folder. "
            "Restore it from a backup, or move it away to start a new one."
        ) from error
    except (duckdb.InvalidInputException, duckdb.ParserException) as error:
        raise InputError(f"{path}: [warehouse] settings were refused by DuckDB: {settings}.") from error


@contextlib.contextmanager
def errors_withheld(what: str) -> Iterator[None]:
    """Turn errors whose message may quote a row into one that says only where they happened."""
    try:
        yield
    except (duckdb.DataError, duckdb.IntegrityError, pl.exceptions.PolarsError) as error:
        raise ContractError(
            f"{what}: failed with {type(error).__name__}. Its message is withheld because it may quote data. "
            "Nothing of it was kept; please report this line."
        ) from None
    except (
        duckdb.IOException,
        duckdb.OutOfMemoryException,
        duckdb.TransactionException,
        duckdb.FatalException,
    ) as error:
        raise _failure(what, error) from error


def _failure(what: str, error: duckdb.Error) -> BusyError | StoreError:
    said = str(error)
    if "Transaction conflict" in said:
        return BusyError(
            f"{what}: another process changed the same rows at the same time. Nothing of this was kept; run the same "
            "command again."
        )
    if "Corrupt database" in said:
        return StoreError(
            f"{what}: the warehouse file is damaged. Restore it from a backup with `affectcast restore`."
        )
    if any(words in said for words in ("to Postgres", "DuckLake snapshot", "Failed to execute query")):
        return StoreError(
            f"{what}: the catalogue in PostgreSQL stopped answering. Nothing of this was kept; see that it runs, then "
            "run the same command again."
        )
    if isinstance(error, duckdb.HTTPException):
        return StoreError(
            f"{what}: the object storage refused or did not answer. Check it and its credentials, then run again; "
            "nothing of this was kept."
        )
    return StoreError(
        f"{what}: the warehouse failed with {type(error).__name__}. Check the disk's free space and "
        "[warehouse] memory_limit, then run again."
    )
