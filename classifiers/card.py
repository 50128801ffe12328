"""Write the card of the embedded encoder from its description, so that the two never disagree.

Not a place for judgements that change with each training: those are numbers, and come from `meta.json`.
"""

from statistics import median
from typing import Any

from classifiers.taxonomy import CAUSES, CONDITIONS, EMOTIONS, TONE, WELLNESS

_INTRO = """# Model card: `{name}`, version {version}

One pass over an English social-media post answers for two scorers:

* `emotion`: probability of {emotions}; and its tone: {tone}, each in [0, 1] with 0.5 in the middle.
* `mental_health`: probability that the post reads like posts that people labelled as {conditions}; six dimensions of
  wellness it speaks of ({wellness}); and causes of distress it names ({causes}).

It is what the *text expresses to a reader*, as annotators of the training data saw it, not what its writer felt or has.

## What it is
MiniLM-L6 (all-MiniLM-L6-v2, package `{package}` {package_version}), fine-tuned for all heads together and stored as
four-bit differences (`delta.safetensors`, the reference) and as an int8 graph (`model.xml`, `model.bin`, the default on
x86) that starts at the package's own word vectors. Mean pooling over words, one sigmoid per measure, Platt scaling per
measure. To each measure's logit that of the n-gram model `{beside}` (version {beside_version}, trained on the same
rows) is added with a weight of its own ({weights} in the middle), chosen on validation: words in context and words by
themselves err differently. Text profile `{profile}`. Of a long post it reads {reads}.

## Data
Trained on {files}; {rows} rows, {epochs} epochs (seed {seeds}), from the emotion weights of version {start}, after
taking out everything that occurs, or nearly occurs, in validation. Validated on {validation_files}, and on rows of
the sets without a validation file that occur in another set's. Test splits were not opened.

* `anxiety` is learnt from a weak label: the forum that a post was written in (anxiety forums against forums on
  depression and bipolar disorder; one post a person, people on one side only). It knows those forums' style, not a
  disorder.
* `loneliness` is learnt from *thwarted belongingness*, a construct of the interpersonal theory of suicide.
* The tone was graded by our own word list, not by people: it says what words around the graded ones usually come with.
* Everyday posts (of `goemotions`) were assumed, at a fifth of the weight and in training only, to show none of
  stress, depression, anxiety, loneliness, burdensomeness and suicidality, unless they were labelled with fear or
  sadness.
* The nine symptoms of depression have no labelled set here, so there are no heads for them but `suicidality`. The
  lexicon scorer `symptoms` counts their words; `affectcast train --recipe redsm5` trains them where the data is at
  hand.

The weights are licensed {licence}. The sources of the data state no licence that we know of, or leave it unclear; no
row of them is distributed with this project.

## Results on validation
Value and 95 % bootstrap interval. Thresholds and calibration were chosen on these same rows, which flatters them: the
column *cross-fitted* has the value when each fifth of the rows is judged by what the others chose.

{tables}

Agreement of the tone with the word list (correlation; no people's ratings were at hand): {agreement}.

The encoder without the n-gram model, macro-F1 per data set: {alone}.

The int8 form against the reference: {labels:.1%} of labels equal, mean difference of probability {difference:.4f}.

"""

_LIMITS = """## Limits
* English only. Dialects, irony, quotations, song lyrics and second languages of the writers are read badly; error
  rates differ by community and no fairness audit has been made.
* Error rates differ between kinds of text (`error_rates_by_source` in `meta.json`): a share of positives is not a
  prevalence until it is corrected, and then only as well as the error rates fit.
* The mental-health sets are posts of a few forums, chosen by topic: positives there are many and negatives are often
  about distress too. In everyday posts the probabilities are too high on average.
* Several of those sets were cut from the same forums. Equal and nearly equal texts were kept on one side; two posts of
  one writer may not have been, since the sets name no writers.
* Each text was judged by a few annotators who do not represent any population, and most texts were written before
  2020: newer words, memes and emoji habits are unknown to the model.
* A measure with few positives (`depression_severe`, `wellness_spiritual`, some causes) has a wide interval.

## Not for
* Diagnosis, screening, triage or risk assessment of a person; alerts about a person; ranking or comparing people.
* Decisions on employment, credit, insurance, education, policing, migration or moderation.
* Claims about what a named individual feels or has. It is meant for shares of many people's posts, with their
  uncertainty.
"""

_MEASURE_HEAD = """| measure | threshold | F1 | TPR | FPR | positives | negatives | calibration error |
|---|---|---|---|---|---|---|---|"""
_SOURCE_HEAD = """| data set | rows | macro-F1 at the thresholds | cross-fitted |
|---|---|---|---|"""
_WEIGHTED_HEAD = """| data set | measure | weighted F1 | cross-fitted | calibration error |
|---|---|---|---|---|"""


def card_text(meta: dict[str, Any]) -> str:
    """The card in Markdown."""
    metrics, training = meta["metrics"]["en"], meta["training"]
    intro = _INTRO.format(
        name=meta["name"],
        version=meta["version"],
        emotions=", ".join(EMOTIONS),
        tone=", ".join(TONE),
        conditions=", ".join(CONDITIONS),
        wellness=_short(WELLNESS),
        causes=_short(CAUSES),
        package=meta["encoder"]["package"],
        package_version=meta["encoder"]["version"],
        profile=meta["profile"],
        beside=meta["beside"]["model"],
        beside_version=meta["beside"]["version"],
        weights=f"{median(meta['beside']['weights'].values()):.2f}",
        alone=", ".join(f"`{name}` {value:.3f}" for name, value in metrics["encoder_alone"].items()),
        reads=meta["reads"],
        files=_names(training["files"]),
        rows=training["rows"],
        epochs=training["recipe"]["epochs"],
        seeds=", ".join(map(str, training["seeds"])),
        start=training["start"],
        validation_files=_names(meta["validation_files"]),
        licence=meta["licence"],
        tables=results_tables(meta),
        agreement=", ".join(f"{name} {value:.2f}" for name, value in metrics["agreement"].items()),
        labels=metrics["int8_against_reference"]["label_agreement"],
        difference=metrics["int8_against_reference"]["mean_abs_difference"],
    )
    return intro + _LIMITS


def results_tables(meta: dict[str, Any]) -> str:
    """Markdown tables: results per measure, macro-F1 per data set, and weighted F1 of yes/no measures."""
    metrics = meta["metrics"]["en"]
    measures = "\n".join(_measure_row(meta, name) for name in metrics["f1"])
    sources = "\n".join(_source_row(name, found) for name, found in metrics["by_source"].items())
    weighted = "\n".join(
        _weighted_row(source, name, found)
        for source, found in metrics["by_source"].items()
        for name in found["weighted_f1"]
        if name in CONDITIONS
    )
    one_of = [
        f"`{name}` {_interval(found['macro_f1_one_of'])}"
        for name, found in metrics["by_source"].items()
        if "macro_f1_one_of" in found
    ]
    exclusive = f"Where labels exclude each other, macro-F1 of the most probable one: {'; '.join(one_of)}."
    parts = (
        f"{_MEASURE_HEAD}\n{measures}", f"{_SOURCE_HEAD}\n{sources}", exclusive, f"{_WEIGHTED_HEAD}\n{weighted}",
    )  # fmt: skip
    return "\n\n".join(parts)


def _measure_row(meta: dict[str, Any], name: str) -> str:
    rate, metrics = meta["error_rates"]["en"][name], meta["metrics"]["en"]
    cells = (name, f"{rate['threshold']:.3f}", _interval(metrics["f1"][name]), f"{rate['tpr']:.3f}")
    counts = (str(rate["n_pos"]), str(rate["n_neg"]))
    return _row(*cells, f"{rate['fpr']:.3f}", *counts, f"{metrics['ece'][name]:.3f}")


def _source_row(name: str, found: dict[str, Any]) -> str:
    crossed = f"{found['macro_f1_cross_fitted']:.3f}"
    return _row(f"`{name}`", str(found["rows"]), _interval(found["macro_f1"]), crossed)


def _weighted_row(source: str, name: str, found: dict[str, Any]) -> str:
    crossed, error = found["weighted_f1_cross_fitted"][name], found["ece"][name]
    return _row(f"`{source}`", name, _interval(found["weighted_f1"][name]), f"{crossed:.3f}", f"{error:.3f}")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _interval(values: list[float]) -> str:
    return f"{values[0]:.3f} [{values[1]:.3f}, {values[2]:.3f}]"


def _names(files: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in files)


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(name.split("_", 1)[1].replace("_", " ") for name in names)
