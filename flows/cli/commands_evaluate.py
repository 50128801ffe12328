"""`affectcast evaluate`: a scorer against people's labels, after a look for leaks; or a signal against a survey.

No statistics here: the options are checked and turned into values.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from flows.cli.options import (
    DEFAULT_CONFIG,
    ColumnsOption,
    ConfigOption,
    known_config,
    parse_day,
    parse_language,
)
from flows.cli.output import log, progress, say
from flows.evaluation.labels import AUTO
from flows.files import parse_columns, read_table, require, write_table
from flows.scorers import make_scorer
from warehouse.errors import UsageError
from warehouse.tables.codes import GEO_TYPES

if TYPE_CHECKING:
    from flows.evaluation.survey import SurveySpec
    from flows.evaluation.survey_run import StoredSignal
    from forecasting.validity import Spec

DataOption = Annotated[
    Path | None, typer.Option("--data", help="A file of texts with people's labels, to judge a scorer by.")
]
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
SurveyOption = Annotated[
    Path | None,
    typer.Option(
        "--survey", help="A survey by day or week (time_value, value, n or se), to judge a signal by."
    ),
]
ItemOption = Annotated[
    str | None, typer.Option("--item", help="Survey: which of its questions (column item).")
]
SurveyGroupOption = Annotated[
    str | None, typer.Option("--survey-group", help="Survey: which of its groups (column group).")
]
UnitOption = Annotated[
    str, typer.Option("--survey-unit", help="Survey: share, percent, or auto (share if nothing is above 1).")
]
EndsOption = Annotated[
    str | None,
    typer.Option(
        "--survey-ends",
        help="Survey: the weekday on which the week of its date ends; its seven days are compared.",
    ),
]
FieldworkOption = Annotated[
    str | None,
    typer.Option(
        "--fieldwork",
        help="Survey: the days asked about, FROM:TO relative to its date, for example --fieldwork=-6:0.",
    ),
]
EveryOption = Annotated[
    str | None,
    typer.Option("--every", help="Survey: week to pool a daily survey into weeks (--survey-ends)."),
]
DesignOption = Annotated[
    float,
    typer.Option(
        "--design-effect", min=0.1, help="Survey: what its sampling variance is multiplied by, where from n."
    ),
]
SignalFileOption = Annotated[
    Path | None,
    typer.Option("--signal-file", help="Survey: a series (time_value, value, and n if there is one)."),
]
SignalOption = Annotated[
    str | None,
    typer.Option("--signal", help="Survey: a signal of the warehouse; with --signal-file, what to call it."),
]
PopulationOption = Annotated[str, typer.Option("--population", help="Survey: the signal's population.")]
GeoTypeOption = Annotated[str, typer.Option("--geo-type", help="Survey: the signal's kind of place.")]
GeoValueOption = Annotated[str, typer.Option("--geo-value", help="Survey: the signal's place.")]
SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split", help="Survey: first day of the part that is only judged (default: the second half)."
    ),
]
MaxLagOption = Annotated[
    int | None,
    typer.Option("--max-lag", min=1, help="Survey: the longest lead or lag (default: 4 weeks or 14 days)."),
]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Keep the result with the added lexicons; the next run publishes it.")
]

LABELS_ONLY = {"scorer", "language", "map", "otherwise", "train", "id_column", "drop_leaks", "group"} | {
    "mask_words", "mask_lexicon",
}  # fmt: skip
SURVEY_ONLY = {
    "signal_file", "signal", "population", "geo_type", "geo_value", "item", "survey_group", "survey_unit",
    "survey_ends", "fieldwork", "every", "design_effect", "split", "max_lag",
}  # fmt: skip
STORED_ONLY = {"population", "geo_type", "geo_value"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(evaluate)


def evaluate(
    context: typer.Context,
    data: DataOption = None,
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
    survey: SurveyOption = None,
    signal_file: SignalFileOption = None,
    signal: SignalOption = None,
    population: PopulationOption = "all",
    geo_type: GeoTypeOption = "all",
    geo_value: GeoValueOption = "all",
    item: ItemOption = None,
    survey_group: SurveyGroupOption = None,
    survey_unit: UnitOption = "auto",
    survey_ends: EndsOption = None,
    fieldwork: FieldworkOption = None,
    every: EveryOption = None,
    design_effect: DesignOption = 1.0,
    split: SplitOption = None,
    max_lag: MaxLagOption = None,
    out: ResultOption = None,
    keep: KeepOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Compare a scorer with people's labels (--data), or a signal with a survey (--survey), with intervals."""
    given = _given(context)
    if (data is None) == (survey is None):
        raise UsageError(
            "give --data FILE to judge a scorer, or --survey FILE to judge a signal: one of the two."
        )
    surplus = sorted(given & (SURVEY_ONLY if survey is None else LABELS_ONLY))
    if surplus:
        listed = ", ".join(f"--{name.replace('_', '-')}" for name in surplus)
        raise UsageError(f"{listed}: not with {'--data' if survey is None else '--survey'}. Leave it out.")
    if survey is None:
        _against_labels(context.params)
    else:
        _against_survey(context.params, given=given)


def _given(context: typer.Context) -> set[str]:
    """The options that were typed, by their own names."""
    spelled = {"names": "map", "mask": "mask_words"}
    typed = [n for n in context.params if str(context.get_parameter_source(n)).endswith("COMMANDLINE")]
    return {spelled.get(name, name) for name in typed}


def _against_labels(options: dict[str, Any]) -> None:
    from flows.evaluation.evaluate import evaluation
    from flows.evaluation.labels import EvaluateSpec
    from flows.evaluation.leaks import LeakSpec, without_leaks
    from flows.evaluation.report import report
    from flows.quality import keep_quality

    data, language, scorer = options["data"], options["language"], options["scorer"]
    settings = known_config(options["config"])
    folder = settings.paths.lexicons
    spec = EvaluateSpec(dataset=options["dataset"] or data.name.split(".")[0], names=parse_map(options["names"]),
                        otherwise=options["otherwise"], group=options["group"], folder=folder,
                        language=language if language == AUTO else parse_language(language),
                        mask_lexicon=options["mask_lexicon"] if options["mask"] else None)  # fmt: skip
    renamed = parse_columns(options["columns"])
    frame = read_table(data, columns=renamed)
    require(frame, names=["text", "labels"], path=data)
    chosen = make_scorer(scorer, threads=2, config=settings)
    leaks = LeakSpec(
        train=tuple(options["train"] or ()), text=renamed.get("text", "text"),
        id_column=options["id_column"], drop=options["drop_leaks"],
    )  # fmt: skip
    frame, leak_note = without_leaks(frame, spec=leaks, where=str(data))
    with progress() as tell:
        found = evaluation(frame, scorer=chosen, spec=spec, tell=tell)
    for line in (f"{scorer} on {spec.dataset}, {frame.height:,} texts", *report(found)):
        say(line)
    for note in (leak_note, *found.notes):
        log(f"note: {note}")
    if options["keep"]:
        log(f"kept in {keep_quality(found.quality(), folder=folder)}")
    _write(found.rows, out=options["out"])


def _against_survey(options: dict[str, Any], *, given: set[str]) -> None:
    from flows.evaluation.survey_results import keep_results, report
    from flows.evaluation.survey_run import SurveyRequest, compare

    survey, signal, file = options["survey"], options["signal"], options["signal_file"]
    if file is None and signal is None:
        raise UsageError("--survey needs a signal: --signal-file FILE, or --signal NAME of the warehouse.")
    if file is not None and given & STORED_ONLY:
        raise UsageError("--population, --geo-type and --geo-value: only for a signal of the warehouse.")
    settings = known_config(options["config"])
    request = SurveyRequest(
        survey=survey, name=options["dataset"] or survey.name.split(".")[0], reading=_reading(options),
        spec=_judging(options, seed=settings.run.seed), columns=parse_columns(options["columns"]), signal_file=file,
        signal_name=signal, stored=None if file is not None else _stored(options),
    )  # fmt: skip
    found = compare(request, config=settings)
    for line in (f"{found.rows['signal'][0]} against {request.name}", *report(found.rows)):
        say(line)
    for note in found.notes:
        log(f"note: {note}")
    if options["keep"]:
        log(f"kept in {keep_results(found.rows, folder=settings.paths.lexicons)}")
    _write(found.all_rows(), out=options["out"])


def _reading(options: dict[str, Any]) -> SurveySpec:
    from flows.evaluation.survey import WEEKDAYS, SurveySpec

    ends, unit, every = (options[name] for name in ("survey_ends", "survey_unit", "every"))
    _one_of(ends, WEEKDAYS, option="--survey-ends")
    _one_of(unit, ("auto", "share", "percent"), option="--survey-unit")
    _one_of(every, ("day", "week"), option="--every")
    return SurveySpec(
        item=options["item"], group=options["survey_group"], unit=unit, every=every,
        ends=None if ends is None else WEEKDAYS.index(ends.lower()), fieldwork=parse_fieldwork(options["fieldwork"]),
        design_effect=options["design_effect"], reach=options["max_lag"],
    )  # fmt: skip


def _judging(options: dict[str, Any], *, seed: int) -> Spec:
    from forecasting.validity import Spec

    split = options["split"]
    return Spec(split=None if split is None else parse_day(split, option="--split"), seed=seed)


def _stored(options: dict[str, Any]) -> StoredSignal:
    from flows.evaluation.survey_run import StoredSignal

    _one_of(options["geo_type"], GEO_TYPES, option="--geo-type")
    return StoredSignal(**{name: options[name] for name in ("signal", "population", "geo_type", "geo_value")})


def _one_of(value: str | None, allowed: Sequence[str], *, option: str) -> None:
    if value is not None and value.lower() not in allowed:
        raise UsageError(f"{option}: expected one of {', '.join(allowed)}; got '{value}'.")


def _write(rows: pl.DataFrame, *, out: Path | None) -> None:
    if out is not None:
        write_table(rows, path=out)
        log(f"{rows.height:,} rows → {out}")


def parse_fieldwork(text: str | None) -> tuple[int, int] | None:
    """`-6:0` as (−6, 0); `UsageError` for anything else, and for a window that ends before it starts."""
    if text is None:
        return None
    first, _, last = text.partition(":")
    try:
        window = int(first), int(last)
    except ValueError as error:
        raise UsageError(f"--fieldwork: expected FROM:TO in days, for example -6:0; got '{text}'.") from error
    if window[0] > window[1] or window[1] - window[0] >= 31:
        raise UsageError(f"--fieldwork: expected FROM no later than TO and at most 31 days; got '{text}'.")
    return window


def parse_map(text: str | None) -> dict[str, str]:
    """`a=b,c=d` as label → measure; `UsageError` for anything else."""
    pairs = [pair.partition("=") for pair in (text or "").split(",") if pair.strip()]
    if any(not (label.strip() and equals and measure.strip()) for label, equals, measure in pairs):
        raise UsageError(f"--map: expected LABEL=MEASURE,LABEL=MEASURE; got '{text}'.")
    return {label.strip(): measure.strip() for label, _, measure in pairs}
