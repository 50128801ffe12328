"""`affectcast retrospective`: markers by day beside a crisis calendar, from the warehouse or from a file of posts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.cli.options import (
    DEFAULT_CONFIG,
    AsOfOption,
    ColumnsOption,
    ConfigOption,
    DryRunOption,
    known_config,
    parse_day,
    parse_language,
    today,
)
from flows.cli.output import log, progress, say
from flows.files import parse_columns, read_table, require
from forecasting.events.calendar import FIELDS, read_calendar
from warehouse.config import Config
from warehouse.errors import UsageError
from warehouse.opening import name_of

if TYPE_CHECKING:
    import polars as pl

    from flows.retrospective.corpus import Corpus

EventsOption = Annotated[
    Path,
    typer.Option(
        "--events", help="The crisis calendar (CSV): name, start, perhaps end, location, stage, announced."
    ),
]
FolderOption = Annotated[Path, typer.Option("--out", help="Folder for the page and its CSV files.")]
PostsOption = Annotated[
    Path | None,
    typer.Option("--posts", help="A file of posts (csv, jsonl, parquet, also gzipped); else the warehouse."),
]
PlaceOption = Annotated[
    str, typer.Option("--place", help="Of the warehouse: all, or a place such as US or US-CA.")
]
LanguageOption = Annotated[str, typer.Option("--language", help="auto, or an ISO 639-1 code for every post.")]
TitleOption = Annotated[str, typer.Option("--title", help="What heads the page.")]
FrequencyOption = Annotated[
    Literal["day", "week"] | None,
    typer.Option("--frequency", help="Default: days where four in five can be shown, else weeks."),
]
AUTO, POSTS = "auto", ("text", "created_at", "author", "post_id")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(retrospective)


def retrospective(
    events: EventsOption,
    out: FolderOption,
    posts: PostsOption = None,
    columns: ColumnsOption = None,
    place: PlaceOption = "all",
    language: LanguageOption = AUTO,
    frequency: FrequencyOption = None,
    title: TitleOption = "Retrospective",
    config: ConfigOption = DEFAULT_CONFIG,
    as_of: AsOfOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Set markers by day, their peaks and crisis stages beside a calendar of events, in a page and CSV files."""
    from flows.events import study_spec
    from flows.retrospective.run import ReportSpec, write_report

    settings = known_config(config)
    names = _names(columns)
    calendar = read_calendar(events, columns={k: v for k, v in names.items() if k in FIELDS})
    for problem in calendar.problems:
        log(f"warning: {problem}")
    day = _day(as_of, config=settings)
    frame = None if posts is None else _read(posts, names=names, place=place)
    if dry_run:
        source = (
            f"{frame.height:,} posts of {posts}"
            if frame is not None
            else f"{name_of(settings.paths.warehouse, config=settings.warehouse)}, {place}"
        )
        return say(f"would set {source} beside {calendar.events.height:,} events into {out}")
    corpus = _corpus(frame, config=settings, language=language, day=day, place=place, frequency=frequency)
    spec = ReportSpec(title=title, study=study_spec(settings), seed=settings.run.seed)
    found = write_report(corpus, calendar=calendar, spec=spec, folder=out)
    for note in found.notes:
        log(f"note: {note}")
    log(f"{found.first} to {found.last}, {calendar.events.height:,} events → {out}")
    return None


def _names(columns: str | None) -> dict[str, str]:
    """One option for both files: the names of posts and of events differ."""
    names = parse_columns(columns)
    unknown = sorted(set(names) - {*FIELDS, *POSTS})
    if unknown:
        raise UsageError(
            f"--columns: there is no {', '.join(unknown)}. Posts have {', '.join(POSTS)}; events have "
            f"{', '.join(FIELDS)}."
        )
    return names


def _day(as_of: str | None, *, config: Config) -> dt.date:
    return parse_day(as_of, option="--as-of") if as_of else config.run.as_of or today()


def _read(posts: Path, *, names: dict[str, str], place: str) -> pl.DataFrame:
    if place != "all":
        raise UsageError("--place: only with the warehouse. A file of posts is one place; leave it out.")
    frame = read_table(posts, columns={k: v for k, v in names.items() if k in POSTS})
    require(frame, names=["text", "created_at"], path=posts)
    return frame


def _corpus(
    frame: pl.DataFrame | None, *, config: Config, language: str, day: dt.date, place: str,
    frequency: Literal["day", "week"] | None,
) -> Corpus:  # fmt: skip
    from flows.retrospective.corpus import corpus_of_posts, corpus_of_warehouse

    if frame is None:
        return corpus_of_warehouse(config, as_of=day, place=place, frequency=frequency)
    spoken = language if language == AUTO else parse_language(language)
    with progress() as tell:
        return corpus_of_posts(frame, language=spoken, config=config, tell=tell, frequency=frequency)
