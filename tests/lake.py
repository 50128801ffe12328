"""What a DuckLake needs in a test: a server for the session, a database and a folder for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgresql import PASSWORD, Server, postgresql

MakeLake = Callable[[Path], dict[str, object]]
_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with postgresql() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", PASSWORD)
        yield running


@pytest.fixture(scope="session")
def make_lake(server: Server) -> MakeLake:
    """The `[warehouse]` settings of a new lake whose files lie in a folder."""

    def make(folder: Path) -> dict[str, object]:
        name = f"lake{next(_numbers)}"
        server.make_database(name)
        return {"kind": "ducklake", "catalogue": f"postgres:{server.conninfo(name)}", "data": str(folder)}

    return make
