"""A few refused records in a lake, written and read through the door. Used by the tests only."""

from __future__ import annotations

import contextlib

import polars as pl

from tests.store.warehouses import DAY
from warehouse.config import Config
from warehouse.store import Store, open_store
from warehouse.tables import TABLES

REFUSED = TABLES["raw.quarantine"]
CANARY = "zyxcanary"


def opened(config: Config) -> contextlib.AbstractContextManager[Store]:
    return open_store(config.paths.warehouse, config=config.warehouse)


def rows(*names: str, detail: str = "a detail") -> pl.DataFrame:
    return pl.DataFrame({"record_hash": names}, schema={"record_hash": pl.String}).with_columns(
        source=pl.lit("made"), reason=pl.lit("bad"), detail=pl.lit(detail), received_at=DAY
    )


def names_in(config: Config) -> list[str]:
    with opened(config) as store:
        return store.read(REFUSED)["record_hash"].to_list()
