"""Finds a publication, opens it and cuts frames from it. With `files.py` the only reader of the published folder.

Not for drawing, and not for deciding what a number means in words.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import polars as pl

from dashboard import files, skill, words
from warehouse import translation
from warehouse.errors import InputError
from warehouse.main_model import SERIES, main_models, newest
from warehouse.tables import PUBLISHED
from warehouse.translation import mark, t

POINTER = "current.json"
WIDEST_FIRST = {"all": 0, "nation": 1, "region": 2, "none": 3}
WEEKLY_BELOW = 0.8
T = TypeVar("T")
MAX_LABEL = 80
EVERYWHERE = mark("All places")


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """Which publication is current. `folder` holds its Parquet files."""

    issue: dt.date
    version: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Publication:
    """One published version, shared by all users: frames are never changed in place."""

    pointer: Pointer
    tables: files.Tables
    absent: tuple[str, ...] = ()
    demo: bool = False
    help_line: str = ""
    newest_day: dt.date | None = None
    # Days between what is described and the issue; None where the manifest does not say.
    reporting_lag_days: int | None = None
    # Per language, because one publication is shared by users of all of them.
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    statistics: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` returns, made at the first call of this name for this version and kept."""
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            found: T = self._made[name]
            return found

    @property
    def signals(self) -> pl.LazyFrame:
        """Every published number."""
        return self.tables.scan("signals")

    @property
    def models(self) -> pl.DataFrame:
        """The model shown for each series that is forecast: `warehouse/main_model.py`."""
        return self.once("models", lambda: _models(self.tables))

    @property
    def issue(self) -> dt.date:
        return self.pointer.issue

    def label(self, signal: str) -> str:
        """What a signal, a measure, or what a break of the data is of is called; the bare name where nothing says."""
        labels = self.labels.get(translation.current(), self.labels.get("en", {}))
        known = labels.get(signal)
        return known or (
            words.told(words.BREAKS, signal) if signal in words.BREAKS else words.measure(signal)
        )

    def statistic(self, signal: str) -> str:
        return self.statistics.get(signal, "share")

    def unit(self, signal: str) -> str:
        return words.told(words.UNITS, self.units.get(signal, ""))

    def place(self, geo_type: str, geo_value: str) -> str:
        """What a place is called."""
        everywhere = geo_type == "all"
        label = self.places.get((geo_type, geo_value), EVERYWHERE if everywhere else geo_value)
        return t(EVERYWHERE) if everywhere and label == EVERYWHERE else label


def current(published: Path) -> Pointer:
    """Read the pointer file; `InputError` says what to run when there is nothing to show."""
    path = published / POINTER
    if not path.is_file():
        raise InputError(
            t(
                "Nothing is published in {folder} yet. Run `affectcast demo` to try it with made-up posts, or "
                "`affectcast nightly` for your own.",
                folder=str(published),
            )
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        issue, version, relative = dt.date.fromisoformat(raw["issue"]), str(raw["version"]), str(raw["path"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(files.damaged(path)) from error
    return Pointer(issue=issue, version=version, folder=_inside(published, relative=relative))


def _inside(published: Path, *, relative: str) -> Path:
    folder = (published / relative).resolve()
    if not folder.is_relative_to(published.resolve()):
        raise InputError(
            t(
                "{file} points outside {folder}. Run `affectcast publish` again.",
                file=str(published / POINTER), folder=str(published),
            )
        )  # fmt: skip
    if not folder.is_dir():
        raise InputError(
            t(
                "{folder} is missing, though {file} names it. Run `affectcast publish` again.",
                folder=str(folder), file=POINTER,
            )
        )  # fmt: skip
    return folder


def load(pointer: Pointer) -> Publication:
    """Open every table of a publication; a table that is absent is empty and listed in `absent`."""
    manifest = files.manifest(pointer.folder)
    tables = files.Tables(pointer.folder)
    catalogue, places = tables["signal_catalogue"], tables["places"]
    return Publication(
        pointer=pointer,
        tables=tables,
        absent=tuple(name for name in PUBLISHED if not files.path_of(pointer.folder, name=name).is_file()),
        demo=manifest.get("demo") is True,
        help_line=str(manifest.get("help_line", "")),
        newest_day=_newest_day(tables.scan("signals")),
        reporting_lag_days=_whole(manifest.get("reporting_lag_days")),
        labels={
            code: _distinct(dict(catalogue.select("signal", f"label_{code}").iter_rows()))
            for code in translation.LANGUAGES
            if f"label_{code}" in catalogue.columns
        },
        statistics=dict(catalogue.select("signal", "statistic").iter_rows()),
        units=dict(catalogue.select("signal", "unit").iter_rows()),
        places=_place_labels(places),
    )


def _models(tables: files.Tables) -> pl.DataFrame:
    """From the medians alone, one row of many of every forecast."""
    medians = tables.scan("forecasts").filter(pl.col("output_type_id") == 0.5)
    known = medians.select(*SERIES, "model_id", "reference_date").unique().collect()
    return main_models(newest(known), choices=tables["model_choice"])


def _place_labels(places: pl.DataFrame) -> dict[tuple[str, str], str]:
    rows = places.select("geo_type", "geo_value", "label").rows()
    named = _distinct({f"{kind}:{value}": label for kind, value, label in rows})
    return {(kind, value): named[f"{kind}:{value}"] for kind, value, _ in rows}


def _distinct(labels: dict[str, str]) -> dict[str, str]:
    """Labels of one short line; two things with the same label get their codes, so neither hides the other."""
    short = {code: words.shortened(label, most=MAX_LABEL) for code, label in labels.items()}
    uses = Counter(short.values())
    return {code: f"{label} ({code})" if uses[label] > 1 else label for code, label in short.items()}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _newest_day(signals: pl.LazyFrame) -> dt.date | None:
    last = signals.filter(pl.col("value").is_not_null()).select(pl.col("time_value").max()).collect().item()
    return last if isinstance(last, dt.date) else None


# -------------------------------------------------------------------------------------------- signals


@dataclass(frozen=True, kw_only=True)
class Series:
    """What identifies one timeline."""

    signal: str
    geo_type: str = "all"
    geo_value: str = "all"
    population: str = "all"
    time_type: str = "week"

    @property
    def place(self) -> str:
        return f"{self.geo_type}:{self.geo_value}"


def timeline(publication: Publication, *, series: Series) -> pl.DataFrame:
    """Every published period of one series in order; suppressed periods are there with a null value."""
    return (
        publication.signals.filter(
            pl.col("signal") == series.signal,
            pl.col("geo_type") == series.geo_type,
            pl.col("geo_value") == series.geo_value,
            pl.col("population") == series.population,
            pl.col("time_type") == series.time_type,
        )
        .sort("time_value", "issue")
        .unique("time_value", keep="last", maintain_order=True)
        .collect()
    )


def inventory(publication: Publication) -> pl.DataFrame:
    """Which series exist: one row per signal, population, place and time type, with how much is published.

    `published_share` is the share of the periods between its first and last that have a value.
    """
    return publication.once("inventory", lambda: _inventory(publication))


def _inventory(publication: Publication) -> pl.DataFrame:
    key = ["signal", "population", "geo_type", "geo_value", "time_type"]
    days = (pl.col("time_value").max() - pl.col("time_value").min()).dt.total_days()
    step = pl.when(pl.col("time_type") == "week").then(7).otherwise(1)
    return (
        publication.signals.group_by(key)
        .agg(
            pl.col("value").is_not_null().sum().alias("published"),
            pl.col("value_corrected").is_not_null().any().alias("has_corrected"),
            days.alias("days"),
            pl.col("time_value").max().alias("last"),
        )
        .with_columns((pl.col("published") / (pl.col("days") // step + 1)).alias("published_share"))
        .sort(key)
        .collect()
    )


def newest_periods(publication: Publication) -> dict[str, dt.date]:
    """Time type → the newest period that has a row at all, published or withheld."""

    def found() -> dict[str, dt.date]:
        newest = publication.signals.group_by("time_type").agg(pl.col("time_value").max())
        return dict(newest.collect().iter_rows())

    return publication.once("newest_periods", found)


def default_time_type(inventory: pl.DataFrame, *, series: Series) -> str:
    """Weekly where days are too patchy to read, or where there are no days; otherwise daily."""
    rows = inventory.filter(
        pl.col("signal") == series.signal,
        pl.col("geo_type") == series.geo_type,
        pl.col("geo_value") == series.geo_value,
        pl.col("population") == series.population,
    )
    shares = dict(rows.select("time_type", "published_share").iter_rows())
    if "week" not in shares:
        return "day"
    return "week" if shares.get("day", 0.0) < WEEKLY_BELOW else "day"


def places_of(frame: pl.DataFrame, *, publication: Publication, column: str = "geo_value") -> dict[str, str]:
    """`geo_type:geo_value` → label for the places in a frame, widest first."""
    rows = frame.select("geo_type", column).unique().rows()
    ordered = sorted(rows, key=lambda row: (WIDEST_FIRST.get(row[0], 9), publication.place(*row)))
    return {f"{kind}:{value}": publication.place(kind, value) for kind, value in ordered}


def signals_of(names: list[str], *, publication: Publication) -> dict[str, str]:
    """Signal → label: unsmoothed shares first, then the rest, each by label."""
    catalogue = publication.tables["signal_catalogue"]
    first = set(catalogue.filter(plain_share()).get_column("signal"))
    ordered = sorted(set(names), key=lambda name: (name not in first, publication.label(name), name))
    return {name: publication.label(name) for name in ordered}


def plain_share() -> pl.Expr:
    """Which rows of the catalogue are unsmoothed shares."""
    return (pl.col("smoothing") == "none") & (pl.col("statistic") == "share")


# -------------------------------------------------------------------------------------------- forecasts


def forecast_of(publication: Publication, *, series: Series) -> pl.DataFrame:
    """The newest forecast of one series by the model shown for it: one row per horizon and quantile level."""
    found = forecasts_of(publication, series=series)
    # The newest of all forecasts by this time type: a series that has none of that day is not forecast now.
    rows = found.filter(
        pl.col("reference_date")
        == pl.lit(newest_reference(publication, time_type=series.time_type), dtype=pl.Date)
    )
    return rows.sort("horizon", "output_type_id")


def forecasts_of(publication: Publication, *, series: Series) -> pl.DataFrame:
    """All forecasts of one series by the model shown for it that the publication keeps, of earlier nights too."""
    model_id = shown_model(publication, series=series) or ""
    wanted = publication.tables.scan("forecasts").filter(pl.col("model_id") == model_id, *_is(series))
    return wanted.collect()


def newest_reference(publication: Publication, *, time_type: str) -> dt.date | None:
    """The newest day that forecasts of a time type were made from."""

    def found() -> dict[str, dt.date]:
        dates = publication.tables.scan("forecasts").group_by("time_type").agg(pl.col("reference_date").max())
        return dict(dates.collect().iter_rows())

    return publication.once("newest_reference", found).get(time_type)


def _is(series: Series) -> list[pl.Expr]:
    """Which rows of a table of forecasts are about the series."""
    return [
        pl.col("target") == series.signal,
        pl.col("geo_type") == series.geo_type,
        pl.col("location") == series.geo_value,
        pl.col("population") == series.population,
        pl.col("time_type") == series.time_type,
    ]


def wide_quantiles(forecast: pl.DataFrame) -> pl.DataFrame:
    """One row per target_end_date; a column per level, named by the level as text (`0.5`)."""
    index = ["horizon", "target_end_date", "reference_date", "is_fallback", "limited_history"]
    if forecast.is_empty():
        return forecast.select(index)
    named = forecast.with_columns(pl.col("output_type_id").round(3).cast(pl.String))
    return named.pivot("output_type_id", index=index, values="value").sort("horizon")


def shown_model(publication: Publication, *, series: Series) -> str | None:
    """The model whose forecast is shown for a series; None where it is not forecast."""
    found = publication.models.filter(*_is(series)).get_column("model_id")
    return str(found[0]) if found.len() else None


def series_skill(publication: Publication) -> pl.DataFrame:
    """How every model did on every series, by task: `skill.per_series`, once per version."""
    return publication.once("series_skill", lambda: skill.per_series(publication.tables.scan("scores")))


def choice_of(publication: Publication, *, series: Series) -> dict[str, object] | None:
    """Why that model: its row of the choice, None where the publication has none for the series."""
    rows = publication.tables["model_choice"].filter(
        *_is(series), pl.col("model_id") == shown_model(publication, series=series)
    )
    return rows.row(0, named=True) if rows.height else None
