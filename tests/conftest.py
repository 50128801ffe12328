"""What several folders of tests share: the checkout, and where real data lies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from warehouse.config import quiet_environment

quiet_environment()
# The same examples in every run; how long they take is the machine's affair.
settings.register_profile(
    "fixed", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixed")
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The shared data folder beside the checkout."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.exists():
        pytest.skip("the shared data folder is not beside this checkout")
    return folder
