"""The contracts of every table, in the order the data flows. Read this first.

`raw` and `core` tables are private and live in the warehouse; a publication holds the `out` tables.
Not for reading or writing: `store.py` does that, through these schemas only.
"""

from __future__ import annotations

from dataclasses import dataclass

import dataframely as dy
import polars as pl

GEO_TYPES = ["all", "nation", "region", "none"]
TIME_TYPES = ["day", "week"]
POST_KINDS = ["original", "reply", "repost", "quote", "comment"]
EDGE_KINDS = ["reply", "repost", "quote", "mention"]
RELIABILITY = ["high", "moderate", "low", "suppressed"]
ALERT_KINDS = ["prevalence_high", "prevalence_rise", "forecast_high", "contagion", "data_break"]
ALERT_STATUS = ["open", "acknowledged", "resolved"]
SEVERITIES = ["low", "medium", "high"]
# Delphi's codes for why a number is absent.
NOT_MISSING, NOT_APPLICABLE, REGION_EXCEPTION, CENSORED, DELETED, OTHER = range(6)
QUANTILES = (0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99)


def _share(*, nullable: bool = True) -> dy.Float64:
    return dy.Float64(nullable=nullable, min=0.0, max=1.0)


def _missing() -> dy.Int8:
    return dy.Int8(nullable=False, min=0, max=5)


# ---------------------------------------------------------------------------------------------- raw


class Posts(dy.Schema):
    """One row per post, text masked; `post_id` is the platform's, or a content hash where it has none."""

    post_id = dy.String(primary_key=True, min_length=1)
    source = dy.String(nullable=False)
    author_key = dy.String(nullable=True)
    created_at = dy.Datetime(nullable=False, time_unit="us", time_zone="UTC")
    time_value = dy.Date(nullable=False)
    time_precision = dy.Enum(["second", "day"], nullable=False)
    lang = dy.String(nullable=True)
    lang_confidence = dy.Float32(nullable=True)
    geo_type = dy.Enum(GEO_TYPES, nullable=False)
    geo_value = dy.String(nullable=False)
    geo_source = dy.Enum(["declared", "inferred", "source", "none"], nullable=False)
    community = dy.String(nullable=True)
    kind = dy.Enum(POST_KINDS, nullable=False)
    parent_id = dy.String(nullable=True)
    thread_id = dy.String(nullable=True)
    text = dy.String(nullable=False)
    received_issue = dy.Date(nullable=False)

    @dy.rule()
    def place_has_a_level(cls) -> pl.Expr:
        """`geo_type` none goes with an empty place and nothing else does."""
        return ((pl.col("geo_type") == "none") == (pl.col("geo_value") == "")).fill_null(False)

    @dy.rule()
    def text_is_masked(cls) -> pl.Expr:
        """No link or e-mail address is left in a text."""
        return (~pl.col("text").str.contains(r"(?i)https?://\S|\b[\w.+-]+@[\w-]+\.[a-z]{2,}\b")).fill_null(
            False
        )


class Quarantine(dy.Schema):
    """One row per record that was refused: why, never what it said."""

    record_hash = dy.String(primary_key=True)
    source = dy.String(nullable=False)
    reason = dy.String(nullable=False)
    detail = dy.String(nullable=False)
    received_at = dy.Date(nullable=False)


class Intake(dy.Schema):
    """How far each source file has been read, and where its records went."""

    source = dy.String(primary_key=True)
    file_sha256 = dy.String(primary_key=True)
    issue = dy.Date(nullable=False)
    next_record = dy.Int64(nullable=False, min=0)
    done = dy.Bool(nullable=False)
    received = dy.Int64(nullable=False, min=0)
    posts = dy.Int64(nullable=False, min=0)
    duplicates = dy.Int64(nullable=False, min=0)
    quarantined = dy.Int64(nullable=False, min=0)

    @dy.rule()
    def conserved(cls) -> pl.Expr:
        """received = posts + duplicates + quarantined."""
        parts = pl.col("posts") + pl.col("duplicates") + pl.col("quarantined")
        return (pl.col("received") == parts).fill_null(False)


# --------------------------------------------------------------------------------------------- core


class Interactions(dy.Schema):
    """Who answered, passed on, quoted or mentioned whom; all keys are pseudonyms."""

    post_id = dy.String(primary_key=True)
    kind = dy.Enum(EDGE_KINDS, primary_key=True)
    edge_no = dy.Int32(primary_key=True, min=0)
    author_key = dy.String(nullable=True)
    target_author_key = dy.String(nullable=True)
    target_post_id = dy.String(nullable=True)
    created_at = dy.Datetime(nullable=False, time_unit="us", time_zone="UTC")


class People(dy.Schema):
    """What a source or a user declared about an author; nothing is inferred."""

    author_key = dy.String(primary_key=True)
    region = dy.String(nullable=True)
    age_band = dy.String(nullable=True)
    sex = dy.String(nullable=True)


class Scorers(dy.Schema):
    """Which version of each scorer was first used on which day: a change is a break in its signals."""

    scorer = dy.String(primary_key=True)
    version = dy.String(primary_key=True)
    first_issue = dy.Date(nullable=False)


class PostScores(dy.Schema):
    """The fixed part of `core.scores_<scorer>`; one Float32 column per measure stands beside it."""

    post_id = dy.String(primary_key=True)
    scorer_version = dy.String(nullable=False)
    n_tokens = dy.Int32(nullable=False, min=0)
    n_matched = dy.Int32(nullable=True, min=0)
    missing = _missing()


class TermCounts(dy.Schema):
    """How many posts and people used a lexicon term, by place and day."""

    lexicon = dy.String(primary_key=True)
    term = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    time_value = dy.Date(primary_key=True)
    n_posts = dy.Int64(nullable=False, min=1)
    n_people = dy.Int64(nullable=True, min=0)


class Signals(dy.Schema):
    """A population's mood on a day or ISO week, as it was known at `issue`.

    `value` is the mean over people of each person's own mean; `sample_size` counts people.
    """

    signal = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    time_type = dy.Enum(TIME_TYPES, primary_key=True)
    time_value = dy.Date(primary_key=True)
    issue = dy.Date(primary_key=True)
    value = _share()
    se = dy.Float64(nullable=True, min=0.0)
    sample_size = dy.Int64(nullable=True, min=0)
    n_posts = dy.Int64(nullable=True, min=0)
    value_unweighted = _share()
    value_corrected = _share()
    corrected_se = dy.Float64(nullable=True, min=0.0)
    reliability = dy.Enum(RELIABILITY, nullable=False)
    missing_value = _missing()
    missing_se = _missing()
    missing_sample_size = _missing()
    vintage = dy.Enum(["real", "assumed"], nullable=False)
    people_unknown = dy.Bool(nullable=False)

    @dy.rule()
    def null_has_a_reason(cls) -> pl.Expr:
        """A value is null exactly when its code says why."""
        return (pl.col("value").is_null() == (pl.col("missing_value") != NOT_MISSING)).fill_null(False)

    @dy.rule()
    def described_before_issued(cls) -> pl.Expr:
        """No day is described before it has happened."""
        return (pl.col("time_value") <= pl.col("issue")).fill_null(False)


class PrivateSignals(Signals):
    """`core.signals`: complete, with the head count behind each share, which is never published."""

    numerator = dy.Int64(nullable=True, min=0)


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
    probability = _share(nullable=False)
    expected_first_day = dy.Date(nullable=True)
    threshold = dy.Float64(nullable=False)
    baseline_probability = _share(nullable=False)


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
    p_value = _share()
    q_value = _share()
    severity = dy.Enum(SEVERITIES, nullable=False)
    lead_days = dy.Int32(nullable=True)
    past_precision = _share()
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
    follow_rate = _share()
    null_rate = _share()
    ratio = dy.Float64(nullable=True, min=0.0)
    p_value = _share()
    q_value = _share()
    branching_ratio = dy.Float64(nullable=True, min=0.0)
    branching_low = dy.Float64(nullable=True, min=0.0)
    branching_high = dy.Float64(nullable=True, min=0.0)
    mean_tie_strength = dy.Float64(nullable=True, min=0.0)
    velocity = dy.Float64(nullable=True, min=0.0)
    coverage = _share()


class WordShifts(dy.Schema):
    """Which words moved a lexicon signal between two windows; parts sum to the change."""

    signal = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    reference_start = dy.Date(primary_key=True)
    reference_end = dy.Date(primary_key=True)
    term = dy.String(primary_key=True)
    contribution = dy.Float64(nullable=False)
    n_people = dy.Int64(nullable=True, min=0)


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
    p_value = _share()


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
    stage = dy.Enum(["intake", "score", "publish"], primary_key=True)
    subject = dy.String(primary_key=True)
    reason = dy.String(primary_key=True)
    n = dy.Int64(nullable=False, min=0)


class Places(dy.Schema):
    """Names for the places that appear in the other tables."""

    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    parent = dy.String(nullable=True)
    label = dy.String(nullable=False)


class Runs(dy.Schema):
    """One row per command run; the only table with wall-clock times."""

    run_id = dy.String(primary_key=True)
    stage = dy.String(primary_key=True)
    command = dy.String(nullable=False)
    issue = dy.Date(nullable=False)
    started_at = dy.Datetime(nullable=False, time_unit="us", time_zone="UTC")
    finished_at = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")
    status = dy.Enum(["running", "done", "failed"], nullable=False)
    config_sha256 = dy.String(nullable=False)
    git_commit = dy.String(nullable=True)
    rows_in = dy.Int64(nullable=False, min=0)
    rows_out = dy.Int64(nullable=False, min=0)
    rows_dropped = dy.Int64(nullable=False, min=0)
    reasons = dy.String(nullable=False)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Where a contract lives. `published` tables appear in a publication under their bare name."""

    name: str
    schema: type[dy.Schema]
    published: bool = False

    @property
    def bare_name(self) -> str:
        return self.name.split(".")[-1]

    @property
    def key(self) -> list[str]:
        return self.schema.primary_key()

    @property
    def columns(self) -> list[str]:
        return list(self.schema.columns())


_ALL = (
    Table(name="raw.posts", schema=Posts),
    Table(name="raw.quarantine", schema=Quarantine),
    Table(name="raw.intake", schema=Intake),
    Table(name="core.interactions", schema=Interactions),
    Table(name="core.people", schema=People),
    Table(name="core.scorers", schema=Scorers),
    Table(name="core.term_counts", schema=TermCounts),
    Table(name="core.signals", schema=PrivateSignals),
    Table(name="core.runs", schema=Runs),
    Table(name="out.signals", schema=Signals, published=True),
    Table(name="out.signal_catalogue", schema=SignalCatalogue, published=True),
    Table(name="out.forecasts", schema=Forecasts, published=True),
    Table(name="out.peak_outlook", schema=PeakOutlook, published=True),
    Table(name="out.scores", schema=Scores, published=True),
    Table(name="out.alerts", schema=Alerts, published=True),
    Table(name="out.contagion", schema=Contagion, published=True),
    Table(name="out.word_shifts", schema=WordShifts, published=True),
    Table(name="out.events", schema=Events, published=True),
    Table(name="out.event_effects", schema=EventEffects, published=True),
    Table(name="out.measure_quality", schema=MeasureQuality, published=True),
    Table(name="out.accounting", schema=Accounting, published=True),
    Table(name="out.places", schema=Places, published=True),
)
TABLES: dict[str, Table] = {table.name: table for table in _ALL}
PUBLISHED: dict[str, Table] = {table.bare_name: table for table in _ALL if table.published}


def score_table(scorer: str, *, measures: tuple[str, ...]) -> Table:
    """The table of one scorer's post scores: `PostScores` and a nullable Float32 column per measure."""
    columns = {measure: dy.Float32(nullable=True) for measure in measures}
    schema = type(f"Scores_{scorer}", (PostScores,), columns)
    return Table(name=f"core.scores_{scorer}", schema=schema)


def empty(table: Table) -> pl.DataFrame:
    """A frame with the contract's columns and no rows."""
    return table.schema.create_empty()
