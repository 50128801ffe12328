from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import signal_worlds as worlds

from warehouse.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with worlds.opened(tmp_path) as opened:
        yield opened
