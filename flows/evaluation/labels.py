"""People's labels of a file, and which of a scorer's measures each is compared with. Not for comparing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from warehouse.errors import InputError, UsageError
from warehouse.scoring import Scorer

SEPARATORS = r"[|;,]"
LONGEST_LABEL, MOST_LABELS = 40, 20
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class EvaluateSpec:
    """What the labelled file is, and what is done with it.

    Attributes:
        dataset: its name in the result.
        language: of every text, or `auto`: the column `lang` where there is one, else detected.
        names: label → measure, in the order that decides ties; empty takes labels named like a measure.
        otherwise: the label for a text in which no measure scores, where every text has one label.
        group: a column whose values are looked at one by one.
        mask_lexicon: a lexicon scorer whose words are hidden in a second round; `folder` is that of added ones.
    """

    dataset: str
    language: str
    text: str = "text"
    labels: str = "labels"
    names: dict[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    group: str | None = None
    mask_lexicon: str | None = None
    folder: Path | None = None
    resamples: int = 1000
    seed: int = 7


def labels_of(frame: pl.DataFrame, *, spec: EvaluateSpec) -> pl.Series:
    """A list of labels per text; a plain column is split at `|`, `;` or `,`. `InputError` where there is no text."""
    if frame.is_empty():
        raise InputError(f"{spec.dataset}: no rows. Expected texts with labels. Check the file.")
    column = frame[spec.labels]
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String)).fill_null(pl.lit([], dtype=pl.List(pl.String)))
    plain = column.cast(pl.String).fill_null("").str.replace_all(r'^\[|\]$|"', "")
    text = plain.str.replace_all(SEPARATORS, "|").str.split("|")
    return text.list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))


def names_of(labels: pl.Series, *, scorer: Scorer, spec: EvaluateSpec) -> dict[str, str]:
    """Label → measure, as asked for or by name.

    Raises:
        UsageError: no such measure or language, or a scorer whose numbers are neither yes nor no.
        InputError: a label is not there, or none can be compared.
    """
    there = sorted(labels.explode().drop_nulls().unique())
    names = spec.names or {label: label for label in there if label in scorer.measures}
    unknown = sorted(set(names.values()) - set(scorer.measures))
    absent = sorted({*names, *([spec.otherwise] if spec.otherwise else [])} - set(there))
    if spec.language != AUTO and spec.language not in scorer.languages:
        raise UsageError(
            f"--language: {scorer.name} has no '{spec.language}'. It has {', '.join(scorer.languages)}."
        )
    if unknown:
        raise UsageError(
            f"--map: {scorer.name} has no {', '.join(unknown)}. It has {', '.join(scorer.measures)}."
        )
    if scorer.describe().get("scale") == "mean":
        raise UsageError(
            f"--scorer: {scorer.name} grades words around a middle, and people's labels say yes or no. Choose a scorer "
            "of scale presence, rate or sets, or a model."
        )
    if absent or not names:
        raise InputError(
            f"{spec.dataset}: {_listed(there)}; {_listed(absent) if absent else 'none of them'} cannot be compared. "
            f"Expected labels named like measures of {scorer.name}, or --map LABEL=MEASURE."
        )
    return names


def _listed(labels: list[str]) -> str:
    """Labels for a message; what is too long for one may be a text, and is counted only."""
    short = [label for label in labels if len(label) <= LONGEST_LABEL][:MOST_LABELS]
    rest = len(labels) - len(short)
    return f"labels {', '.join(short)}" + (f" and {rest} others" if rest else "")
