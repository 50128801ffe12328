"""A workshop: build a source file and its configuration in a temporary folder, and ingest it."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from warehouse.config import Config, parse_config
from warehouse.intake import ingest_sources, source_files
from warehouse.intake.ledger import intake_accounting
from warehouse.store import Receipt, Store, open_store
from warehouse.tables import TABLES

DAY = dt.date(2024, 6, 30)
SECRET = b"a secret of the tests, long enough"
COLUMNS = {"text": "text", "created_at": "date", "post_id": "id", "author": "who"}


@dataclass
class Workshop:
    """One warehouse and one source called `made`; `config` holds the source's settings."""

    folder: Path
    store: Store
    source: dict[str, Any] = field(default_factory=dict)
    batch: int = 1_000

    def config(self, name: str = "posts.csv") -> Config:
        base = {"name": "made", "path": str(self.folder / name), "lang": "en", "columns": COLUMNS}
        sources = [base | self.source]
        return parse_config({"sources": sources, "intake": {"batch_records": self.batch}}, where="test")

    def write(self, content: str | bytes, name: str = "posts.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def ingest(
        self, content: str | bytes | None = None, *, name: str = "posts.csv", issue: dt.date = DAY,
        progress: Callable[[str, int], None] | None = None,
    ) -> Receipt:  # fmt: skip
        """Write `content` under `name` (where given), read it, and check that the books balance."""
        if content is not None:
            self.write(content, name)
        config = self.config(name)
        receipt = ingest_sources(
            self.store, config=config, files=source_files(config), secret=SECRET, issue=issue, run_id="run",
            progress=progress,
        )  # fmt: skip
        intake_accounting(self.store, issue=issue)
        assert receipt.rows_in == receipt.rows_out + receipt.rows_dropped
        return receipt

    def table(self, name: str) -> pl.DataFrame:
        return self.store.read(TABLES[name])

    @property
    def posts(self) -> pl.DataFrame:
        return self.table("raw.posts")

    @property
    def texts(self) -> list[str]:
        return sorted(self.posts["text"].to_list())

    @property
    def reasons(self) -> dict[str, int]:
        """How many records stand in quarantine for each reason."""
        counts = self.table("raw.quarantine")["reason"].value_counts()
        return dict(counts.sort("reason").iter_rows())

    @property
    def kept(self) -> list[tuple[Any, ...]]:
        """Every row of every table that intake writes."""
        names = ("raw.posts", "core.interactions", "core.people", "raw.quarantine", "raw.intake")
        return [row for name in names for row in self.table(name).rows()]


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    folder = tmp_path / "in"
    folder.mkdir()
    config = parse_config({}, where="test").warehouse
    with open_store(tmp_path / "state" / "w.duckdb", config=config) as store:
        yield Workshop(folder=folder, store=store)


def csv_file(rows: list[str]) -> str:
    """A CSV file in the workshop's columns: id, who, date, text."""
    return "\n".join(["id,who,date,text", *rows]) + "\n"


def good_rows(count: int, *, first: int = 0, day: str = "2024-06-01") -> list[str]:
    return [f"{n},user{n % 7},{day},happy words number {n}x" for n in range(first, first + count)]


def json_lines(*records: dict[str, Any]) -> str:
    base = {"who": "ann", "date": "2024-06-01"}
    return "".join(json.dumps(base | {"id": f"j{n}"} | record) + "\n" for n, record in enumerate(records))


def gzipped(content: str) -> bytes:
    return gzip.compress(content.encode(), mtime=0)
