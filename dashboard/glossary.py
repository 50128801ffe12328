"""What the terms of the pages mean, in a sentence or two each: shown as tooltips of selectors and headings.

Not for what a single number means: captions say that beside it.
"""

from __future__ import annotations

from warehouse.translation import mark, t

# By the query parameter of a selector, or by the name a heading asks for.
TERMS = {
    "population": mark(
        "Everyone counts each person once, by what they write themselves. What is passed on (reposts, copies, bursts "
        "of automated accounts, bare links) is counted apart and is in no other number."
    ),
    "period": mark(
        "By week more people stand behind each number, so its error is smaller and fewer are withheld; by day a change "
        "shows earlier."
    ),
    "estimate": mark(
        "One person, one vote is the measure as it is. Without weights ignores how the people who post differ from the "
        "population. Corrected takes the measure's known errors out, if they hold for these posts."
    ),
    "known": mark(
        "Numbers are revised when late posts arrive. This shows what an earlier issue said, so that a past decision is "
        "judged by what was known then."
    ),
    "severity": mark(
        "From how far and how surely the observed value lies beyond what was expected; it says nothing about causes."
    ),
    "kind": mark(
        "A high or a rise is about mood, a forecast about what may come, contagion about answers to each other, a "
        "break about the data and not about mood."
    ),
    "window": mark("The days of which answers were looked at, up to the last day of the window."),
    "task": mark(
        "Past forecasts are judged in rounds: made for a day as of that day, and held against what came."
    ),
    "ahead": mark("How long before the period it is about the forecast was made."),
    "layout": mark(
        "One chart compares levels, a panel each shows every line apart, a heat map shows many lines at once."
    ),
    "noise": mark(
        "A change is compared with its own sampling error: below two standard errors people posting by chance could "
        "make it, from three on hardly."
    ),
    "relative_error": mark(
        "The weighted interval score divided by that of a line that stays flat: 1 is as good as knowing nothing but "
        "the last value, 0.8 is a fifth less error."
    ),
    "coverage": mark(
        "A range of 80% should hold what happens in 80 of 100 cases. Below the line the ranges are too narrow, above "
        "it too wide."
    ),
    "unusual_high": mark(
        "A level that only one in ten of the past year's passed. The chance is for the next days, not for a date."
    ),
    "follow_rate": mark(
        "Of the answers to a post that expresses a mood, the share after which the answerer expressed it too, against "
        "the same with the posts shuffled among those who answered."
    ),
}


def help_of(name: str) -> str | None:
    """The sentence of a term in the current language; None where it needs none."""
    return t(TERMS[name]) if name in TERMS else None
