from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The made-up publication is shared with the dashboard's tests.
sys.path.append(str(Path(__file__).parents[1] / "dashboard"))

import publication as made_up

from flows.export import export_publication


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete made-up publication; read only."""
    return made_up.build(tmp_path_factory.mktemp("export_published"))


@pytest.fixture(scope="session")
def exported(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its export; read only."""
    folder = tmp_path_factory.mktemp("exported") / "out"
    export_publication(published, issue=None, to=folder)
    return folder
