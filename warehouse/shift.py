"""Word shifts: which terms moved a lexicon signal between a reference window and a window, and by how much.

Pure arithmetic on term counts, frames in and frames out; not for counting terms in posts, and not for rounding.

The change of a signal is the sum of one contribution per type. A type is a term, negated or not. With p the
type's share and φ its weight, 1 for the window and 0 for the reference,

    contribution = (p1 − p0) · (½ (φ1 + φ0) − Φ) + ½ (p1 + p0) · (φ1 − φ0),

the generalised word shift of Gallagher et al. 2021 ("Generalized word shift graphs", EPJ Data Science 10:4),
which has the shift of Dodds & Danforth 2010 ("Measuring the happiness of large-scale written expression",
Journal of Happiness Studies 11:441–456) as its case of equal weights. The first summand, `frequency`, is due to
how often the type is used, the second, `score`, to what a use of it weighs.

| function | signal | p | φ | Φ |
|---|---|---|---|---|
| `share_shift` | posts with at least one hit that is not negated, over posts | credit / posts | 1 | 0 |
| `mean_shift` | Σ hits · weight / Σ hits | hits / Σ hits | weight | mean of the reference |
| `rate_shift` | hits over tokens | hits / tokens | 1 | 0 |

A post with a hit has one point, which its k distinct terms without negation share: each has a credit of 1/k.
Credits therefore add up to the posts with a hit, and contributions to the change of the share.

Where windows change places, every contribution to a share or a rate changes its sign. Those to a mean do so only
in sum, because Φ is then another.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from warehouse.errors import InputError

OTHER = "(other)"
SHIFT_SCHEMA = pl.Schema(
    {
        "term": pl.String(),
        "negated": pl.Boolean(),
        "contribution": pl.Float64(),
        "frequency": pl.Float64(),
        "score": pl.Float64(),
        "share_before": pl.Float64(),
        "share_after": pl.Float64(),
        "n_people": pl.Int64(),
    }
)
_TYPE = ["term", "negated"]
_SUMMED = ["contribution", "frequency", "score", "share_before", "share_after"]
# Credits are sums of fractions, so that a window in which every post has a hit may exceed it by rounding.
_SLACK = 1e-6
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The size of the two windows in what the signal is a part of: posts for a share, tokens for a rate."""

    window: int
    reference: int


def share_shift(window: pl.DataFrame, reference: pl.DataFrame, *, totals: Totals) -> pl.DataFrame:
    """Decompose the change of the share of posts with a hit.

    Both frames have one row per term: `term` (String), `credit` (posts, see above) and `n_people` (distinct
    people who used it, null: unknown). `totals` are posts, with and without a hit.

    Returns the columns of `SHIFT_SCHEMA`, the largest absolute contribution first, then by term; `n_people` is
    the smaller of the windows in which the type occurs, null where one of them is unknown. `contribution` is in
    share of posts, and so are `share_before` and `share_after`; `negated` is false and `score` is 0. A type
    that occurs in neither window has no row.

    Raises:
        InputError: a window has no posts or more credit than posts, or a frame is not as described.
    """
    plain = [frame.with_columns(negated=pl.lit(False)) for frame in (window, reference)]
    return _added_up(*plain, totals=totals, amount="credit")


def rate_shift(window: pl.DataFrame, reference: pl.DataFrame, *, totals: Totals) -> pl.DataFrame:
    """Decompose the change of the hits per token.

    Both frames have one row per type: `term` (String), `negated` (Boolean), `hits` and `n_people` as in
    `share_shift`. Every row counts: leave negated ones out where the rate does. `totals` are tokens.

    Returns the same columns as `share_shift`, in hits per token.

    Raises:
        InputError: a window has no tokens or more hits than tokens, or a frame is not as described.
    """
    return _added_up(window, reference, totals=totals, amount="hits")


def mean_shift(window: pl.DataFrame, reference: pl.DataFrame) -> pl.DataFrame:
    """Decompose the change of the mean weight of the scored words.

    Both frames have one row per type: `term` (String), `negated` (Boolean), `hits`, `weight` (mean weight of
    these hits, what negation and degree did to it included) and `n_people` as in `share_shift`. A type that is
    in one window only weighs the same in the other, so that all of its contribution is frequency.

    Returns the same columns as `share_shift`; contributions are in units of weight, shares are of all hits.

    Raises:
        InputError: a window has no hit, which leaves its mean undefined, or a frame is not as described.
    """
    after, before = (
        _types(frame, amount="hits", weight=pl.col("weight"), where=where)
        for frame, where in ((window, "window"), (reference, "reference"))
    )
    parts = [
        _shares(types, total=float(types["amount"].sum()), amount="hits", where=where)
        for types, where in ((after, "window"), (before, "reference"))
    ]
    return _decomposed(*parts, centre=float((parts[1]["share"] * parts[1]["weight"]).sum()))


def with_floor(shift: pl.DataFrame, *, people: int) -> pl.DataFrame:
    """Put every type that fewer than `people` people used, or an unknown number, into one row `(other)`.

    The row's numbers are sums, so all rows still add up to the change; its `negated` and `n_people` are null.
    The sum of hidden types alone would be a number about the few people who used them, and with a single one
    it would be that type. So where hidden types occur in a window, `(other)` also takes in a type that enough
    people used there: the one with the fewest, from those that occur in both windows if there are any. Where
    there is none to take, `(other)` is all there is in that window, which is the signal itself.

    Takes what the functions above return, and returns the same columns in the same order. Nothing is rounded.

    Raises:
        InputError: `people` is below 1, the columns are others, or the floor has been applied before.
    """
    _check_floor(shift, people=people)
    marked = shift.with_columns(few=(pl.col("n_people") < people).fill_null(True), cover=pl.lit(False))
    for share in ("share_before", "share_after"):
        marked = _covered(marked, share=share)
    is_hidden = pl.col("few") | pl.col("cover")
    shown, hidden = marked.filter(~is_hidden), marked.filter(is_hidden)
    if hidden.is_empty():
        return _in_order(shift)
    other = hidden.select(pl.lit(OTHER).alias("term"), pl.col(_SUMMED).sum())
    return _in_order(pl.concat([shown.select(shift.columns), other], how="diagonal"))


def _covered(marked: pl.DataFrame, *, share: str) -> pl.DataFrame:
    """Mark one type as `cover` where types of few people occur in the window of `share` and it has none yet."""
    here = marked.filter(pl.col(share) > 0.0)
    if not here["few"].any() or here["cover"].any():
        return marked
    in_one_only = pl.min_horizontal("share_before", "share_after") <= 0.0
    order = [in_one_only, pl.col("n_people"), pl.col("contribution").abs(), *_TYPE]
    chosen = here.filter(~pl.col("few")).sort(order).head(1).select(*_TYPE, chosen=pl.lit(True))
    joined = marked.join(chosen, on=_TYPE, how="left", maintain_order="left")
    return joined.with_columns(cover=pl.col("cover") | pl.col("chosen").is_not_null()).drop("chosen")


def _check_floor(shift: pl.DataFrame, *, people: int) -> None:
    if people < 1:
        raise InputError(
            f"The floor of a word shift is {people} people. Expected 1 or more. Take the floor that is "
            "configured for publication."
        )
    if shift.schema != SHIFT_SCHEMA or (shift["term"] == OTHER).any():
        raise InputError(
            f"The floor of a word shift was given the columns {shift.columns}, or rows that hold {OTHER} "
            f"already. Expected {list(SHIFT_SCHEMA)} as the shift functions return them. Apply it once, to those."
        )


# ---------------------------------------------------------------------------------- the decomposition


def _added_up(window: pl.DataFrame, reference: pl.DataFrame, *, totals: Totals, amount: str) -> pl.DataFrame:
    """The shift of a signal that is a plain sum: p is the amount over the total, φ is 1 and Φ is 0."""
    sides = ((window, totals.window, "window"), (reference, totals.reference, "reference"))
    after, before = (
        _shares(
            _types(frame, amount=amount, weight=pl.lit(1.0), where=where),
            total=total,
            amount=amount,
            where=where,
        )
        for frame, total, where in sides
    )
    return _decomposed(after, before, centre=0.0)


def _shares(types: pl.DataFrame, *, total: float, amount: str, where: str) -> pl.DataFrame:
    """Add `share`, the amount over the total."""
    counted = types["amount"].sum()
    if total <= 0 or counted > total + _SLACK:
        raise InputError(
            f"The {where} of a word shift has {counted:g} {amount} in a total of {total:g}. Expected a total "
            f"above 0 that the {amount} do not exceed. Choose a longer window, or correct the counts."
        )
    return types.with_columns(share=pl.col("amount") / total)


def _decomposed(after: pl.DataFrame, before: pl.DataFrame, *, centre: float) -> pl.DataFrame:
    """The formula at the top; a type that is not in a window has a share of exactly 0 there."""
    both = after.join(before, on=_TYPE, how="full", coalesce=True, suffix="_before")
    p1, p0 = pl.col("share").fill_null(0.0), pl.col("share_before").fill_null(0.0)
    phi1 = pl.coalesce("weight", "weight_before")
    phi0 = pl.coalesce("weight_before", "weight")
    frequency = (p1 - p0) * ((phi1 + phi0) / 2.0 - centre)
    score = (p1 + p0) / 2.0 * (phi1 - phi0)
    unknown = (pl.col("share").is_not_null() & pl.col("n_people").is_null()) | (
        pl.col("share_before").is_not_null() & pl.col("n_people_before").is_null()
    )
    return _in_order(
        both.select(
            *_TYPE,
            contribution=frequency + score,
            frequency=frequency,
            score=score,
            share_before=p0,
            share_after=p1,
            n_people=pl.when(~unknown).then(pl.min_horizontal("n_people", "n_people_before")),
        )
    )


def _in_order(shift: pl.DataFrame) -> pl.DataFrame:
    size = pl.col("contribution").abs()
    return shift.sort(size, *_TYPE, descending=[True, False, False]).select(SHIFT_SCHEMA.names())


# ------------------------------------------------------------------------------------------ the input


def _types(frame: pl.DataFrame, *, amount: str, weight: pl.Expr, where: str) -> pl.DataFrame:
    """Checked rows of the types that occur: term, negated, amount, weight (Float64), n_people (Int64)."""
    _check_columns(frame, amount=amount, needed=weight.meta.root_names(), where=where)
    types = frame.select(
        *_TYPE,
        amount=pl.col(amount).cast(pl.Float64),
        weight=weight.cast(pl.Float64),
        n_people=pl.col("n_people").cast(pl.Int64),
    )
    _check_rows(types, where=where)
    return types.filter(pl.col("amount") > 0.0)


def _check_columns(frame: pl.DataFrame, *, amount: str, needed: list[str], where: str) -> None:
    kinds = {"term": (pl.String,), "negated": (pl.Boolean,), "n_people": (*_INTEGERS, pl.Null)}
    numbers = dict.fromkeys([amount, *needed], (*_INTEGERS, pl.Float32, pl.Float64))
    wrong = [name for name, allowed in {**kinds, **numbers}.items() if frame.schema.get(name) not in allowed]
    if wrong:
        raise InputError(
            f"The {where} of a word shift lacks the columns {wrong}, or has them in another type. Expected term "
            f"(String), negated (Boolean), {', '.join(numbers)} (numbers) and n_people (integers); got "
            f"{dict(frame.schema)}. Rename or cast them."
        )


def _check_rows(types: pl.DataFrame, *, where: str) -> None:
    amount, occurs = pl.col("amount"), pl.col("amount") > 0.0
    bad = {
        f"have no name, or the name {OTHER}": pl.col("term").is_null() | (pl.col("term") == OTHER),
        "do not say whether they are negated": pl.col("negated").is_null(),
        "repeat a type": pl.struct(_TYPE).is_duplicated(),
        "have no finite amount from 0 on": ~(amount.is_finite() & (amount >= 0.0)).fill_null(False),
        "have no finite weight": occurs & ~pl.col("weight").is_finite().fill_null(False),
        "occur without a person": occurs & (pl.col("n_people") < 1).fill_null(False),
    }
    found = types.select(**{what: rows.sum() for what, rows in bad.items()}).row(0, named=True)
    wrong = [f"{n} rows {what}" for what, n in found.items() if n]
    if wrong:
        raise InputError(
            f"The {where} of a word shift cannot be used: {'; '.join(wrong)}. Expected one row per term, negated "
            "or not, with finite numbers. Correct the counts."
        )
