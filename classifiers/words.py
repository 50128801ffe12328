"""The words of a text as an explanation counts them, and the text without some of them.

Not a tokeniser for scoring: lexicons and encoders have their own. A word is a run of letters and digits with what
stands inside it (`don't`, `well-being`) and a leading # or @; a mask such as <user>; one Chinese or Japanese character;
one emoji; or a run of other signs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from warehouse.scoring import Scorer

# What stays when every word is removed, so that there is still a text to score.
NOTHING_LEFT = "…"
MASK = "[MASK]"
_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PICTURE = "\u2190-\u2bff\U0001f000-\U0001fbff"
_MODIFIER = "\ufe0f\U0001f3fb-\U0001f3ff"
_LETTER = rf"[^\W{_HAN}]"
_WORD = re.compile(
    r"<\w+>"
    rf"|[{_HAN}]"
    rf"|[#@]?{_LETTER}+(?:['’\-]{_LETTER}+)*"
    rf"|[\U0001f1e6-\U0001f1ff]{{2}}|[{_PICTURE}][{_MODIFIER}]*(?:\u200d[{_PICTURE}][{_MODIFIER}]*)*"
    rf"|[^\w\s{_PICTURE}]+"
)


@dataclass(frozen=True)
class Words:
    """A text and where its words stand: (first, behind the last) in characters, in order, without overlap."""

    text: str
    spans: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def words(self) -> list[str]:
        """The words as they are written."""
        return [self.text[start:end] for start, end in self.spans]


def split_words(text: str, *, most: int | None = None) -> Words:
    """The first `most` words of a text (all where it is None)."""
    spans: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        if most is not None and len(spans) == most:
            break
        spans.append(match.span())
    return Words(text, tuple(spans))


def placeholder_of(scorer: Scorer, *, language: str | None) -> str | None:
    """What stands for a hidden word: the mask token of the encoder that reads this language; None for every other
    model, where the word is removed."""
    described = scorer.describe()
    if "mask_token" in described:
        return None if described["mask_token"] is None else str(described["mask_token"])
    artefacts = getattr(scorer, "artefacts", {})
    if language in artefacts:
        return MASK if artefacts[language].meta.get("kind") == "encoder" else None
    return MASK if described.get("tier") == "encoder" else None


def without(words: Words, *, gone: np.ndarray, placeholder: str | None) -> str:
    """The text with the words where `gone` (boolean, one per word) is true replaced, or removed, and nothing else
    changed. A text of which nothing readable is left becomes `NOTHING_LEFT`."""
    parts, at = [], 0
    for (start, end), is_gone in zip(words.spans, gone, strict=True):
        if is_gone:
            parts += [words.text[at:start], placeholder or ""]
            at = end
    left = "".join([*parts, words.text[at:]])
    return left if left.strip() else NOTHING_LEFT
