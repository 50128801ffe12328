"""One comparison of a signal with a survey, from files or a warehouse to rows.

Not for the statistics (`forecasting.validity`), nor for windows and grids (`survey`, `survey_grid`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from flows.evaluation.survey import EVERYTHING, Survey, SurveySpec, own_columns, read_signal, read_survey
from flows.evaluation.survey_grid import align
from flows.evaluation.survey_results import Compared, as_rows
from forecasting.validity import Spec, assess
from warehouse.config import Config
from warehouse.errors import InputError, UsageError
from warehouse.opening import exists, name_of
from warehouse.store import open_store
from warehouse.tables import TABLES
from warehouse.vintages import latest

# A day series that is published less often than this is better compared by its weeks.
WEEKLY_BELOW = 0.8
_NULLED = ("low", "high", "p_value", "n_effective", "block")


@dataclass(frozen=True, kw_only=True)
class StoredSignal:
    """A series of `out.signals`."""

    signal: str
    population: str = "all"
    geo_type: str = "all"
    geo_value: str = "all"


@dataclass(frozen=True, kw_only=True)
class SurveyRequest:
    """What to compare: a survey file with a signal's file (`signal_file`) or with a stored series (`stored`)."""

    survey: Path
    name: str
    reading: SurveySpec
    spec: Spec
    columns: dict[str, str] = field(default_factory=dict)
    signal_file: Path | None = None
    signal_name: str | None = None
    stored: StoredSignal | None = None


@dataclass(frozen=True, kw_only=True)
class SurveyFound:
    """`rows` as in `out.survey_validity`; `by_lag`: r and n of every lag; `notes`: how it was done."""

    rows: pl.DataFrame
    by_lag: pl.DataFrame
    notes: list[str]

    def all_rows(self) -> pl.DataFrame:
        """The figures and then every lag, as `pearson_by_lag`."""
        rows = self.rows.with_columns(pl.col(pl.Enum).cast(pl.String))
        whole = rows.filter(pl.col("part") == "all").drop("statistic", "lag", "value", "n", *_NULLED)
        lags = self.by_lag.drop_nulls("value").with_columns(pl.lit("pearson_by_lag").alias("statistic"))
        about = whole.unique("of", keep="first", maintain_order=True)
        return pl.concat([rows, lags.join(about, on="of")], how="diagonal")


def compare(request: SurveyRequest, *, config: Config) -> SurveyFound:
    """Read both, put them on one grid, judge. `InputError` or `UsageError` says what does not fit."""
    _refuse_unknown(request)
    survey = read_survey(
        request.survey, columns=own_columns(request.columns, file="survey"), spec=request.reading
    )
    names = {
        "survey": request.name,
        "item": request.reading.item or EVERYTHING,
        "group": request.reading.group or EVERYTHING,
    }
    notes: list[str] = []
    if request.signal_file is not None:
        signal = read_signal(request.signal_file, columns=own_columns(request.columns, file="signal"))
        called = request.signal_name or request.signal_file.name.split(".")[0]
        compared = Compared(signal=called, origin="file", **names)
    else:
        assert request.stored is not None
        stored = request.stored
        signal, notes = _stored(stored, survey=survey, config=config)
        compared = Compared(
            signal=stored.signal, origin="warehouse", population=stored.population, geo_type=stored.geo_type,
            geo_value=stored.geo_value, **names,
        )  # fmt: skip
    aligned = align(survey, signal, reach=request.reading.reach)
    found = assess(aligned.pair, spec=request.spec)
    rows = as_rows(found, compared=compared, time_type=survey.time_type)
    return SurveyFound(rows=rows, by_lag=found.by_lag, notes=[*notes, *aligned.notes, *found.notes])


def _refuse_unknown(request: SurveyRequest) -> None:
    """Every column that `--columns` names must be used by a file."""
    known = {"time_value", "value", "n", "se", "item", "group"}
    wrong = [name for name in request.columns if name.rpartition(".")[2] not in known]
    if wrong:
        raise UsageError(
            f"--columns: '{wrong[0]}' is no column of a survey. Expected {', '.join(sorted(known))}."
        )


def _stored(stored: StoredSignal, *, survey: Survey, config: Config) -> tuple[pl.DataFrame, list[str]]:
    """The newest issue of every period; days, unless a weekly survey's signal is published on too few of them."""
    path = config.paths.warehouse
    if not exists(path, config=config.warehouse):
        name = name_of(path, config=config.warehouse)
        raise InputError(
            f"{name}: no such warehouse. Run `affectcast nightly` first, or give --signal-file FILE."
        )
    where = "signal = ? AND population = ? AND geo_type = ? AND geo_value = ?"
    wanted: list[object] = [stored.signal, stored.population, stored.geo_type, stored.geo_value]
    with open_store(path, config=config.warehouse) as store:
        rows = latest(store.read(TABLES["out.signals"], where=where, parameters=wanted)).drop_nulls("value")
        if rows.is_empty():
            found = store.query("SELECT DISTINCT signal FROM out.signals WHERE value IS NOT NULL ORDER BY 1")[
                "signal"
            ]
            raise UsageError(
                f"out.signals has no published value of signal '{stored.signal}' for population {stored.population} in "
                f"{stored.geo_type} {stored.geo_value}. Signals there: {', '.join(found.head(20)) or 'none'}."
            )
    time_type = _time_type(rows, survey=survey)
    series = rows.filter(pl.col("time_type") == time_type)
    if series.is_empty():
        raise InputError(
            f"signal '{stored.signal}' is not published by {survey.time_type}, as the survey is. Compare weeks: "
            "--every week --survey-ends WEEKDAY."
        )
    signal = series.select("time_value", "value", pl.col("sample_size").cast(pl.Float64).alias("n"))
    note = f"signal: {series.height:,} published {time_type}s, the newest issue of each"
    return signal.sort("time_value"), [note]


def _time_type(rows: pl.DataFrame, *, survey: Survey) -> str:
    days = rows.filter(pl.col("time_type") == "day")["time_value"]
    if survey.time_type == "day" or survey.length != 7 or days.is_empty():
        return "day" if days.len() or survey.time_type == "day" else "week"
    span = days.max() - days.min()  # type: ignore[operator]
    return "day" if days.len() >= WEEKLY_BELOW * (span.days + 1) else "week"  # type: ignore[union-attr]
