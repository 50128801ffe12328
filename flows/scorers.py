"""Names to scorers: the one list of what can score posts. Not for how they score."""

from __future__ import annotations

from pathlib import Path

from warehouse.cells import columns_of, signal_name
from warehouse.errors import ConfigError
from warehouse.scoring import Scorer

EMOTION = "emotion"


def scorer_names(folder: Path | None = None) -> list[str]:
    """Names of all scorers: the models, and the lexicons, shipped or added in `folder`."""
    from lexicons.catalogue import read_catalogue

    return sorted([EMOTION, *read_catalogue(folder).scorers])


def make_scorer(name: str, *, threads: int = 1, folder: Path | None = None) -> Scorer:
    """The scorer of that name; `ConfigError` lists the names there are."""
    if name == EMOTION:
        from classifiers.score import EmotionScorer

        return EmotionScorer(threads=threads)
    from lexicons.score import LexiconScorer

    known = scorer_names(folder)
    if name not in known:
        raise ConfigError(f"unknown scorer '{name}'. There are: {', '.join(known)}.")
    return LexiconScorer(name, folder=folder, threads=threads)


def check_names(scorers: list[Scorer]) -> None:
    """`ConfigError` where two scorers would make signals of the same name."""
    owners: dict[str, str] = {}
    for scorer in scorers:
        for measure, statistic in columns_of(scorer):
            name = signal_name(scorer.name, measure, statistic)
            if owners.setdefault(name, scorer.name) != scorer.name:
                raise ConfigError(
                    f"[score] scorers: {owners[name]} and {scorer.name} would both make the signal {name}. Run one of "
                    "them, or add one again under another name."
                )
