"""Words to marker scores: our own lexicons, a compiled matcher and the scorer on top of them.

Not for models: those are in `classifiers`.
"""

from lexicons.load import Lexicon, file_sha256, list_lexicons, load_lexicon
from lexicons.match import Matcher, Matches
from lexicons.score import LexiconScorer

__all__ = [
    "Lexicon",
    "LexiconScorer",
    "Matcher",
    "Matches",
    "file_sha256",
    "list_lexicons",
    "load_lexicon",
]
