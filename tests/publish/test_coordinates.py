"""Where places lie, and cells that no spreadsheet runs."""

from __future__ import annotations

import polars as pl
import pytest

from warehouse.coordinates import coordinates, from_cities
from warehouse.spreadsheet import formula_safe


def test_the_file_is_what_the_list_of_cities_gives() -> None:
    assert coordinates() == from_cities(), "run `python -m warehouse.coordinates`"


# By any map; a wrong name for a region would be hundreds of kilometres off.
@pytest.mark.parametrize(
    ("code", "latitude", "longitude"),
    [("US", 38, -95), ("US-TX", 31, -97), ("US-HI", 21, -158), ("CA-ON", 44, -79), ("CA-BC", 49, -123),
     ("AU-WA", -32, 116), ("DE-BY", 48.5, 11.5), ("DE-BE", 52.5, 13.4), ("ES-AN", 37, -5), ("FR-PAC", 43.5, 6),
     ("IT-82", 38, 14), ("MX-YUC", 21, -89.5), ("BR-AM", -3, -60), ("NL-LI", 51, 6), ("GB-SCT", 56, -4)],
)  # fmt: skip
def test_a_place_lies_where_its_people_are(code: str, latitude: float, longitude: float) -> None:
    found = coordinates()[code]
    assert found == pytest.approx((latitude, longitude), abs=2.0 if "-" in code else 4.0)


def test_a_text_that_a_spreadsheet_would_run_is_quoted() -> None:
    texts = ["=1+1", "plain", "-2", "two\nlines", "\n=1+1", " \t@x ", "\r\n+1\n", "a =1", None]
    safe = ["'=1+1", "plain", "'-2", "two lines", "'=1+1", "'@x", "'+1", "a =1", None]
    assert pl.DataFrame({"a": texts}).select(formula_safe(pl.col("a")))["a"].to_list() == safe
