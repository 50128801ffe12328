from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import publish_worlds as worlds
import pytest

from warehouse.config import Config
from warehouse.store import Store, open_store


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return worlds.config(tmp_path)


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    with open_store(config.paths.warehouse, config=config.warehouse) as opened:
        yield opened
