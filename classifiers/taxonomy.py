"""Which label of which public data set counts as which measure, and which cells of the table are unknown.

Not for scores: nothing here is read when a post is scored.
"""

from dataclasses import dataclass, field

MEASURES = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "affection", "optimism")

_SAME_SIX = {name: name for name in ("anger", "disgust", "fear", "joy", "sadness", "surprise")}


@dataclass(frozen=True)
class LabelMap:
    """How one data set's labels become measures.

    `known`: measures the data set can speak about; the others are unknown in every row of it.
    `positive`: label → measure. `unclear`: label → measures that are unknown, not absent, in a row with that label
    (unless another label of the row makes them positive).
    """

    positive: dict[str, str]
    known: tuple[str, ...]
    unclear: dict[str, tuple[str, ...]] = field(default_factory=dict)


GOEMOTIONS = LabelMap(
    positive={
        "anger": "anger",
        "annoyance": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "nervousness": "fear",
        "joy": "joy",
        "amusement": "joy",
        "excitement": "joy",
        "relief": "joy",
        "pride": "joy",
        "sadness": "sadness",
        "grief": "sadness",
        "disappointment": "sadness",
        "remorse": "sadness",
        "surprise": "surprise",
        "love": "affection",
        "caring": "affection",
        "optimism": "optimism",
    },
    known=MEASURES,
    unclear={
        "disapproval": ("anger",),
        "embarrassment": ("sadness",),
        "realization": ("surprise",),
        "confusion": ("surprise",),
        "gratitude": ("joy", "affection"),
        "admiration": ("joy", "affection"),
        "love": ("joy",),
        "desire": ("optimism",),
    },
)
TWEETEVAL = LabelMap(
    positive={name: name for name in ("anger", "joy", "optimism", "sadness")},
    known=("anger", "joy", "sadness", "optimism"),
)
SEMEVAL = LabelMap(
    positive={name: name for name in ("anger", "fear", "joy", "sadness", "surprise")},
    known=("anger", "fear", "joy", "sadness", "surprise"),
)
EMOEVENT = LabelMap(positive=_SAME_SIX, known=tuple(_SAME_SIX))
