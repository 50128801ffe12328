"""How often the people, days and threads around a post express an emotion anyway.

Not for exposures (`edges.py`) and not for tests (`follow.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse, special

from forecasting.contagion.ledger import HOUR_MS, Integers, Ledger, milliseconds

Floats = NDArray[np.float64]
PRIOR_POSTS = 4.0
LEAST = 1e-3


def shrunk(on: Floats | Integers, n: Floats | Integers, *, prior: Floats | float) -> Floats:
    """A rate drawn towards `prior` as if `PRIOR_POSTS` more posts had been seen."""
    return np.asarray((np.maximum(on, 0) + PRIOR_POSTS * prior) / (np.maximum(n, 0) + PRIOR_POSTS))


def logit(rate: Floats) -> Floats:
    """Log-odds of a rate kept off 0 and 1."""
    return np.asarray(special.logit(np.clip(rate, LEAST, 1.0 - LEAST)))


@dataclass(frozen=True)
class Neighbourhood:
    """Daily sums of expression by person and by a person's contacts; people and days by number."""

    people: pl.DataFrame
    days: pl.DataFrame
    own_on: sparse.csr_matrix
    own_n: sparse.csr_matrix
    near_on: sparse.csr_matrix
    near_n: sparse.csr_matrix

    @classmethod
    def build(cls, table: pl.DataFrame, *, edges: pl.DataFrame) -> Neighbourhood:
        """From scored posts (author_key, day, on) and answers (responder, source)."""
        posts = table.filter(pl.col("author_key").is_not_null())
        names = pl.concat(
            [posts["author_key"], *(edges[c].alias("author_key") for c in ("responder", "source"))]
        )
        people = names.drop_nulls().unique().sort().to_frame().with_row_index("code")
        days = pl.concat([posts["day"], edges["day"]]).unique().sort().to_frame().with_row_index("code")
        size = (len(people), len(days))
        at = (_codes(posts["author_key"], people), _codes(posts["day"], days))
        on = sparse.csr_matrix((posts["on"].cast(pl.Float64).to_numpy(), at), shape=size)
        n = sparse.csr_matrix((np.ones(len(posts)), at), shape=size)
        i, j = _codes(edges["responder"], people), _codes(edges["source"], people)
        graph = sparse.csr_matrix((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(size[0], size[0]))
        graph.data[:] = 1.0
        return cls(people=people, days=days, own_on=on, own_n=n, near_on=graph @ on, near_n=graph @ n)

    def rate(self, who: pl.Series, day: pl.Series, *, without: pl.Series | None, prior: Floats) -> Floats:
        """The rate of the contacts of `who` on `day`, leaving out the contact `without` of each row."""
        at = (_codes(who, self.people), _codes(day, self.days))
        on, n = _at(self.near_on, at), _at(self.near_n, at)
        if without is not None:
            left = (_codes(without, self.people), at[1])
            on, n = on - _at(self.own_on, left), n - _at(self.own_n, left)
        return shrunk(on, n, prior=prior)


def _codes(names: pl.Series, table: pl.DataFrame) -> Integers:
    """The number of each name in the table; -1 for nobody."""
    column = table.columns[1]
    joined = names.alias(column).to_frame().join(table, on=column, how="left", maintain_order="left")
    return joined["code"].cast(pl.Int64).fill_null(-1).to_numpy()


def _at(matrix: sparse.csr_matrix, at: tuple[Integers, Integers]) -> Floats:
    """The matrix's values at these places; 0 where either number is -1. Sparse indexing checks no bounds."""
    values = np.zeros(len(at[0]))
    known = (at[0] >= 0) & (at[1] >= 0)
    if known.any():
        values[known] = np.asarray(matrix[at[0][known], at[1][known]], dtype=np.float64).ravel()
    return values


def group_rate(
    frame: pl.DataFrame, *, table: pl.DataFrame, by: str, without: tuple[str, ...], prior: float
) -> tuple[Floats, Floats]:
    """Rate and number of posts of each row's group, leaving out the posts named in columns `without`.

    `table` holds all scored posts with post_id, `by` and `on`.
    """
    sums = table.group_by(by).agg(pl.col("on").sum().alias("_on"), pl.len().alias("_n"))
    joined = frame.select(by, *without).join(sums, on=by, how="left", maintain_order="left")
    on = joined["_on"].fill_null(0).to_numpy().astype(np.float64)
    n = joined["_n"].fill_null(0).to_numpy().astype(np.float64)
    flags = table.select("post_id", pl.col(by).alias("_group"), pl.col("on").alias("_flag"))
    for column in without:
        part = joined.select(by, column).join(
            flags, left_on=column, right_on="post_id", how="left", maintain_order="left"
        )
        inside = (part["_group"] == part[by]).fill_null(False).to_numpy()
        on = on - inside * part["_flag"].fill_null(False).to_numpy()
        n = n - inside
    return shrunk(on, n, prior=prior), n


def own_rate(edges: pl.DataFrame, *, book: Ledger, window_hours: int, prior: float) -> Floats:
    """The responder's rate outside the window in which a response is looked for."""
    start = milliseconds(edges["answered_at"])
    n_in, on_in = book.between(edges["responder"], start=start, end=start + window_hours * HOUR_MS)
    n_all, on_all = book.total(edges["responder"])
    return shrunk(on_all - on_in, n_all - n_in, prior=prior)
