"""Keep texts that a model was trained on out of an evaluation: refuse them, or drop and count them.

Not the comparison itself: `classifiers.leakage` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from classifiers.leakage import Leaks, find_leaks
from flows.files import read_table, require
from flows.score_file import cleaned
from warehouse.errors import InputError, UsageError


@dataclass(frozen=True, kw_only=True)
class LeakSpec:
    """Which files a model was trained on, which column holds ids (None: none does), and what is done with leaks."""

    train: tuple[Path, ...]
    text: str = "text"
    id_column: str | None = None
    drop: bool = False


def without_leaks(frame: pl.DataFrame, *, spec: LeakSpec, where: str) -> tuple[pl.DataFrame, str]:
    """The rows of `frame` (with `text`) that are in none of the training files, and a sentence on what was found.

    Raises:
        InputError: a column is missing; there are leaks and they are not to be dropped; or nothing is left.
        UsageError: leaks are to be dropped, and there is no training file.
    """
    if not spec.train:
        if spec.drop:
            raise UsageError("--drop-leaks: expected --train FILE to compare with. Name the training file.")
        return frame, "Leakage was not checked: no --train file was given."
    if spec.id_column is not None:
        _require_id(frame, column=spec.id_column, where=where)
    train = [_training(path, spec=spec) for path in spec.train]
    leaks = _found(frame, train=pl.concat(train), id_column=spec.id_column)
    n = int(leaks.found.sum())
    if not n:
        return frame, f"Leakage: none of {frame.height:,} texts is in the training data."
    kinds = ", ".join(f"{count:,} by {way}" for way, count in leaks.counts().items() if count)
    said = f"{n:,} of {frame.height:,} texts are also in the training data ({kinds})"
    if not spec.drop:
        raise InputError(
            f"{where}: {said}. Expected texts that the model has not seen: a figure on the others is its memory. "
            "Leave them out with --drop-leaks, or bring other texts."
        )
    kept = frame.filter(~pl.Series(leaks.found))
    if kept.is_empty():
        raise InputError(f"{where}: {said}, so that none is left. Bring texts that the model has not seen.")
    return kept, f"Leakage: {said}; they were left out, {kept.height:,} are left."


def _found(frame: pl.DataFrame, *, train: pl.DataFrame, id_column: str | None) -> Leaks:
    ids = frame[id_column].cast(pl.String).str.strip_chars().to_list() if id_column else None
    train_ids = train["id"].to_list() if id_column else None
    texts = cleaned(frame["text"])["text"].to_list()
    return find_leaks(texts, train=train["text"].to_list(), ids=ids, train_ids=train_ids)


def _training(path: Path, *, spec: LeakSpec) -> pl.DataFrame:
    """`text`, cleaned, and `id` of a training file; its text column is called as in the data, or `text`."""
    frame = read_table(path)
    text = spec.text if spec.text in frame.columns else "text"
    require(frame, names=[text], path=path)
    if spec.id_column is not None:
        _require_id(frame, column=spec.id_column, where=str(path))
    ids = frame[spec.id_column] if spec.id_column else pl.Series([None] * frame.height)
    return cleaned(frame[text]).with_columns(id=ids.cast(pl.String).str.strip_chars())


def _require_id(frame: pl.DataFrame, *, column: str, where: str) -> None:
    if column not in frame.columns:
        raise InputError(
            f"{where}: no column {column}. Found: {', '.join(frame.columns)}. Correct --id-column, or leave it out to "
            "compare texts only."
        )
