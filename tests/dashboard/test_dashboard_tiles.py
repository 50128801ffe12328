"""Places on a grid of tiles: one each, the same every time, neighbours near each other."""

from __future__ import annotations

import pytest
from scipy.stats import spearmanr

from dashboard import tiles
from warehouse.coordinates import coordinates

STATES = tuple(sorted(code for code in coordinates() if code.startswith("US-")))[:51]
NATIONS = tuple(code for code in coordinates() if "-" not in code)[:200]
BORDERS = [
    ("WA", "OR"), ("OR", "ID"), ("ID", "MT"), ("UT", "CO"), ("AZ", "NM"), ("TX", "LA"), ("IA", "IL"), ("OH", "PA"),
    ("PA", "NY"), ("NH", "ME"), ("SC", "GA"), ("VA", "MD"), ("KS", "MO"), ("SD", "NE"), ("MN", "WI"),
]  # fmt: skip


@pytest.mark.parametrize("codes", [STATES[:1], STATES[:3], STATES, NATIONS], ids=len)
def test_every_place_has_a_tile_of_its_own_however_the_codes_are_ordered(codes: tuple[str, ...]) -> None:
    found = tiles.assigned(codes)
    assert set(found) == set(codes)
    assert len(set(found.values())) == len(codes)
    assert min(row for row, _ in found.values()) == min(column for _, column in found.values()) == 0
    assert max(column for _, column in found.values()) < tiles.MOST_COLUMNS
    assert tiles.assigned(codes[::-1]) == found


def test_states_lie_as_on_a_map() -> None:
    found = tiles.assigned(STATES)
    for first, second in BORDERS:
        (row, column), (other_row, other_column) = found[f"US-{first}"], found[f"US-{second}"]
        assert max(abs(row - other_row), abs(column - other_column)) <= 2, (first, second)
    assert found["US-CA"][1] < found["US-KS"][1] < found["US-VA"][1]
    assert found["US-MN"][0] < found["US-KS"][0] < found["US-TX"][0]


@pytest.mark.parametrize("codes", [STATES, NATIONS], ids=len)
def test_north_is_up_and_west_is_left(codes: tuple[str, ...]) -> None:
    found = tiles.assigned(codes)
    latitude = [coordinates()[code][0] for code in codes]
    assert spearmanr(latitude, [-found[code][0] for code in codes]).statistic > 0.9
    inland = [code for code in codes if coordinates()[code][1] > -130]
    longitude = [coordinates()[code][1] for code in inland]
    assert spearmanr(longitude, [found[code][1] for code in inland]).statistic > 0.9


def test_islands_on_both_sides_of_the_date_line_stay_together() -> None:
    found = tiles.assigned(("FJ", "NZ", "TO", "WS"))
    assert found["NZ"][1] < found["TO"][1]
    assert found["FJ"][1] <= found["WS"][1]


def test_codes_in_any_case_are_known_and_others_are_not() -> None:
    assert tiles.known(["us-ca", "US-TX", "us-zz", "XX", ""]) == ["US-TX", "us-ca"]
    assert tiles.assigned(()) == {}


def test_places_with_the_same_coordinates_still_get_two_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "coordinates", lambda: {"AA": (1.0, 2.0), "AB": (1.0, 2.0), "AC": (1.0, 2.0)})
    assert len(set(tiles.assigned(("AA", "AB", "AC")).values())) == 3
