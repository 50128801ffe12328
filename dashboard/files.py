"""The files of one published version: its manifest and its tables. Not for finding the version or cutting frames."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

import polars as pl

from warehouse.errors import ContractError, InputError
from warehouse.tables import PUBLISHED, empty
from warehouse.translation import t

MANIFEST = "manifest.json"
# Too large to be held whole before it is known which rows a page wants.
LARGE = ("signals", "forecasts", "scores")
ENUMS = (pl.Enum, pl.Categorical)
# What Polars raises where a file is damaged or gone; it panics where one was cut after it was opened.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def damaged(path: Path) -> str:
    """What is said of a file that cannot be read."""
    return t("{file} is damaged. Run `affectcast publish` to write it again.", file=str(path))


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What is raised because a file cannot be read becomes an `InputError` that names it."""
    try:
        yield
    except UNREADABLE as error:
        raise InputError(damaged(path)) from error


def manifest(folder: Path) -> dict[str, object]:
    """What the version says of itself; nothing where it has no manifest."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        with told(path):
            raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(damaged(path)) from error
    return raw if isinstance(raw, dict) else {}


def path_of(folder: Path, *, name: str) -> Path:
    """Where a table lies."""
    return folder / f"{name}.parquet"


def scan(folder: Path, *, name: str) -> pl.LazyFrame:
    """A table as it is read when it is needed, all closed sets as text; empty where the file is absent."""
    path = path_of(folder, name=name)
    if not path.is_file():
        return _as_text(empty(PUBLISHED[name]).lazy())
    wanted = PUBLISHED[name].columns
    with told(path):
        found = pl.scan_parquet(path, glob=False)
        missing = [column for column in wanted if column not in found.collect_schema().names()]
    if missing:
        named = ", ".join(missing)
        raise ContractError(
            t(
                "{file} has no column {columns}. Run `affectcast publish` again.",
                file=str(path),
                columns=named,
            )
        )
    return _as_text(found.select(wanted))


def _as_text(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Enums come back from Parquet as enums, categories or text: make them all text."""
    schema = frame.collect_schema()
    closed = [name for name, kind in schema.items() if isinstance(kind, ENUMS)]
    return frame.with_columns(pl.col(closed).cast(pl.String)) if closed else frame


class Tables(Mapping[str, pl.DataFrame]):
    """The tables of one version by name. `LARGE` ones are read when a page first asks for all of one; `scan` gives
    the rows that are wanted without that."""

    def __init__(self, folder: Path) -> None:
        self._paths = {name: path_of(folder, name=name) for name in PUBLISHED}
        self._scans = {name: scan(folder, name=name) for name in PUBLISHED}
        self._held = {name: self._read(name) for name in PUBLISHED if name not in LARGE}
        self._there = [path for path in self._paths.values() if path.is_file()]
        self._lock = RLock()

    def __getitem__(self, name: str) -> pl.DataFrame:
        with self._lock:
            if name not in self._held:
                self._held[name] = self._read(name)
            return self._held[name]

    def _read(self, name: str) -> pl.DataFrame:
        with told(self._paths[name]):
            return self._scans[name].collect()

    def check(self) -> None:
        """`InputError` names the first file that was there at first and cannot be read now. Reads all of each."""
        for path in self._there:
            with told(path):
                table = pl.scan_parquet(path, glob=False)
                for column in table.collect_schema().names():
                    table.select(column).collect()

    def __iter__(self) -> Iterator[str]:
        return iter(self._scans)

    def __len__(self) -> int:
        return len(self._scans)

    def scan(self, name: str) -> pl.LazyFrame:
        """A table whose rows are read when they are wanted."""
        return self._scans[name]

    def is_empty(self, name: str) -> bool:
        """Whether a table has no row."""
        with told(self._paths[name]):
            return self._scans[name].head(1).collect().is_empty()
