"""Selective prediction: leave out the answers a scorer is least sure of, and say what that buys.

Not a repair of a wrong calibration, and not fair to rare measures by itself: what is left out is not left out at
random, so a share of the rest is not a share of everything.

How sure an answer is: the distance between probability and threshold on the logit scale. Risk and coverage as in
El-Yaniv & Wiener 2010 ("On the foundations of noise-free selective classification", JMLR 11) and Geifman & El-Yaniv
2017; the area under the curve (AURC) as in Geifman, Uziel & El-Yaniv 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from warehouse.errors import InputError, UsageError
from warehouse.scoring import Scorer

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7)
# Probabilities are floats of 32 bits: nearer to 0 or 1 than this they cannot be told apart.
EDGE = 1e-7
CURVE_SCHEMA = pl.Schema(
    {
        "coverage": pl.Float64(),
        "achieved": pl.Float64(),
        "n": pl.Int64(),
        "f1": pl.Float64(),
        "accuracy": pl.Float64(),
    }
)
ACHIEVED_SCHEMA = pl.Schema(
    {"measure": pl.String(), "n": pl.Int64(), "kept": pl.Int64(), "achieved": pl.Float64()}
)


def margin(probabilities: np.ndarray, thresholds: np.ndarray | float) -> np.ndarray:
    """|logit p − logit threshold|, of the arrays' shape; NaN where either is."""
    return np.asarray(np.abs(_logit(np.asarray(probabilities)) - _logit(np.asarray(thresholds))))


def risk_coverage(
    probabilities: np.ndarray, truth: np.ndarray, *, thresholds: np.ndarray | float
) -> tuple[pl.DataFrame, float]:
    """What is right among the surest answers of one measure (n,), at each of `COVERAGES`; and the AURC.

    Returns `coverage` asked for, `achieved` (larger where answers are equally sure, which stay together), `n` answers
    kept, F1 (null where nothing is positive) and accuracy; and the mean over k of the share of wrong answers among the
    k surest, NaN of nothing.
    """
    said, sure = probabilities >= thresholds, margin(probabilities, thresholds)
    positive = truth.astype(bool)
    rows = []
    for coverage in COVERAGES if len(sure) else ():
        kept = sure >= _cut(sure, coverage=coverage)
        rows.append(_kept_row(positive[kept], said[kept], coverage=coverage, n=len(sure)))
    return pl.DataFrame(rows, schema=CURVE_SCHEMA), aurc(sure, wrong=positive != said)


def aurc(sure: np.ndarray, *, wrong: np.ndarray) -> float:
    """Mean over k of the share of `wrong` among the k surest; answers equally sure count as in random order."""
    if not len(sure):
        return float("nan")
    _, place, sizes = np.unique(-sure, return_inverse=True, return_counts=True)
    rate = np.bincount(place, weights=wrong.astype(float)) / sizes
    errors = np.cumsum(np.repeat(rate, sizes))
    return float(np.mean(errors / np.arange(1, len(sure) + 1)))


def abstained(
    scores: pl.DataFrame, *, scorer: Scorer, coverage: float, lang: pl.Series | None = None
) -> pl.DataFrame:
    """Null the least sure 1 − `coverage` of each measure's scores in a file.

    `scores` has columns `<scorer>_<measure>` or `<measure>`; `lang` is the language of each row, needed where the
    thresholds of the scorer's languages differ. Only measures with a threshold are looked at, and all languages of a
    measure together. Equally sure scores stay together, so more than asked may stay: see `achieved`.

    Raises:
        UsageError: the scorer gives no probabilities, or `coverage` is not above 0 and at most 1.
        InputError: no column of the scorer's, or thresholds that need `lang`.
    """
    _check(scorer, coverage=coverage)
    cut = [
        pl.Series(column, scores[column]).set(
            pl.Series(sure < _cut(sure[~np.isnan(sure)], coverage=coverage)), None
        )
        for column, sure in _margins(scores, scorer=scorer, lang=lang)
    ]
    return scores.with_columns(cut)


def achieved(before: pl.DataFrame, after: pl.DataFrame, *, scorer: Scorer) -> pl.DataFrame:
    """Per measure with a threshold: `n` scores before, `kept` after, and the share `achieved` (null of nothing)."""
    limited = {name for measures in scorer.describe()["thresholds"].values() for name in measures}
    columns = {
        name: _column(before, scorer=scorer, measure=name) for name in scorer.measures if name in limited
    }
    rows = [
        (name, before[column].count(), after[column].count())
        for name, column in columns.items()
        if column is not None
    ]
    return pl.DataFrame(
        [(name, n, kept, kept / n if n else None) for name, n, kept in rows],
        schema=ACHIEVED_SCHEMA,
        orient="row",
    )


def _logit(p: np.ndarray) -> np.ndarray:
    inside = np.clip(p.astype(np.float64), EDGE, 1.0 - EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _cut(sure: np.ndarray, *, coverage: float) -> float:
    """The margin of the last answer that stays; all answers as sure as that one stay with it."""
    if not len(sure):
        return 0.0
    kept = max(int(np.ceil(coverage * len(sure) - 1e-9)), 1)
    return float(np.partition(sure, len(sure) - kept)[len(sure) - kept])


def _kept_row(truth: np.ndarray, said: np.ndarray, *, coverage: float, n: int) -> dict[str, Any]:
    hit, wrong = int((truth & said).sum()), int((truth != said).sum())
    base = 2 * hit + wrong
    return {
        "coverage": coverage,
        "achieved": len(truth) / n,
        "n": len(truth),
        "f1": 2 * hit / base if base else None,
        "accuracy": 1.0 - wrong / len(truth),
    }


def _check(scorer: Scorer, *, coverage: float) -> None:
    if scorer.describe().get("scale") != "probability":
        raise UsageError(
            f"--abstain: {scorer.name} gives no probabilities, so it is never unsure. Expected a scorer of scale "
            "probability; see `affectcast models`. Leave the option out."
        )
    if not 0.0 < coverage <= 1.0:
        raise UsageError(f"--abstain: expected a share above 0 and at most 1, such as 0.9; got {coverage:g}.")


def _margins(
    scores: pl.DataFrame, *, scorer: Scorer, lang: pl.Series | None
) -> Iterator[tuple[str, np.ndarray]]:
    """Per column with a threshold: how sure each of its scores is, NaN where there is none."""
    columns = {name: _column(scores, scorer=scorer, measure=name) for name in scorer.measures}
    if not any(columns.values()):
        raise InputError(
            f"The scores hold no column of {scorer.name}. Expected {scorer.name}_<measure> for its measures; "
            f"got {', '.join(scores.columns[:20])}. Score with this scorer first."
        )
    for measure, column in columns.items():
        limits = thresholds_of(scorer, measure=measure, lang=lang, n=scores.height)
        if column is not None and np.isfinite(limits).any():
            yield column, margin(scores[column].cast(pl.Float64).fill_null(float("nan")).to_numpy(), limits)


def _column(scores: pl.DataFrame, *, scorer: Scorer, measure: str) -> str | None:
    return next((name for name in (f"{scorer.name}_{measure}", measure) if name in scores.columns), None)


def thresholds_of(scorer: Scorer, *, measure: str, lang: pl.Series | None, n: int) -> np.ndarray:
    """Float64 (n,): each row's threshold of a measure, NaN where its language has none.

    Raises InputError where languages differ and `lang` is not given.
    """
    by_language: dict[str, float] = {
        code: float(measures[measure])
        for code, measures in scorer.describe()["thresholds"].items()
        if measure in measures
    }
    if lang is None:
        values = sorted(set(by_language.values()))
        if len(values) > 1:
            raise InputError(
                f"The thresholds of {scorer.name} differ between its languages ({', '.join(sorted(by_language))}). "
                "Expected the language of every row. Pass `lang`."
            )
        return np.full(n, values[0] if values else np.nan)
    limits = lang.cast(pl.String).replace_strict(by_language, default=None, return_dtype=pl.Float64)
    return limits.fill_null(float("nan")).to_numpy()
