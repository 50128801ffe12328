"""Which label of which public data set counts as which measure, and which cells of the table are unknown.

Not for scores: nothing here is read when a post is scored.
"""

from dataclasses import dataclass, field

EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "affection", "optimism")
TONE = ("valence", "arousal", "dominance")
CONDITIONS = (
    "stress",
    "depression",
    "depression_none",
    "depression_moderate",
    "depression_severe",
    "anxiety",
    "loneliness",
    "burdensomeness",
    "suicidality",
)
WELLNESS = tuple(
    f"wellness_{name}"
    for name in ("spiritual", "physical", "intellectual", "social", "vocational", "emotional")
)
CAUSES = tuple(
    f"cause_{name}"
    for name in (
        "bias_abuse", "work", "medication", "relationship", "alienation", "financial", "health", "school",
        "family", "social", "emotional", "everyday",
    )
)  # fmt: skip
EMOTION_MEASURES = (*EMOTIONS, *TONE)
MENTAL_MEASURES = (*CONDITIONS, *WELLNESS, *CAUSES)
MEASURES = (*EMOTION_MEASURES, *MENTAL_MEASURES)

_SAME_SIX = {name: name for name in ("anger", "disgust", "fear", "joy", "sadness", "surprise")}


@dataclass(frozen=True)
class LabelMap:
    """How one data set's labels become measures.

    `known`: measures the data set can speak about; the others are unknown in every row of it.
    `positive`: label → measures. `unclear`: label → measures that are unknown, not absent, in a row with that label
    (unless another label of the row makes them positive).
    `assumed`: measures taken as absent, at a low weight and in training only, in rows with none of the labels
    `assumed_unless`: everyday posts teach a head what most posts are like.
    """

    positive: dict[str, tuple[str, ...]]
    known: tuple[str, ...]
    unclear: dict[str, tuple[str, ...]] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    assumed_unless: frozenset[str] = frozenset()


def _each(labels: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {label: (measure,) for label, measure in labels.items()}


GOEMOTIONS = LabelMap(
    positive=_each(
        {
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
        }
    ),
    known=EMOTIONS,
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
    assumed=("stress", "depression", "anxiety", "loneliness", "burdensomeness", "suicidality"),
    assumed_unless=frozenset({"sadness", "grief", "disappointment", "remorse", "fear", "nervousness"}),
)
TWEETEVAL = LabelMap(
    positive=_each({name: name for name in ("anger", "joy", "optimism", "sadness")}),
    known=("anger", "joy", "sadness", "optimism"),
)
SEMEVAL = LabelMap(
    positive=_each({name: name for name in ("anger", "fear", "joy", "sadness", "surprise")}),
    known=("anger", "fear", "joy", "sadness", "surprise"),
)
EMOEVENT = LabelMap(positive=_each(_SAME_SIX), known=tuple(_SAME_SIX))

DREADDIT = LabelMap(positive={"stress": ("stress",)}, known=("stress",))
IMHI_DEPRESSION = LabelMap(positive={"depression": ("depression",)}, known=("depression",))
DEPSIGN = LabelMap(
    positive={
        "not_depressed": ("depression_none",),
        "moderate": ("depression_moderate", "depression"),
        "severe": ("depression_severe", "depression"),
    },
    known=("depression", "depression_none", "depression_moderate", "depression_severe"),
)
IRF = LabelMap(
    positive={"thwarted_belongingness": ("loneliness",), "perceived_burdensomeness": ("burdensomeness",)},
    known=("loneliness", "burdensomeness"),
)
SDCNL = LabelMap(positive={"suicide_watch": ("suicidality",)}, known=("suicidality",))
MULTIWD = LabelMap(
    positive=_each({name.removeprefix("wellness_"): name for name in WELLNESS}), known=WELLNESS
)
CAMS = LabelMap(
    positive=_each(
        {
            "bias_or_abuse": "cause_bias_abuse",
            "jobs_and_career": "cause_work",
            "medication": "cause_medication",
            "relationship": "cause_relationship",
            "alienation": "cause_alienation",
        }
    ),
    known=("cause_bias_abuse", "cause_work", "cause_medication", "cause_relationship", "cause_alienation"),
)
SAD = LabelMap(
    positive=_each(
        {
            "work": "cause_work",
            "financial": "cause_financial",
            "health": "cause_health",
            "school": "cause_school",
            "family": "cause_family",
            "social": "cause_social",
            "emotion": "cause_emotional",
            "everyday": "cause_everyday",
        }
    ),
    known=(
        "cause_work", "cause_financial", "cause_health", "cause_school", "cause_family", "cause_social",
        "cause_emotional", "cause_everyday",
    ),
)  # fmt: skip
# A forum is a weak label: it says where somebody wrote, not what they have.
COMMUNITIES = LabelMap(positive={"Anxiety": ("anxiety",), "socialanxiety": ("anxiety",)}, known=("anxiety",))

# Spanish, Portuguese and Chinese.
SEMEVAL_SIX = LabelMap(positive=_each(_SAME_SIX), known=tuple(_SAME_SIX))
# One label a post out of seven. Gratitude is none of ours: joy is not among the seven, so it is unknown throughout, and
# so is affection (as under gratitude in GoEmotions).
WEIBO_COVID = LabelMap(
    positive=_each({name: name for name in ("anger", "disgust", "fear", "sadness", "surprise", "optimism")}),
    known=("anger", "disgust", "fear", "sadness", "surprise", "optimism"),
)
