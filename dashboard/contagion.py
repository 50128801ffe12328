"""What was and was not found of contagion, in sentences and table rows. Not for figures, and never about people.

Everything here says that answers go along with what they answer, and nothing that one caused the other.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from dashboard import words

FOUND, NOT_FOUND, TOO_FEW = "found", "not found", "too few"
Q, LARGE, PARTS = 0.05, 1.1, 3
TIES = {"all": "all ties", "weak": "weak ties", "strong": "strong ties"}
MUST_NOT = (
    "to name, rank or contact the people or accounts that a mood is answered from",
    "to decide about moderation of anybody, or whose ties to cut",
    "as proof that posts cause posts, or that exposure harms: a topic that travels down a thread looks the same",
    "to call a what-if a forecast: nothing in it is measured but the ties",
    "to say that a mood moves from one place to another: places that move together need not meet",
)
EVIDENCE = (
    "Follow rate: of the answers to a post that expresses the mood, the share after which the answerer expressed it "
    "too. Expected: the same where who answers whom and the day's mood stay, and which post was shown is shuffled. "
    "The interval is 95% with people as clusters, q is the false discovery rate over all rows. The follow rate counts "
    "any later post of the window of hours, so its level depends on how much people post: read the ratio."
)


def windows(rows: pl.DataFrame) -> dict[str, str]:
    """The last day of each published window → its days in words, newest first."""
    spans = rows.select("window_start", "window_end").unique().sort("window_end", descending=True)
    return {f"{row['window_end']}": span(row) for row in spans.iter_rows(named=True)}


def span(row: dict[str, Any]) -> str:
    """`05 Mar to 02 Jun 2024`."""
    start, end = row["window_start"], row["window_end"]
    return f"{start:%d %b}{'' if start.year == end.year else f' {start:%Y}'} to {end:%d %b %Y}"


def of_window(rows: pl.DataFrame, *, window: str) -> pl.DataFrame:
    """The rows of one window: measures by name, all ties before weak and strong ones."""
    order = pl.col("tie_bin").replace_strict({name: k for k, name in enumerate(TIES)}, default=9)
    chosen = rows.filter(pl.col("window_end").cast(pl.String) == window)
    return chosen.sort("population", "geo_type", "location", "measure", order)


def measure_name(row: dict[str, Any]) -> str:
    """What a row is about: its measure, and its place or population where that is not everybody everywhere."""
    parts = [str(row["measure"]).replace("_", " ").capitalize()]
    parts += [str(row[name]) for name in ("location", "population") if row.get(name, "all") != "all"]
    return ", ".join(parts)


def outcome(row: dict[str, Any]) -> str:
    """Found, not found or too few."""
    if row["follow_rate"] is None or row["q_value"] is None or row["ratio"] is None:
        return TOO_FEW
    return FOUND if row["q_value"] < Q and row["ratio"] > 1 else NOT_FOUND


def headline(row: dict[str, Any]) -> str:
    """`Anger: found.`"""
    return f"{measure_name(row)}: {outcome(row)}."


def sentence(row: dict[str, Any]) -> str:
    """What stands behind the headline of a row of all ties, as it can be said in a meeting."""
    found = outcome(row)
    if found == TOO_FEW:
        return f"Too few people answered such posts to say anything ({_size(row)})."
    return (
        f"After answering a post that expresses it, {row['follow_rate']:.1%} expressed it too; {row['null_rate']:.1%} "
        f"would be expected if the posts shown were shuffled: {_ratio(row)}, q {_q(row['q_value'])}, {_size(row)}. "
        f"{_standing(row, found=found)}"
    )


def _standing(row: dict[str, Any], *, found: str) -> str:
    """How far the verdict carries."""
    if found == NOT_FOUND:
        most = (
            ""
            if row["ratio_high"] is None
            else f" A ratio up to {row['ratio_high']:.2f} would fit these data."
        )
        return f"That is no more than shuffling gives.{most}"
    parts = row["parts_above"]
    lasting = (
        "how it lasted is not known" if parts is None else f"above in {parts} of {PARTS} parts of the window"
    )
    sure = row["ratio_low"] is not None and row["ratio_low"] >= LARGE and parts == PARTS
    size = "large and lasting enough for an alert" if sure else "not large or lasting enough for an alert"
    return f"It is {size} ({lasting}). Answers go along with what they answer; why is not established."


def _ratio(row: dict[str, Any]) -> str:
    if row["ratio_low"] is None or row["ratio_high"] is None:
        return f"{row['ratio']:.2f} times (no interval)"
    return f"{row['ratio']:.2f} times (95% interval {row['ratio_low']:.2f} to {row['ratio_high']:.2f})"


def _q(value: float) -> str:
    return "under 0.001" if value < 0.001 else f"{value:.3f}"


def _size(row: dict[str, Any]) -> str:
    who = "people not published" if row["n_people"] is None else f"{words.count(row['n_people'])} people"
    return f"{words.count(row['n_edges'])} answers, {who}"


def follow_row(row: dict[str, Any]) -> dict[str, str]:
    """One row of the evidence table."""
    known = row["ratio_low"] is not None and row["ratio_high"] is not None
    return {
        "Mood": measure_name(row),
        "Along": TIES.get(row["tie_bin"], row["tie_bin"]),
        "Outcome": outcome(row),
        "Follow rate": words.amount(row["follow_rate"], statistic="share"),
        "Expected": words.amount(row["null_rate"], statistic="share"),
        "Ratio": words.NOTHING if row["ratio"] is None else f"{row['ratio']:.2f}",
        "95% interval": f"{row['ratio_low']:.2f} to {row['ratio_high']:.2f}" if known else words.NOTHING,
        "q": words.NOTHING if row["q_value"] is None else _q(row["q_value"]),
        "Parts above": words.NOTHING if row["parts_above"] is None else f"{row['parts_above']} of {PARTS}",
        "Answers": words.count(row["n_edges"]),
        "People": words.count(row["n_people"]),
    }


# --------------------------------------------------------------------------------------------- ties


def weak_sentence(row: dict[str, Any]) -> str:
    """The comparison of the ties along which two moods were followed."""
    first, second = (str(row[name]).replace("_", " ") for name in ("first", "second"))
    sizes = ("unpublished" if row[name] is None else f"{row[name]:,}" for name in ("n_first", "n_second"))
    where = f"{span(row)}; pairs and days: {' and '.join(sizes)}"
    if row["p_value"] is None:
        few = "too few people followed one of them"
        return f"{first.capitalize()} and {second} could not be compared: {few} ({where})."
    means = (
        f"mean overlap of contacts {row['mean_first']:.3f} under {first} and {row['mean_second']:.3f} under {second}, "
        f"one-sided p {_q(row['p_value'])}; {where}"
    )
    if row["p_value"] < Q:
        return (
            f"{first.capitalize()} was followed along weaker ties than {second} ({means}). Pairs of the same people "
            "are not independent: take it as a hint."
        )
    return f"It was not found that {first} is followed along weaker ties than {second} ({means})."


def bins_sentence(rows: pl.DataFrame) -> str:
    """Whether the ratio of one measure differs between weak and strong ties."""
    known = {row["tie_bin"]: row for row in rows.iter_rows(named=True) if row["ratio_low"] is not None}
    if not {"weak", "strong"} <= known.keys():
        return f"{measure_name(rows.row(0, named=True))}: weak and strong ties are not compared, too few or not known."
    weak, strong = known["weak"], known["strong"]
    apart = weak["ratio_low"] > strong["ratio_high"] or strong["ratio_low"] > weak["ratio_high"]
    told = (
        "the intervals do not overlap" if apart else "the intervals overlap, so no difference can be claimed"
    )
    along = (
        f"{_ratio(row)} along {name} ties, {_size(row)}" for name, row in (("weak", weak), ("strong", strong))
    )
    return f"{measure_name(weak)}: {'; '.join(along)}; {told}."


def branching_row(row: dict[str, Any]) -> dict[str, str]:
    """A measure's branching ratio with its interval, or why there is none."""
    known = row["branching_ratio"] is not None
    interval = f"{row['branching_low']:.2f} to {row['branching_high']:.2f}" if known else words.NOTHING
    if not known:
        told = row["branching_reason"] or "the reason was not published"
    else:
        told = "above 0" if row["branching_low"] > 0 else "not found: the interval reaches 0"
    return {
        "Mood": measure_name(row),
        "Branching ratio": f"{row['branching_ratio']:.2f}" if known else "not identifiable",
        "Interval": interval,
        "In words": told,
    }


def seen_ties(what_ifs: pl.DataFrame) -> str:
    """How large the network of answers is: counts of people and ties, nothing else of it."""
    row = what_ifs.row(0, named=True)
    return (
        f"Ties that were seen: {words.count(row['n_people'])} people who answered or were answered, "
        f"{words.count(row['n_ties'])} ties between them, {span(row)}."
    )


def what_if_row(row: dict[str, Any]) -> dict[str, str]:
    """One scenario and alpha as text."""
    return {
        "What if": row["scenario"][:1].upper() + row["scenario"][1:],
        "Ties preferred": preferred(row["alpha"]),
        "Reached in the end": _with_range(row, "coverage"),
        "Newly reached per step": _with_range(row, "velocity"),
        "Runs": words.count(row["replicates"]),
    }


def preferred(alpha: float) -> str:
    """Which ties an alpha prefers, with the alpha."""
    which = "weak" if alpha < 0 else "strong" if alpha > 0 else "none"
    return f"{which} (alpha {alpha:+g})" if alpha else "none (alpha 0)"


def _with_range(row: dict[str, Any], name: str) -> str:
    return f"{row[name]:.1%} ({row[f'{name}_low']:.1%} to {row[f'{name}_high']:.1%})"
