"""What a language's sentence parts look like, and how written blocks become them.

Not for the parts themselves: those are in `english.py` and `spanish.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOODS = ("neutral", "joy", "affection", "sadness", "fear", "anger", "loneliness", "anxiety", "depression")


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Sentence parts of one language; a core or a tail may hold slots such as `{topic}`."""

    openers: tuple[str, ...]
    slots: Mapping[str, tuple[str, ...]]
    fillers: tuple[str, ...]
    cores: Mapping[str, tuple[str, ...]]
    tails: Mapping[str, tuple[str, ...]]


def phrases(
    *,
    openers: str,
    slots: Mapping[str, str],
    fillers: str,
    moods: Mapping[str, tuple[str, str]],
) -> Phrases:
    """Split written blocks into parts, one per line; every mood of `MOODS` must be there."""
    return Phrases(
        openers=_lines(openers),
        slots={name: _lines(block) for name, block in slots.items()},
        fillers=_lines(fillers),
        cores={mood: _lines(moods[mood][0]) for mood in MOODS},
        tails={mood: _lines(moods[mood][1]) for mood in MOODS},
    )


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.splitlines() if line.strip())
