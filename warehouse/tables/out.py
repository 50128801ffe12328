"""What a publication holds, beside `core.Signals`."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from warehouse.tables.codes import ALERT_KINDS, ALERT_STATUS, GEO_TYPES, SEVERITIES, TIME_TYPES, share


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


class Forecasts(dy.Schema):
    """Hubverse rows: one quantile of one signal, place and day ahead."""

    model_id = dy.String(primary_key=True)
    reference_date = dy.Date(primary_key=True)
    target = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    time_type = dy.Enum(TIME_TYPES, primary_key=True)
    horizon = dy.Int32(primary_key=True, min=1)
    output_type = dy.Enum(["quantile"], primary_key=True)
    output_type_id = dy.Float64(primary_key=True, min=0.0, max=1.0)
    target_end_date = dy.Date(nullable=False)
    value = dy.Float64(nullable=False, allow_inf=False, allow_nan=False)
    is_fallback = dy.Bool(nullable=False)
    limited_history = dy.Bool(nullable=False)

    @dy.rule()
    def ends_when_it_says(cls) -> pl.Expr:
        """target_end_date = reference_date + horizon periods."""
        days = pl.col("horizon").cast(pl.Int64) * pl.when(pl.col("time_type") == "week").then(7).otherwise(1)
        return ((pl.col("target_end_date") - pl.col("reference_date")).dt.total_days() == days).fill_null(
            False
        )


class PeakOutlook(dy.Schema):
    """The chance that a signal exceeds its past-only threshold within a number of days."""

    model_id = dy.String(primary_key=True)
    reference_date = dy.Date(primary_key=True)
    target = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    horizon_days = dy.Int32(primary_key=True, min=1)
    probability = share(nullable=False)
    expected_first_day = dy.Date(nullable=True)
    threshold = dy.Float64(nullable=False)
    baseline_probability = share(nullable=False)


class Scores(dy.Schema):
    """How a model did on a task, for one origin, series and step; each row names what it was judged on."""

    model_id = dy.String(primary_key=True)
    task = dy.String(primary_key=True)
    reference_date = dy.Date(primary_key=True)
    target = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    horizon = dy.Int32(primary_key=True, min=1)
    metric = dy.String(primary_key=True)
    value = dy.Float64(nullable=True)
    truth_issue = dy.Date(nullable=False)
    n_train = dy.Int64(nullable=False, min=0)
    task_hash = dy.String(nullable=False)
    pseudo_real_time = dy.Bool(nullable=False)
    data_fingerprint = dy.String(nullable=False)
    trained_through = dy.Date(nullable=True)


class Alerts(dy.Schema):
    """One row per thing worth a person's attention and night it was alive, with the evidence for it.

    A publication holds the newest row of each alert.
    """

    alert_id = dy.String(primary_key=True)
    kind = dy.Enum(ALERT_KINDS, nullable=False)
    signal = dy.String(nullable=False)
    population = dy.String(nullable=False)
    geo_type = dy.Enum(GEO_TYPES, nullable=False)
    location = dy.String(nullable=False)
    time_type = dy.Enum(TIME_TYPES, nullable=False)
    time_value = dy.Date(nullable=False)
    issue = dy.Date(primary_key=True)
    detector = dy.String(nullable=False)
    observed = dy.Float64(nullable=True)
    expected = dy.Float64(nullable=True)
    threshold = dy.Float64(nullable=True)
    sample_size = dy.Int64(nullable=True, min=0)
    p_value = share()
    q_value = share()
    severity = dy.Enum(SEVERITIES, nullable=False)
    lead_days = dy.Int32(nullable=True)
    past_precision = share()
    status = dy.Enum(ALERT_STATUS, nullable=False)
    message = dy.String(nullable=False)


class Contagion(dy.Schema):
    """Does an emotion follow exposure more often than when exposures are shuffled?"""

    measure = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    tie_bin = dy.String(primary_key=True)
    n_edges = dy.Int64(nullable=False, min=0)
    n_people = dy.Int64(nullable=True, min=0)
    follow_rate = share()
    null_rate = share()
    ratio = dy.Float64(nullable=True, min=0.0)
    p_value = share()
    q_value = share()
    branching_ratio = dy.Float64(nullable=True, min=0.0)
    branching_low = dy.Float64(nullable=True, min=0.0)
    branching_high = dy.Float64(nullable=True, min=0.0)
    mean_tie_strength = dy.Float64(nullable=True, min=0.0)
    velocity = dy.Float64(nullable=True, min=0.0)
    coverage = share()


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


class Events(dy.Schema):
    """The crisis calendar a user supplies."""

    event_id = dy.String(primary_key=True)
    name = dy.String(nullable=False)
    start = dy.Date(nullable=False)
    end = dy.Date(nullable=True)
    location = dy.String(nullable=True)
    stage = dy.Enum(["preparedness", "response", "recovery", "mitigation"], nullable=True)


class EventEffects(dy.Schema):
    """How much a signal moved around an event, with its interval."""

    event_id = dy.String(primary_key=True)
    signal = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    effect = dy.Float64(nullable=False)
    low = dy.Float64(nullable=False)
    high = dy.Float64(nullable=False)
    p_value = share()


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
