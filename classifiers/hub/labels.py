"""Names of published models' labels → our measures, and where the two do not mean quite the same.

Not for order: a label is found by its name in the model's own configuration, never by its position.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classifiers.taxonomy import GOEMOTIONS, MEASURES
from warehouse.errors import ConfigError, MissingModelError

LEGAL = re.compile(r"[a-z][a-z0-9_]*")
# Columns that every table of scores has already.
RESERVED = frozenset({"post_id", "lang", "n_tokens", "n_matched", "missing", "scorer_version", "run_id"})
NOTHING = ""
_PLACEHOLDER = re.compile(r"(?:label_)?\d+")
_NEGATION = re.compile(r"(?:not|non|no)_")

_SAME = {
    name: name for name in ("anger", "disgust", "fear", "joy", "sadness", "surprise", "optimism", "affection")
}
_ALIASES = {
    "happiness": "joy",
    "happy": "joy",
    "sad": "sadness",
    "angry": "anger",
    "love": "affection",
    "lonely": "loneliness",
    "suicidal_thoughts": "suicidality",
    "others": NOTHING,
    "other": NOTHING,
    "neutral": NOTHING,
    "no_emotion": NOTHING,
    "no_symptoms": NOTHING,
    "none": NOTHING,
    "na": NOTHING,
    "n_a": NOTHING,
}
# As written, because they cannot be brought into a column's name.
_OTHER_TONGUES = {
    "ira": "anger", "enojo": "anger", "raiva": "anger", "asco": "disgust", "nojo": "disgust", "miedo": "fear",
    "medo": "fear", "alegría": "joy", "alegria": "joy", "tristeza": "sadness", "sorpresa": "surprise",
    "surpresa": "surprise", "愤怒": "anger", "厌恶": "disgust", "恐惧": "fear", "害怕": "fear", "快乐": "joy",
    "高兴": "joy", "开心": "joy", "喜悦": "joy", "悲伤": "sadness", "伤心": "sadness", "惊讶": "surprise",
    "惊奇": "surprise", "喜爱": "affection", "喜好": "affection", "孤独": "loneliness", "抑郁": "depression",
    "焦虑": "anxiety", "中性": NOTHING, "无情绪": NOTHING, "其他": NOTHING,
}  # fmt: skip
_GOEMOTIONS = {label: measures[0] for label, measures in GOEMOTIONS.positive.items()}
_REGISTRY: dict[str, str] = {name: name for name in MEASURES} | _GOEMOTIONS | _ALIASES | _SAME
# One label, one measure, and yet another idea: what the label leaves out or adds.
_SYNONYMS = frozenset({"happiness", "happy", "sad", "angry", "lonely"})
_NEAR = {
    "love": "love is part of affection",
    "suicidal_thoughts": "a symptom in a sentence, where suicidality was learnt from whole posts",
}


@dataclass(frozen=True)
class LabelMap:
    """A model's labels as measures: `rows[i]` are the positions of the labels that make up `measures[i]`.

    `labels`: label → measure, or None where it makes none. `lossy`: measure → what is lost in its making.
    """

    measures: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]
    labels: dict[str, str | None]
    lossy: dict[str, str]


def map_labels(labels: Sequence[str], *, own: Mapping[str, str], where: str) -> LabelMap:
    """The measures of a model with these labels in this order; `own` overrules the registry (label → measure, or "").

    Measures are in our order, then those under their own name in alphabetical order, whatever the model's order.
    Raises ConfigError for entries of `own` that name no label or no legal measure, MissingModelError for labels
    that cannot be told apart or say nothing (LABEL_0).
    """
    _check_own(own, labels=labels, where=where)
    chosen = [
        own[label] if label in own else _registered(label, among=labels, where=where) for label in labels
    ]
    found = sorted({measure for measure in chosen if measure}, key=_place)
    if not found:
        raise ConfigError(
            f"{where}: no label makes a measure; the model has {', '.join(labels)}. Add `labels`."
        )
    rows = [tuple(i for i, measure in enumerate(chosen) if measure == name) for name in found]
    return LabelMap(
        measures=tuple(found),
        rows=tuple(rows),
        labels={label: measure or None for label, measure in zip(labels, chosen, strict=True)},
        lossy={
            name: loss
            for name, row in zip(found, rows, strict=True)
            if (loss := _loss(labels, row, name, own))
        },
    )


def placeholders(labels: Sequence[str]) -> bool:
    """Whether the labels are only numbers (LABEL_0, LABEL_1, …), which say nothing."""
    return all(_PLACEHOLDER.fullmatch(label.lower()) for label in labels)


def snake(label: str) -> str:
    """The label as a column's name: lower case, anything but letters and digits an underscore; '' if none is left."""
    name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", label).lower()).strip("_")
    return f"label_{name}" if name in RESERVED or name[:1].isdigit() else name


def _check_own(own: Mapping[str, str], *, labels: Sequence[str], where: str) -> None:
    strangers = sorted(set(own) - set(labels))
    if strangers:
        raise ConfigError(f"{where}: labels names {', '.join(strangers)}; the model has {', '.join(labels)}.")
    wrong = sorted(name for name in own.values() if name and (not LEGAL.fullmatch(name) or name in RESERVED))
    if wrong:
        raise ConfigError(
            f"{where}: labels gives the measures {', '.join(wrong)}; expected small letters, digits and "
            f"underscores, and none of {', '.join(sorted(RESERVED))}."
        )
    if len(set(labels)) != len(labels):
        raise MissingModelError(f"{where}: the model has two labels of one name: {', '.join(labels)}.")


def _registered(label: str, *, among: Sequence[str], where: str) -> str:
    if label.strip().lower() in _OTHER_TONGUES:
        return _OTHER_TONGUES[label.strip().lower()]
    name = snake(label)
    if not LEGAL.fullmatch(name) or _PLACEHOLDER.fullmatch(label.lower()):
        raise MissingModelError(
            f"{where}: the label {label!r} does not say what it means; write what each label is: "
            f'labels = {{ "{label}" = "anger" }} under [[score.models]], from the model\'s documentation.'
        )
    # "not lonely" beside "lonely" is the same statement again.
    if _NEGATION.match(name) and _NEGATION.sub("", name, count=1) in {snake(other) for other in among}:
        return NOTHING
    return _REGISTRY.get(name, name)


def _place(measure: str) -> tuple[int, str]:
    return (MEASURES.index(measure) if measure in MEASURES else len(MEASURES), measure)


def _loss(labels: Sequence[str], row: tuple[int, ...], measure: str, own: Mapping[str, str]) -> str:
    if len(row) > 1:
        return "several labels in one: " + ", ".join(labels[i] for i in row)
    label = labels[row[0]]
    name = snake(label)
    if label in own or name in _SYNONYMS or name == measure or label.strip().lower() in _OTHER_TONGUES:
        return ""
    return _NEAR.get(name, f"{label} is narrower than {measure}")
