"""The tile map of one mood: a tile per region or nation, coloured by this week's change. Works offline.

Not for deciding where a tile lies (`tiles.py`) or for other charts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import polars as pl

from dashboard import cards, charts, data, tiles, words
from dashboard.charts import DIVERGING, MAX_Z
from warehouse import translation
from warehouse.tables import CENSORED
from warehouse.translation import mark, t

MEASURES = {"level": mark("Level"), "change": mark("Change")}
WITHHELD, NOTHING = "×", "·"
# From here on a change is called more than noise.
NOTABLE = 2.0
TILE_HEIGHT = 46
# Letters that fit a tile at 390 pixels, by how many tiles are side by side.
LETTERS = {11: 11, 16: 8}
# Opaque, so that the text on it is readable in light and dark.
UNKNOWN = "#B5B5B5"
# Fewer columns would make tiles as wide as a hand.
FEWEST_COLUMNS = 6


@dataclass(frozen=True, kw_only=True)
class Map:
    """The places of a map; those of its kind that are on no map are in `beside`."""

    places: tuple[str, ...]
    beside: tuple[str, ...]
    geo_type: str


def maps_of(publication: data.Publication) -> dict[str, Map]:
    """`nation`, or the code of a nation whose regions can be drawn → its places; most places first.

    None of fewer than three places.
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    for kind, value in sorted(publication.places):
        if kind == "nation":
            groups.setdefault("nation", (kind, []))[1].append(value)
        if kind == "region":
            groups.setdefault(value[:2].upper(), (kind, []))[1].append(value)
    known = {name: (kind, tiles.known(values)) for name, (kind, values) in groups.items()}
    drawn = {name: item for name, item in known.items() if len(item[1]) >= tiles.FEWEST}
    on_one = {(kind, code) for kind, codes in drawn.values() for code in codes}
    return {
        name: Map(
            places=tuple(codes),
            beside=tuple(sorted(code for of, code in set(publication.places) - on_one if of == kind)),
            geo_type=kind,
        )
        for name, (kind, codes) in sorted(drawn.items(), key=lambda pair: (-len(pair[1][1]), pair[0]))
    }


def label(publication: data.Publication, *, name: str) -> str:
    """What a map is called."""
    if name == "nation":
        return t("Nations")
    called = next((text for (kind, code), text in publication.places.items()
                   if kind == "nation" and code.upper() == name), name)  # fmt: skip
    return t("Regions of {nation}", nation=called)


def cells(changes: pl.DataFrame, *, drawn: Map, publication: data.Publication, measure: str) -> pl.DataFrame:
    """A row per place of the map, in reading order: row, column, code, place, z, text, note; z is null where unknown.

    `changes` are the rows of one signal.
    """
    here = changes.filter(pl.col("geo_type") == drawn.geo_type)
    rows = {row["geo_value"]: row for row in here.iter_rows(named=True)}
    told = [
        _cell(rows.get(code), code=code, tile=tile, drawn=drawn, publication=publication, measure=measure)
        for code, tile in tiles.assigned(drawn.places).items()
    ]
    return pl.DataFrame(told, schema_overrides={"z": pl.Float64}, infer_schema_length=None).sort(
        "row", "column"
    )


def _cell(
    row: dict[str, Any] | None,
    *,
    code: str,
    tile: tiles.Tile,
    drawn: Map,
    publication: data.Publication,
    measure: str,
) -> dict[str, Any]:
    fixed = {"row": tile[0], "column": tile[1], "code": _short(code)}
    fixed |= {"place": publication.place(drawn.geo_type, code)}
    if row is None:
        return fixed | {"z": None, "text": NOTHING, "note": t("nothing is published for this week")}
    statistic = publication.statistic(row["signal"])
    note = cards.cell_note(row, statistic=statistic)
    if row["value"] is None:
        text = WITHHELD if row["missing_value"] == CENSORED else NOTHING
        return fixed | {"z": None, "text": text, "note": note}
    shown = row["value" if measure == "level" else "change"]
    return fixed | {
        "z": row["z"],
        "note": note,
        "text": _figure(shown, statistic=statistic, signed=measure == "change"),
    }


def _short(code: str) -> str:
    return code.upper().rpartition("-")[2]


def _figure(value: float | None, *, statistic: str, signed: bool) -> str:
    """At most five letters: shares in percent or points without the sign for it."""
    if value is None:
        return words.NOTHING
    size = value * 100 if statistic == "share" else value
    decimals = 0 if statistic == "count" else 1 if statistic == "share" or abs(size) >= 10 else 2
    return (
        translation.signed(size, decimals=decimals) if signed else translation.number(size, decimals=decimals)
    )


def figure(frame: pl.DataFrame) -> go.Figure:
    """The map from its cells. A change that is more than noise has an arrow, so that colour is not needed."""
    columns = max(frame["column"].to_list(), default=0) + 1
    rows = max(frame["row"].to_list(), default=0) + 1
    judged = frame.filter(pl.col("z").is_not_null())
    drawn = go.Figure()
    drawn.add_trace(_tiles(judged, size=(rows, columns), judged=True))
    drawn.add_trace(_tiles(frame.filter(pl.col("z").is_null()), size=(rows, columns), judged=False))
    drawn.update_xaxes(visible=False, range=[-0.5, max(columns, FEWEST_COLUMNS) - 0.5])
    drawn.update_yaxes(visible=False, range=[rows - 0.5, -0.5])
    charts.finished(drawn, height=TILE_HEIGHT * rows + 76)
    return drawn.update_layout(margin={"l": 0, "r": 0, "t": 4, "b": 0})


def _tiles(frame: pl.DataFrame, *, size: tuple[int, int], judged: bool) -> go.Heatmap:
    """Tiles with a colour for their change, or grey ones for those whose change is not known."""
    rows, columns = size
    grid: list[list[dict[str, Any] | None]] = [[None] * columns for _ in range(rows)]
    for cell in frame.iter_rows(named=True):
        grid[cell["row"]][cell["column"]] = cell
    scale = {"colorscale": DIVERGING, "zmin": -MAX_Z, "zmax": MAX_Z, "colorbar": _colour_bar()}
    grey = {"colorscale": [[0, UNKNOWN], [1, UNKNOWN]], "showscale": False}
    letters = next(size for most, size in LETTERS.items() if columns <= most)
    return go.Heatmap(
        z=[[_z(cell, judged=judged) for cell in row] for row in grid],
        text=[[_text(cell) for cell in row] for row in grid],
        customdata=[[_hover(cell) for cell in row] for row in grid],
        texttemplate="%{text}",
        textfont={"size": letters},
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
        xgap=2,
        ygap=2,
        **(scale if judged else grey),
    )


def _z(cell: dict[str, Any] | None, *, judged: bool) -> float | None:
    if cell is None:
        return None
    return cell["z"] if judged else 0.0


def _text(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return ""
    arrow = "" if cell["z"] is None or abs(cell["z"]) < NOTABLE else "▲" if cell["z"] > 0 else "▼"
    return f"<b>{words.chart_text(cell['code'])}</b>{arrow}<br>{cell['text']}"


def _hover(cell: dict[str, Any] | None) -> str:
    return f"{words.chart_text(cell['place'])}<br>{words.chart_text(cell['note'])}" if cell else ""


def _colour_bar() -> dict[str, Any]:
    title = {"text": t("Change in standard errors"), "side": "top", "font": {"size": 11}}
    return {
        "orientation": "h", "thickness": 8, "len": 0.6, "y": 0, "yanchor": "top", "x": 0.5, "title": title,
        "tickvals": [-4, -2, 0, 2, 4], "ticktext": ["−4", "−2", "0", "+2", "+4"],
    }  # fmt: skip
