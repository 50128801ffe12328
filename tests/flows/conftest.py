"""One finished small night that tests only read."""

from __future__ import annotations

from pathlib import Path

import pytest
from night_support import night, small_config, write_toml

from tests.lake import make_lake, server
from warehouse.config import Config

__all__ = ["finished", "finished_toml", "make_lake", "server"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """One uninterrupted night; tests only read it."""
    config = small_config(tmp_path_factory.mktemp("finished"))
    night(config)
    return config


@pytest.fixture(scope="session")
def finished_toml(finished: Config) -> Path:
    return write_toml(finished, finished.paths.published.parent / "config.toml")
