"""Commands that take a plain file as well as the warehouse: score, forecast, alerts, contagion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import polars as pl
import typer

from flows import score_file, stages
from flows.cli.commands_run import _single
from flows.cli.options import (
    DEFAULT_CONFIG,
    AsOfOption,
    ColumnsOption,
    ConfigOption,
    DryRunOption,
    OutOption,
    known_config,
    need_out,
    only_series_options,
    only_stage_options,
    parse_day,
)
from flows.cli.output import log, progress, say
from flows.cli.what_if import AlphaOption, AssumeOption, WhatIfOption, parse_plan
from flows.files import beside, numbers, parse_columns, read_table, require, write_table
from flows.scorers import make_scorer, scoring_engine

SeriesOption = Annotated[
    Path | None, typer.Option("--series", help="A file of series: series_id, time_value, value [, n, place].")
]
PostsOption = Annotated[
    Path | None, typer.Option("--posts", help="A file of posts (csv, jsonl, parquet, also gzipped).")
]
PlacesOption = Annotated[
    Path | None,
    typer.Option(
        "--series", help="A file of daily series by place: series_id, time_value, value [, n, signal]."
    ),
]
FrequencyOption = Annotated[
    Literal["day", "week"] | None, typer.Option("--frequency", help="Default: read from the dates.")
]
DetectorOption = Annotated[
    Literal["calendar", "ears_c1", "ears_c2", "ears_c3"],
    typer.Option("--detector", help="calendar knows weekdays and seasons; EARS is there to compare with."),
]
KindOption = Annotated[
    Literal["auto", "share", "count", "index"],
    typer.Option(
        "--kind", help="What the values are; auto: share if there is n, count if whole numbers, else index."
    ),
]
CalendarOption = Annotated[
    Path | None,
    typer.Option("--events", help="A crisis calendar (CSV): name, start, perhaps end, location, announced."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Processes that fit the models of single series, instead of [engine] workers.",
    ),
]
SEED = 20240101


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (score, forecast, alerts, contagion):
        app.command()(command)


def score(
    context: typer.Context,
    posts: PostsOption = None,
    scorer: Annotated[
        str, typer.Option("--scorer", help="Which scorer; see `affectcast models`.")
    ] = "lexicon",
    text_column: Annotated[
        str, typer.Option("--text-column", help="The column that holds the text.")
    ] = "text",
    language: Annotated[
        str, typer.Option("--language", help="auto, or an ISO 639-1 code for every row.")
    ] = "auto",
    columns: ColumnsOption = None,
    abstain: Annotated[
        float | None,
        typer.Option(
            "--abstain", help="Keep this share of answers per measure, the surest; the others are empty."
        ),
    ] = None,
    out: OutOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_of: AsOfOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Score the warehouse's new posts, or the rows of a file."""
    if posts is None:
        only_stage_options(context, file="--posts")
        return _single("score", stages.score, config=config, as_of=as_of, dry_run=dry_run)
    target = need_out(out)
    names = {"text": text_column} | parse_columns(columns)
    frame = read_table(posts)
    require(frame, names=[names["text"]], path=posts)
    if dry_run:
        return say(f"would score {frame.height:,} rows of {posts} with {scorer} into {target}")
    settings = known_config(config)
    chosen = make_scorer(scorer, threads=settings.score.threads, config=settings)
    with progress() as tell, scoring_engine([chosen], config=settings) as engine:
        scored = score_file.score_frame(
            frame, scorer=chosen, text=names["text"], language=language, tell=tell, engine=engine
        )
    if abstain is not None:
        scored, notes = score_file.with_abstention(
            scored, scorer=chosen, text=names["text"], language=language, coverage=abstain
        )
        for note in notes:
            log(note)
    write_table(scored, path=target)
    log(f"{scored.height:,} rows → {target}")
    return None


def forecast(
    context: typer.Context,
    series: SeriesOption = None,
    horizon: Annotated[int, typer.Option("--horizon", min=1, max=366, help="Steps ahead.")] = 14,
    frequency: FrequencyOption = None,
    model: Annotated[
        str, typer.Option("--model", help="Which model; the ensemble weighs all on their own past.")
    ] = "ensemble",
    kind: KindOption = "auto",
    events: CalendarOption = None,
    columns: ColumnsOption = None,
    out: OutOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_of: AsOfOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Forecast the warehouse's signals, or the series of a file."""
    if series is None:
        only_stage_options(context, file="--series")
        return _single("forecast", stages.forecast, config=config, as_of=as_of, dry_run=dry_run)
    from forecasting.forecast import forecast_file

    target = need_out(out)
    frame = _read_series(series, columns=columns)
    if dry_run:
        return say(f"would forecast {frame['series_id'].n_unique():,} series of {series} into {target}")
    day = parse_day(as_of, option="--as-of") if as_of else None
    made = forecast_file(
        frame, horizon=horizon, as_of=day, frequency=frequency, kind=kind, model=model, seed=SEED,
        events=_read_events(events),
    )  # fmt: skip
    write_table(made.forecasts, path=target)
    for warning in made.warnings:
        log(f"warning: {warning}")
    log(f"{made.forecasts.height:,} rows → {target}")
    return None


def alerts(
    context: typer.Context,
    series: SeriesOption = None,
    frequency: FrequencyOption = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            "--alpha",
            min=1e-6,
            max=0.5,
            help="False alarms per judged period. Default: 0.01; for EARS its published bounds (0.00135).",
        ),
    ] = None,
    detector: DetectorOption = "calendar",
    columns: ColumnsOption = None,
    out: OutOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_of: AsOfOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Judge the warehouse's signals, or the series of a file, for days that are higher than expected."""
    if series is None:
        only_stage_options(context, file="--series")
        return _single("alerts", stages.alerts, config=config, as_of=as_of, dry_run=dry_run)
    from forecasting.alerts.series_file import alerts_file

    target = need_out(out)
    frame = _read_series(series, columns=columns)
    if dry_run:
        return say(f"would judge {frame['series_id'].n_unique():,} series of {series} into {target}")
    day = parse_day(as_of, option="--as-of") if as_of else None
    judged = alerts_file(frame, as_of=day, frequency=frequency, alpha=alpha, detector=detector)
    write_table(judged, path=target)
    log(f"{judged.height:,} periods judged, {judged['alarm'].sum():,} alarms → {target}")
    return None


def contagion(
    context: typer.Context,
    posts: PostsOption = None,
    series: PlacesOption = None,
    measures: Annotated[
        str | None,
        typer.Option("--measures", help="Columns that hold a 0–1 score; left out, the text is scored first."),
    ] = None,
    window_hours: Annotated[
        int, typer.Option("--window-hours", min=1, help="How long after exposure counts as following.")
    ] = 24,
    permutations: Annotated[
        int, typer.Option("--permutations", min=100, help="Shuffles behind each p-value.")
    ] = 1000,
    what_if: WhatIfOption = None,
    assume: AssumeOption = None,
    alpha: AlphaOption = None,
    columns: ColumnsOption = None,
    out: OutOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_of: AsOfOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Follow emotions along the warehouse's replies, or those of a file; or compare the series of places.

    With posts, branching ratios, diffusion what-ifs, transitions and a comparison of ties are written beside OUT. With
    series, OUT says which place moves before which, and the table beside it, .growth, what grows.
    """
    if series is not None:
        return _comovement(context, series=series, columns=columns, out=out, config=config, as_of=as_of)
    if posts is None:
        only_stage_options(context, file="--posts or --series")
        return _single("contagion", stages.contagion, config=config, as_of=as_of, dry_run=dry_run)
    from flows.contagion import floors_of
    from forecasting.contagion.api import contagion_file
    from forecasting.contagion.extras import ExtrasSpec, contagion_extras

    target = need_out(out)
    plan = parse_plan(what_if=what_if, assume=assume, alpha=alpha)
    frame = read_table(posts, columns=parse_columns(columns))
    require(frame, names=["post_id", "created_at"], path=posts)
    if dry_run:
        return say(f"would follow {frame.height:,} posts of {posts} into {target}")
    with progress() as tell:
        scored, names = score_file.measured(frame, measures=measures, path=posts, tell=tell)
    made = contagion_file(
        scored, measures=names, window_hours=window_hours, permutations=permutations, seed=SEED
    )
    spec = ExtrasSpec(
        measures=names, window_hours=window_hours, permutations=permutations,
        floors=floors_of(known_config(config)), seed=SEED, plan=plan,
    )  # fmt: skip
    extras = contagion_extras(scored, spec=spec)
    write_table(made.rows, path=target)
    for what, table in extras.tables.items():
        write_table(table, path=beside(target, what=what))
    for note in made.notes + extras.notes:
        log(f"note: {note}")
    log(f"{made.rows.height:,} rows → {target}")
    return None


def _comovement(
    context: typer.Context, *, series: Path, columns: str | None, out: Path | None, config: Path, as_of: str | None
) -> None:  # fmt: skip
    """Lead-lag between the places of a file of series, and growth beside it."""
    from flows.contagion import floors_of
    from forecasting.contagion.comovement import comovement_file

    only_series_options(context)
    target = need_out(out)
    frame = _read_series(series, columns=columns)
    if context.params["dry_run"]:
        return say(f"would compare {frame['series_id'].n_unique():,} places of {series} into {target}")
    day = parse_day(as_of, option="--as-of") if as_of else None
    made = comovement_file(frame, as_of=day, floors=floors_of(known_config(config)))
    write_table(made.lead_lag, path=target)
    write_table(made.growth, path=beside(target, what="growth"))
    for note in made.notes:
        log(f"note: {note}")
    log(f"{made.lead_lag.height:,} pairs and growth of {made.growth.height:,} series → {target}")
    return None


def _read_events(path: Path | None) -> pl.DataFrame | None:
    """The calendar's events; rows that cannot be read are named in warnings."""
    from forecasting.events.calendar import read_calendar

    if path is None:
        return None
    calendar = read_calendar(path)
    for problem in calendar.problems:
        log(f"warning: {problem}")
    return calendar.events


def _read_series(path: Path, *, columns: str | None) -> pl.DataFrame:
    frame = read_table(path, columns=parse_columns(columns))
    require(frame, names=["series_id", "time_value", "value"], path=path)
    named = frame.with_columns(pl.col("series_id").cast(pl.String))
    return numbers(named, names=["value", "n"], path=path)
