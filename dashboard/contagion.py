"""What was and was not found of contagion, in sentences and table rows. Not for figures, and never about people.

Everything here says that answers go along with what they answer, and nothing that one caused the other.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from dashboard import words
from warehouse.translation import date, exact, mark, number, percent, short_date, t

FOUND, NOT_FOUND, TOO_FEW = "found", "not_found", "too_few"
OUTCOMES = {FOUND: mark("found"), NOT_FOUND: mark("not found"), TOO_FEW: mark("too few")}
Q, LARGE, PARTS = 0.05, 1.1, 3
TIES = {"all": mark("all ties"), "weak": mark("weak ties"), "strong": mark("strong ties")}
MUST_NOT = (
    mark("to name, rank or contact the people or accounts that a mood is answered from"),
    mark("to decide about moderation of anybody, or whose ties to cut"),
    mark(
        "as proof that posts cause posts, or that exposure harms: a topic that travels down a thread looks the same"
    ),
    mark("to call a what-if a forecast: nothing in it is measured but the ties"),
    mark("to say that a mood moves from one place to another: places that move together need not meet"),
)
EVIDENCE = mark(
    "Follow rate: of the answers to a post that expresses the mood, the share after which the answerer expressed it "
    "too. Expected: the same where who answers whom and the day's mood stay, and which post was shown is shuffled. "
    "The interval is 95% with people as clusters, q is the false discovery rate over all rows. The follow rate counts "
    "any later post of the window of hours, so its level depends on how much people post: read the ratio."
)
# Published as text; what is not here is shown as it was published.
SCENARIOS = {
    "as it is": mark("as it is"),
    "without the weakest 10 % of ties": mark("without the weakest 10 % of ties"),
    "catching halved": mark("catching halved"),
    "passed on two steps later": mark("passed on two steps later"),
}
UNKNOWN = {
    "fewer than 200 events": mark("fewer than 200 events"),
    "fewer than three days of posts are used": mark("fewer than three days of posts are used"),
    "no posts": mark("no posts"),
    "times known to the day only": mark("times known to the day only"),
    "times known to the hour only": mark("times known to the hour only"),
    "too few people": mark("too few people"),
    "the fit is rejected: the gaps between posts are not explained": mark(
        "the fit is rejected: the gaps between posts are not explained"
    ),
    "not told apart from a level that drifts from day to day": mark(
        "not told apart from a level that drifts from day to day"
    ),
    "the interval is wider than .5": mark("the interval is wider than .5"),
    "the delay is too long to be told from a level that drifts": mark(
        "the delay is too long to be told from a level that drifts"
    ),
}


def windows(rows: pl.DataFrame) -> dict[str, str]:
    """The last day of each published window → its days in words, newest first."""
    spans = rows.select("window_start", "window_end").unique().sort("window_end", descending=True)
    return {f"{row['window_end']}": span(row) for row in spans.iter_rows(named=True)}


def span(row: dict[str, Any]) -> str:
    """`05 Mar to 02 Jun 2024`."""
    start, end = row["window_start"], row["window_end"]
    first = short_date(start) if start.year == end.year else date(start)
    return t("{start} to {end}", start=first, end=end)


def of_window(rows: pl.DataFrame, *, window: str) -> pl.DataFrame:
    """The rows of one window: measures by name, all ties before weak and strong ones."""
    order = pl.col("tie_bin").replace_strict({name: k for k, name in enumerate(TIES)}, default=9)
    chosen = rows.filter(pl.col("window_end").cast(pl.String) == window)
    return chosen.sort("population", "geo_type", "location", "measure", order)


def measure_name(row: dict[str, Any]) -> str:
    """What a row is about: its measure, and its place or population where that is not everybody everywhere."""
    parts = [words.capital(words.measure(str(row["measure"])))]
    parts += [str(row[name]) for name in ("location", "population") if row.get(name, "all") != "all"]
    return ", ".join(parts)


def outcome(row: dict[str, Any]) -> str:
    """Found, not found or too few."""
    if row["follow_rate"] is None or row["q_value"] is None or row["ratio"] is None:
        return TOO_FEW
    return FOUND if row["q_value"] < Q and row["ratio"] > 1 else NOT_FOUND


def headline(row: dict[str, Any]) -> str:
    """`Anger: found.`"""
    return t("{mood}: {outcome}.", mood=measure_name(row), outcome=words.told(OUTCOMES, outcome(row)))


def sentence(row: dict[str, Any]) -> str:
    """What stands behind the headline of a row of all ties, as it can be said in a meeting."""
    found = outcome(row)
    if found == TOO_FEW:
        return t("Too few people answered such posts to say anything ({size}).", size=_size(row))
    rates = t(
        "After answering a post that expresses it, {followed} expressed it too; {expected} would be expected if the "
        "posts shown were shuffled: {ratio}, q {q}, {size}.",
        followed=percent(row["follow_rate"]),
        expected=percent(row["null_rate"]),
        ratio=_ratio(row),
        q=words.chance(row["q_value"]),
        size=_size(row),
    )
    return f"{rates} {_standing(row, found=found)}"


def _standing(row: dict[str, Any], *, found: str) -> str:
    """How far the verdict carries."""
    if found == NOT_FOUND:
        most = row["ratio_high"]
        told = [t("That is no more than shuffling gives.")]
        if most is not None:
            told.append(t("A ratio up to {ratio} would fit these data.", ratio=number(most, decimals=2)))
        return " ".join(told)
    parts = row["parts_above"]
    lasting = (
        t("how it lasted is not known")
        if parts is None
        else t("above in {n} of {parts} parts of the window", n=parts, parts=PARTS)
    )
    if row["ratio_low"] is not None and row["ratio_low"] >= LARGE and parts == PARTS:
        size = t("It is large and lasting enough for an alert ({lasting}).", lasting=lasting)
    else:
        size = t("It is not large or lasting enough for an alert ({lasting}).", lasting=lasting)
    return f"{size} {t('Answers go along with what they answer; why is not established.')}"


def _ratio(row: dict[str, Any]) -> str:
    ratio = number(row["ratio"], decimals=2)
    if row["ratio_low"] is None or row["ratio_high"] is None:
        return t("{ratio} times (no interval)", ratio=ratio)
    low, high = (number(row[end], decimals=2) for end in ("ratio_low", "ratio_high"))
    return t("{ratio} times (95% interval {low} to {high})", ratio=ratio, low=low, high=high)


def _size(row: dict[str, Any]) -> str:
    answers = words.count(row["n_edges"])
    if row["n_people"] is None:
        return t("{answers} answers, people not published", answers=answers)
    return t("{answers} answers, {people} people", answers=answers, people=row["n_people"])


def follow_row(row: dict[str, Any]) -> dict[str, str]:
    """One row of the evidence table."""
    parts = row["parts_above"]
    return {
        t("Mood"): measure_name(row),
        t("Along"): words.told(TIES, row["tie_bin"]),
        t("Outcome"): words.told(OUTCOMES, outcome(row)),
        t("Follow rate"): words.amount(row["follow_rate"], statistic="share"),
        t("Expected"): words.amount(row["null_rate"], statistic="share"),
        t("Ratio"): words.with_range(row["ratio"], low=None, high=None),
        t("95% interval"): interval(row, "ratio"),
        "q": words.NOTHING if row["q_value"] is None else words.chance(row["q_value"]),
        t("Parts above"): words.NOTHING if parts is None else t("{n} of {total}", n=parts, total=PARTS),
        t("Answers"): words.count(row["n_edges"]),
        t("People"): words.count(row["n_people"]),
    }


def interval(row: dict[str, Any], name: str) -> str:
    """`1.24 to 1.63`, from the columns of that name with `_low` and `_high`; a dash where one is not known."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if low is None or high is None:
        return words.NOTHING
    return words.between(number(low, decimals=2), number(high, decimals=2))


# --------------------------------------------------------------------------------------------- ties


def weak_sentence(row: dict[str, Any]) -> str:
    """The comparison of the ties along which two moods were followed."""
    first, second = (words.measure(str(row[name])) for name in ("first", "second"))
    sizes = [t("unpublished") if row[name] is None else number(row[name]) for name in ("n_first", "n_second")]
    where = t("{span}; pairs and days: {first} and {second}", span=span(row), first=sizes[0], second=sizes[1])
    if row["p_value"] is None:
        return t(
            "{first} and {second} could not be compared: too few people followed one of them ({where}).",
            first=words.capital(first),
            second=second,
            where=where,
        )
    means = t(
        "mean overlap of contacts {mean_first} under {first} and {mean_second} under {second}, one-sided p {p}; "
        "{where}",
        mean_first=number(row["mean_first"], decimals=3),
        first=first,
        mean_second=number(row["mean_second"], decimals=3),
        second=second,
        p=words.chance(row["p_value"]),
        where=where,
    )
    if row["p_value"] < Q:
        return t(
            "{first} was followed along weaker ties than {second} ({means}). Pairs of the same people are not "
            "independent: take it as a hint.",
            first=words.capital(first),
            second=second,
            means=means,
        )
    return t(
        "It was not found that {first} is followed along weaker ties than {second} ({means}).",
        first=first,
        second=second,
        means=means,
    )


def bins_sentence(rows: pl.DataFrame) -> str:
    """Whether the ratio of one measure differs between weak and strong ties."""
    known = {row["tie_bin"]: row for row in rows.iter_rows(named=True) if row["ratio_low"] is not None}
    mood = measure_name(rows.row(0, named=True))
    if not {"weak", "strong"} <= known.keys():
        return t("{mood}: weak and strong ties are not compared, too few or not known.", mood=mood)
    weak, strong = known["weak"], known["strong"]
    apart = weak["ratio_low"] > strong["ratio_high"] or strong["ratio_low"] > weak["ratio_high"]
    verdict = (
        t("the intervals do not overlap")
        if apart
        else t("the intervals overlap, so no difference can be claimed")
    )
    return t(
        "{mood}: {weak} along weak ties, {weak_size}; {strong} along strong ties, {strong_size}; {verdict}.",
        mood=mood,
        weak=_ratio(weak),
        weak_size=_size(weak),
        strong=_ratio(strong),
        strong_size=_size(strong),
        verdict=verdict,
    )


def branching_row(row: dict[str, Any]) -> dict[str, str]:
    """A measure's branching ratio with its interval, or why there is none."""
    ratio = row["branching_ratio"]
    return {
        t("Mood"): measure_name(row),
        t("Branching ratio"): t("not identifiable") if ratio is None else number(ratio, decimals=2),
        t("Interval"): words.NOTHING if ratio is None else interval(row, "branching"),
        t("In words"): _branching_in_words(row),
    }


def _branching_in_words(row: dict[str, Any]) -> str:
    if row["branching_ratio"] is not None:
        return t("above 0") if row["branching_low"] > 0 else t("not found: the interval reaches 0")
    reason = row["branching_reason"]
    return words.told(UNKNOWN, reason) if reason else t("the reason was not published")


def seen_ties(what_ifs: pl.DataFrame) -> str:
    """How large the network of answers is: counts of people and ties, nothing else of it."""
    row = what_ifs.row(0, named=True)
    return t(
        "Ties that were seen: {people} people who answered or were answered, {ties} ties between them, {span}.",
        people=words.count(row["n_people"]),
        ties=words.count(row["n_ties"]),
        span=span(row),
    )


def what_if_row(row: dict[str, Any]) -> dict[str, str]:
    """One scenario and alpha as text."""
    return {
        t("What if"): scenario(row["scenario"]),
        t("Ties preferred"): preferred(row["alpha"]),
        t("Reached in the end"): with_range(row, "coverage"),
        t("Newly reached per step"): with_range(row, "velocity"),
        t("Runs"): words.count(row["replicates"]),
    }


def scenario(name: str) -> str:
    """A what-if as it begins a line."""
    return words.capital(words.told(SCENARIOS, name))


def preferred(alpha: float) -> str:
    """Which ties an alpha prefers, with the alpha."""
    if not alpha:
        return t("none (alpha {alpha})", alpha="0")
    if alpha < 0:
        return t("weak (alpha {alpha})", alpha=f"-{exact(-alpha)}")
    return t("strong (alpha {alpha})", alpha=f"+{exact(alpha)}")


def with_range(row: dict[str, Any], name: str) -> str:
    """`41.0% (38.2% to 44.1%)`, from the columns of that name with `_low` and `_high`."""
    low, high = (percent(row[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{percent(row[name])} ({words.between(low, high)})"
