"""`affectcast evaluate`: a scorer against people's labels, after a look for leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import DEFAULT_CONFIG, ColumnsOption, ConfigOption, known_config, parse_language
from flows.cli.output import log, progress, say
from flows.evaluation.labels import AUTO
from flows.files import parse_columns, read_table, require, write_table
from flows.scorers import make_scorer
from warehouse.errors import UsageError

DataOption = Annotated[Path, typer.Option("--data", help="A file of texts with people's labels.")]
ScorerOption = Annotated[str, typer.Option("--scorer", help="Which scorer; see `affectcast models`.")]
LanguageOption = Annotated[
    str,
    typer.Option(
        "--language", help="auto (the column lang, else detected), or an ISO 639-1 code for every text."
    ),
]
MapOption = Annotated[
    str | None, typer.Option("--map", help="LABEL=MEASURE,…; left out, labels named like measures are used.")
]
OtherwiseOption = Annotated[
    str | None, typer.Option("--otherwise", help="The label of a text in which no measure scores.")
]
DatasetOption = Annotated[
    str | None, typer.Option("--dataset", help="Its name in the result (default: the file's).")
]
TrainOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--train", help="A file the model was trained on; texts that are in it too are refused. Repeatable."
    ),
]
IdColumnOption = Annotated[
    str | None, typer.Option("--id-column", help="A column of ids in the data and in every --train file.")
]
DropLeaksOption = Annotated[
    bool, typer.Option("--drop-leaks", help="Leave texts out that are in a --train file, and count them.")
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group", help="A column; the figures again for each of its values with 50 people."),
]
MaskWordsOption = Annotated[
    bool, typer.Option("--mask-words", help="The figures again with the words of a lexicon hidden.")
]
MaskLexiconOption = Annotated[
    str, typer.Option("--mask-lexicon", help="The lexicon scorer whose words --mask-words hides.")
]
ResultOption = Annotated[
    Path | None,
    typer.Option("--out", help="File for all figures (.csv, .jsonl or .parquet, also .gz)."),
]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Keep the result with the added lexicons; the next run publishes it.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(evaluate)


def evaluate(
    data: DataOption,
    scorer: ScorerOption = "lexicon",
    language: LanguageOption = AUTO,
    names: MapOption = None,
    otherwise: OtherwiseOption = None,
    dataset: DatasetOption = None,
    columns: ColumnsOption = None,
    train: TrainOption = None,
    id_column: IdColumnOption = None,
    drop_leaks: DropLeaksOption = False,
    group: GroupOption = None,
    mask: MaskWordsOption = False,
    mask_lexicon: MaskLexiconOption = "lexicon",
    out: ResultOption = None,
    keep: KeepOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Compare a scorer with people's labels: F1, calibration, groups, hidden words, abstention, with intervals."""
    from flows.evaluation.evaluate import evaluation
    from flows.evaluation.labels import EvaluateSpec
    from flows.evaluation.leaks import LeakSpec, without_leaks
    from flows.evaluation.report import report
    from flows.quality import keep_quality

    settings = known_config(config)
    folder = settings.paths.lexicons
    spec = EvaluateSpec(dataset=dataset or data.name.split(".")[0], names=parse_map(names), otherwise=otherwise,
                        language=language if language == AUTO else parse_language(language), group=group,
                        mask_lexicon=mask_lexicon if mask else None, folder=folder)  # fmt: skip
    renamed = parse_columns(columns)
    frame = read_table(data, columns=renamed)
    require(frame, names=["text", "labels"], path=data)
    chosen = make_scorer(scorer, threads=2, config=settings)
    leaks = LeakSpec(
        train=tuple(train or ()), text=renamed.get("text", "text"), id_column=id_column, drop=drop_leaks
    )
    frame, leak_note = without_leaks(frame, spec=leaks, where=str(data))
    with progress() as tell:
        found = evaluation(frame, scorer=chosen, spec=spec, tell=tell)
    for line in (f"{scorer} on {spec.dataset}, {frame.height:,} texts", *report(found)):
        say(line)
    for note in (leak_note, *found.notes):
        log(f"note: {note}")
    if keep:
        log(f"kept in {keep_quality(found.quality(), folder=folder)}")
    if out is not None:
        write_table(found.rows, path=out)
        log(f"{found.rows.height:,} rows → {out}")


def parse_map(text: str | None) -> dict[str, str]:
    """`a=b,c=d` as label → measure; `UsageError` for anything else."""
    pairs = [pair.partition("=") for pair in (text or "").split(",") if pair.strip()]
    if any(not (label.strip() and equals and measure.strip()) for label, equals, measure in pairs):
        raise UsageError(f"--map: expected LABEL=MEASURE,LABEL=MEASURE; got '{text}'.")
    return {label.strip(): measure.strip() for label, _, measure in pairs}
