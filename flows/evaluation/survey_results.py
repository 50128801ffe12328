"""Agreement with surveys as rows of `out.survey_validity`: the shipped ones, the kept ones, and a new one as lines.

Measures nothing itself. The shipped rows (`survey_results.csv`, made by `benchmarks/survey_validity.py`) are about
other people's series: they say what such signals can do, not how good the user's are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from warehouse.errors import InputError
from warehouse.tables import TABLES, empty
from warehouse.tables.out import SURVEY_COMPARISON

if TYPE_CHECKING:
    from forecasting.validity import Assessment

TABLE = TABLES["out.survey_validity"]
SHIPPED = Path(__file__).parent / "survey_results.csv"
KEPT_NAME = "survey_validity.csv"
TITLES = {
    "pearson": "Pearson", "spearman": "Spearman", "last_value": "the survey's own last value",
    "trend": "a straight line in time", "pearson_beyond_last_value": "beyond the last value",
    "pearson_beyond_trend": "beyond a straight line", "noise_ceiling": "ceiling from sampling error",
    "pearson_corrected": "Pearson over the ceiling", "strongest_lag": "strongest of all lags",
    "chosen_lag": "lag chosen here", "pearson_at_chosen_lag": "Pearson at the chosen lag",
    "error_against_first_mean": "error over that of the first part's mean",
    "error_against_last_value": "error over that of the survey's last value",
    "error_against_trend": "error over that of the first part's line in time",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What was compared with what."""

    survey: str
    signal: str
    item: str = "all"
    group: str = "all"
    origin: Literal["shipped", "file", "warehouse"] = "file"
    population: str = "all"
    geo_type: str = "none"
    geo_value: str = "none"


def as_rows(found: Assessment, *, compared: Compared, time_type: str) -> pl.DataFrame:
    """The figures with the names of what they are about, by the contract."""
    names = [pl.lit(value).alias(name) for name, value in asdict(compared).items()]
    rows = found.rows.with_columns(*names, time_type=pl.lit(time_type))
    return rows.select(TABLE.columns).cast(empty(TABLE).schema)


def published_rows(folder: Path) -> pl.DataFrame:
    """What a run publishes: the kept results, and the shipped ones."""
    kept = folder / KEPT_NAME
    frames = [read_results(path) for path in (SHIPPED, kept) if path.is_file()]
    return pl.concat(frames) if frames else empty(TABLE)


def keep_results(rows: pl.DataFrame, *, folder: Path) -> Path:
    """Put rows into the folder's file, in the place of all earlier ones of the same comparison."""
    path = folder / KEPT_NAME
    before = read_results(path) if path.is_file() else rows.clear()
    folder.mkdir(parents=True, exist_ok=True)
    write_results(pl.concat([before.join(rows, on=SURVEY_COMPARISON, how="anti"), rows]), path=path)
    return path


def read_results(path: Path) -> pl.DataFrame:
    """A file of such rows; `InputError` where it is something else."""
    schema = empty(TABLE).schema
    plain = {name: pl.String if isinstance(kind, pl.Enum) else kind for name, kind in schema.items()}
    try:
        frame = pl.read_csv(path, schema_overrides=plain, try_parse_dates=True)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({type(error).__name__}). Remove it and evaluate again with --keep."
        ) from error
    if frame.columns != list(schema):
        raise InputError(
            f"{path}: has the columns {', '.join(frame.columns)}. Expected {', '.join(schema)}. "
            "Remove it and evaluate again with --keep."
        )
    try:
        return frame.cast(schema)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{path}: has values that its columns do not allow. Remove it and evaluate again with --keep."
        ) from error


def write_results(rows: pl.DataFrame, *, path: Path) -> None:
    """Write beside and rename."""
    beside = path.with_name(f".{path.name}.part")
    rows.sort(TABLE.key).write_csv(beside, float_precision=4)
    beside.replace(path)


# ------------------------------------------------------------------------------------------- in words


def report(rows: pl.DataFrame) -> Iterator[str]:
    """What a person reads: both parts and the whole, levels and changes, each figure with its interval and n."""
    unit = {"week": "weeks", "day": "days"}[rows["time_type"][0]]
    for part, title in (("all", "all"), ("first", "first part"), ("second", "second part")):
        for of in ("level", "change"):
            own = rows.filter(pl.col("part") == part, pl.col("of") == of)
            if own.height:
                yield f"{title}, {of}s, {own['first_day'][0]} to {own['last_day'][0]}"
                yield from (f"  {_figure(row, unit=unit)}" for row in own.iter_rows(named=True))


def _figure(row: dict[str, object], *, unit: str) -> str:
    text = f"{TITLES.get(str(row['statistic']), row['statistic'])}: {row['value']:.2f}"
    if row["low"] is not None:
        text += f" [{row['low']:.2f}, {row['high']:.2f}]"
    if "lag" in str(row["statistic"]):
        text += f", {_lag(int(str(row['lag'])), unit=unit)}"
    if row["p_value"] is not None:
        text += f", p = {row['p_value']:.3f} over all lags"
    effective = "" if row["n_effective"] is None else f", worth {row['n_effective']:.0f}"
    return f"{text} (n = {row['n']:,}{effective})"


def _lag(lag: int, *, unit: str) -> str:
    if lag == 0:
        return "same period"
    return f"signal {abs(lag)} {unit} {'ahead' if lag > 0 else 'behind'}"
