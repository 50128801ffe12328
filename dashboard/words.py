"""Numbers and codes in words, and foreign text made harmless. Not for layout or for reading tables."""

from __future__ import annotations

import html
import re

NOTHING = "–"
MAX_SHOWN = 300
# Invisible; a bare web or mail address becomes a link even when its every character is escaped, unless split.
JOINER = "\u2060"
_LINK = re.compile(r"(https?|www|(?=@))(://|\.|@)", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~&=@/])")

ALERT_KINDS = {
    "prevalence_high": "Unusually high level",
    "prevalence_rise": "Higher for weeks",
    "forecast_high": "Forecast to become high",
    "contagion": "Replies go along with what they answer",
    "data_break": "Break in the data, not in mood",
}
# Breaks are named by what changed; everything else they are about is a share.
BREAK_STATISTICS = {"post_volume": "count", "people_volume": "count", "text_length": "mean"}
ALERT_STATUS = {"open": "open", "acknowledged": "acknowledged", "resolved": "resolved"}
RELIABILITY = {"high": "high", "moderate": "moderate", "low": "low", "suppressed": "suppressed"}
TIME_TYPES = {"day": "Daily", "week": "Weekly"}
MISSING = {
    1: "not applicable",
    2: "not measured here",
    3: "suppressed: too few people",
    4: "deleted",
    5: "no data",
}
MODELS = {
    "flat_line": "Flat line (baseline)",
    "ensemble": "Ensemble",
    "coherent": "Ensemble, coherent over places",
    "ensemble_median": "Median of the models",
    "seasonal_naive": "Same as last season",
    "auto_ets": "AutoETS",
    "auto_theta": "AutoTheta",
    "auto_arima": "AutoARIMA",
    "dynamics": "Affect dynamics",
    "global_linear": "Shared autoregression",
    "ridge_var": "Vector autoregression",
    "auto_ces": "AutoCES",
    "mstl": "MSTL",
    "nhits": "NHITS",
    "gru": "GRU",
    "patch_tst": "PatchTST",
    "boosting": "Boosted trees",
}
LANGUAGES = {
    "all": "All",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "pt": "Portuguese",
    "zh": "Chinese",
}
# What changed where the data did, in a few words.
BREAKS = {
    "post_volume": "posts",
    "people_volume": "people",
    "text_length": "text length",
    "coverage": "posts scored",
    "matched_words": "words matched",
    "several_signals": "all signals at once",
    "scorer_version": "scoring",
}
LEVELS = {"all": "Everywhere", "nation": "Nations", "region": "Regions"}
STAGES = {"intake": "Records read", "score": "Posts scored", "publish": "Numbers published"}
REASONS = {
    "received": "Records received",
    "posts": "Kept as posts",
    "duplicates": "Left out: duplicate of a post already held",
    "quarantined": "Refused: could not be used",
    "scored": "Scored",
    "language_not_supported": "Not scored: language not supported",
    "no_text": "Not scored: no text",
    "published": "Published",
    "suppressed_people_floor": "Withheld: too few people in the cell",
    "suppressed_numerator": "Withheld: too few people with the mood in question",
    "suppressed_complementary": "Withheld: could be derived from its neighbours",
}


def plain(text: str) -> str:
    """The text for a place that renders markdown, so that it shows as typed, on one line, and links nowhere."""
    line = _LINK.sub(lambda found: JOINER.join(found.groups()), " ".join(text.split()))
    return _MARKDOWN.sub(r"\\\1", line)


def chart_text(text: str) -> str:
    """The text for a chart, where a few HTML tags would otherwise be obeyed."""
    return html.escape(shortened(text), quote=False)


def shortened(text: str, *, most: int = MAX_SHOWN) -> str:
    """One line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def amount(value: float | None, *, statistic: str) -> str:
    """A level: `12.3%` for a share, `0.123` for a mean score, `1,234` for a count."""
    if value is None:
        return NOTHING
    if statistic == "share":
        return f"{value:.1%}"
    return f"{value:,.0f}" if statistic == "count" else f"{value:.3f}"


def difference(value: float | None, *, statistic: str) -> str:
    """A change with its sign: `+1.2 points` for a share."""
    if value is None:
        return NOTHING
    if statistic == "share":
        return f"{value * 100:+.1f} points"
    return f"{value:+,.0f}" if statistic == "count" else f"{value:+.3f}"


def margin(standard_error: float | None, *, statistic: str) -> str:
    """Half the width of a 95 % interval: `±1.2 points`."""
    if standard_error is None:
        return "error unknown"
    return "±" + difference(1.96 * standard_error, statistic=statistic).removeprefix("+")


def count(number: int | None) -> str:
    """A head count: `1,235`, or a dash where it is withheld."""
    return NOTHING if number is None else f"{number:,}"


def people(number: int | None) -> str:
    """`n = 1,235 people`, or that the number is not known."""
    return "number of people not published" if number is None else f"n = {number:,} people"


def noise(z: float | None) -> str:
    """How a change compares with its own sampling error."""
    if z is None:
        return "cannot be judged"
    size = abs(z)
    if size < 2:
        return "within sampling noise"
    return "probably more than noise" if size < 3 else "clearly more than noise"


def plural(number: int, *, one: str, many: str) -> str:
    """`1 place`, `2 places`."""
    return f"{number:,} {one if number == 1 else many}"


def reason(code: str) -> str:
    """An accounting reason as a sentence; the part after `quarantined:` is spelled out."""
    head, _, detail = code.partition(":")
    if detail:
        return f"{REASONS.get(head, head)} ({detail.replace('_', ' ')})"
    return REASONS.get(code, code.replace("_", " "))


def model(model_id: str) -> str:
    """A model's name as people say it."""
    return MODELS.get(model_id, model_id.replace("_", " ").capitalize())


def language(code: str) -> str:
    """A language's name, or its code where it has no name here."""
    return LANGUAGES.get(code, code)


def population(name: str) -> str:
    """Whose mood it is: `all` becomes everyone, `lang=es` becomes `lang: es`."""
    known = {"all": "Everyone, in their own words", "amplified": "Passed on: reposts, copies, bursts"}
    return known.get(name, name.replace("=", ": ", 1))
