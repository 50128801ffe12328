"""The follow rate among the exposed against what it is when exposures are shuffled.

Not for building exposures (`edges.py`) and not for claims of cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special, stats

from forecasting.contagion.edges import Exposures
from forecasting.contagion.rates import Floats, logit

RIDGE, STEPS = 1e-4, 12
# An interval that spans more than this many times its ratio says nothing.
PARTS, LEVEL, WIDEST = 3, 0.95, 1e3
FLIP_CELLS = 4_000_000


@dataclass(frozen=True)
class Verdict:
    """Observed and shuffled follow rates of one group of exposures; None where there is no exposure.

    `ratio_low` and `ratio_high` are the 95 % interval of the ratio, None also where nothing was followed, one cluster
    is all there is, or an end is a thousand times away. `parts_above` of the three parts have an excess above 0; None
    where one has no exposure.
    """

    n_edges: int
    follow_rate: float | None = None
    null_rate: float | None = None
    p_value: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    parts_above: int | None = None

    @property
    def ratio(self) -> float | None:
        """follow_rate / null_rate; None where the null rate is 0 or unknown."""
        if self.follow_rate is None or not self.null_rate:
            return None
        return self.follow_rate / self.null_rate


def follow_test(
    exposures: Exposures, *, groups: list[NDArray[np.bool_]], part: NDArray[np.int64], permutations: int, seed: int
) -> list[Verdict]:  # fmt: skip
    """Test each group of exposures (masks over the rows of the frame); `part` says in which third of the days each is.

    The score of an exposure is (followed - expected) × surprise. Its mean is 0 without influence,
    whoever talks to whom and whatever the day, because the surprise averages to 0 over the posts that
    could have been shown instead. Its spread comes from flipping the sign of whole clusters (sign-flip
    score test, Hemerik, Goeman and Finos 2020): the writers who were answered, and once more the
    responders (threads without authors); the larger p counts. One-sided
    p = (1 + flips at least as large) / (1 + flips).
    """
    frame = exposures.frame
    residual = frame["followed"].to_numpy().astype(np.float64) - expected_follow(exposures)
    score = residual * frame["surprise"].to_numpy()
    scores = np.stack([score * group for group in groups], axis=1)
    names = ["source", "responder"] if exposures.has_people else ["thread"]
    clusters = [_codes(frame, column=name) for name in names]
    p_values = [
        _flip_p(scores, cluster=cluster, permutations=permutations, seed=seed) for cluster in clusters
    ]
    largest = np.max(np.stack(p_values), axis=0)
    return [
        _verdict(_Group.of(frame, score=score, mask=group, part=part, clusters=clusters), p_value=float(p))
        for group, p in zip(groups, largest, strict=True)
    ]


def _codes(frame: pl.DataFrame, *, column: str) -> NDArray[np.int64]:
    """Cluster numbers; a row without a name is its own parent's cluster."""
    named = (
        pl.coalesce(pl.col(column), pl.format("parent {}", "parent_id"))
        if column == "source"
        else pl.col(column)
    )
    return (frame.select(named.rank("dense")).to_series().to_numpy() - 1).astype(np.int64)


def _flip_p(scores: Floats, *, cluster: NDArray[np.int64], permutations: int, seed: int) -> Floats:
    """One-sided p per column of `scores` (exposures, groups) by flipping the signs of clusters."""
    size = int(cluster.max()) + 1
    sums = np.stack([np.bincount(cluster, weights=column, minlength=size) for column in scores.T], axis=1)
    rng = np.random.default_rng(seed)
    observed = sums.sum(axis=0)
    count = np.zeros(scores.shape[1])
    block = max(1, FLIP_CELLS // size)
    for start in range(0, permutations, block):
        signs = rng.integers(0, 2, size=(min(block, permutations - start), size), dtype=np.int8)
        count += ((2.0 * signs - 1.0) @ sums >= observed - 1e-12).sum(axis=0)
    return np.asarray((1.0 + count) / (1.0 + permutations))


def expected_follow(exposures: Exposures) -> Floats:
    """P(followed) without looking at the exposure: ridge logistic regression on the background rates."""
    frame = exposures.frame
    y = frame["followed"].to_numpy().astype(np.float64)
    columns = ["daily", "own", "local"] if exposures.has_people else ["daily"]
    x = logit(frame.select(columns).to_numpy())
    posts = frame["n_posts"].to_numpy().astype(np.float64)[:, None]
    if exposures.has_people:
        # The chance that at least one of the responder's posts in the window expresses it anyway.
        own = frame["own"].to_numpy()
        any_post = -np.expm1(np.log1p(-own) * posts.ravel())
        x[:, columns.index("own")] = logit(any_post)
    return _logistic(np.hstack([x, np.log(posts)]), y=y)


def _logistic(x: Floats, *, y: Floats) -> Floats:
    spread = x.std(axis=0)
    design = np.hstack([np.ones((len(x), 1)), (x - x.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)])
    beta = np.zeros(design.shape[1])
    penalty = np.diag([1e-6] + [RIDGE * len(x) + 1e-3] * x.shape[1])
    for _ in range(STEPS):
        mean = special.expit(np.clip(design @ beta, -15, 15))
        weight = np.maximum(mean * (1 - mean), 1e-6)
        gradient = design.T @ (y - mean) - penalty @ beta
        beta = beta + np.linalg.solve((design * weight[:, None]).T @ design + penalty, gradient)
    return np.asarray(special.expit(np.clip(design @ beta, -15, 15)))


@dataclass(frozen=True)
class _Group:
    """The exposures of one group: their scores, and what they are counted by."""

    score: Floats
    exposed: NDArray[np.bool_]
    followed: Floats
    part: NDArray[np.int64]
    clusters: list[NDArray[np.int64]]

    @classmethod
    def of(
        cls, frame: pl.DataFrame, *, score: Floats, mask: NDArray[np.bool_], part: NDArray[np.int64],
        clusters: list[NDArray[np.int64]],
    ) -> _Group:  # fmt: skip
        exposed, followed = (frame[name].to_numpy()[mask] for name in ("exposed", "followed"))
        return cls(
            score[mask], exposed, followed.astype(np.float64), part[mask], [each[mask] for each in clusters]
        )


def _verdict(group: _Group, *, p_value: float) -> Verdict:
    """Rates of the exposed; the null rate is the follow rate less what goes with the surprise."""
    n = int(group.exposed.sum())
    if n == 0:
        return Verdict(n_edges=len(group.score))
    follow = float(group.followed[group.exposed].mean())
    null = float(np.clip(follow - group.score.sum() / n, 0.0, 1.0))
    low, high = _interval(group, follow=follow, null=null)
    return Verdict(
        n_edges=len(group.score), follow_rate=follow, null_rate=null, p_value=p_value, ratio_low=low, ratio_high=high,
        parts_above=_parts_above(group),
    )  # fmt: skip


def _interval(group: _Group, *, follow: float, null: float) -> tuple[float | None, float | None]:
    """95 % interval of follow / null by the delta method on the log scale, with the larger variance of the clusterings.

    What one exposure moves: the follow rate by exposed × (followed - follow) / n, the excess by (score - excess ×
    exposed) / n. A cluster moves by the sum of its exposures; Student's t with one degree less than clusters.
    """
    if not follow or not null:
        return None, None
    n, excess = group.exposed.sum(), follow - null
    of_follow = group.exposed * (group.followed - follow) / n
    of_excess = (group.score - excess * group.exposed) / n
    of_log = of_excess / null - of_follow * excess / (follow * null)
    half = max(_half_width(of_log, cluster=cluster) for cluster in group.clusters)
    if half >= np.log(WIDEST):
        return None, None
    return float(follow / null * np.exp(-half)), float(follow / null * np.exp(half))


def _half_width(moves: Floats, *, cluster: NDArray[np.int64]) -> float:
    _, at = np.unique(cluster, return_inverse=True)
    sums = np.bincount(at, weights=moves)
    count = len(sums)
    if count < 2:
        return float("inf")
    error = np.sqrt(count / (count - 1) * np.square(sums).sum())
    return float(stats.t.ppf((1 + LEVEL) / 2, count - 1) * error)


def _parts_above(group: _Group) -> int | None:
    exposed = np.bincount(group.part[group.exposed], minlength=PARTS)
    excess = np.bincount(group.part, weights=group.score, minlength=PARTS)
    return int((excess > 0).sum()) if exposed.all() else None
