"""What the stages make of it. Private, but for `Signals`, whose disclosed form is published too."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from warehouse.tables.codes import EDGE_KINDS, GEO_TYPES, NOT_MISSING, RELIABILITY, TIME_TYPES, missing, share


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


class Marks(dy.Schema):
    """Posts that pass something on rather than say it, and why they are thought to."""

    post_id = dy.String(primary_key=True)
    mark = dy.Enum(["near_duplicate", "burst", "link_only"], primary_key=True)
    time_value = dy.Date(nullable=False)
    received_issue = dy.Date(nullable=False)


class Fingerprints(dy.Schema):
    """What near-duplicates are found by: hashes of the words of the newest days' posts, short ones left out."""

    post_id = dy.String(primary_key=True)
    time_value = dy.Date(nullable=False)
    created_at = dy.Datetime(nullable=False, time_unit="us", time_zone="UTC")
    received_issue = dy.Date(nullable=False)
    band_0 = dy.Int64(nullable=False)
    band_1 = dy.Int64(nullable=False)
    band_2 = dy.Int64(nullable=False)
    band_3 = dy.Int64(nullable=False)
    band_4 = dy.Int64(nullable=False)
    band_5 = dy.Int64(nullable=False)
    band_6 = dy.Int64(nullable=False)
    band_7 = dy.Int64(nullable=False)


class MarkedArrivals(dy.Schema):
    """Which arrivals have been gone through for marks, how many posts they were then, and under which settings."""

    received_issue = dy.Date(primary_key=True)
    n_posts = dy.Int64(nullable=False, min=0)
    settings = dy.String(nullable=False)


class Scorers(dy.Schema):
    """Which version of each scorer was first used on which day: a change is a break in its signals."""

    scorer = dy.String(primary_key=True)
    version = dy.String(primary_key=True)
    first_issue = dy.Date(nullable=False)


class ErrorRates(dy.Schema):
    """The error rates that `value_corrected` was made with from an issue on; a row where they differ from before.

    Null where rates that were known before are known no more.
    """

    scorer = dy.String(primary_key=True)
    measure = dy.String(primary_key=True)
    lang = dy.String(primary_key=True)
    issue = dy.Date(primary_key=True)
    sensitivity = share()
    n_pos = dy.Int64(nullable=True, min=1)
    specificity = share()
    n_neg = dy.Int64(nullable=True, min=1)


class PostScores(dy.Schema):
    """The fixed part of `core.scores_<scorer>`; one Float32 column per measure stands beside it."""

    post_id = dy.String(primary_key=True)
    scorer_version = dy.String(nullable=False)
    n_tokens = dy.Int32(nullable=False, min=0)
    n_matched = dy.Int32(nullable=True, min=0)
    missing = missing()


class TermCounts(dy.Schema):
    """How often a lexicon term was used, by place and day. Only the days that tonight's word shifts need are kept.

    A post with a hit has one point per dimension, which its distinct terms that are not negated share: `credit`.
    `n_people` is null where most posts have no author. `people` are the first pseudonyms of them in order, as many
    as the people floor, with blanks between: people of several days can be told apart as far as the floor needs it.
    """

    scorer = dy.String(primary_key=True)
    lexicon = dy.String(primary_key=True)
    term = dy.String(primary_key=True)
    dimension = dy.String(primary_key=True)
    negated = dy.Bool(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    time_value = dy.Date(primary_key=True)
    n_posts = dy.Int64(nullable=False, min=1)
    n_people = dy.Int64(nullable=True, min=1)
    people = dy.String(nullable=True)
    hits = dy.Int64(nullable=False, min=1)
    credit = dy.Float64(nullable=False, min=0.0)
    scorer_version = dy.String(nullable=False)

    @dy.rule()
    def no_more_than_its_posts(cls) -> pl.Expr:
        """A post uses a term at least once, gives it one point at most, and has one author."""
        credit = pl.col("credit") <= pl.col("n_posts")
        return (
            credit
            & (pl.col("hits") >= pl.col("n_posts"))
            & (pl.col("n_people").fill_null(0) <= pl.col("n_posts"))
        )


class TermDays(dy.Schema):
    """The posts, with and without a term, that the terms of a place and day were counted in.

    Where tonight's number, settings (kinds of post, people kept per term) or scorer are others, the day is counted
    again.
    """

    scorer = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    time_value = dy.Date(primary_key=True)
    n_posts = dy.Int64(nullable=False, min=1)
    people_unknown = dy.Bool(nullable=False)
    settings = dy.String(nullable=False)
    scorer_version = dy.String(nullable=False)


class QualityCounts(dy.Schema):
    """What `out.data_quality` is made of: a day's posts at a place, and what a scorer made of them.

    `n_received` are all posts, `n_posts` those that count: without an author only where most have none, and then
    `n_people` is null. `n_matched` is null where a scorer matches no words.
    """

    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    geo_value = dy.String(primary_key=True)
    time_value = dy.Date(primary_key=True)
    scorer = dy.String(primary_key=True)
    n_received = dy.Int64(nullable=False, min=1)
    n_posts = dy.Int64(nullable=False, min=1)
    n_people = dy.Int64(nullable=True, min=1)
    n_scored = dy.Int64(nullable=False, min=0)
    n_tokens = dy.Int64(nullable=False, min=0)
    n_matched = dy.Int64(nullable=True, min=0)
    scorer_version = dy.String(nullable=False)


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
    value = share()
    se = dy.Float64(nullable=True, min=0.0)
    sample_size = dy.Int64(nullable=True, min=0)
    n_posts = dy.Int64(nullable=True, min=0)
    value_unweighted = share()
    value_corrected = share()
    corrected_se = dy.Float64(nullable=True, min=0.0)
    reliability = dy.Enum(RELIABILITY, nullable=False)
    missing_value = missing()
    missing_se = missing()
    missing_sample_size = missing()
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
    """`core.signals`: complete, with what is never published: the head count behind each share, the language of
    nearly all posts (null: mixed), and by how much weights widen the variance (1 without)."""

    numerator = dy.Int64(nullable=True, min=0)
    main_lang = dy.String(nullable=True)
    design_effect = dy.Float64(nullable=False, min=1.0)


class Identity(dy.Schema):
    """What this warehouse is: `schema_version` of its tables, `key_check` of the key behind its pseudonyms,
    `posts_from`, the day before which posts were removed by age, `compact_pending`, the command whose removals are
    still in its files, and `series_lags`, the largest `lag_days` that history of each `[[series]]` was loaded with."""

    name = dy.Enum(
        ["schema_version", "key_check", "posts_from", "compact_pending", "series_lags"], primary_key=True
    )
    value = dy.String(nullable=False)


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
