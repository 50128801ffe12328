"""One demo sample and one tiny sample for all tests of this folder."""

from __future__ import annotations

import pytest

from warehouse.synthetic import DEMO, TINY, SampleReceipt, write_sample

SEED = 20240101


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> SampleReceipt:
    return write_sample(tmp_path_factory.mktemp("demo"), seed=SEED, spec=DEMO)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> SampleReceipt:
    return write_sample(tmp_path_factory.mktemp("tiny"), seed=SEED, spec=TINY)
