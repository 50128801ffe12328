"""`affectcast train`: fine-tune an encoder on labelled data of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.options import ColumnsOption, DryRunOption, parse_language
from flows.cli.output import log, progress, say
from flows.files import parse_columns

RecipeOption = Annotated[
    str,
    typer.Option(
        "--recipe", help="fig_loneliness, redsm5, multiwd, leia, labels or embedded; see docs/training.md."
    ),
]
DataOption = Annotated[Path, typer.Option("--data", help="Labelled data: a file, or a folder of splits.")]
OutFolderOption = Annotated[Path, typer.Option("--out", help="Folder to write the model to.")]
BaseOption = Annotated[
    str | None,
    typer.Option("--base", help="Encoder to start from: a folder or a hub id. Default: the embedded MiniLM."),
]
EpochsOption = Annotated[int, typer.Option("--epochs", min=1, help="Passes over the labelled rows.")]
MaxStepsOption = Annotated[int, typer.Option("--max-steps", min=0, help="Most steps of fine-tuning; 0: all.")]
MaxTokensOption = Annotated[
    int | None,
    typer.Option("--max-tokens", min=8, max=512, help="Word pieces of a window (default: the recipe's)."),
]
RateOption = Annotated[
    float | None,
    typer.Option("--rate", min=1e-7, max=1.0, help="Learning rate (default: by the base's width)."),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of the split, the new head and the batches.")]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, help="Processor threads.")]
DeviceOption = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option("--device", help="Where to train; auto: on a GPU if there is one."),
]
LanguageOption = Annotated[
    str,
    typer.Option("--language", callback=parse_language, help="Of rows without a column lang (ISO 639-1)."),
]
LabelsOption = Annotated[
    str | None, typer.Option("--labels", help="Labels to learn, with commas between them (recipe labels).")
]
ExclusiveOption = Annotated[
    bool, typer.Option("--exclusive", help="Exactly one label holds for a text (recipe labels).")
]
PostsOption = Annotated[
    Path | None,
    typer.Option("--posts", help="Unlabelled posts to adapt the encoder on first; `leia` needs them."),
]
PostsColumnOption = Annotated[
    str, typer.Option("--posts-column", help="The column of --posts that holds the text.")
]
GuideOption = Annotated[
    Literal["emotion", "depression"], typer.Option("--guide", help="Whose words are masked more often.")
]
LexiconOption = Annotated[
    Path | None, typer.Option("--lexicon", help="A word list of your own instead of --guide.")
]
MaskOption = Annotated[
    float, typer.Option("--mask-probability", min=0.0, max=1.0, help="That a guide word is masked.")
]
AdaptStepsOption = Annotated[
    int, typer.Option("--adapt-steps", min=0, help="Most steps of adaptation; 0: all.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace a model that is in --out.")]


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(train)


def train(
    recipe: RecipeOption,
    data: DataOption,
    out: OutFolderOption,
    base: BaseOption = None,
    epochs: EpochsOption = 3,
    max_steps: MaxStepsOption = 0,
    max_tokens: MaxTokensOption = None,
    rate: RateOption = None,
    seed: SeedOption = 20_240,
    threads: ThreadsOption = 1,
    device: DeviceOption = "auto",
    language: LanguageOption = "en",
    labels: LabelsOption = None,
    exclusive: ExclusiveOption = False,
    columns: ColumnsOption = None,
    posts: PostsOption = None,
    posts_column: PostsColumnOption = "text",
    guide: GuideOption = "emotion",
    lexicon: LexiconOption = None,
    mask_probability: MaskOption = 0.5,
    adapt_steps: AdaptStepsOption = 0,
    resume: ResumeOption = False,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Fine-tune an encoder on labelled posts of your own, by one of the field's recipes."""
    from classifiers.recipes.options import TrainSpec
    from classifiers.recipes.registry import EMBEDDED
    from flows import train as work

    options = work.TrainOptions(
        recipe=recipe, data=data, out=out, base=base, columns=parse_columns(columns), language=language,
        labels=tuple(part.strip() for part in (labels or "").split(",") if part.strip()), exclusive=exclusive,
        train=TrainSpec(epochs=epochs, max_steps=max_steps, seed=seed, threads=threads, device=device, rate=rate,
                        max_tokens=max_tokens),
        adapt=work.AdaptOptions(posts=posts, column=posts_column, guide=guide, lexicon=lexicon,
                                probability=mask_probability, max_steps=adapt_steps),
        resume=resume, force=force,
    )  # fmt: skip
    if recipe == EMBEDDED:
        done = "would retrain it" if dry_run else f"version {work.train_embedded(options)}"
        return say(f"the shipped English model: {done} → {out}")
    task, lines = work.plan(options)
    for line in lines:
        log(line)
    if dry_run:
        return say(f"would train into {out}")
    with progress() as tell:
        meta = work.train(options, task=task, tell=tell)
    _say_metrics(meta)
    return log(f"{meta['training']['steps']:,} steps → {out}; read {out / 'CARD.md'} before you use it")


def _say_metrics(meta: dict[str, object]) -> None:
    """One line per measure that was judged, with its interval."""
    metrics = meta["metrics"]
    assert isinstance(metrics, dict)
    for name, (value, low, high) in metrics["f1"].items():
        say(f"{name}: f1 {value:.3f} [{low:.3f}, {high:.3f}]")
    if metrics["macro_f1"] is not None:
        value, low, high = metrics["macro_f1"]
        say(f"macro_f1 {value:.3f} [{low:.3f}, {high:.3f}], {metrics['rows']:,} validation rows")
    unjudged = meta["unjudged"]
    assert isinstance(unjudged, list)
    if unjudged:
        say(f"too rare in validation to be judged: {', '.join(unjudged)}")
