from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import signal_worlds as worlds
from hypothesis import settings

from warehouse.store import Store

settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
settings.load_profile("fixed")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with worlds.opened(tmp_path) as opened:
        yield opened
