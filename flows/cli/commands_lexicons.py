"""`affectcast lexicons …`: bring, check, grow and explain word lists."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
import typer

from flows.cli.options import (
    DEFAULT_CONFIG,
    ColumnsOption,
    ConfigOption,
    DryRunOption,
    OutOption,
    lexicon_folder,
    need_out,
    parse_day,
    parse_language,
)
from flows.cli.output import log, progress, say
from flows.files import parse_columns, read_table, require, write_table
from warehouse.errors import UsageError
from warehouse.intake.privacy import clean_text, mask_text

if TYPE_CHECKING:
    from lexicons.score import LexiconScorer

lexicons = typer.Typer(no_args_is_help=True, help="Bring, check, grow and explain word lists.")
FileArgument = Annotated[Path, typer.Argument(help="A lexicon file.")]
FormatOption = Annotated[
    str, typer.Option("--format", help="auto, or one of the formats that docs/lexicon-files.md lists.")
]
WordColumnOption = Annotated[
    str | None, typer.Option("--column", help="The column of words, in tables with one per language.")
]
LanguageOption = Annotated[str, typer.Option("--language", callback=parse_language, help="ISO 639-1 code.")]
PostsFileOption = Annotated[
    Path, typer.Option("--posts", help="A file of posts (csv, jsonl, parquet, also gzipped).")
]
LEAST_PROBLEMS_SHOWN = 40
LEAST_WITH_SEED = 10


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(lexicons, name="lexicons")


@lexicons.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list and nothing else.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """List the lexicon scorers: scale, languages, measures."""
    from lexicons.catalogue import read_catalogue

    catalogue = read_catalogue(lexicon_folder(config))
    rows = [
        {"name": name, "scale": entry.scale, "title": entry.title, "measures": list(entry.measures),
         "negation": entry.negation, "languages": [catalogue.lexicon(x).language for x in entry.lexicons]}
        for name, entry in catalogue.scorers.items()
    ]  # fmt: skip
    if as_json:
        return typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    for row in rows:
        entry = catalogue.scorers[str(row["name"])]
        spoken = ", ".join(catalogue.lexicon(name).language for name in entry.lexicons)
        say(f"{row['name']} ({entry.scale}; {spoken}): {entry.title}")
        say(f"  {', '.join(entry.measures)}")
    return None


@lexicons.command()
def show(
    name: Annotated[str, typer.Argument(help="A scorer; see `affectcast lexicons list`.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Show a lexicon scorer: files, versions, licences, and how many terms each measure has."""
    from lexicons.catalogue import read_catalogue
    from lexicons.load import load_scorer

    catalogue = read_catalogue(lexicon_folder(config))
    entry, loaded = load_scorer(name, catalogue=catalogue)
    say(f"{name}: {entry.title}")
    say(f"scale: {entry.scale}; negation: {'on' if entry.negation else 'off'}")
    for lexicon in loaded:
        file = catalogue.lexicon(lexicon.name)
        say(
            f"{lexicon.name}: version {lexicon.version}, {lexicon.terms['term'].n_unique():,} terms, {file.licence}"
        )
        counts = dict(lexicon.terms.group_by("dimension").len().iter_rows())
        say("  " + ", ".join(f"{dimension} {counts[dimension]:,}" for dimension in entry.dimensions))
    for measure, members in entry.sets.items():
        say(f"{measure} = {', '.join(members)}")


@lexicons.command()
def validate(
    file: FileArgument,
    language: LanguageOption = "en",
    format: FormatOption = "auto",  # noqa: A002
    column: WordColumnOption = None,
    out: OutOption = None,
) -> None:
    """Look for duplicates, contradictions, stems that catch too much and terms that can never match."""
    from lexicons.formats import read_lexicon_file
    from lexicons.validate import problem_counts
    from lexicons.validate import validate as check

    read = read_lexicon_file(file, format=format, column=column)
    say(f"{file}: {read.format}, {read.terms['term'].n_unique():,} terms, {len(read.dimensions)} dimensions, "
        f"scale {read.scale}")  # fmt: skip
    for note in read.notes:
        say(f"note: {note}")
    problems = check(read.terms, language=language)
    for kind, count in problem_counts(problems).items():
        say(f"{kind}: {count:,}")
    if out is not None:
        write_table(problems, path=out)
        return log(f"{problems.height:,} problems → {out}")
    for row in problems.head(LEAST_PROBLEMS_SHOWN).iter_rows(named=True):
        say(f"  {row['kind']}: {row['term'] or row['dimension']}: {row['detail']}")
    if problems.height > LEAST_PROBLEMS_SHOWN:
        say(f"  … and {problems.height - LEAST_PROBLEMS_SHOWN:,} more; --out FILE writes them all")
    return None


@lexicons.command()
def add(
    file: FileArgument,
    name: Annotated[str, typer.Option("--name", help="What the scorer is to be called.")],
    language: LanguageOption,
    format: FormatOption = "auto",  # noqa: A002
    column: WordColumnOption = None,
    scale: Annotated[
        Literal["presence", "rate", "mean"] | None,
        typer.Option(
            "--scale", help="presence: posts with a hit; rate: hits per token; mean: of graded words."
        ),
    ] = None,
    negation: Annotated[
        bool, typer.Option("--negation/--no-negation", help="Whether `not` turns a hit off.")
    ] = True,
    accents: Annotated[bool, typer.Option("--accents", help="Accents tell words apart.")] = False,
    licence: Annotated[str, typer.Option("--licence", help="The licence you have it under.")] = "unknown",
    citation: Annotated[str, typer.Option("--citation", help="What to cite.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    dry_run: DryRunOption = False,
) -> None:
    """Add a lexicon file as a scorer; adding a changed file again makes a new version."""
    from lexicons.add import AddSpec, add_lexicon
    from lexicons.formats import read_lexicon_file

    folder = lexicon_folder(config)
    read = read_lexicon_file(file, format=format, column=column)
    spec = AddSpec(name=name, language=language, scale=scale, negation=negation, accents=accents,
                   licence=licence, citation=citation)  # fmt: skip
    added = add_lexicon(read, spec=spec, folder=folder, dry_run=dry_run)
    for note in (*read.notes, *added.notes):
        say(f"note: {note}")
    done = "would add" if dry_run else "added"
    say(f"{done} {name} ({language}, {added.scorer.scale}): {', '.join(added.scorer.dimensions)}")
    say(f"use it with `affectcast score --scorer {name}`, or name it in [score] scorers")


@lexicons.command()
def grow(
    posts: PostsFileOption,
    seed: Annotated[str, typer.Option("--seed", help="Words to start from, with commas between them.")],
    language: LanguageOption = "en",
    least: Annotated[
        int, typer.Option("--least", min=50, help="People, or posts without authors, per term.")
    ] = 50,
    columns: ColumnsOption = None,
    out: OutOption = None,
) -> None:
    """Propose words that go with the seeds in a corpus of yours, for a person to accept or refuse."""
    from lexicons.grow import POST_FLOOR, GrowSpec, candidates

    target = need_out(out)
    frame = read_table(posts, columns=parse_columns(columns))
    require(frame, names=["text"], path=posts)
    seeds = [word.strip() for word in seed.split(",") if word.strip()]
    if not seed.isprintable():
        raise UsageError("--seed: expected readable words with commas between them.")
    authors = frame["author"].cast(pl.String) if "author" in frame.columns else None
    posts_floor = least if authors is not None else max(least, POST_FLOOR)
    spec = GrowSpec(language=language, min_posts=posts_floor, min_with_seed=LEAST_WITH_SEED, min_people=least)
    texts = frame.select(text=mask_text(clean_text(pl.col("text").cast(pl.String))))["text"]
    found = candidates(texts, seeds, spec=spec, authors=authors)
    write_table(found, path=target)
    log(f"{found.height:,} candidates → {target}; read each in context before you accept it")


@lexicons.command()
def shift(
    posts: PostsFileOption,
    measure: Annotated[str, typer.Option("--measure", help="The measure whose change is explained.")],
    window: Annotated[str, typer.Option("--window", help="Days to explain: YYYY-MM-DD:YYYY-MM-DD.")],
    reference: Annotated[
        str, typer.Option("--reference", help="Days to compare with: YYYY-MM-DD:YYYY-MM-DD.")
    ],
    scorer: Annotated[str, typer.Option("--scorer", help="A lexicon scorer.")] = "lexicon",
    people: Annotated[int, typer.Option("--people", min=50, help="People a word needs to be shown.")] = 50,
    language: Annotated[
        str, typer.Option("--language", help="auto, or an ISO 639-1 code for every row.")
    ] = "auto",
    columns: ColumnsOption = None,
    out: OutOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Say which words moved a measure between two spans of days, in parts that add up to the change."""
    from flows.word_shift import ShiftSpec, shift_posts

    target = need_out(out)
    chosen = _lexicon_scorer(scorer, config=config)
    spec = ShiftSpec(measure=measure, window=_span(window, option="--window"),
                     reference=_span(reference, option="--reference"), language=language, people=people)  # fmt: skip
    frame = read_table(posts, columns=parse_columns(columns))
    require(frame, names=["text", "created_at"], path=posts)
    with progress() as tell:
        made = shift_posts(frame, scorer=chosen, spec=spec, tell=tell)
    write_table(made.rows, path=target)
    for note in made.notes:
        log(f"note: {note}")
    log(f"{measure} changed by {made.change:+.4f}; {made.rows.height:,} parts → {target}")


def _lexicon_scorer(name: str, *, config: Path) -> LexiconScorer:
    from lexicons.score import LexiconScorer

    return LexiconScorer(name, folder=lexicon_folder(config), threads=2)


def _span(text: str, *, option: str) -> tuple[dt.date, dt.date]:
    first, colon, last = text.partition(":")
    if not colon:
        raise UsageError(f"{option}: expected two days as YYYY-MM-DD:YYYY-MM-DD; got '{text}'.")
    span = parse_day(first, option=option), parse_day(last, option=option)
    if span[0] > span[1]:
        raise UsageError(f"{option}: {span[0]} comes after {span[1]}. Give the earlier day first.")
    return span
