"""A survey file and a signal's file, read and checked; which days each survey period is about.

Not for putting the two together (`survey_grid`), and not for guessing: which days a weekly survey's date stands for
must be said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from flows.files import numbers, read_table, rename, require
from warehouse.errors import InputError, UsageError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# The same share of days as makes a published week.
ENOUGH_DAYS = 0.8
EVERYTHING = "all"
Unit = Literal["auto", "share", "percent"]
Every = Literal["day", "week"]


@dataclass(frozen=True, kw_only=True)
class SurveySpec:
    """How a survey file is to be read.

    `ends`: the weekday (0 Monday … 6 Sunday) on which the week that holds a survey's date ends. `fieldwork`: instead,
    the first and last day asked about, relative to the date. `every`: week to pool a daily survey. `design_effect`
    multiplies p(1 − p)/n where there is no se. `reach`: the longest lead or lag, in periods.
    """

    item: str | None = None
    group: str | None = None
    unit: Unit = "auto"
    ends: int | None = None
    fieldwork: tuple[int, int] | None = None
    every: Every | None = None
    design_effect: float = 1.0
    reach: int | None = None


@dataclass(frozen=True, kw_only=True)
class Survey:
    """One row per survey period: `end` (last day asked about), `value` (share), `variance`; `length` days each."""

    rows: pl.DataFrame
    length: int
    time_type: Every
    notes: tuple[str, ...]


# ------------------------------------------------------------------------------------------- reading


def own_columns(columns: dict[str, str], *, file: Literal["survey", "signal"]) -> dict[str, str]:
    """Of `--columns`, those of one file: `survey.value=pct` is the survey's, a name without a dot is both files'."""
    parts = {name: name.partition(".") for name in columns}
    wrong = [name for name, (owner, dot, _) in parts.items() if dot and owner not in ("survey", "signal")]
    if wrong:
        raise UsageError(
            f"--columns: {wrong[0]}: expected survey.NAME=COLUMN, signal.NAME=COLUMN or NAME=COLUMN."
        )
    shared = {name: columns[name] for name, (_, dot, _) in parts.items() if not dot}
    return shared | {
        inner: columns[name] for name, (owner, dot, inner) in parts.items() if dot and owner == file
    }


def read_signal(path: Path, *, columns: dict[str, str]) -> pl.DataFrame:
    """`time_value, value[, n]` of a plain series, sorted; `InputError` where it cannot be used."""
    frame = _read(path, columns=columns)
    frame = _dated(numbers(frame, names=["value", "n"], path=path), path=path)
    if "n" not in frame.columns:
        frame = frame.with_columns(n=pl.lit(None, pl.Float64))
    signal = frame.select("time_value", _finite("value"), _finite("n"))
    _refuse(
        signal, pl.col("n") <= 0, path=path, column="n", expected="sample sizes above 0, or an empty cell"
    )
    _refuse_repeats(
        signal, path=path, hint="Keep one series; a file with several needs to be filtered first."
    )
    return signal.sort("time_value")


def read_survey(path: Path, *, columns: dict[str, str], spec: SurveySpec) -> Survey:
    """The chosen item and group of a survey, as shares with their sampling variance, one row per period."""
    frame = _read(path, columns=columns)
    frame = _chosen(frame, name="item", wanted=spec.item, path=path)
    frame = _chosen(frame, name="group", wanted=spec.group, path=path)
    frame = _dated(numbers(frame, names=["value", "n", "se"], path=path), path=path)
    absent = [pl.lit(None, pl.Float64).alias(name) for name in ("n", "se") if name not in frame.columns]
    frame = frame.with_columns(absent).select("time_value", *[_finite(name) for name in ("value", "n", "se")])
    _refuse_repeats(frame, path=path, hint="Choose one series with --item and --survey-group.")
    _refuse(frame, pl.col("n") <= 0, path=path, column="n", expected="sample sizes above 0, or an empty cell")
    _refuse(frame, pl.col("se") < 0, path=path, column="se", expected="errors of 0 or more, or an empty cell")
    shares, unit_note = _as_shares(frame, unit=spec.unit, path=path)
    with_variance, notes = _with_variance(shares, design_effect=spec.design_effect)
    survey = _periods(with_variance.sort("time_value"), spec=spec, path=path)
    return replace(survey, notes=(unit_note, *notes, *survey.notes))


def _read(path: Path, *, columns: dict[str, str]) -> pl.DataFrame:
    """A name that both files share need not be in both; what is missing then is said by `require`."""
    frame = read_table(path)
    frame = rename(frame, columns={n: c for n, c in columns.items() if c in frame.columns}, path=path)
    require(frame, names=["time_value", "value"], path=path)
    if not frame.height:
        raise InputError(f"{path}: has a header and no rows. Expected one row per day or week.")
    wrong = [n for n in ("value", "n", "se") if n in frame.columns and not _numeric(frame.schema[n])]
    if wrong:
        raise InputError(f"{path}: column {wrong[0]} is {frame.schema[wrong[0]]}. Expected numbers.")
    return frame


def _numeric(kind: pl.DataType) -> bool:
    return kind.is_numeric() or kind in (pl.String, pl.Null)


def _finite(name: str) -> pl.Expr:
    value = pl.col(name).cast(pl.Float64)
    return pl.when(value.is_finite()).then(value).alias(name)


def _dated(frame: pl.DataFrame, *, path: Path) -> pl.DataFrame:
    column = frame["time_value"]
    text = column.cast(pl.String, strict=False).str.strip_chars().str.slice(0, 10)
    days = text.str.to_date("%Y-%m-%d", strict=False)
    wrong = days.is_null().arg_true()
    if wrong.len():
        raise InputError(
            f"{path}: column time_value: {wrong.len()} of {frame.height} rows have no date, the first in row "
            f"{wrong[0] + 1} of those used. Expected YYYY-MM-DD in every row."
        )
    return frame.with_columns(days.alias("time_value"))


def _chosen(
    frame: pl.DataFrame, *, name: Literal["item", "group"], wanted: str | None, path: Path
) -> pl.DataFrame:
    """The rows of one item or group. Where there are several, one must be named."""
    option = "--item" if name == "item" else "--survey-group"
    if name not in frame.columns:
        if wanted is not None:
            raise InputError(
                f"{path}: no column {name} for {option}. Name it with --columns survey.{name}=COLUMN."
            )
        return frame
    there = frame[name].cast(pl.String).drop_nulls().unique().sort()
    known = ", ".join(there.head(30)) + (", …" if there.len() > 30 else "")
    if wanted is None and there.len() > 1:
        raise UsageError(f"{path}: holds {there.len()} values of {name}. Choose one with {option}: {known}.")
    if wanted is not None and wanted not in there:
        raise UsageError(f"{option}: {path} has no {name} '{wanted}'. It has: {known}.")
    return frame.filter(pl.col(name).cast(pl.String) == (wanted if wanted is not None else there[0]))


def _refuse(frame: pl.DataFrame, bad: pl.Expr, *, path: Path, column: str, expected: str) -> None:
    count = frame.filter(bad).height
    if count:
        raise InputError(
            f"{path}: column {column}: {count} of {frame.height} rows are wrong. Expected {expected}."
        )


def _refuse_repeats(frame: pl.DataFrame, *, path: Path, hint: str) -> None:
    repeats = frame.height - frame["time_value"].n_unique()
    if repeats:
        raise InputError(
            f"{path}: {repeats} of {frame.height} rows repeat a date. Expected one row per date. {hint}"
        )


def _as_shares(frame: pl.DataFrame, *, unit: Unit, path: Path) -> tuple[pl.DataFrame, str]:
    largest, smallest = frame["value"].max(), frame["value"].min()
    if largest is None or smallest is None:
        raise InputError(
            f"{path}: column value is empty in all {frame.height} rows used. Expected shares or percent."
        )
    found = unit if unit != "auto" else ("share" if float(largest) <= 1.0 else "percent")  # type: ignore[arg-type]
    top = 1.0 if found == "share" else 100.0
    _refuse(
        frame, (pl.col("value") < 0) | (pl.col("value") > top), path=path, column="value",
        expected=f"values from 0 to {top:g}, because they are read as {found} (--survey-unit says which they are)",
    )  # fmt: skip
    scaled = frame.with_columns(pl.col("value") / top, pl.col("se") / top)
    return scaled, f"survey values read as {found}"


def _with_variance(frame: pl.DataFrame, *, design_effect: float) -> tuple[pl.DataFrame, list[str]]:
    """From se, else p(1 − p)/n times the design effect, and what rounding adds; null where neither is there."""
    drawn = pl.col("value") * (1 - pl.col("value")) / pl.col("n") * design_effect
    step = _rounding(frame["value"].drop_nulls())
    sampling = pl.coalesce(pl.col("se") ** 2, drawn) + step**2 / 12
    out = frame.with_columns(sampling.alias("variance"))
    counted = frame["se"].null_count() == frame.height and frame["n"].null_count() < frame.height
    notes = [f"sampling error from n with a design effect of {design_effect:g}"] if counted else []
    if step and out["variance"].null_count() < out.height:
        notes.append(f"survey values are rounded to {step * 100:g} %: that counts as error too")
    return out, notes


def _rounding(values: pl.Series) -> float:
    """The step, as a share, that all values are multiples of; 0 where it is finer than a tenth of a percent."""
    for step in (0.01, 0.005, 0.001):
        parts = values / step
        if ((parts - parts.round()).abs() < 1e-6).all():
            return step
    return 0.0


# ------------------------------------------------------------------------------------------- periods


def _periods(rows: pl.DataFrame, *, spec: SurveySpec, path: Path) -> Survey:
    found = spacing(rows["time_value"], what=f"{path}: the survey", far=10)
    if spec.ends is not None and spec.fieldwork is not None:
        raise UsageError("--survey-ends and --fieldwork: give one of them.")
    if spec.every == "day" and found == "week":
        raise UsageError(f"--every day: {path} is weekly. Leave the option out.")
    if found == "day" and spec.every != "week":
        return _by_fieldwork(rows, fieldwork=spec.fieldwork or (0, 0), time_type="day", spec=spec)
    if spec.ends is None and (spec.fieldwork is None or found == "day"):
        more = "" if found == "day" else ", or --fieldwork FROM:TO for the days that were asked about"
        raise UsageError(
            f"{path}: a weekly comparison must say which days a week holds: --survey-ends WEEKDAY for the seven days "
            f"that end on that weekday, on or after the file's date{more}."
        )
    if spec.fieldwork is not None:
        return _by_fieldwork(rows, fieldwork=spec.fieldwork, time_type="week", spec=spec)
    return _by_weekday(rows, pooled=found == "day", spec=spec, path=path)


def spacing(days: pl.Series, *, what: str, far: int) -> Every:
    """Daily or weekly, by the usual distance of two dates that follow each other."""
    gaps = days.sort().diff().drop_nulls().dt.total_days()
    usual = gaps.median()
    if not isinstance(usual, float) or not (usual == 1.0 or 5.0 <= usual <= far):
        raise InputError(
            f"{what} has dates a median of {usual!s} days apart. Expected daily or weekly values, at least two of them."
        )
    return "day" if usual == 1.0 else "week"


def _by_fieldwork(
    rows: pl.DataFrame, *, fieldwork: tuple[int, int], time_type: Every, spec: SurveySpec
) -> Survey:
    first, last = fieldwork
    if spec.ends is not None:
        raise UsageError("--survey-ends: only for weeks. Add --every week to pool a daily survey into weeks.")
    ends = rows.select((pl.col("time_value") + pl.duration(days=last)).alias("end"), "value", "variance")
    weekdays = ends["end"].dt.weekday().n_unique()
    if time_type == "week" and weekdays > 1:
        raise InputError(
            f"the survey's dates fall on {weekdays} weekdays. Expected one; or use --survey-ends WEEKDAY."
        )
    note = f"window: day {first:+d} to day {last:+d} of each survey date"
    return Survey(rows=ends, length=last - first + 1, time_type=time_type, notes=(note,))


def _by_weekday(rows: pl.DataFrame, *, pooled: bool, spec: SurveySpec, path: Path) -> Survey:
    assert spec.ends is not None
    ahead = (spec.ends + 1 - pl.col("time_value").dt.weekday()) % 7
    ends = rows.with_columns(end=pl.col("time_value") + pl.duration(days=ahead)).filter(
        pl.col("value").is_not_null()
    )
    if not pooled and ends["end"].n_unique() < ends.height:
        raise InputError(
            f"{path}: {ends.height - ends['end'].n_unique()} surveys share a week that ends on "
            f"{WEEKDAYS[spec.ends].capitalize()}. Expected one a week; choose another --survey-ends."
        )
    weight = pl.col("n").fill_null(1.0)
    mean = (weight * pl.col("value")).sum() / weight.sum()
    # One day of unknown error makes the week's unknown.
    variance = pl.when(pl.col("variance").is_not_null().all()).then(
        (weight**2 * pl.col("variance")).sum() / weight.sum() ** 2
    )
    enough = pl.len() >= (np.ceil(ENOUGH_DAYS * 7) if pooled else 1)
    weeks = (
        ends.group_by("end")
        .agg(pl.when(enough).then(mean).alias("value"), variance.alias("variance"))
        .sort("end")
    )
    short = weeks["value"].null_count()
    note = f"window: the seven days that end on the {WEEKDAYS[spec.ends].capitalize()} on or after each survey date"
    notes = (
        (note, f"survey days pooled by n; {short} weeks with fewer than 6 of 7 days are gaps")
        if pooled
        else (note,)
    )
    return Survey(rows=weeks, length=7, time_type="week", notes=notes)
