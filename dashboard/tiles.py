"""Places on a grid of tiles that keeps their neighbourhoods, from coordinates alone. Not for drawing."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.optimize import linear_sum_assignment

from warehouse.coordinates import coordinates

# Fewer places are read faster in a list.
FEWEST = 3
# At 390 pixels a tile is still wide enough for its code.
MOST_COLUMNS = 16
# Tiles per place: room for bays and gaps, without which coasts would be drawn far inland.
ROOM = 1.4
# How much of a place's position is its rank among the others: spreads what lies close together.
RANKED = 0.35
# Distant islands come to the edge of the map instead of squeezing the rest.
TAIL = 0.04

Tile = tuple[int, int]


def known(codes: list[str]) -> list[str]:
    """Those of the codes (`US-CA`, in any case) whose place is known, in order."""
    return sorted(code for code in set(codes) if code.upper() in coordinates())


@lru_cache(maxsize=16)
def assigned(codes: tuple[str, ...]) -> dict[str, Tile]:
    """Row and column of each place from the top left, no two on one tile; the codes must be `known`.

    A linear assignment of places to the tiles of a grid by least squared distance.
    """
    if not codes:
        return {}
    names = sorted(codes)
    latitude = np.array([coordinates()[name.upper()][0] for name in names])
    longitude = _unbroken(np.array([coordinates()[name.upper()][1] for name in names]))
    rows, columns = _size(len(names), latitude=latitude, longitude=longitude)
    across, down = _spread(longitude) * (columns - 1), (1 - _spread(latitude)) * (rows - 1)
    tile_row, tile_column = (axis.ravel() for axis in np.indices((rows, columns)))
    cost = (across[:, None] - tile_column) ** 2 + (down[:, None] - tile_row) ** 2
    place, tile = linear_sum_assignment(cost)
    found = {names[p]: (int(tile_row[t]), int(tile_column[t])) for p, t in zip(place, tile, strict=True)}
    top, left = (min(position[axis] for position in found.values()) for axis in (0, 1))
    return {name: (row - top, column - left) for name, (row, column) in found.items()}


def _unbroken(longitude: np.ndarray) -> np.ndarray:
    """The same longitudes counted eastwards from the widest gap, so that no group is cut by the date line."""
    ordered = np.sort(longitude)
    gaps = np.diff(ordered, append=ordered[0] + 360)
    first = ordered[(int(gaps.argmax()) + 1) % len(ordered)]
    return np.where(longitude < first, longitude + 360, longitude)


def _size(places: int, *, latitude: np.ndarray, longitude: np.ndarray) -> tuple[int, int]:
    width = _reach(longitude) * math.cos(math.radians(float(np.median(latitude))))
    height = _reach(latitude)
    ratio = float(np.clip(width / height, 0.7, 1.5)) if height > 0 else 1.5
    tiles = places * ROOM
    columns = min(MOST_COLUMNS, math.ceil(math.sqrt(tiles * ratio)))
    return math.ceil(tiles / columns), columns


def _reach(axis: np.ndarray) -> float:
    low, high = np.quantile(axis, [TAIL, 1 - TAIL])
    return float(high - low)


def _spread(axis: np.ndarray) -> np.ndarray:
    """Positions from 0 to 1: by distance, drawn towards even steps; equal coordinates stay equal."""
    low = float(np.quantile(axis, TAIL))
    reach = _reach(axis)
    if reach <= 0:
        return np.full(len(axis), 0.5)
    by_distance = np.clip((axis - low) / reach, -2 * TAIL, 1 + 2 * TAIL)
    by_rank = np.searchsorted(np.sort(axis), axis) / max(len(axis) - 1, 1)
    mixed = RANKED * by_rank + (1 - RANKED) * by_distance
    return np.asarray((mixed - mixed.min()) / np.ptp(mixed))
