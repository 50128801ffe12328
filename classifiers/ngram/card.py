"""Write an n-gram model's card from its description, so that the two never disagree.

Not a place for judgements that change with each training: those are numbers, and come from `meta.json`.
"""

from typing import Any

from classifiers.taxonomy import MENTAL_MEASURES, TONE

_LANGUAGE = {"en": "English", "es": "Spanish", "pt": "Portuguese", "zh": "Chinese"}

_INTRO = """# Model card: `{name}`, version {version}

Probability of each measure in a social-media post in {languages}. A post may show several or none. It is what the
*text expresses to a reader*, as annotators of the training data saw it, not what its writer felt or has.

## What it is
A linear model over hashed n-grams: runs of one to {tokens} tokens{parts}, each once per post, in 2^{bits}
rows of small integers (`table.safetensors`); their sum is divided by the root of the number of features.
Platt scaling per language and measure. The whole post is read, whatever its length. Mentions and links are masked; no
other profile is needed.

Measures: {measures}.
{lacking}
## Data
Trained on {files}; {rows} labelled rows after dropping everything that occurs, or nearly occurs, in validation, and
repeats. {more}
Validated on {validation_files}, each text once. Test splits were not opened.
The weights are licensed {licence}. The sources of the data state no licence that we know of, or leave it unclear; no
row of them is distributed with this project.

"""

_MENTAL = """* The mental-health measures come from English forums and support communities, most of them about mental
  health: a post from elsewhere that sounds like them is not yet one of them. *anxiety* says in which forum somebody
  wrote, *suicidality* what sets a suicide forum apart from a depression forum; *burdensomeness* and *loneliness* are
  constructs of interpersonal risk. None is a diagnosis, and everyday posts were only assumed to be without them.
* Where more than half of the negatives reach a threshold (FPR over 0.5), the share says little beyond the base rate.
"""

_LIMITS = """## Limits
* Words without their sentence: negation further than a neighbour, irony, quotations and lyrics are read badly. Where
  the encoder reads the language its answers are better; this model is for volume, and for languages it lacks.
* Dialects, code-switching and communities unlike the training data: error rates differ, and no fairness audit has been
  made. A share of positives is not a prevalence until it is corrected, and then only as well as the error rates fit.
* Each text was judged by a few annotators who do not represent any population. Rare measures rest on few positives;
  their intervals say how few.
* Valence, arousal and dominance were learnt from the grades of our own word lists, not from people's judgement of
  posts: they are a word list that also reads the words around its own.
* Two features may share a row of the table; rare words can borrow a meaning that way.
"""

_NOT_FOR = """
## Not for
* Diagnosis, triage or risk assessment of a person; alerts about a person; ranking or comparing people.
* Decisions on employment, credit, insurance, education, policing, migration or moderation.
* Claims about what a named individual feels. It is meant for shares of many people's posts, with their uncertainty.
"""

_MEASURE_HEAD = """| measure | threshold | F1 | TPR | FPR | positives | negatives | calibration error |
|---|---|---|---|---|---|---|---|"""
_SOURCE_HEAD = """| data set | rows | macro-F1 | with thresholds of its own | most probable label |
|---|---|---|---|---|"""
_GRADED_HEAD = """| grade | correlation with the word list | mean absolute error | rows |
|---|---|---|---|"""


def card_text(meta: dict[str, Any]) -> str:
    """The card in Markdown."""
    spec = meta["features"]
    parts = f" and of {spec['shortest']} to {spec['longest']} characters of a word" if spec["longest"] else ""
    intro = _INTRO.format(
        name=meta["name"],
        version=meta["version"],
        languages=" and ".join(_LANGUAGE[lang] for lang in meta["languages"]),
        tokens=spec["tokens"],
        parts=parts,
        bits=spec["bits"],
        measures=", ".join(meta["measures"]),
        lacking="".join(_lacking_line(meta, lang) for lang in meta["languages"]),
        files=_names(meta["training"]["files"]),
        rows=meta["training"]["rows"],
        more=meta["training"]["more"],
        validation_files=_names(meta["validation_files"]),
        licence=meta["licence"],
    )
    body = "\n".join(results(meta, lang) for lang in meta["languages"])
    mental = _MENTAL if set(meta["measures"]) & set(MENTAL_MEASURES) else ""
    return f"{intro}{body}\n{_LIMITS}{mental}{_NOT_FOR}"


def results(meta: dict[str, Any], lang: str) -> str:
    """One language's results as Markdown: measures, data sets, grades."""
    found = meta["metrics"][lang]
    measures = "\n".join(_measure_row(meta, lang, name) for name in found["f1"])
    sources = "\n".join(_source_row(name, part) for name, part in found["by_source"].items())
    graded = "\n".join(_graded_row(name, part) for name, part in found["graded"].items())
    tables = f"{_MEASURE_HEAD}\n{measures}\n\n{_SOURCE_HEAD}\n{sources}\n"
    return f"""## Results on validation: {_LANGUAGE[lang]}
{_chosen_on(found)} The columns from TPR to negatives are the error rates that correct shares.

{tables}{f"{chr(10)}{_GRADED_HEAD}{chr(10)}{graded}{chr(10)}" if graded else ""}"""


def _chosen_on(found: dict[str, Any]) -> str:
    head = f"Value and 95 % bootstrap interval on {found['rows']} texts; macro-F1 is {_interval(found['macro_f1'])}."
    crossed = f"{found['macro_f1_cross_fitted']:.3f}"
    part = found["out_of_fold"]
    if part is None:
        return f"""{head}
Calibration and thresholds were chosen on these same rows, which flatters them a little: when each fifth of the rows is
judged by what the others chose, macro-F1 is {crossed}. Error rates are those of these rows."""
    return f"""{head}
Calibration and thresholds were chosen on {part["rows"]} training rows, each scored by a model that had not seen it;
macro-F1 is {_interval(part["macro_f1"])} there. Chosen on four fifths of the validation rows and judged on the last
it is {crossed}. Error rates are those of all these rows, validation included, because rare measures have few
positives."""


def _lacking_line(meta: dict[str, Any], lang: str) -> str:
    names = [name for name in meta["measures"] if name not in meta["measures_by_language"][lang]]
    why = " and no word list of ours grades the language" if set(names) & set(TONE) else ""
    return f"In {_LANGUAGE[lang]} {', '.join(names)} are null: no labelled data{why}.\n" if names else ""


def _measure_row(meta: dict[str, Any], lang: str, name: str) -> str:
    rate, metrics = meta["error_rates"][lang][name], meta["metrics"][lang]
    cells = (name, f"{rate['threshold']:.3f}", _interval(metrics["f1"][name]), f"{rate['tpr']:.3f}")
    bases = (str(rate["n_pos"]), str(rate["n_neg"]))
    return _row(*cells, f"{rate['fpr']:.3f}", *bases, f"{metrics['ece'][name]:.3f}")


def _source_row(name: str, found: dict[str, Any]) -> str:
    one = _interval(found["macro_f1_one_of"]) if "macro_f1_one_of" in found else ""
    values = (_interval(found["macro_f1"]), _interval(found["macro_f1_own_thresholds"]))
    return _row(f"`{name}`", str(found["rows"]), *values, one)


def _graded_row(name: str, found: dict[str, Any]) -> str:
    return _row(name, _interval(found["r"]), f"{found['mae']:.3f}", str(found["rows"]))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _interval(values: list[float]) -> str:
    return f"{values[0]:.3f} [{values[1]:.3f}, {values[2]:.3f}]"


def _names(files: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in files)
