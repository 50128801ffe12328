"""`affectcast explain`: which words an answer hangs on, for one typed text or over many posts. Stores nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import DEFAULT_CONFIG, ColumnsOption, ConfigOption, known_config, parse_language
from flows.cli.output import log, progress, say
from flows.files import parse_columns, read_table, require
from flows.scorers import make_scorer
from warehouse.errors import InputError, UsageError

if TYPE_CHECKING:
    from classifiers.explain import Explanation
    from flows.explanation.explain import Drivers
    from warehouse.scoring import Scorer

TextOption = Annotated[
    str | None, typer.Option("--text", help="A text that you type; nothing of it is kept.")
]
TextFileOption = Annotated[
    Path | None, typer.Option("--text-file", help="A file that holds one text, in UTF-8.")
]
PostsOption = Annotated[
    Path | None,
    typer.Option(
        "--posts", help="A file of posts (csv, jsonl, parquet, also gzipped): which words drive a measure."
    ),
]
ScorerOption = Annotated[str, typer.Option("--scorer", help="Which scorer; see `affectcast models`.")]
MeasureOption = Annotated[
    str | None,
    typer.Option("--measure", help="The measure; of one text, left out: the one with the highest score."),
]
LanguageOption = Annotated[str, typer.Option("--language", help="auto, or an ISO 639-1 code.")]
TopOption = Annotated[int, typer.Option("--top", min=1, help="How many words are shown.")]
SampleOption = Annotated[int, typer.Option("--sample", min=50, help="Posts that are drawn at most.")]
PeopleOption = Annotated[int, typer.Option("--people", min=50, help="People a word needs to be shown.")]
InsideOption = Annotated[
    bool, typer.Option("--inside", help="Of one text, also integrated gradients; needs an embedded encoder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object and nothing else.")]
AUTO = "auto"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(explain)


def explain(
    text: TextOption = None,
    text_file: TextFileOption = None,
    posts: PostsOption = None,
    scorer: ScorerOption = "lexicon",
    measure: MeasureOption = None,
    language: LanguageOption = AUTO,
    top: TopOption = 20,
    sample: SampleOption = 2000,
    people: PeopleOption = 50,
    inside: InsideOption = False,
    columns: ColumnsOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Say which words a scorer's answer hangs on: those of one text, or over many posts."""
    from flows.explanation.explain import DriversSpec, explain_posts, explain_text

    if sum(source is not None for source in (text, text_file, posts)) != 1:
        raise UsageError("explain: expected one of --text, --text-file and --posts. Name exactly one.")
    lang = language if language == AUTO else parse_language(language)
    chosen = make_scorer(scorer, threads=2, config=known_config(config))
    if posts is None:
        typed = text if text is not None else _read_text(text_file)
        found = explain_text(typed, scorer=chosen, measure=measure, language=lang)
        return _show_text(found, scorer=chosen, top=top, inside=inside, as_json=as_json)
    if measure is None:
        raise UsageError(f"--measure: expected one with --posts. {scorer} has {', '.join(chosen.measures)}.")
    frame = read_table(posts, columns=parse_columns(columns))
    require(frame, names=["text"], path=posts)
    spec = DriversSpec(measure=measure, language=lang, sample=sample, top=top, people=people)
    with progress() as tell:
        drivers = explain_posts(frame, scorer=chosen, spec=spec, tell=tell)
    return _show_posts(drivers, measure=measure, as_json=as_json)


def _read_text(path: Path | None) -> str:
    try:
        return Path(path or "").read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not text in UTF-8. Save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error


def _show_text(found: Explanation, *, scorer: Scorer, top: int, inside: bool, as_json: bool) -> None:
    from flows.explanation.report import text_lines, text_values

    values: dict[str, Any] = text_values(found, scorer=scorer, top=top, inside=inside)
    if as_json:
        return typer.echo(json.dumps(values, ensure_ascii=False, indent=1))
    for line in text_lines(values, top=top):
        say(line)
    return None


def _show_posts(found: Drivers, *, measure: str, as_json: bool) -> None:
    from flows.explanation.report import posts_lines

    if as_json:
        values = {
            "measure": measure, "mean_score": found.mean_score, "n_posts": found.n_posts, "sum": found.total,
            "words": found.rows.to_dicts(), "notes": list(found.notes),
        }  # fmt: skip
        return typer.echo(json.dumps(values, ensure_ascii=False, indent=1))
    for line in posts_lines(found, measure=measure):
        say(line)
    for note in found.notes:
        log(f"note: {note}")
    return None
