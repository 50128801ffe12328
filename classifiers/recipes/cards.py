"""The card of a fine-tuned model, from its description, so that the two never disagree.

Not for the embedded models, whose card says what only they have.
"""

from collections.abc import Sequence
from typing import Any

_INTRO = """# Model card: {name}

Recipe `{recipe}` of Affectcast, fine-tuned from `{base}`. Measures: {measures}.
A measure is a probability that a *text* would be given a label by people like the annotators. Languages: {languages}.

## Data
Files: {files}. {train_rows} rows to learn from, {validation_rows} to validate on; split: {split}.
Left out of training because of validation: {dropped}. Test rows were not read. No row is part of this folder.

## Licence
The base is licensed: {licence}. What the licences of the data mean for these weights is for their owner to clarify.

## How it was made
{steps} steps of fine-tuning in at most {max_tokens} word pieces, seed {seed}. {adapted}
Text profile `{profile}`. A text of more word pieces is read in windows, up to {max_windows}; their {pooling} counts.
{notes}
"""

_RESULTS = """
## Results on validation
Value and 95 % bootstrap interval over rows. Thresholds and calibration were chosen on these same rows, which flatters
them a little: macro-F1 is {macro}, and {cross} when each fifth of the rows is judged by what the others chose.

{tables}
"""

_LIMITS = """
## Limits
* Learnt from and judged on texts like those named above. On other platforms, communities, years or languages the error
  rates are a guess: measure them (`affectcast evaluate`) before a share is read as a prevalence.
* Irony, quotations, lyrics and dialect are read badly; no audit of differences between groups of people was made.
* The intervals are those of one training: another seed gives other weights.

## Not for
* Diagnosis, triage or risk assessment of a person; alerts about a person; ranking or comparing people.
* Decisions on employment, credit, insurance, education, policing, migration or moderation.
* Claims about what a named individual feels or has. It is meant for shares of many people's posts, with their
  uncertainty.
"""

_HEAD = """| measure | language | threshold | F1, all languages | TPR | FPR | positives | calibration error |
|---|---|---|---|---|---|---|---|"""


def card_text(meta: dict[str, Any], *, name: str) -> str:
    """The card in Markdown of the description that `affectcast.json` holds."""
    training, data = meta["training"], meta["training"]["data"]
    intro = _INTRO.format(
        name=name,
        recipe=meta["recipe"],
        base=training["base"],
        measures=", ".join(f"`{measure}`" for measure in meta["measures"]),
        languages=", ".join(meta["languages"]),
        files=", ".join(f"`{file}`" for file in data["files"]),
        train_rows=data["train_rows"],
        validation_rows=data["validation_rows"],
        split=data["split"],
        dropped=_counts(data["dropped"]),
        licence=meta["licence"],
        steps=training["steps"],
        max_tokens=meta["max_tokens"],
        seed=training["seed"],
        adapted=_adapted(training["adapted"]),
        profile=meta["profile"],
        max_windows=meta["max_windows"],
        pooling=meta["pooling"],
        notes="\n".join(f"* {note}" for note in meta["notes"]),
    )
    return intro + _results(meta) + _LIMITS


def _results(meta: dict[str, Any]) -> str:
    metrics = meta["metrics"]
    if metrics["macro_f1"] is None:
        judged = "\n## Results on validation\nNo measure had enough positives and negatives to be judged.\n"
    else:
        judged = _RESULTS.format(
            macro=_interval(metrics["macro_f1"]),
            cross=f"{metrics['macro_f1_cross_fitted']:.3f}",
            tables=_rates_table(meta),
        )
    return (
        judged
        + _unjudged(meta["unjudged"])
        + _no_better(meta["error_rates"])
        + _one_of(metrics.get("one_of", {}))
        + _beside(metrics)
    )


def _rates_table(meta: dict[str, Any]) -> str:
    rows = [
        _row(
            name,
            language,
            f"{rate['threshold']:.3f}",
            _interval(meta["metrics"]["f1"][name]),
            f"{rate['tpr']:.3f}",
            f"{rate['fpr']:.3f}",
            str(rate["n_pos"]),
            f"{meta['metrics']['ece'][name]:.3f}",
        )
        for language, rates in meta["error_rates"].items()
        for name, rate in rates.items()
    ]
    return "\n".join([_HEAD, *rows])


def _unjudged(names: Sequence[str]) -> str:
    if not names:
        return ""
    return (
        "\nToo rare in validation to be judged, so without threshold, calibration and error rates: "
        f"{', '.join(names)}. Do not use them.\n"
    )


def _no_better(error_rates: dict[str, Any]) -> str:
    """Measures that say yes no more often where the truth is yes."""
    names = sorted(
        f"{name} ({language})"
        for language, rates in error_rates.items()
        for name, rate in rates.items()
        if rate["tpr"] <= rate["fpr"]
    )
    return f"\nNo better than chance in validation: {', '.join(names)}. Do not use them.\n" if names else ""


def _one_of(groups: dict[str, Any]) -> str:
    rows = [
        _row(f"`{name}`", str(found["rows"]), _interval(found["macro_f1"]), _interval(found["accuracy"]))
        for name, found in groups.items()
    ]
    if not rows:
        return ""
    head = "| one of | rows | macro-F1 of the most probable label | accuracy |\n|---|---|---|---|"
    return "\n" + "\n".join([head, *rows]) + "\n"


def _beside(metrics: dict[str, Any]) -> str:
    """Results of further rows, such as single sentences, with thresholds of their own."""
    lines = [
        f"\nBy {name} ({found['rows']} rows, thresholds of its own): macro-F1 {_interval(found['macro_f1'])}, "
        f"{found['macro_f1_cross_fitted']:.3f} cross-fitted, over {found['measures_judged']} measures.\n"
        for name, found in metrics.get("beside", {}).items()
        if found["macro_f1"] is not None
    ]
    return "".join(lines)


def _adapted(facts: dict[str, Any] | None) -> str:
    if facts is None:
        return "No adaptation on unlabelled posts."
    return (
        f"Before that {facts['steps']} steps of masked-language modelling on {facts['posts']} unlabelled posts of "
        f"`{facts['source']}`, guide words ({facts['guide']}; {facts['guide_share_of_words']:.1%} of words) hidden "
        f"with probability {facts['probability']}; head: {facts['head']}; loss {facts['first_loss']:.2f} to "
        f"{facts['last_loss']:.2f}."
    )


def _counts(dropped: dict[str, int]) -> str:
    return ", ".join(f"{n} ({why})" for why, n in dropped.items() if n) or "none"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _interval(values: Sequence[float]) -> str:
    return f"{values[0]:.3f} [{values[1]:.3f}, {values[2]:.3f}]"
