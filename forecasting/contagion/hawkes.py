"""How many further posts a post sets off, from times alone: a mutually exciting (Hawkes 1971) process.

Not for claims of cause: a shared driver that is quicker than a day looks the same. `branching.py` turns fits into
verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from forecasting.contagion.hawkes_baseline import Design, gram, make_design
from forecasting.contagion.kernels import Integers, excitement
from forecasting.contagion.rates import Floats

# Mean delays that are tried, in hours. Slower ones cannot be told from a level that drifts from day to day.
DELAYS = (0.25, 0.5, 1.0, 2.0, 4.0)
# How far the log level may drift from one day to the next (standard deviation).
WALKS = (0.8, 0.25, 0.05)
START, RESTART, LEAST, STEPS = 0.2, 0.02, 1e-7, 80
SETTLED = 1e-3
# Standard errors to either side: 1.96 covered planted ratios in 88 to 90 % of runs, as a drift takes a little of them.
Z = 2.6


@dataclass(frozen=True)
class Events:
    """Posts in order of time: hours since the midnight that begins `weekday` (0 is Monday), kinds 0 … kinds-1."""

    times: Floats
    marks: Integers
    kinds: int
    weekday: int

    @property
    def span(self) -> tuple[float, float]:
        """Hours of the first post and just after the last one."""
        return float(self.times[0]), float(self.times[-1]) + 1e-6


@dataclass(frozen=True)
class HawkesFit:
    """`ratios` [target, source]: posts of kind target set off by one of kind source, averaged over delays and drifts.

    `low` and `high` bound them at about 95 %; `low` is the lower of the average's and of the quickest drift's.
    `is_drift` marks where only the latter reaches 0. `fit_p` [target]: Kolmogorov–Smirnov p of the rescaled gaps (Ogata
    1988); `delays` [target]: the mean delay of the highest evidence, in hours.
    """

    ratios: Floats
    low: Floats
    high: Floats
    is_drift: NDArray[np.bool_]
    fit_p: Floats
    delays: Floats

    @property
    def radius(self) -> float:
        """Spectral radius of the ratios: below 1, what one post sets off dies out."""
        return float(np.abs(np.linalg.eigvals(self.ratios)).max())


@dataclass(frozen=True)
class _Row:
    """One target kind: what its events saw of each source [events, sources], and how often it was exposed."""

    design: Design
    seen: Floats
    exposure: Floats


@dataclass(frozen=True)
class _Climbed:
    """Logarithms of the ratios, then the baseline's effects; the evidence is the Laplace approximation."""

    theta: Floats
    errors: Floats
    evidence: float
    walk: float | None


def fit_hawkes(events: Events, *, drifts: bool, delays: tuple[float, ...] = DELAYS) -> HawkesFit:
    """Ratios with standard errors, averaged over delays and drifts by their evidence (Hoeting et al. 1999).

    Without `drifts` the baseline is weekday × time of day alone, and any slow driver passes for triggering. Needs
    two events per kind; events at the very same time do not set each other off. Penalised likelihood by Fisher
    scoring; sources: Hawkes (1971), Veen and Schoenberg (2008, the likelihood as one of branching), Ogata (1988).
    """
    seen = {
        delay: excitement(events.times, events.marks, events.times, events.kinds, 1.0 / delay)
        for delay in delays
    }
    parts = [_fit_kind(events, kind=kind, seen=seen, drifts=drifts) for kind in range(events.kinds)]
    tried, fit_p, best = zip(*parts, strict=True)
    averages = [_averaged(found, kinds=events.kinds) for found in tried]
    quick = [
        _averaged([one for one in found if one.walk == found[0].walk], kinds=events.kinds) for found in tried
    ]
    ratios, errors = (np.stack(part) for part in zip(*averages, strict=True))
    low = np.maximum(ratios - Z * errors, 0.0)
    least = np.maximum(np.stack([mean - Z * error for mean, error in quick]), 0.0)
    return HawkesFit(
        ratios, np.minimum(low, least), ratios + Z * errors, (low > 0) & (least == 0), np.array(fit_p), np.array(best)
    )  # fmt: skip


def _fit_kind(
    events: Events, *, kind: int, seen: dict[float, Floats], drifts: bool
) -> tuple[list[_Climbed], float, float]:
    """All fits of one target kind, the quickest drift first, and the best one's p and delay."""
    mine = events.marks == kind
    design = make_design(events.times[mine], weekday=events.weekday, span=events.span, drifts=drifts)
    found: list[tuple[_Climbed, _Row, float]] = []
    start = None
    for delay, felt in seen.items():
        reach = -np.expm1(-(events.span[1] - events.times) / delay)
        exposure = np.bincount(events.marks, weights=reach, minlength=events.kinds)
        row = _Row(design, felt[mine], np.maximum(exposure, 1e-9))
        for walk in WALKS if drifts else (None,):
            one = _climb(row, walk=walk, start=start)
            start = one.theta
            found.append((one, row, delay))
    best, row, delay = max(found, key=lambda item: item[0].evidence)
    p_value = _residual_p(events, row=row, theta=best.theta, kind=kind, delay=delay)
    return [one for one, _, _ in found], p_value, delay


def _averaged(found: list[_Climbed], *, kinds: int) -> tuple[Floats, Floats]:
    """Ratios and standard errors by source, weighted by evidence; the spread between fits counts as error."""
    evidence = np.array([one.evidence for one in found])
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    ratios = np.stack([np.exp(one.theta[:kinds]) for one in found])
    errors = np.stack([one.errors for one in found])
    mean = weight @ ratios
    return mean, np.sqrt(weight @ (errors**2 + (ratios - mean) ** 2))


def _climb(row: _Row, *, walk: float | None, start: Floats | None) -> _Climbed:
    """Fisher scoring, damped by the information that complete data would have, until a step gains next to nothing."""
    kinds, columns = row.seen.shape[1], row.design.events.shape[1]
    prior = np.zeros((kinds + columns, kinds + columns))
    prior[kinds:, kinds:] = row.design.penalty + (row.design.walk / walk**2 if walk else 0.0)
    theta = _first(row) if start is None else start.copy()
    theta[:kinds] = np.maximum(theta[:kinds], np.log(RESTART / kinds))
    damping, value = 1.0, _value(row, theta, prior=prior)
    gradient, information, complete = _slopes(row, theta, prior=prior)
    for _ in range(STEPS):
        fresh = theta + np.clip(np.linalg.solve(information + damping * complete, gradient), -3.0, 3.0)
        fresh[:kinds] = np.clip(fresh[:kinds], np.log(LEAST), 3.0)
        now = _value(row, fresh, prior=prior)
        if not now >= value:
            damping *= 8.0
            continue
        gain, theta, value, damping = now - value, fresh, now, damping / 4.0
        gradient, information, complete = _slopes(row, theta, prior=prior)
        if gain < SETTLED:
            break
    return _summed_up(row, theta, information=information, value=value, walk=walk)


def _first(row: _Row) -> Floats:
    kinds = row.seen.shape[1]
    theta = np.zeros(kinds + row.design.events.shape[1])
    theta[:kinds] = np.log(START / kinds)
    theta[kinds] = np.log(max(len(row.seen), 1) * (1 - START) / row.design.width.sum())
    return theta


def _value(row: _Row, theta: Floats, *, prior: Floats) -> float:
    kinds = row.seen.shape[1]
    ratios, effects = np.exp(theta[:kinds]), theta[kinds:]
    rate = np.exp(row.design.events @ effects) + row.seen @ ratios
    total = row.design.levels(effects) @ row.design.width + row.exposure @ ratios
    return float(np.log(rate).sum() - total - 0.5 * theta @ prior @ theta)


def _slopes(row: _Row, theta: Floats, *, prior: Floats) -> tuple[Floats, Floats, Floats]:
    """Gradient of the penalised log-likelihood, its information (outer products of the events' slopes), and the
    information if it were known which post set off which."""
    kinds, design = row.seen.shape[1], row.design
    ratios, effects = np.exp(theta[:kinds]), theta[kinds:]
    base = np.exp(design.events @ effects)
    rate = base + row.seen @ ratios
    share, felt = base / rate, row.seen * ratios / rate[:, None]
    cross = design.events.T @ (felt * share[:, None])
    information = np.block([[felt.T @ felt, cross.T], [cross, gram(design.events, share**2)]]) + prior
    level = design.levels(effects) * design.width
    due = np.concatenate([row.exposure * ratios, design.cells.T @ level])
    complete = np.diag(np.maximum(np.concatenate([due[:kinds], np.zeros(len(effects))]), 1e-6))
    complete[kinds:, kinds:] += gram(design.cells, level)
    slopes = np.concatenate([felt.sum(axis=0), design.events.T @ share])
    return slopes - due - prior @ theta, information, complete


def _summed_up(
    row: _Row, theta: Floats, *, information: Floats, value: float, walk: float | None
) -> _Climbed:
    kinds = row.seen.shape[1]
    # On the scale of the ratios themselves: one of 0 still has a width.
    scale = np.ones(len(theta))
    scale[:kinds] = np.exp(-theta[:kinds])
    raw = information * scale[:, None] * scale[None, :]
    raw += 1e-9 * np.diag(np.diag(raw) + 1e-6)
    steps = np.linalg.matrix_rank(row.design.walk) if walk else 0
    evidence = value - 0.5 * np.linalg.slogdet(raw)[1] - (steps * np.log(walk) if walk else 0.0)
    return _Climbed(theta, np.sqrt(np.diag(np.linalg.inv(raw))[:kinds]), float(evidence), walk)


def _residual_p(events: Events, *, row: _Row, theta: Floats, kind: int, delay: float) -> float:
    """Whether the gaps between the kind's events, in expected events, are exponential."""
    mine = events.marks == kind
    if mine.sum() < 2:
        return float("nan")
    times = events.times[mine]
    before = np.stack(
        [np.searchsorted(events.times[events.marks == j], times) for j in range(events.kinds)], axis=1
    )
    # What the earlier events have set off by now, by source: N(t) - R(t) / decay.
    done = (before - row.seen * delay) @ np.exp(theta[: events.kinds])
    expected = row.design.total_until(times, effects=theta[events.kinds :]) + done
    return float(stats.kstest(np.diff(expected), "expon").pvalue)
