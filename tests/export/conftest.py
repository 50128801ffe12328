from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The made-up publication is shared with the dashboard's tests.
sys.path.append(str(Path(__file__).parents[1] / "dashboard"))

import publication as made_up
from export_worlds import small_tables

from flows.export import ExportOptions, check_export, export_publication


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


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export whose forecast file, CSV only, holds one target and place with three horizons; read only."""
    folder = tmp_path_factory.mktemp("small")
    made_up.write(folder / "published", tables=small_tables())
    export_publication(
        folder / "published", issue=None, to=folder / "out", options=ExportOptions(forecasts="csv")
    )
    assert check_export(folder / "out") == []
    return folder / "out"
