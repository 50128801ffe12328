"""How close two people are: shared contacts, reciprocity, earlier interactions.

Not for tests; a pair that never shared a contact has strength 0.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import sparse

BLOCK = 20_000


def tie_strength(edges: pl.DataFrame) -> pl.DataFrame:
    """One row per row of `edges` (responder, source, answered_at): overlap, reciprocal, earlier, weak.

    overlap is w = c / (k_i - 1 + k_j - 1 - c) with c shared contacts (Onnela et al. 2007; Fan, Xu and
    Zhao 2020), 0 where neither has another contact. `weak` is at or below the median of the mean rank
    of the three.
    """
    reverse = edges.select(pl.col("source").alias("responder"), pl.col("responder").alias("source")).unique()
    mutual = reverse.with_columns(pl.lit(True).alias("reciprocal"))
    pair = ["responder", "source"]
    known = edges.join(mutual, on=pair, how="left", maintain_order="left").with_columns(
        pl.Series("overlap", _overlap(edges)),
        pl.col("reciprocal").fill_null(False),
        (pl.col("answered_at").rank("min").over(pair) - 1).alias("earlier"),
    )
    mean_rank = pl.mean_horizontal(pl.col("overlap", "reciprocal", "earlier").rank("average"))
    return known.select("overlap", "reciprocal", "earlier", (mean_rank <= mean_rank.median()).alias("weak"))


def _overlap(edges: pl.DataFrame) -> np.ndarray:
    people = pl.concat([edges["responder"].alias("p"), edges["source"].alias("p")]).unique().sort()
    i = people.search_sorted(edges["responder"]).to_numpy().astype(np.int64)
    j = people.search_sorted(edges["source"]).to_numpy().astype(np.int64)
    ones = np.ones(2 * len(i), dtype=np.int64)
    graph = sparse.csr_matrix((ones, (np.r_[i, j], np.r_[j, i])), shape=(len(people), len(people)))
    graph.data[:] = 1
    degree = np.asarray(graph.sum(axis=1)).ravel()
    # Only pairs that are tied are asked for, some at a time, so no matrix of all pairs is made.
    parts = [
        np.asarray(graph[i[k : k + BLOCK]].multiply(graph[j[k : k + BLOCK]]).sum(axis=1)).ravel()
        for k in range(0, len(i), BLOCK)
    ]
    common = np.concatenate([np.zeros(0), *parts])
    rest = degree[i] - 1 + degree[j] - 1 - common
    return np.where(rest > 0, common / np.maximum(rest, 1), 0.0)
