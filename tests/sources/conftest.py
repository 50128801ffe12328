"""A bench: a warehouse in a temporary folder, a source that asks a platform, and runs of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.sources.fetch import read_platforms
from flows.stages import Run
from tests.sources.platform_servers import NOW, StillClock
from warehouse.config import Config, parse_config
from warehouse.intake.ledger import intake_accounting
from warehouse.store import Receipt, Store, open_store
from warehouse.tables import TABLES

TODAY = NOW.date()
SECRET = b"a secret of the tests, long enough"


@dataclass
class Bench:
    """One source, `made`; `fetch` says what it asks for."""

    folder: Path
    path: Path
    store: Store
    kind: str = "mastodon"
    fetch: dict[str, Any] = field(default_factory=dict)
    clock: StillClock = field(default_factory=StillClock)

    def config(self, **more: Any) -> Config:
        fetch = {"plain_http_on_loopback": True} | self.fetch
        source = {"name": "made", "kind": self.kind, "lang": "en", "fetch": fetch} | more
        return parse_config({"sources": [source]}, where="test")

    def run(self, *, issue: dt.date = TODAY, **fetch: Any) -> Receipt:
        """Ask, take in, and check that the books balance."""
        self.fetch = self.fetch | fetch
        run = Run(config=self.config(), issue=issue)
        receipt = read_platforms(self.store, run=run, secret=SECRET, clock=self.clock)
        intake_accounting(self.store, issue=issue)
        assert receipt.rows_in == receipt.rows_out + receipt.rows_dropped
        return receipt

    def table(self, name: str) -> pl.DataFrame:
        return self.store.read(TABLES[name])

    @property
    def texts(self) -> list[str]:
        return sorted(self.table("raw.posts")["text"].to_list())

    @property
    def reasons(self) -> dict[str, int]:
        counts = self.table("raw.quarantine")["reason"].value_counts()
        return dict(counts.sort("reason").iter_rows())


@pytest.fixture(scope="session")
def warehouse_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Store]]:
    """One warehouse for all tests, because to make its tables takes longer than most of them."""
    path = tmp_path_factory.mktemp("bench") / "w.duckdb"
    with open_store(path, config=parse_config({}, where="test").warehouse) as store:
        yield path, store


@pytest.fixture
def bench(warehouse_file: tuple[Path, Store], tmp_path: Path) -> Bench:
    path, store = warehouse_file
    for name in TABLES:
        if name.startswith(("raw.", "core.")) and name != "core.identity":
            store.delete(TABLES[name], where="true")
    return Bench(folder=tmp_path, path=path, store=store)
