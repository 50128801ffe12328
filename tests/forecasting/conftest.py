"""Fixtures of the forecasting tests."""

from __future__ import annotations

import polars as pl
import pytest
from forecasting_worlds import file_series


@pytest.fixture(scope="session")
def small_file() -> pl.DataFrame:
    return file_series()
