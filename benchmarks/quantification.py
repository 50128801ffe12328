"""Corrected prevalences on labelled posts of a known share of positives; writes `results/quantification.md`.

The artificial prevalence protocol: bags of held-out validation posts are drawn at given shares, error rates come from
other posts. First from posts of the same data set, where the methods' supposition is true, then from another one,
where it need not be. Not a benchmark of the classifier. The labelled sets are not part of the project: name the folder
that holds them.
Run: python benchmarks/quantification.py FOLDER [replicates]
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from classifiers.calibrate import Fit, fit_platt
from classifiers.labelled import EMOTION_SOURCES, as_published, load_split
from classifiers.taxonomy import MEASURES
from flows.scorers import make_scorer
from warehouse.quantify import (
    ErrorRates,
    MeanScores,
    Prevalence,
    adjusted_count,
    classify_and_count,
    em_prior,
    probabilistic_adjusted_count,
)

RESULT = Path(__file__).parent / "results" / "quantification.md"
SCORER = "emotion_fast"
Z_90, SEED = 1.645, 11
SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6)
WITHIN = (
    ("goemotions", "joy"),
    ("goemotions", "anger"),
    ("goemotions", "affection"),
    ("goemotions", "sadness"),
)
ACROSS = (
    ("goemotions", "tweeteval", ("anger", "joy", "sadness")),
    ("tweeteval", "goemotions", ("anger", "joy", "sadness")),
    ("goemotions", "emoevent", ("anger", "joy", "sadness")),
    ("goemotions, emoevent, semeval2025", "tweeteval", ("anger", "joy", "sadness")),
)
METHODS = ("CC", "ACC", "PACC", "SLD", "SLD, recalibrated")


@dataclass(frozen=True, kw_only=True)
class Posts:
    """Probabilities of posts and whether they are truly positive, of one measure and the data sets named."""

    probability: np.ndarray
    truth: np.ndarray
    threshold: float

    def take(self, rows: np.ndarray) -> "Posts":
        """The posts at these places."""
        return Posts(probability=self.probability[rows], truth=self.truth[rows], threshold=self.threshold)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the methods know of a classifier, from held-out posts."""

    rates: ErrorRates
    means: MeanScores
    fit: Fit
    prior: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Bags of `n` posts with a share of positives: per method estimates and errors, NaN where there is none."""

    measure: str
    share: float
    n: int
    found: dict[str, np.ndarray]


def main(folder: Path, replicates: int = 1_000) -> None:
    """Run both parts and write the page."""
    posts = scored(folder)
    within = [
        cell
        for source, measure in WITHIN
        for cell in cells(posts(source, measure), None, measure=measure, replicates=replicates)
    ]
    across = {
        (rates, bags): [
            cell
            for measure in measures
            for cell in cells(
                posts(bags, measure), posts(rates, measure), measure=measure, replicates=replicates
            )
        ]
        for rates, bags, measures in ACROSS
    }
    RESULT.write_text(page(within, across, replicates=replicates), encoding="utf-8")
    print(RESULT.read_text(encoding="utf-8"))


def scored(folder: Path) -> Callable[[str, str], Posts]:
    """All validation posts of the English emotion sets, scored; gives those of some data sets and a measure."""
    labelled = load_split(folder, split="validation", sources=EMOTION_SOURCES, profile=as_published)
    scorer = make_scorer(SCORER)
    scores = scorer.score(pl.DataFrame({"text": labelled.texts, "lang": "en"}))
    thresholds = scorer.describe()["thresholds"]["en"]

    def posts(sources: str, measure: str) -> Posts:
        column = MEASURES.index(measure)
        probability = scores[measure].fill_null(float("nan")).to_numpy().astype(np.float64)
        known = (labelled.masks[:, column] > 0) & np.isfinite(probability)
        rows = np.flatnonzero(known & np.isin(labelled.sources, sources.split(", ")))
        truth = labelled.targets[rows, column] > 0
        # Scores are compared with the threshold in their own precision, as a night does.
        least = float(np.float32(thresholds[measure]))
        return Posts(probability=probability[rows], truth=truth, threshold=least)

    return posts


# ------------------------------------------------------------------------------------- one set of bags


def cells(bags: Posts, rates: Posts | None, *, measure: str, replicates: int) -> Iterator[Cell]:
    """Bags of 300 posts at each share, or as many as the positives suffice for. Without `rates`, a random half of the
    posts gives the rates of a replicate and the other half its bag."""
    half = 2 if rates is None else 1
    n_pos, n_neg = int(bags.truth.sum()) // half, int((~bags.truth).sum()) // half
    n = min(300, int(n_neg / 1.1))
    known = None if rates is None else known_of(rates)
    for share in SHARES:
        # Twenty spare positives, so that a draw with more of them than expected still finds enough.
        if share * n + 20 > n_pos or (1 - share) * n + 20 > n_neg:
            continue
        rng = np.random.default_rng([SEED, int(share * 1_000)])
        drawn = [
            _replicate(bags, known, n=min(rng.binomial(n, share), n_pos), size=n, rng=rng)
            for _ in range(replicates)
        ]
        found = {name: np.array([one[name] for one in drawn]) for name in METHODS}
        yield Cell(measure=measure, share=share, n=n, found=found)


def _replicate(
    posts: Posts, known: Known | None, *, n: int, size: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    pos, neg = (rng.permutation(np.flatnonzero(posts.truth == kind)) for kind in (True, False))
    bag = posts.take(np.concatenate([pos[:n], neg[: size - n]]))
    if known is None:
        known = known_of(posts.take(np.concatenate([pos[len(pos) // 2 :], neg[len(neg) // 2 :]])))
    found = estimates(bag, known)
    return {name: (float(one.value.ravel()[0]), float(one.se.ravel()[0])) for name, one in found.items()}


def known_of(held_out: Posts) -> Known:
    """Error rates, means and a calibration, of held-out posts."""
    q, truth = held_out.probability, held_out.truth
    said = q >= held_out.threshold
    n_pos, n_neg = int(truth.sum()), int((~truth).sum())
    yes, no = q[truth], q[~truth]
    rates = ErrorRates(sensitivity=float(said[truth].mean()), n_pos=n_pos,
                       specificity=float((~said[~truth]).mean()), n_neg=n_neg)  # fmt: skip
    means = MeanScores(mean_pos=float(yes.mean()), sd_pos=float(yes.std(ddof=1)), n_pos=n_pos,
                       mean_neg=float(no.mean()), sd_neg=float(no.std(ddof=1)), n_neg=n_neg)  # fmt: skip
    fit = fit_platt(_logit(q), truth.astype(np.float64), steps=12)
    return Known(rates=rates, means=means, fit=fit, prior=float(truth.mean()))


def estimates(bag: Posts, known: Known) -> dict[str, Prevalence]:
    """What each method says of a bag."""
    p, n = bag.probability, len(bag.probability)
    counted = classify_and_count(int((p >= bag.threshold).sum()), n=n)
    again = 1.0 / (1.0 + np.exp(-(known.fit.slope * _logit(p) + known.fit.offset)))
    mean_se = float(p.std(ddof=1)) / n**0.5
    found = (
        counted,
        adjusted_count(counted.value, se=counted.se, rates=known.rates),
        probabilistic_adjusted_count(float(p.mean()), se=mean_se, scores=known.means),
        em_prior(p, training_prevalence=known.prior),
        em_prior(again, training_prevalence=known.prior),
    )
    return dict(zip(METHODS, found, strict=True))


def _logit(p: np.ndarray) -> np.ndarray:
    inside = np.clip(p, 1e-6, 1.0 - 1e-6)
    return np.asarray(np.log(inside / (1.0 - inside)))


# ------------------------------------------------------------------------------------------- the page


def page(within: list[Cell], across: dict[tuple[str, str], list[Cell]], *, replicates: int) -> str:
    """The result as Markdown."""
    lines = [
        "# Corrected prevalences on labelled posts",
        "",
        f"Written by `benchmarks/quantification.py`: scorer `{SCORER}`, English, validation posts, {replicates:,} bags "
        "per row, seeded. Each entry is mean absolute error in percentage points / coverage of value ± 1.645·se in %, "
        "both against the share at which the bag was drawn; nominal coverage is 90 %. A bag without an estimate "
        "counts in neither; their number follows in brackets. Thresholds and calibration were chosen with validation "
        "posts in view, so that the scorer's errors may be a little larger on others; the halves below are disjoint.",
        "",
        "CC: classify and count, uncorrected. ACC: adjusted count, what a night publishes. PACC: its probabilistic "
        "form. SLD: EM on the probabilities as shipped, and after Platt scaling on the posts the rates are from; its "
        "se knows of no calibration error.",
        "",
        "## Rates and bags from two halves of one data set",
        "",
        "GoEmotions, a new split for every bag.",
        "",
        *_table(within),
    ]
    for (rates, bags), found in across.items():
        lines += ["", f"## Rates from {rates}, bags from {bags}", "", *_table(found)]
    return "\n".join(lines) + "\n"


def _table(found: list[Cell]) -> list[str]:
    head = f"| measure | true share | posts | {' | '.join(METHODS)} |"
    rows = [
        f"| {cell.measure} | {cell.share:.0%} | {cell.n} | "
        + " | ".join(_entry(cell.found[name], share=cell.share) for name in METHODS)
        + " |"
        for cell in found
    ]
    overall = [_overall(found, name) for name in METHODS]
    return [head, "|" + "---|" * (3 + len(METHODS)), *rows, f"| **all** | | | {' | '.join(overall)} |"]


def _entry(estimates: np.ndarray, *, share: float) -> str:
    value, se = estimates.T
    there = np.isfinite(value)
    without = f" ({int((~there).sum())})" if not there.all() else ""
    if not there.any():
        return f"none{without}"
    miss = np.abs(value[there] - share)
    return f"{100 * miss.mean():.1f} / {100 * (miss <= Z_90 * se[there]).mean():.0f}{without}"


def _overall(found: list[Cell], name: str) -> str:
    centred = [cell.found[name] - np.array([cell.share, 0.0]) for cell in found]
    return _entry(np.concatenate(centred), share=0.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
