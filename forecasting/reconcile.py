"""Regions, nations and the whole, forecast so that they fit together.

What a parent will be is tied to what its parts will be: its share is the mean of theirs, weighted by people, plus the
gap that people without a known part have made lately. Forecasts that were made one by one are projected on what obeys
this, each trusted by how well it did (MinT with shrinkage: Wickramasuriya et al. 2019, JASA 114), draw by draw of their
joint distribution (Panagiotelis et al. 2023, European Journal of Operational Research 306). Every draw adds up,
until it is cut to [0, 1]; medians and other quantiles need not, because quantiles of a sum are not sums of quantiles.

Not for forecasting a part: each brings its own quantiles here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr

from forecasting.matrix import Floats, Matrix

RECENT = 28
LEAST_PERIODS = 7
LEAST_ERRORS = 20
DRAWS = 1000


@dataclass(frozen=True)
class Tree:
    """Series of one signal: `rows` are positions in the panel, parents before their parts; `parents` are positions in
    `rows`, −1 for the top."""

    rows: NDArray[np.int64]
    parents: NDArray[np.int64]


def trees(keys: pl.DataFrame, *, ids: tuple[str, ...]) -> list[Tree]:
    """The trees of a panel, from `series_id, signal, population, geo_type, geo_value` and the order of its series."""
    row_of = {name: row for row, name in enumerate(ids)}
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for series, signal, population, geo_type, place in keys.select(
        "series_id", "signal", "population", "geo_type", "geo_value"
    ).iter_rows():
        if geo_type != "none" and series in row_of:
            named = "" if geo_type == "all" else place
            groups.setdefault((signal, population), {})[named] = row_of[series]
    found = [_tree(places) for _, places in sorted(groups.items())]
    return [tree for tree in found if tree is not None]


def _tree(places: dict[str, int]) -> Tree | None:
    """Places by name (the whole is the empty one) → the largest tree among them; None below two parts."""
    above = {place: _parent(place) for place in places}
    tops = [place for place in places if not place or above[place] not in places]
    sizes = {top: sum(place == top or _under(place, top) for place in places) for top in tops}
    if not tops or max(sizes.values()) < 3:
        return None
    top = min(tops, key=lambda name: (-sizes[name], name))
    members = sorted((p for p in places if p == top or _under(p, top)), key=lambda p: (_depth(p), p))
    members = [p for p in members if p == top or above[p] in members]
    at = {place: position for position, place in enumerate(members)}
    return Tree(
        rows=np.array([places[p] for p in members]),
        parents=np.array([-1 if p == top else at[above[p]] for p in members]),
    )


def _parent(place: str) -> str:
    return place.partition("-")[0] if "-" in place else ""


def _depth(place: str) -> int:
    return 0 if not place else 1 + ("-" in place)


def _under(place: str, top: str) -> bool:
    return place != top and (top == "" or place.startswith(f"{top}-"))


@dataclass(frozen=True)
class _Shape:
    """How all nodes follow from the leaves: node = `sums` @ leaves + `offsets`; leaves come last in `nodes`."""

    nodes: NDArray[np.int64]
    sums: Floats
    offsets: Floats


def reconciled(
    quantiles: Floats, *, levels: Floats, tree: Tree, matrix: Matrix, errors: Floats, seed: int
) -> Floats:
    """Coherent quantiles [series, horizons, levels] of a tree's series; NaN for all others and where it cannot be said.

    `quantiles` are on the natural scale of shares, `errors` [times, series] past errors of their medians on the same. A
    series that is too young, has too few recent periods or was never wrong is left out, with its parts; the gap of its
    parent takes its place.
    """
    out = np.full(quantiles.shape, np.nan)
    recent = _recent(matrix)
    finite = np.isfinite(errors)
    moved = np.array(
        [np.ptp(e[f]) > 0.0 if f.any() else False for e, f in zip(errors.T, finite.T, strict=True)]
    )
    able = np.isfinite(quantiles).all(axis=(1, 2)) & (finite.sum(axis=0) >= LEAST_ERRORS) & moved
    shape = _shape(tree, recent=recent, usable=np.asarray(able & np.isfinite(recent).all(axis=0)))
    if shape is None:
        return out
    project, correlation = _projection(shape.sums, errors=errors[:, shape.nodes].T)
    if not np.isfinite(project).all():
        return out
    draws = _draws(quantiles[shape.nodes], levels=levels, correlation=correlation, seed=seed)
    offsets = shape.offsets[:, None, None]
    fitting = np.einsum("nm,mhk->nhk", project, draws - offsets) + offsets
    out[shape.nodes] = np.moveaxis(np.quantile(np.clip(fitting, 0.0, 1.0), levels, axis=2), 0, 2)
    return out


def _recent(matrix: Matrix) -> Floats:
    """[2, series] mean value and mean people of the newest periods, each series' own; NaN with too few of them."""
    values, n = matrix.values[:, -RECENT:], matrix.n[:, -RECENT:]
    seen = np.isfinite(values) & np.isfinite(n)
    count = seen.sum(axis=1)
    totals = np.stack([np.where(seen, part, 0.0).sum(axis=1) for part in (values, n)])
    return np.where(count >= LEAST_PERIODS, totals / np.maximum(count, 1), np.nan)


def _shape(tree: Tree, *, recent: Floats, usable: NDArray[np.bool_]) -> _Shape | None:
    kept: list[int] = []
    for at, parent in enumerate(tree.parents.tolist()):
        if usable[tree.rows[at]] and (parent < 0 or parent in kept):
            kept.append(at)
    parts = {at: [c for c in kept if tree.parents[c] == at] for at in kept}
    leaves = [at for at in kept if not parts[at]]
    if len(leaves) < 2:
        return None
    weights = {leaf: np.eye(len(leaves))[i] for i, leaf in enumerate(leaves)}
    offsets = dict.fromkeys(leaves, 0.0)
    inner = [at for at in kept if parts[at]]
    for at in reversed(inner):
        value, people = recent[:, tree.rows[at]]
        values, peoples = recent[:, tree.rows[parts[at]]]
        share = peoples / people
        gap = float(value - share @ values)
        weights[at] = np.sum([s * weights[c] for s, c in zip(share, parts[at], strict=True)], axis=0)
        offsets[at] = gap + float(sum(s * offsets[c] for s, c in zip(share, parts[at], strict=True)))
    order = [*inner, *leaves]
    return _Shape(
        nodes=tree.rows[order],
        sums=np.stack([weights[at] for at in order]),
        offsets=np.array([offsets[at] for at in order]),
    )


def _projection(sums: Floats, *, errors: Floats) -> tuple[Floats, Floats]:
    """[nodes, nodes] projection on what fits together, and the shrunk correlation of errors [nodes, times]."""
    from hierarchicalforecast.methods import MinTrace

    method = MinTrace(method="mint_shrink")
    nothing = np.zeros(errors.shape)
    method.fit(S=sums, y_hat=nothing[:, :1], y_insample=errors, y_hat_insample=nothing)
    sd = np.sqrt(np.diag(method.W))
    return sums @ method.P, method.W / np.outer(sd, sd)


def _draws(quantiles: Floats, *, levels: Floats, correlation: Floats, seed: int) -> Floats:
    """[nodes, horizons, draws] from quantiles [nodes, horizons, levels], errors of all nodes correlated."""
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((len(correlation), DRAWS // 2))
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    ranks = ndtr(root @ np.concatenate([half, -half], axis=1))
    return np.stack(
        [[np.interp(ranks[i], levels, step) for step in node] for i, node in enumerate(quantiles)]
    )
