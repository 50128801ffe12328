from __future__ import annotations

from pathlib import Path

import publication as made_up
import pytest

from dashboard import data


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete made-up publication; read only."""
    return made_up.build(tmp_path_factory.mktemp("published"))


@pytest.fixture
def opened(published: Path) -> data.Publication:
    return data.load(data.current(published))
