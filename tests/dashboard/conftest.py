from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import publication as made_up
import pytest
from streamlit.components.v2.component_manager import BidiComponentManager

from dashboard import data


@pytest.fixture(scope="session", autouse=True)
def no_components() -> Iterator[None]:
    """At every run of a page `AppTest` looks for components in all installed packages: a second each time, for none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete made-up publication; read only."""
    return made_up.build(tmp_path_factory.mktemp("published"))


@pytest.fixture
def opened(published: Path) -> data.Publication:
    return data.load(data.current(published))
