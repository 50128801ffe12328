"""Write a model's card from its description, so that the two never disagree.

Not a place for judgements that change with each training: those are numbers, and come from `meta.json`.
"""

from typing import Any

_INTRO = """# Model card: `{name}`, version {version}

Probability of each of eight emotions in an English social-media post: {measures}. A post may show several or none.
It is the emotion the *text expresses to a reader*, as annotators of the training data saw it, not what its writer felt.

## What it is
MiniLM-L6 (all-MiniLM-L6-v2, package `{package}` {package_version}), fine-tuned in full and stored as four-bit
differences (`delta.safetensors`, the reference) and as an int8 graph (`model.xml`, `model.bin`, the default on x86).
Mean pooling, one sigmoid per measure, Platt scaling per measure. Text profile `{profile}`. Of a post of more than
{max_tokens} word pieces the first {max_tokens} are read.

## Data
Trained on {files}; {rows} rows (seeds {seeds}) after dropping everything that occurs, or nearly occurs, in validation.
Validated on {validation_files}. Test splits were not opened.
The weights are licensed {licence}. The sources of the data state no licence that we know of, or leave it unclear; no
row of them is distributed with this project.

## Results on validation
Value and 95 % bootstrap interval. Thresholds and calibration were chosen on these same rows, which flatters them a
little: macro-F1 is {macro}, and {cross} when each fifth of the rows is judged by what the others chose.
Where labels exclude each other (`tweeteval`), macro-F1 of the most probable of its four: {one_of}.

{tables}

The int8 form against the reference: {agreement:.1%} of labels equal, mean difference of probability {difference:.4f}.

"""

_LIMITS = """## Limits
* English only. Dialects, irony, quotations, song lyrics and second languages of the writers are read badly; error
  rates differ by community and no fairness audit has been made.
* Error rates differ between kinds of text (`error_rates_by_source` in `meta.json`): a share of positives is not a
  prevalence until it is corrected, and then only as well as the error rates fit.
* Each text was judged by a few annotators who do not represent any population, and most texts were written before
  2020: newer words, memes and emoji habits are unknown to the model.
* Data sets that do not know a measure taught it nothing: affection and disgust rest on two sources or one.

## Not for
* Diagnosis, triage or risk assessment of a person; alerts about a person; ranking or comparing people.
* Decisions on employment, credit, insurance, education, policing, migration or moderation.
* Claims about what a named individual feels. It is meant for shares of many people's posts, with their uncertainty.
"""

_MEASURE_HEAD = """| measure | threshold | F1 | TPR | FPR | positives | calibration error |
|---|---|---|---|---|---|---|"""
_SOURCE_HEAD = """| data set | rows | macro-F1 at the thresholds |
|---|---|---|"""


def card_text(meta: dict[str, Any]) -> str:
    """The card in Markdown."""
    metrics = meta["metrics"]
    intro = _INTRO.format(
        name=meta["name"],
        version=meta["version"],
        measures=", ".join(meta["measures"]),
        package=meta["encoder"]["package"],
        package_version=meta["encoder"]["version"],
        profile=meta["profile"],
        max_tokens=meta["max_tokens"],
        files=_names(meta["training"]["files"]),
        rows=meta["training"]["rows"],
        seeds=", ".join(map(str, meta["training"]["seeds"])),
        validation_files=_names(meta["validation_files"]),
        licence=meta["licence"],
        macro=_interval(metrics["macro_f1"]),
        cross=f"{metrics['macro_f1_cross_fitted']:.3f}",
        one_of=_interval(metrics["by_source"]["tweeteval"]["macro_f1_one_of"]),
        tables=results_tables(meta),
        agreement=metrics["int8_against_reference"]["label_agreement"],
        difference=metrics["int8_against_reference"]["mean_abs_difference"],
    )
    return intro + _LIMITS


def results_tables(meta: dict[str, Any]) -> str:
    """Two Markdown tables: results per measure, and macro-F1 per data set."""
    measures = "\n".join(_measure_row(meta, name) for name in meta["measures"])
    sources = "\n".join(_source_row(name, found) for name, found in meta["metrics"]["by_source"].items())
    return f"{_MEASURE_HEAD}\n{measures}\n\n{_SOURCE_HEAD}\n{sources}"


def _measure_row(meta: dict[str, Any], name: str) -> str:
    rate, metrics = meta["error_rates"][name], meta["metrics"]
    cells = (name, f"{rate['threshold']:.3f}", _interval(metrics["f1"][name]), f"{rate['tpr']:.3f}")
    return _row(*cells, f"{rate['fpr']:.3f}", str(rate["n_pos"]), f"{metrics['ece'][name]:.3f}")


def _source_row(name: str, found: dict[str, Any]) -> str:
    return _row(f"`{name}`", str(found["rows"]), _interval(found["macro_f1"]))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _interval(values: list[float]) -> str:
    return f"{values[0]:.3f} [{values[1]:.3f}, {values[2]:.3f}]"


def _names(files: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in files)
