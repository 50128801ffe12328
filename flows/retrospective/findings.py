"""What the report shows, as tables: heat map, peaks, events, stages, breaks of volume. Not for drawing or writing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import polars as pl

from flows.retrospective.corpus import Corpus
from forecasting.alerts.fdr import q_column
from forecasting.events.calendar import Calendar, concerns
from forecasting.events.nightly import FAIRLY_SHOWN
from forecasting.events.peaks import PROTOCOLS, SCHEMA, near_events, peaks, rise
from forecasting.events.permutation import calendar_tests
from forecasting.events.segments import Segmentation, SegmentSpec, segment
from forecasting.events.study import WEEKLY, StudySpec, event_effects
from forecasting.matrix import STEP_DAYS, Floats, Kind, Matrix, to_matrix

NEAR_DAYS = 7


@dataclass(frozen=True)
class Findings:
    """Frames by the name of the file they are written to; `notes` are sentences for the reader."""

    tables: dict[str, pl.DataFrame]
    first: dt.date
    last: dt.date
    notes: tuple[str, ...]


def find(corpus: Corpus, *, calendar: Calendar, spec: StudySpec, seed: int) -> Findings:
    """Everything of the report from released days only: what is hidden there is a gap here."""
    judged, unfair = _fairly_shown(corpus)
    study = spec if corpus.frequency == "day" else WEEKLY
    first: dt.date = corpus.days.select(pl.col("time_value").min()).item()
    last: dt.date = corpus.days.select(pl.col("time_value").max()).item()
    geo_type, place = corpus.place
    events = calendar.events.filter(concerns(geo_type=geo_type, place=place))
    inside = events.filter(pl.col("start").is_between(first, last))
    span = first, last
    everything = [*judged.markers, *judged.stages]
    matrix = matrix_of(corpus, names=everything, span=span, column="value")
    starts = dict.fromkeys(matrix.ids, events["start"].to_list())
    effects = event_effects(matrix, events=events, spec=study).with_columns(q_value=q_column())
    tests = calendar_tests(matrix, starts=starts, spec=study, seed=seed)
    stages = _stages(judged, span=span, seed=seed)
    volume = _volume(corpus, span=span, seed=seed)
    found_peaks = _peaks(judged, span=span)
    tables = {
        "days": _days(corpus),
        "rises": _rises(judged, span=span),
        "peaks": _with_nearest(found_peaks, events=inside),
        "peaks_against_calendars": _against_calendars(found_peaks, corpus=judged, events=inside, span=span),
        "events": events,
        "event_effects": events.select("event_id", "name").join(effects, on="event_id").rename({"series_id": "marker"}),
        "calendar_tests": tests.rename({"series_id": "marker"}),
        "stage_segments": stages.segments,
        "stage_changes": stages.changes,
        "volume_changes": volume.changes,
    }  # fmt: skip
    notes = (
        *corpus.notes, *_event_notes(calendar, events=events, inside=inside, span=span),
        *_reason_notes(effects, tests=tests), *_gap_notes(corpus, span=span), *unfair,
        *_segment_notes(stages, volume=volume, corpus=corpus),
    )  # fmt: skip
    return Findings(tables, first, last, notes)


def _fairly_shown(corpus: Corpus) -> tuple[Corpus, tuple[str, ...]]:
    """The corpus without the markers that are hidden or 0 on more than a fifth of the days on which others are shown.

    Days with few hits are hidden, so what is left of such a marker is no fair sample of its days.
    """
    shown = pl.col("value").is_not_null()
    open_days = corpus.days.filter(shown.any().over("time_value"))
    shares = open_days.group_by("marker").agg(
        share=(pl.col("value") > 0).sum() / open_days["time_value"].n_unique()
    )
    fair = set(shares.filter(pl.col("share") >= FAIRLY_SHOWN)["marker"])
    sets = {name: tuple(m for m in members if m in fair) for name, members in corpus.sets.items()}
    kept = replace(
        corpus, sets={name: members for name, members in sets.items() if members},
        stages=tuple(stage for stage in corpus.stages if stage in fair),
    )  # fmt: skip
    unfair = [name for name in (*corpus.markers, *corpus.stages) if name not in fair]
    note = (
        f"In the heat map only, since days on which few people used a word of them are hidden: "
        f"{', '.join(unfair)}.",
    )
    return kept, note if unfair else ()


def matrix_of(
    corpus: Corpus, *, names: list[str], span: tuple[dt.date, dt.date], column: str, kind: Kind = "share"
) -> Matrix:
    """[names, days] of a column of `corpus.days`, on the grid of the whole span."""
    long = corpus.days.select(series_id="marker", time_value="time_value", value=column, n="sample_size")
    return to_matrix(
        long,
        ids=tuple(names),
        reference=span[1],
        periods=(span[1] - span[0]).days // STEP_DAYS[corpus.frequency] + 1,
        frequency=corpus.frequency,
        kind=kind,
    )


def _days(corpus: Corpus) -> pl.DataFrame:
    """The released days with `z`: the distance from the marker's own mean in its own standard deviations."""
    value = pl.col("value")
    return corpus.days.with_columns(z=((value - value.mean()) / value.std()).over("marker"))


def _rises(corpus: Corpus, *, span: tuple[dt.date, dt.date]) -> pl.DataFrame:
    days = pl.date_range(span[0], span[1], interval=f"{STEP_DAYS[corpus.frequency]}d", eager=True).alias(
        "time_value"
    )
    columns = [
        pl.Series(
            f"{name}_{protocol}",
            rise(matrix_of(corpus, names=list(members), span=span, column="value"), protocol=protocol),
        ).fill_nan(None)
        for name, members in corpus.sets.items()
        for protocol in PROTOCOLS
    ]
    return pl.DataFrame([days, *columns])


def _peaks(corpus: Corpus, *, span: tuple[dt.date, dt.date]) -> pl.DataFrame:
    parts = []
    for name, members in corpus.sets.items():
        matrix = matrix_of(corpus, names=list(members), span=span, column="value")
        errors: Floats = matrix_of(corpus, names=list(members), span=span, column="se").values
        parts += [
            peaks(matrix, errors=errors, protocol=protocol).select(pl.lit(name).alias("dimension"), pl.all())
            for protocol in PROTOCOLS
        ]
    return pl.concat([pl.DataFrame(schema={"dimension": pl.String, **SCHEMA}), *parts])


def _with_nearest(found: pl.DataFrame, *, events: pl.DataFrame) -> pl.DataFrame:
    """The newest event that began at most a week before the peak; a neighbour, not a cause."""
    known = events.select("start", nearest_event="name").sort("start")
    joined = found.sort("day").join_asof(
        known, left_on="day", right_on="start", strategy="backward", tolerance=f"{NEAR_DAYS}d"
    )
    after = (pl.col("day") - pl.col("start")).dt.total_days()
    return joined.with_columns(days_after_event=after).drop("start").sort("dimension", "protocol", "day")


def _against_calendars(
    found: pl.DataFrame, *, corpus: Corpus, events: pl.DataFrame, span: tuple[dt.date, dt.date]
) -> pl.DataFrame:
    starts = events["start"].to_list()
    rows = []
    for name in corpus.sets:
        for protocol in PROTOCOLS:
            days = found.filter(pl.col("dimension") == name, pl.col("protocol") == protocol)["day"].to_list()
            compared = near_events(days, starts=starts, span=span, within=NEAR_DAYS)
            rows.append({"dimension": name, "protocol": protocol} | compared)
    numbers = {"near": pl.Int64, "shifted": pl.Float64, "evenly": pl.Int64, "p_value": pl.Float64}
    return pl.DataFrame(
        rows, schema={"dimension": pl.String, "protocol": pl.String, "n_peaks": pl.Int64, **numbers}
    )


def _stages(corpus: Corpus, *, span: tuple[dt.date, dt.date], seed: int) -> Segmentation:
    matrix = matrix_of(corpus, names=list(corpus.stages), span=span, column="value")
    return segment(matrix, spec=_segment_spec(corpus, seed=seed))


def _segment_spec(corpus: Corpus, *, seed: int) -> SegmentSpec:
    return SegmentSpec(seed=seed, least_length=14 if corpus.frequency == "day" else 4)


def _volume(corpus: Corpus, *, span: tuple[dt.date, dt.date], seed: int) -> Segmentation:
    """Changes of the number of posts a day, or people a week, which look like changes of mood in every marker.

    From released counts: where people are counted, the posts of a week are not released.
    """
    counted = pl.coalesce("n_posts", "sample_size") if corpus.frequency == "day" else pl.col("sample_size")
    total = corpus.days.group_by("time_value").agg(n_posts=counted.max(), sample_size=pl.lit(None))
    whole = replace(corpus, days=total.with_columns(marker=pl.lit("posts")))
    matrix = matrix_of(whole, names=["posts"], span=span, column="n_posts", kind="count")
    return segment(matrix, spec=_segment_spec(corpus, seed=seed))


def _event_notes(
    calendar: Calendar, *, events: pl.DataFrame, inside: pl.DataFrame, span: tuple[dt.date, dt.date]
) -> tuple[str, ...]:
    counts = {
        "rows of the calendar could not be read and were left out": len(calendar.problems),
        "events are about another place and were left out": calendar.events.height - events.height,
        f"events begin outside {span[0]} to {span[1]}": events.height - inside.height,
    }
    return tuple(f"{n} {what}." for what, n in counts.items() if n)


def _reason_notes(effects: pl.DataFrame, *, tests: pl.DataFrame) -> tuple[str, ...]:
    """How many figures there are too few days for, by reason."""
    notes = []
    for what, rows in (("pairs of an event and a marker", effects), ("tests of the calendar", tests)):
        reasons = rows.drop_nulls("reason").group_by("reason").len().sort("reason")
        why = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in reasons.iter_rows())
        if why:
            told = rows["reason"].null_count()
            notes.append(f"{told} of {rows.height} {what} can be judged; not the others: {why}.")
    return tuple(notes)


def _gap_notes(corpus: Corpus, *, span: tuple[dt.date, dt.date]) -> tuple[str, ...]:
    what = f"{corpus.frequency}s"
    total = (span[1] - span[0]).days // STEP_DAYS[corpus.frequency] + 1
    by_day = corpus.days.group_by("time_value").agg(shown=pl.col("value").is_not_null().any())
    shown = int(by_day["shown"].sum())
    cells = int(corpus.days["value"].null_count())
    notes = [
        f"{shown} of {total} {what} can be shown; {total - by_day.height} have no post and {by_day.height - shown} too "
        "few people. They are gaps, and nothing is filled in.",
        f"{cells:,} of {corpus.days.height:,} cells of a marker and a {corpus.frequency} are hidden by the disclosure "
        "rules.",
    ]
    if corpus.frequency == "week":
        notes.append(
            "ISO weeks, named by their Sunday: too few days can be shown by themselves. Nothing is smoothed."
        )
    return tuple(notes)


def _segment_notes(stages: Segmentation, *, volume: Segmentation, corpus: Corpus) -> tuple[str, ...]:
    def told(found: Segmentation, what: str) -> str:
        if found.reason is not None or found.p_value is None or found.gain is None:
            return f"{what}: not judged, {found.reason}."
        return (
            f"{what}: changes: {found.changes.height}, which explain {found.gain:.0%} of the sum of squares; p = "
            f"{found.p_value:.3f} for any change at all (series drawn without one, same autocorrelation)."
        )

    warning = "A change of volume is a change of who writes or is collected: distrust every marker around it."
    notes = (
        told(stages, "Stage markers"),
        told(volume, "Posts a day" if corpus.frequency == "day" else "People a week"),
    )
    return (*notes, warning) if volume.changes.height else notes
