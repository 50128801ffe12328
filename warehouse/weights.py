"""Weights that make the people who post resemble the people who live there: raking to a user's margin table.

A table of one joint variable (`age_band*sex`) makes it post-stratification. Pure frames in, frames out; knows no
scores. Not for inferring who somebody is: people without a declared value are in no weighted number.

Bins of the table with fewer than `minimum_bin` people in a cell are joined with their neighbours in the table's order,
so that a cell with too few people of a kind is weighted less finely, down to not at all, and never wildly. Observed
shares are smoothed towards the population's by `smoothing_people` (adaptive binning and informed smoothing: Giorgi et
al. 2022, Correcting sociodemographic selection biases for population prediction from social media).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from warehouse.config import WeightsConfig
from warehouse.errors import InputError

LEVELS = ("all", "nation", "region")
VARIABLES = ("region", "age_band", "sex")
TABLE = {"geo_type": pl.String, "geo_value": pl.String, "variable": pl.String, "category": pl.String,
         "share": pl.Float64}  # fmt: skip
_JOINT = "*"
_ROUNDS, _CLOSE = 100, 1e-8
# A cell is weighted on what is declared of at least this share of its people.
LEAST_KNOWN = 0.5


@dataclass(frozen=True)
class Margins:
    """`table`: geo_type, geo_value, variable, category, share; shares of a place and variable sum to 1."""

    table: pl.DataFrame

    @property
    def variables(self) -> list[str]:
        """The attributes of a person that the table speaks of."""
        named = {part for name in self.table["variable"].unique() for part in name.split(_JOINT)}
        return [name for name in VARIABLES if name in named]

    def of(self, *, geo_type: str, geo_value: str) -> dict[str, tuple[list[str], np.ndarray]]:
        """variable → (categories in the table's order, their shares); empty for a place without any."""
        rows = self.table.filter((pl.col("geo_type") == geo_type) & (pl.col("geo_value") == geo_value))
        parts = rows.partition_by("variable", as_dict=True, maintain_order=True)
        return {
            str(name): (part["category"].to_list(), part["share"].to_numpy())
            for (name,), part in parts.items()
        }


def read_margins(path: Path) -> Margins:
    """A CSV file with the columns of `TABLE`.

    Raises:
        InputError: unreadable, other columns, an unknown variable, a share outside (0, 1], or shares that do not sum
            to 1 (within 0.01) for a place and variable.
    """
    try:
        table = pl.read_csv(path, schema_overrides=TABLE)
    except (OSError, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a margin table ({type(error).__name__}). Expected a CSV file with "
                         f"the columns {', '.join(TABLE)}; check [weights] margins.") from error  # fmt: skip
    if set(TABLE) - set(table.columns):
        raise InputError(f"{path}: has the columns {', '.join(table.columns)}. Expected {', '.join(TABLE)}.")
    table = table.select(list(TABLE))
    problem = _problem(table)
    if problem:
        raise InputError(f"{path}: {problem}")
    place = ["geo_type", "geo_value", "variable"]
    return Margins(table.with_columns(pl.col("share") / pl.col("share").sum().over(place)))


def _problem(table: pl.DataFrame) -> str:
    if table.is_empty():
        return "holds no rows. Expected one per place, variable and category."
    empty = table.with_row_index("line", offset=2).filter(pl.any_horizontal(pl.all().is_null()))
    if empty.height:
        return f"line {empty['line'][0]}: a field is empty. Every row needs all of {', '.join(TABLE)}."
    levels = [name for name in table["geo_type"].unique().sort() if name not in LEVELS]
    if levels:
        return f"unknown geo_type '{levels[0]}'. Expected {', '.join(LEVELS)}."
    parts = (
        table.select(pl.col("variable").str.split(_JOINT).explode(empty_as_null=False).unique().sort())
        .to_series()
        .to_list()
    )
    unknown = [name for name in parts if name not in VARIABLES]
    if unknown:
        return f"unknown variable '{unknown[0]}'. Expected {', '.join(VARIABLES)}, or some of them joined by '*'."
    numbered = table.with_row_index("line", offset=2)
    wrong = numbered.filter(~pl.col("share").is_between(0.0, 1.0, closed="right"))
    if wrong.height:
        return f"line {wrong['line'][0]}: a share of {wrong['share'][0]}. Expected more than 0 and at most 1."
    if table.select("geo_type", "geo_value", "variable", "category").is_duplicated().any():
        return "a place, variable and category stand there twice. Expected each once."
    sums = table.group_by("geo_type", "geo_value", "variable", maintain_order=True).agg(pl.col("share").sum())
    off = sums.filter((pl.col("share") - 1.0).abs() > 0.01)
    if off.height:
        row = off.row(0, named=True)
        return (f"the shares of {row['variable']} in {row['geo_type']} {row['geo_value']} sum to {row['share']:.3f}. "
                "Expected 1; include every category of the population.")  # fmt: skip
    return ""


def weighted(strata: pl.DataFrame, *, margins: Margins, config: WeightsConfig, cell: list[str],
             columns: list[str]) -> pl.DataFrame:  # fmt: skip
    """Weighted means of the cells of `strata`: the columns `cell`, `design_effect`, and per column `C_weighted` and
    `C_weighted_var` (the variance of a person, so that se = sqrt(var / n) as for the plain mean).

    `strata` has one row per cell and combination of the margins' variables: those variables (null: not declared),
    `n` people, and per column in `columns` the mean `C` and sample variance `C_var` over its people (`C_n` people,
    where only some were scored on it). Cells without margins, or with too few declared people, are left out.
    """
    rows = [
        dict(zip(cell, key, strict=True)) | made
        for key, part in strata.partition_by(cell, as_dict=True, maintain_order=True).items()
        if (made := _cell(part, margins=margins, config=config, columns=columns)) is not None
    ]
    schema = {name: strata.schema[name] for name in cell} | {"design_effect": pl.Float64()}
    schema |= {f"{name}_{what}": pl.Float64() for name in columns for what in ("weighted", "weighted_var")}
    return pl.DataFrame(rows, schema=schema)


def _cell(
    part: pl.DataFrame, *, margins: Margins, config: WeightsConfig, columns: list[str]
) -> dict[str, float] | None:
    where = margins.of(geo_type=part["geo_type"][0], geo_value=part["geo_value"][0])
    used = [name for variable in where for name in variable.split(_JOINT)]
    if not where:
        return None
    known = part.drop_nulls(used)
    known = known.filter(_in_table(where))
    n = known["n"].to_numpy().astype(float)
    if known.is_empty() or n.sum() < LEAST_KNOWN * float(part["n"].sum()):
        return None
    weights = person_weights(known, where=where, config=config)
    effect = n.sum() * (weights**2 @ n) / (weights @ n) ** 2
    made = {"design_effect": max(float(effect), 1.0)}
    for name in columns:
        mean, var = _estimate(known, weights=weights, name=name)
        made |= {f"{name}_weighted": mean, f"{name}_weighted_var": var}
    return made


def _in_table(where: dict[str, tuple[list[str], np.ndarray]]) -> pl.Expr:
    return pl.all_horizontal(_category(name).is_in(categories) for name, (categories, _) in where.items())


def _category(variable: str) -> pl.Expr:
    return pl.concat_str([pl.col(name) for name in variable.split(_JOINT)], separator=_JOINT)


def person_weights(
    known: pl.DataFrame, *, where: dict[str, tuple[list[str], np.ndarray]], config: WeightsConfig
) -> np.ndarray:
    """One weight per row (a stratum's people), mean 1 over people: iterative proportional fitting (Deming and Stephan
    1940) of smoothed shares to the margins over bins of at least `minimum_bin` people, trimmed to `maximum_weight`."""
    n = known["n"].to_numpy().astype(float)
    fits = []
    for variable, (categories, shares) in where.items():
        place = {name: number for number, name in enumerate(categories)}
        code = (
            known.select(_category(variable).replace_strict(place, return_dtype=pl.Int64))
            .to_series()
            .to_numpy()
        )
        bins = adaptive_bins(
            np.bincount(code, weights=n, minlength=len(categories)), minimum=config.minimum_bin
        )
        target = np.bincount(bins, weights=shares)
        own = bins[code]
        people = np.bincount(own, weights=n, minlength=target.size)
        # As if so many people, spread as the population is, had been seen besides: weights are pulled towards 1.
        target = people * target / (people + config.smoothing_people * target)
        fits.append((own, target / target.sum()))
    weights = np.ones(n.size)
    for _ in range(_ROUNDS):
        before = weights.copy()
        for own, target in fits:
            sums = np.bincount(own, weights=weights * n, minlength=target.size)
            weights *= (target * n.sum() / sums)[own]
        if np.abs(weights - before).max() < _CLOSE:
            break
    weights = weights.clip(1.0 / config.maximum_weight, config.maximum_weight)
    scaled: np.ndarray = weights * (n.sum() / (weights @ n))
    return scaled


def adaptive_bins(counts: np.ndarray, *, minimum: int) -> np.ndarray:
    """The bin of each category: neighbours are joined, in order, until a bin has `minimum` people.

    What is left at the end joins the bin before it. Bins count from 0.
    """
    bins = np.zeros(counts.size, dtype=np.int64)
    number, filled = 0, 0.0
    for place, count in enumerate(counts):
        bins[place] = number
        filled += count
        if filled >= minimum:
            number, filled = number + 1, 0.0
    if filled < minimum and number > 0:
        bins[bins == number] = number - 1
    return bins


def _estimate(known: pl.DataFrame, *, weights: np.ndarray, name: str) -> tuple[float, float]:
    """Weighted mean, and n times its linearised variance, over the people who were scored on a column."""
    scored = f"{name}_n" if f"{name}_n" in known.columns else "n"
    n = known[scored].fill_null(0).to_numpy().astype(float)
    mean = known[name].fill_null(0.0).to_numpy()
    var = known[f"{name}_var"].fill_null(0.0).to_numpy()
    total = weights @ n
    if n.sum() < 2 or total <= 0:
        return math.nan, math.nan
    value = float(weights * n @ mean / total)
    squares = weights**2 @ ((n - 1).clip(0) * var + n * (mean - value) ** 2)
    return value, float(squares / total**2 * n.sum() * n.sum() / (n.sum() - 1))
