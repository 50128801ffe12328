"""Declared places: codes as declared, words only where they are unambiguous."""

from __future__ import annotations

import polars as pl
import pytest

from warehouse.config import PlaceConfig
from warehouse.places import place_table, resolve


def place(text: str | None, **config: object) -> tuple[str, str, str]:
    given = pl.Series("place", [text], dtype=pl.String)
    found: tuple[str, str, str] = resolve(given, height=1, config=PlaceConfig(**config)).row(0)  # type: ignore[arg-type]
    return found


NOWHERE = ("none", "", "none")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("US", "US"), ("US-CA", "US-CA"), ("MX-CMX", "MX-CMX"), ("Paris, TX", "US-TX"), ("Paris", "FR"),
        ("paris, france", "FR"), ("Los Angeles, California, USA", "US-CA"), ("Texas", "US-TX"), ("USA", "US"),
        ("Portland, OR", "US-OR"), ("Atlanta, Georgia", "US-GA"), ("Tbilisi, Georgia", "GE"), ("London, Ontario", "CA"),
        ("Toronto, CA", "CA"), ("Munich, DE", "DE"), ("Los Angeles, CA", "US-CA"), ("España", "ES"), ("Scotland", "GB"),
    ],
)  # fmt: skip
def test_places_that_can_only_mean_one_thing_are_resolved(text: str, code: str) -> None:
    assert place(text)[1] == code


@pytest.mark.parametrize(
    "text",
    ["Lets Play", "🌍🚀", "", " ", "in your heart", "Georgia", "Springfield", "Batman", "LOL, nope", "US-ZZ", "ZZ",
     "x" * 200, "Paris, Hogwarts", "=cmd()", "🇺🇸", ",,,", "127.0.0.1"],
)  # fmt: skip
def test_jokes_and_doubtful_places_stay_unknown(text: str) -> None:
    assert place(text) == NOWHERE


def test_a_named_country_settles_two_letter_codes_and_refuses_the_rest() -> None:
    assert place("CA") == ("nation", "CA", "declared")
    assert place("CA", countries=("US",)) == ("region", "US-CA", "inferred")
    assert place("LA", countries=("US",)) == NOWHERE
    assert place("Paris", countries=("US",)) == NOWHERE


def test_the_sources_own_place_stands_in_for_unknown_ones() -> None:
    fixed = {"geo_type": "nation", "geo_value": "MX"}
    assert place("in your heart", **fixed) == ("nation", "MX", "source")
    assert place(None, **fixed) == ("nation", "MX", "source")
    assert place("Texas", **fixed) == ("region", "US-TX", "inferred")


def test_places_have_names_and_parents() -> None:
    codes = pl.DataFrame({"geo_type": ["nation", "region", "all"], "geo_value": ["US", "US-CA", ""]})
    table = place_table(codes).sort("geo_type")
    assert table["label"].to_list() == ["All places", "United States", "California"]
    assert table["parent"].to_list() == [None, "all", "US"]
