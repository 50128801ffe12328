"""Words to marker scores: our own lexicons, a compiled matcher and the scorer on top of them.

Not for models: those are in `classifiers`.
"""

from lexicons.catalogue import Catalogue, file_sha256, read_catalogue
from lexicons.load import Cues, Lexicon, load_cues, load_lexicon, load_scorer
from lexicons.match import Matcher, Matches
from lexicons.score import LexiconScorer

__all__ = [
    "Catalogue",
    "Cues",
    "Lexicon",
    "LexiconScorer",
    "Matcher",
    "Matches",
    "file_sha256",
    "load_cues",
    "load_lexicon",
    "load_scorer",
    "read_catalogue",
]
