"""Prevalence from imperfect classifiers: from how often a classifier says yes to how often yes is true.

Pure arithmetic on shares, error rates and distributions of scores, arrays or frames in, the same out. Not for
measuring error rates (`flows/quality.py` collects them), and not a way to carry them from one kind of text to another:
every method but the first supposes that they hold here.

A classifier that finds a share t of what is there (sensitivity) and sees it in a share f of the rest (one minus
specificity) says yes in v = f + (t − f)·θ of the posts, θ being the true share: too often where θ is small, too rarely
where it is large. The contrast t − f is Youden's J.

| function | θ | source |
|---|---|---|
| `classify_and_count` | v | |
| `adjusted_count` | (v − f) / (t − f) | Gart & Buck 1966 (Am J Epidemiol 83:593); Forman 2008 (DMKD 17:164) |
| `probabilistic_adjusted_count` | the same of mean probabilities | Bella et al. 2010 (ICDM, 737) |
| `em_prior` | maximum likelihood for calibrated probabilities | Saerens et al. 2002 (Neural Computation 14:21) |

**People.** A signal is the mean over people of each person's share of positive posts, v = mean_i mean_j d_ij. If the
decision d_ij on a post depends on its truth t_ij alone, E d_ij = f + (t − f)·t_ij. Both means are linear, so E v = f +
(t − f)·θ with θ = mean_i mean_j t_ij, the mean over people of each person's share of truly positive posts: the same
line holds, however many posts a person writes and however alike they are. It does not hold for the number of people
with at least one hit, which is not linear in posts.

**Error.** θ solves (1 − θ)·f + θ·t = v. The rates are drawn again (parametric bootstrap) from Jeffreys' posteriors
Beta(hits + ½, misses + ½), so that none of 0 false alarms is certain; v is normal with its own error, independent of
them; se(θ) is the standard deviation of the two sides' difference at the estimate, over J. Bootstrapping the equation,
as Fieller 1954 (JRSS B 16:175) inverts it, keeps draws of J near 0 out of the denominator. All cells share one set of
draws, a lattice without a random number in it: the same rates give the same bytes whatever stands beside them.
θ is clipped to [0, 1] and se is not shrunk there: value ± 1.645·se covers in about 95 % where θ lies within 1.645·se
of the edge, because one side can no longer miss. `docs/quantification.md` has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl

from warehouse.errors import InputError

# Below, an error in the share is multiplied by ten or more, and a quotient by J has no usable normal interval.
LEAST_CONTRAST = 0.1
# An estimate as far outside [0, 1] as this says that the rates do not hold here; 0.5 % do so by chance at the edge.
OUTSIDE_Z = 2.576
# The 90 % interval of a prior with this error is wider than 0.8.
MOST_PRIOR_ERROR = 0.25
Z_90 = 1.645
DRAWS = 1_000
VALIDATION = "validation"
RATES = ("sensitivity", "n_pos", "specificity", "n_neg")
_GOLDEN, _HALVINGS = (5**0.5 - 1) / 2, 60
_MEASURE = ["scorer", "measure", "lang"]


class Missing(StrEnum):
    """Why there is no corrected value."""

    NO_VALUE = "no_value"
    NO_RATES = "no_error_rates"
    NOT_IDENTIFIED = "not_identified"
    CONTRADICTED = "rates_contradicted"


@dataclass(frozen=True, kw_only=True)
class Prevalence:
    """Arrays of one shape: shares in [0, 1], their standard errors, and why both are NaN ("": they are not)."""

    value: np.ndarray
    se: np.ndarray
    missing: np.ndarray


@dataclass(frozen=True, kw_only=True)
class ErrorRates:
    """Shares of `n_pos` truly positive and `n_neg` truly negative held-out posts that were judged rightly.

    Numbers or arrays that broadcast with the shares to be corrected; NaN or a size of 0 is unknown.
    """

    sensitivity: np.ndarray | float
    n_pos: np.ndarray | int
    specificity: np.ndarray | float
    n_neg: np.ndarray | int


@dataclass(frozen=True, kw_only=True)
class MeanScores:
    """Mean and standard deviation of the probabilities of held-out posts by their truth, as `ErrorRates`."""

    mean_pos: np.ndarray | float
    sd_pos: np.ndarray | float
    n_pos: np.ndarray | int
    mean_neg: np.ndarray | float
    sd_neg: np.ndarray | float
    n_neg: np.ndarray | int


@dataclass(frozen=True)
class _Contrast:
    """What a share is between: the level of no positives and of positives only, their variances, least contrast."""

    low: np.ndarray
    high: np.ndarray
    var_low: np.ndarray
    var_high: np.ndarray
    least: np.ndarray


# ----------------------------------------------------------------------------------------- the methods


def classify_and_count(hits: np.ndarray | int, *, n: np.ndarray | int) -> Prevalence:
    """The share of posts that were said to be positive, as it is: what the others correct.

    `hits` of `n` posts, arrays of one shape. The variance is taken to be no less than that of half a post in n + 1,
    as for every signal.

    Raises InputError for hits below 0 or above n.
    """
    said, size = _arrays(hits, n)
    _refuse((said < 0) | (said > size), what="hits", expected="0 to n hits", do="Count again")
    known = size > 0
    share = np.divide(said, size, out=np.full(said.shape, np.nan), where=known)
    half = 0.5 / (size + 1.0)
    variance = np.maximum(share * (1.0 - share), half * (1.0 - half))
    se = np.sqrt(np.divide(variance, size, out=np.full(said.shape, np.nan), where=known))
    return Prevalence(value=share, se=se, missing=np.where(known, "", Missing.NO_VALUE))


def adjusted_count(share: np.ndarray | float, *, se: np.ndarray | float, rates: ErrorRates) -> Prevalence:
    """(v − f) / (t − f) and its standard error, of shares v of posts, or of people's mean shares, with errors `se`.

    NaN where v or the rates are unknown; `not_identified` where the lower end of the 90 % interval of t − f is 0.1
    or less; `rates_contradicted` where v lies outside of [f, t] by more than 2.6 of the standard errors that it would
    have there, which these rates cannot explain.

    Raises:
        InputError: a share or rate outside of [0, 1], or a negative error or size.
    """
    v, error, *four = _arrays(share, se, rates.sensitivity, rates.n_pos, rates.specificity, rates.n_neg)
    _check_shares(v, error)
    columns = np.stack([column.ravel() for column in four], axis=1)
    _check_shares(columns[:, [0, 2]], columns[:, [1, 3]])
    # Cells without rates are left out first: NaN is unlike itself, and each would be drawn for.
    known = ~np.isnan(columns).any(axis=1)
    moments = np.full((5, v.size), np.nan)
    if known.any():
        distinct, place = np.unique(columns[known], axis=0, return_inverse=True)
        moments[:, known] = _rate_moments(distinct)[:, place.ravel()]
    return _solved(v, se=error, contrast=_Contrast(*moments.reshape(5, *v.shape)))


def probabilistic_adjusted_count(
    mean: np.ndarray | float, *, se: np.ndarray | float, scores: MeanScores
) -> Prevalence:
    """As `adjusted_count`, of mean probabilities: they need not be calibrated, only distributed as held out.

    Means of held-out scores are normal with sd / √n.

    Raises:
        InputError: a mean outside of [0, 1], or a negative error, deviation or size.
    """
    s = scores
    v, error, high, sd_high, n_high, low, sd_low, n_low = _arrays(
        mean, se, s.mean_pos, s.sd_pos, s.n_pos, s.mean_neg, s.sd_neg, s.n_neg
    )
    _check_shares(v, error)
    _check_shares(high, sd_high)
    _check_shares(low, sd_low)
    var_high, var_low = (
        np.divide(sd**2, n, out=np.full(v.shape, np.nan), where=n > 0)
        for sd, n in ((sd_high, n_high), (sd_low, n_low))
    )
    least = high - low - Z_90 * np.sqrt(var_high + var_low)
    contrast = _Contrast(low=low, high=high, var_low=var_low, var_high=var_high, least=least)
    return _solved(v, se=error, contrast=contrast)


def em_prior(
    probabilities: np.ndarray, *, training_prevalence: float, cells: np.ndarray | None = None
) -> Prevalence:
    """The prevalence to which expectation-maximisation climbs, from probabilities calibrated at another prevalence.

    `probabilities` of shape (posts,); `cells` has each post's cell as integers from 0 (default: one cell). Returns
    arrays of shape (cells,), up to the highest number. EM's fixed point is the maximum of a concave likelihood
    (Saerens et al. 2002), found here by halving the interval in which its slope changes sign: 60 steps for all cells
    at once, to full precision also where EM would creep. `se` is that of the likelihood alone: it knows nothing of
    errors in the calibration. `not_identified`: an error above 0.25, as of probabilities that tell nothing.

    Raises:
        InputError: a probability outside of [0, 1], a training prevalence outside of (0, 1), or a cell below 0.
    """
    p = np.asarray(probabilities, np.float64)
    place = np.zeros(p.shape, np.int64) if cells is None else np.asarray(cells)
    _refuse(~((p >= 0) & (p <= 1)), what="probabilities", expected="0 to 1", do="Leave unscored posts out")
    _refuse(place < 0, what="cells", expected="numbers from 0", do="Number them anew")
    if not 0.0 < training_prevalence < 1.0:
        raise InputError(
            f"The training prevalence is {training_prevalence:g}. Expected a share above 0 and below 1. Take the "
            "share of positives where the probabilities were calibrated."
        )
    yes, no = p / training_prevalence, (1.0 - p) / (1.0 - training_prevalence)
    posts = np.bincount(place, minlength=1)
    value = _top(yes, no, place=place, n_cells=len(posts))
    pull = (yes - no) / _mixed(yes, no, share=value[place])
    information = np.bincount(place, weights=pull**2, minlength=len(posts))
    with np.errstate(divide="ignore"):
        se = 1.0 / np.sqrt(information)
    reasons = {Missing.NO_VALUE: posts == 0, Missing.NOT_IDENTIFIED: se > MOST_PRIOR_ERROR}
    missing = np.select(list(reasons.values()), list(reasons), default="")
    return _masked(value, se=se, missing=missing)


# ------------------------------------------------------------------------------------ frames of cells


def corrected(cells: pl.DataFrame) -> pl.DataFrame:
    """Add `value_corrected`, `corrected_se` (Float64) and `correction_missing` (String, null where corrected).

    One row per cell with `value` and `se`, the observed share and its standard error, and `sensitivity`, `n_pos`,
    `specificity`, `n_neg`, the rates of its scorer, measure and language; any may be null. All columns and the order
    of rows are kept. See `adjusted_count`: a row's result depends on that row alone.

    Raises:
        InputError: a column is missing or no number, or as `adjusted_count`.
    """
    needed = ["value", "se", *RATES]
    wrong = [name for name in needed if not _is_number(cells.schema.get(name))]
    if wrong:
        raise InputError(
            f"Cells to be corrected lack the columns {wrong}, or have them in another type. Expected numbers in "
            f"{needed}; got {dict(cells.schema)}. Join the error rates first."
        )
    v, se, sensitivity, n_pos, specificity, n_neg = (
        cells[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in needed
    )
    rates = ErrorRates(sensitivity=sensitivity, n_pos=n_pos, specificity=specificity, n_neg=n_neg)
    found = adjusted_count(v, se=se, rates=rates)
    missing = pl.Series(found.missing.tolist(), dtype=pl.String)
    return cells.with_columns(
        value_corrected=pl.Series(found.value).fill_nan(None),
        corrected_se=pl.Series(found.se).fill_nan(None),
        correction_missing=missing.set(missing == "", None),
    )


def rates_of(measure_quality: pl.DataFrame) -> pl.DataFrame:
    """Rows of `out.measure_quality` → one row per scorer, measure, lang that has both rates, sorted by these.

    Columns `scorer`, `measure`, `lang`, `sensitivity`, `n_pos`, `specificity`, `n_neg` and `rates_from`. The rows of
    the data set `validation`, which the scorer's own card pools, go before all others; without them the counts of all
    data sets with both rates are added up. Pooled sets may differ by more than chance, which `n_pos` and `n_neg` do
    not show.

    Raises:
        InputError: a column of the table is missing.
    """
    _check_quality(measure_quality)
    both = (
        measure_quality.filter(pl.col("metric").is_in(["sensitivity", "specificity"]), pl.col("n") > 0)
        .with_columns(right=(pl.col("value") * pl.col("n")).round())
        .group_by(*_MEASURE, "dataset", maintain_order=True)
        .agg(*_of_metric("sensitivity", n="n_pos"), *_of_metric("specificity", n="n_neg"))
        .drop_nulls(["n_pos", "n_neg"])
    )
    own = pl.col("dataset") == VALIDATION
    return (
        both.filter(own | ~own.any().over(_MEASURE))
        .group_by(_MEASURE)
        .agg(
            sensitivity=pl.col("sensitivity").sum() / pl.col("n_pos").sum(),
            n_pos=pl.col("n_pos").sum(),
            specificity=pl.col("specificity").sum() / pl.col("n_neg").sum(),
            n_neg=pl.col("n_neg").sum(),
            rates_from=pl.col("dataset").sort().str.join(", "),
        )
        .sort(_MEASURE)
    )


def _of_metric(metric: str, *, n: str) -> tuple[pl.Expr, pl.Expr]:
    """The posts judged rightly, under the metric's name, and how many were judged; null where there is no row."""
    row = pl.col("metric") == metric
    return (
        pl.col("right").filter(row).first().alias(metric),
        pl.col("n").filter(row).first().cast(pl.Int64).alias(n),
    )


# ------------------------------------------------------------------------------------- the arithmetic


def _solved(v: np.ndarray, *, se: np.ndarray, contrast: _Contrast) -> Prevalence:
    """Solve v = low + (high − low)·θ, with the error of the equation at the clipped θ."""
    c = contrast
    identified = c.least > LEAST_CONTRAST
    between = np.where(identified, c.high - c.low, np.nan)
    raw = (v - c.low) / between
    value = np.clip(raw, 0.0, 1.0)
    rates = (1.0 - value) ** 2 * c.var_low + value**2 * c.var_high
    error = np.sqrt(se**2 + rates) / between
    expected = np.maximum(se**2, _variance_at(np.clip(v, c.low, c.high), v=v, se=se))
    reasons = {
        Missing.NO_VALUE: np.isnan(v) | np.isnan(se),
        Missing.NO_RATES: np.isnan(c.least),
        Missing.NOT_IDENTIFIED: ~identified,
        Missing.CONTRADICTED: np.abs(raw - value) * between > OUTSIDE_Z * np.sqrt(expected + rates),
    }
    missing = np.select(list(reasons.values()), list(reasons), default="")
    return _masked(value, se=error, missing=missing)


def _variance_at(share: np.ndarray, *, v: np.ndarray, se: np.ndarray) -> np.ndarray:
    """The variance that a share would have with as many people as its observed value v and error tell of.

    Where few people have no hit, the error of 0 is too small to hold anything against them.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # The second is the n at which half a person in n + 1 has this error, as `classify_and_count` has it.
        n = np.maximum(v * (1.0 - v) / se**2, (np.sqrt(1.0 + 2.0 / se**2) - 1.0) / 2.0)
        return np.asarray(share * (1.0 - share) / n)


def _masked(value: np.ndarray, *, se: np.ndarray, missing: np.ndarray) -> Prevalence:
    there = missing == ""
    return Prevalence(value=np.where(there, value, np.nan), se=np.where(there, se, np.nan), missing=missing)


def _rate_moments(rates: np.ndarray) -> np.ndarray:
    """Rows of sensitivity, n_pos, specificity, n_neg → (5, rows), as the fields of `_Contrast`; NaN where unknown."""
    high, n_high, right, n_low = rates.T
    first = (np.arange(DRAWS) + 0.5) / DRAWS
    # A golden-ratio lattice: both margins are even, and the pairs are as good as independent.
    second = ((np.arange(DRAWS) + 0.5) * _GOLDEN) % 1.0
    drawn_high = _jeffreys(high, n=n_high, at=first)
    drawn_low = _jeffreys(1.0 - right, n=n_low, at=second)
    least = np.quantile(drawn_high - drawn_low, 0.05, axis=1)
    return np.stack([1.0 - right, high, drawn_low.var(axis=1), drawn_high.var(axis=1), least])


def _jeffreys(rate: np.ndarray, *, n: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Quantiles (rows, draws) of a rate that was seen in n posts; NaN without any."""
    from scipy.special import betaincinv

    distinct, place = np.unique([rate, np.where(n > 0, n, np.nan)], axis=1, return_inverse=True)
    share, size = distinct[:, :, None]
    drawn: np.ndarray = betaincinv(share * size + 0.5, (1.0 - share) * size + 0.5, at[None, :])
    return drawn[place.ravel()]


def _top(yes: np.ndarray, no: np.ndarray, *, place: np.ndarray, n_cells: int) -> np.ndarray:
    """Where the slope of Σ log(θ·yes + (1 − θ)·no), which falls with θ, changes its sign in [0, 1]."""
    low, high = np.zeros(n_cells), np.ones(n_cells)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        pull = (yes - no) / _mixed(yes, no, share=middle[place])
        rises = np.bincount(place, weights=pull, minlength=n_cells) > 0.0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return np.clip((low + high) / 2.0, 0.0, 1.0)


def _mixed(yes: np.ndarray, no: np.ndarray, *, share: np.ndarray) -> np.ndarray:
    return np.maximum(share * yes + (1.0 - share) * no, np.finfo(np.float64).tiny)


# ------------------------------------------------------------------------------------------ the input


def _arrays(*values: np.ndarray | float) -> list[np.ndarray]:
    return list(np.broadcast_arrays(*(np.asarray(value, np.float64) for value in values)))


def _is_number(dtype: pl.DataType | None) -> bool:
    return dtype is not None and (dtype.is_numeric() or dtype == pl.Null)


def _check_shares(share: np.ndarray, error: np.ndarray) -> None:
    outside = (share < 0) | (share > 1) | np.isinf(share)
    _refuse(outside, what="shares", expected="0 to 1, or NaN", do="Correct shares only, before rounding")
    below = (error < 0) | np.isinf(error)
    _refuse(below, what="errors or sizes", expected="0 or more, or NaN", do="Compute them anew")


def _refuse(wrong: np.ndarray, *, what: str, expected: str, do: str) -> None:
    if wrong.any():
        raise InputError(
            f"{int(wrong.sum())} of {wrong.size} {what} cannot be used for a prevalence. Expected {expected}. {do}."
        )


def _check_quality(frame: pl.DataFrame) -> None:
    needed = [*_MEASURE, "dataset", "metric", "value", "n"]
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        raise InputError(
            f"The quality of measures lacks the columns {lacking}. Expected {needed}, as in out.measure_quality; got "
            f"{frame.columns}. Read the table through the store."
        )
