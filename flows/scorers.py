"""Names to scorers: the one list of what can score posts. Not for how they score."""

from __future__ import annotations

from collections.abc import Callable

from warehouse.errors import ConfigError
from warehouse.scoring import Scorer


def _lexicon(threads: int) -> Scorer:
    from lexicons.score import LexiconScorer

    del threads
    return LexiconScorer()


def _emotion(threads: int) -> Scorer:
    from classifiers.score import EmotionScorer

    return EmotionScorer(threads=threads)


SCORERS: dict[str, Callable[[int], Scorer]] = {"lexicon": _lexicon, "emotion": _emotion}


def make_scorer(name: str, *, threads: int = 1) -> Scorer:
    """The scorer of that name; `ConfigError` lists the names there are."""
    if name not in SCORERS:
        raise ConfigError(f"unknown scorer '{name}'. There are: {', '.join(sorted(SCORERS))}.")
    return SCORERS[name](threads)
