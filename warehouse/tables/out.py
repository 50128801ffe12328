"""What a publication holds, beside signals (`core.py`), forecasts, alerts and contagion."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from warehouse.tables.codes import GEO_TYPES, TIME_TYPES, share

EFFECT_REASONS = ["window_not_over", "too_few_days_before", "too_few_days_after", "too_few_placebo_days"]


BREAK_KINDS = [
    "post_volume",
    "people_volume",
    "text_length",
    "coverage",
    "matched_words",
    "several_signals",
    "scorer_version",
    "query",
]


class SignalCatalogue(dy.Schema):
    """What each signal is; code reads this and never parses a name."""

    signal = dy.String(primary_key=True)
    scorer = dy.String(nullable=False)
    measure = dy.String(nullable=False)
    statistic = dy.Enum(["share", "mean", "count"], nullable=False)
    smoothing = dy.Enum(["none", "7dav"], nullable=False)
    unit = dy.String(nullable=False)
    label_en = dy.String(nullable=False)
    label_es = dy.String(nullable=False)
    direction = dy.Enum(["higher_is_worse", "higher_is_better", "neutral"], nullable=False)


class WordShifts(dy.Schema):
    """Which words moved a lexicon signal between a reference and a window; contributions sum to the change.

    Shares are of posts, and so is their difference, the contribution. `(other)` holds all words that are not shown,
    of every lexicon, and what rounding leaves. At least `n_people` used the word, in the window and in the
    reference, or in the one where it occurs.
    """

    signal = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    reference_start = dy.Date(primary_key=True)
    reference_end = dy.Date(primary_key=True)
    lexicon = dy.String(primary_key=True)
    term = dy.String(primary_key=True)
    negated = dy.Bool(primary_key=True)
    contribution = dy.Float64(nullable=False, min=-1.0, max=1.0)
    share_before = dy.Float64(nullable=False, min=-1.0, max=1.0)
    share_after = dy.Float64(nullable=False, min=-1.0, max=1.0)
    n_people = dy.Int64(nullable=True, min=0)

    @dy.rule()
    def windows_follow_each_other(cls) -> pl.Expr:
        """The reference ends before the window starts, and neither is empty."""
        days = [pl.col(name) for name in ("reference_start", "reference_end", "window_start", "window_end")]
        ordered = (days[0] <= days[1]) & (days[1] < days[2]) & (days[2] <= days[3])
        return ordered.fill_null(False)


class TermWeeks(dy.Schema):
    """Which words a lexicon signal was made of, week by week.

    The rows of a signal, place and `time_value` are one cell. It covers `weeks` whole ISO weeks up to `time_value`, a
    Sunday. `share` is of posts, in whole `step`s; the shares of a cell add up to that of posts with a hit. `(other)`
    holds all words that are not shown, of every lexicon, and what rounding leaves. At least `n_people` used the word.
    A cell is added where it changed; a publication holds the newest.
    """

    signal = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    time_value = dy.Date(primary_key=True)
    issue = dy.Date(primary_key=True)
    lexicon = dy.String(primary_key=True)
    term = dy.String(primary_key=True)
    weeks = dy.Int32(nullable=False, min=1)
    share = dy.Float64(nullable=False, min=-1.0, max=1.0)
    step = dy.Float64(nullable=False, min=0.0001, max=1.0)
    n_people = dy.Int64(nullable=True, min=0)

    @dy.rule()
    def whole_weeks_that_are_over(cls) -> pl.Expr:
        """A cell ends on a Sunday before its issue."""
        sunday = pl.col("time_value").dt.weekday() == 7
        return (sunday & (pl.col("time_value") <= pl.col("issue"))).fill_null(False)


class Events(dy.Schema):
    """The crisis calendar a user supplies."""

    event_id = dy.String(primary_key=True)
    name = dy.String(nullable=False)
    start = dy.Date(nullable=False)
    end = dy.Date(nullable=True)
    location = dy.String(nullable=True)
    stage = dy.Enum(["preparedness", "response", "recovery", "mitigation"], nullable=True)
    announced = dy.Date(nullable=True)


class EventEffects(dy.Schema):
    """How far a signal lay from what the days before an event let one expect, with its 90 % interval.

    `effect` = `after` - `before`, in points of the signal; null with a `reason` where there is too little to say.
    `n_before` and `n_after` are days, `n_placebo` days on which nothing is known to have happened, `sample_size` the
    fewest people behind a day. A row is added where something changed; a publication holds the newest.
    """

    event_id = dy.String(primary_key=True)
    signal = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    issue = dy.Date(primary_key=True)
    before = dy.Float64(nullable=True)
    after = dy.Float64(nullable=True)
    effect = dy.Float64(nullable=True)
    low = dy.Float64(nullable=True)
    high = dy.Float64(nullable=True)
    p_value = share()
    n_before = dy.Int64(nullable=False, min=0)
    n_after = dy.Int64(nullable=False, min=0)
    n_placebo = dy.Int64(nullable=False, min=0)
    sample_size = dy.Int64(nullable=True, min=0)
    reason = dy.Enum(EFFECT_REASONS, nullable=True)

    @dy.rule()
    def number_or_reason(cls) -> pl.Expr:
        """An effect has its interval around it, and no reason; without one there is a reason."""
        inside = (pl.col("low") <= pl.col("effect")) & (pl.col("effect") <= pl.col("high"))
        return (
            pl.when(pl.col("reason").is_null())
            .then(inside)
            .otherwise(pl.col("effect").is_null())
            .fill_null(False)
        )


class EventTests(dy.Schema):
    """Does a signal move at the events of the calendar more than at the same calendar shifted?

    `any_direction` tests the mean absolute move, `same_direction` the absolute mean move (log-odds); `usual` is the
    mean over all shifts. `q_value` is over all rows of an issue. Null with a `reason` where there is too little.
    """

    signal = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    question = dy.Enum(["any_direction", "same_direction"], primary_key=True)
    issue = dy.Date(primary_key=True)
    n_events = dy.Int64(nullable=False, min=0)
    n_shifts = dy.Int64(nullable=False, min=0)
    statistic = dy.Float64(nullable=True, min=0.0)
    usual = dy.Float64(nullable=True, min=0.0)
    p_value = share()
    q_value = share()
    reason = dy.Enum(["too_few_events", "too_few_days"], nullable=True)


class MeasureQuality(dy.Schema):
    """How well a scorer's measure agrees with human labels, per language and data set."""

    scorer = dy.String(primary_key=True)
    measure = dy.String(primary_key=True)
    lang = dy.String(primary_key=True)
    dataset = dy.String(primary_key=True)
    metric = dy.String(primary_key=True)
    value = dy.Float64(nullable=False)
    low = dy.Float64(nullable=True)
    high = dy.Float64(nullable=True)
    n = dy.Int64(nullable=True, min=0)
    scorer_version = dy.String(nullable=False)


# What one comparison of a signal with a survey is about.
SURVEY_COMPARISON = [
    "survey", "item", "group", "signal", "origin", "population", "geo_type", "geo_value", "time_type",
]  # fmt: skip


class SurveyValidity(dy.Schema):
    """How a signal moves with a survey: one figure per row, in docs/survey-validity.md. None is about a person.

    `origin`: shipped (other people's series, not the user's data), file or warehouse. `lag` in periods; > 0: the
    signal is ahead. `value` is a correlation, or for `error_…` a ratio of errors, where below 1 is better.
    """

    survey = dy.String(primary_key=True)
    item = dy.String(primary_key=True)
    group = dy.String(primary_key=True)
    signal = dy.String(primary_key=True)
    origin = dy.Enum(["shipped", "file", "warehouse"], primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    time_type = dy.Enum(TIME_TYPES, primary_key=True)
    part = dy.Enum(["all", "first", "second"], primary_key=True)
    of = dy.Enum(["level", "change"], primary_key=True)
    statistic = dy.String(primary_key=True)
    lag = dy.Int32(nullable=False)
    value = dy.Float64(nullable=False, allow_inf=False, allow_nan=False)
    low = dy.Float64(nullable=True)
    high = dy.Float64(nullable=True)
    p_value = share()
    n = dy.Int64(nullable=False, min=0)
    n_effective = dy.Float64(nullable=True, min=0.0)
    block = dy.Int32(nullable=True, min=1)
    first_day = dy.Date(nullable=False)
    last_day = dy.Date(nullable=False)


class DataQuality(dy.Schema):
    """What a place's posts were like on a day: a change here is a change of the data, not of a mood.

    `posts` and `people` are counts, of scorer `all`. Of a scorer: `mean_tokens` per scored post, `coverage`, the
    share of posts that were scored, and `matched`, the share of scored posts with a word of the lexicons.
    """

    population = dy.Enum(["all"], primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    time_value = dy.Date(primary_key=True)
    scorer = dy.String(primary_key=True)
    metric = dy.Enum(["posts", "people", "mean_tokens", "coverage", "matched"], primary_key=True)
    value = dy.Float64(nullable=False, min=0.0)


class Breaks(dy.Schema):
    """Days on which the data of a place changed level: its posts, their length, what is scored, or all signals as one.

    `onset` is the first day of the new level, `detected` the last day that was known when it was found. `statistic`
    and `threshold` are in errors; `observed` and `expected` are the levels after and before (of `several_signals` the
    share of signals that moved). `platform_wide`: most places of this kind moved as one. A `scorer_version` or
    `query` is known, not found: from `onset` on, scores are of another version, or a platform is asked for other posts.
    """

    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    what = dy.Enum(BREAK_KINDS, primary_key=True)
    scorer = dy.String(primary_key=True)
    onset = dy.Date(primary_key=True)
    detected = dy.Date(nullable=False)
    issue = dy.Date(nullable=False)
    statistic = dy.Float64(nullable=True)
    threshold = dy.Float64(nullable=True)
    observed = dy.Float64(nullable=True)
    expected = dy.Float64(nullable=True)
    sample_size = dy.Int64(nullable=True, min=0)
    platform_wide = dy.Bool(nullable=False)
    evidence = dy.String(nullable=False)

    @dy.rule()
    def found_after_it_began(cls) -> pl.Expr:
        """No break is found before it began, nor issued before it was found."""
        return ((pl.col("onset") <= pl.col("detected")) & (pl.col("detected") <= pl.col("issue"))).fill_null(
            False
        )


class Revisions(dy.Schema):
    """How much published numbers changed after their first issue, and how late: all cells of a signal and level.

    Cells of the last year that were first issued by a real night, with a number then and now. Changes are of `value`,
    without sign.
    """

    signal = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    time_type = dy.Enum(TIME_TYPES, primary_key=True)
    n_cells = dy.Int64(nullable=False, min=1)
    n_revised = dy.Int64(nullable=False, min=0)
    mean_change = dy.Float64(nullable=True, min=0.0)
    largest_change = dy.Float64(nullable=True, min=0.0)
    mean_people_added = dy.Float64(nullable=True)
    last_after_days = dy.Int64(nullable=True, min=0)

    @dy.rule()
    def no_more_than_there_are(cls) -> pl.Expr:
        """Revised cells are some of the cells."""
        return (pl.col("n_revised") <= pl.col("n_cells")).fill_null(False)


class SignalPages(dy.Schema):
    """What an analyst must know of a signal before using it, as Markdown, in each language of the interface."""

    signal = dy.String(primary_key=True)
    language = dy.String(primary_key=True, regex="^[a-z]{2}$")
    page = dy.String(nullable=False, min_length=1)


class Accounting(dy.Schema):
    """Where everything went: records received, kept and refused, cells published and suppressed."""

    issue = dy.Date(primary_key=True)
    stage = dy.Enum(["intake", "score", "publish", "forecast"], primary_key=True)
    subject = dy.String(primary_key=True)
    reason = dy.String(primary_key=True)
    n = dy.Int64(nullable=False, min=0)


class Places(dy.Schema):
    """Names for the places that appear in the other tables."""

    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    parent = dy.String(nullable=True)
    label = dy.String(nullable=False)
