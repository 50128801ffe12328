"""Numbers and codes in words of the current language, and foreign text made harmless.

Not for layout or for reading tables. The texts of codes are marked here and translated by `told`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from warehouse import translation as lang
from warehouse.labels import spoken
from warehouse.limits import MUST_NOT
from warehouse.skill import no_better
from warehouse.translation import mark, t, tn

NOTHING = "–"
MAX_SHOWN = 300
# Invisible; a bare web or mail address becomes a link even when its every character is escaped, unless split.
JOINER = "\u2060"
_LINK = re.compile(r"(https?|www|(?=@))(://|\.|@)", re.IGNORECASE)
# A space that does not break keeps a number and its % together.
_SPACE = re.compile("[^\\S\u00a0]+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~&=@/])")

ALERT_KINDS = {
    "prevalence_high": mark("Unusually high level"),
    "prevalence_rise": mark("Higher for weeks"),
    "forecast_high": mark("Forecast to become high"),
    "contagion": mark("Replies go along with what they answer"),
    "data_break": mark("Break in the data, not in mood"),
}
# Breaks are named by what changed; everything else they are about is a share.
BREAK_STATISTICS = {"post_volume": "count", "people_volume": "count", "text_length": "mean"}
ALERT_STATUS = {"open": mark("open"), "acknowledged": mark("acknowledged"), "resolved": mark("resolved")}
SEVERITY = {"high": mark("high"), "medium": mark("medium"), "low": mark("low")}
RELIABILITY = {
    "high": mark("high"),
    "moderate": mark("moderate"),
    "low": mark("low"),
    "suppressed": mark("suppressed"),
}
PERIODS = {"day": mark("day"), "week": mark("week")}
TIME_TYPES = {"day": mark("Daily"), "week": mark("Weekly")}
MISSING = {
    1: mark("not applicable"),
    2: mark("not measured here"),
    3: mark("suppressed: too few people"),
    4: mark("deleted"),
    5: mark("no data"),
}
MODELS = {
    "flat_line": mark("Flat line (baseline)"),
    "ensemble": mark("Ensemble"),
    "coherent": mark("Ensemble, coherent over places"),
    "ensemble_median": mark("Median of the models"),
    "seasonal_naive": mark("Same as last season"),
    "auto_ets": mark("AutoETS"),
    "auto_theta": mark("AutoTheta"),
    "auto_arima": mark("AutoARIMA"),
    "dynamics": mark("Affect dynamics"),
    "global_linear": mark("Shared autoregression"),
    "ridge_var": mark("Vector autoregression"),
    "auto_ces": mark("AutoCES"),
    "mstl": mark("MSTL"),
    "nhits": mark("NHITS"),
    "gru": mark("GRU"),
    "patch_tst": mark("PatchTST"),
    "boosting": mark("Boosted trees"),
}
LANGUAGES = {
    "all": mark("All"),
    "de": mark("German"),
    "en": mark("English"),
    "es": mark("Spanish"),
    "fr": mark("French"),
    "it": mark("Italian"),
    "pt": mark("Portuguese"),
    "zh": mark("Chinese"),
}
# What changed where the data did, in a few words.
BREAKS = {
    "post_volume": mark("posts"),
    "people_volume": mark("people"),
    "text_length": mark("text length"),
    "coverage": mark("posts scored"),
    "matched_words": mark("words matched"),
    "several_signals": mark("all signals at once"),
    "scorer_version": mark("scoring"),
    "query": mark("what was asked for"),
}
LEVELS = {"all": mark("Everywhere"), "nation": mark("Nations"), "region": mark("Regions")}
POPULATIONS = {
    "all": mark("Everyone, in their own words"),
    "amplified": mark("Passed on: reposts, copies, bursts"),
}
STAGES = {"intake": mark("Records read"), "score": mark("Posts scored"), "publish": mark("Numbers published")}
REASONS = {
    "received": mark("Records received"),
    "posts": mark("Kept as posts"),
    "duplicates": mark("Left out: duplicate of a post already held"),
    "quarantined": mark("Refused: could not be used"),
    "scored": mark("Scored"),
    "language_not_supported": mark("Not scored: language not supported"),
    "no_text": mark("Not scored: no text"),
    "published": mark("Published"),
    "suppressed_people_floor": mark("Withheld: too few people in the cell"),
    "suppressed_numerator": mark("Withheld: too few people with the mood in question"),
    "suppressed_complementary": mark("Withheld: could be derived from its neighbours"),
    "unchanged": mark("Published before, and no different"),
    "superseded": mark("Replaced by a newer number of the same makers"),
    "not_published_yet": mark("Not used yet: published after this issue"),
    "refused": mark("Refused: could not be used"),
}
DETAILS = {
    "bad_date": mark("bad date"),
    "bad_encoding": mark("bad encoding"),
    "bad_json": mark("bad json"),
    "bad_n": mark("bad number of people"),
    "bad_published": mark("bad day of publication"),
    "bad_se": mark("bad error"),
    "bad_value": mark("bad value"),
    "contradiction": mark("two rows that contradict each other"),
    "date_in_future": mark("date in future"),
    "date_too_early": mark("date too early"),
    "duplicate_row": mark("the same row twice"),
    "missing_post_id": mark("missing post id"),
    "missing_text": mark("missing text"),
    "missing_value": mark("missing value"),
    "null_byte": mark("null byte"),
    "published_too_early": mark("published before its period began"),
    "text_too_long": mark("text too long"),
    "truncated_file": mark("truncated file"),
    "unclosed_quote": mark("unclosed quote"),
    "unknown_place": mark("unknown place"),
    "unreadable_file": mark("unreadable file"),
    "value_out_of_range": mark("value out of range"),
    "wrong_field_count": mark("wrong field count"),
}
SUBJECTS = {"signals": mark("signals"), "series": mark("series")}
SCORERS = {
    "emotion": mark("Emotion"),
    "emotion_fast": mark("Emotion fast"),
    "lexicon": mark("Lexicon"),
    "mental_health": mark("Mental health"),
    "mental_health_fast": mark("Mental health fast"),
}
UNITS = {
    "share of people": mark("share of people"),
    "mean grade, 0 to 1": mark("mean grade, 0 to 1"),
    "mean hits per token": mark("mean hits per token"),
    "mean probability": mark("mean probability"),
    "mean score, 0 to 1": mark("mean score, 0 to 1"),
    "mean share of markers": mark("mean share of markers"),
}
# Whose English is the warehouse's; `t` translates them like any other.
FROM_WAREHOUSE = MUST_NOT


def plain(text: str) -> str:
    """The text for a place that renders markdown, so that it shows as typed, on one line, and links nowhere."""
    line = _LINK.sub(lambda found: JOINER.join(found.groups()), _SPACE.sub(" ", text).strip())
    return _MARKDOWN.sub(r"\\\1", line)


def chart_text(text: str) -> str:
    """The text for a chart, where a few HTML tags and placeholders would otherwise be obeyed."""
    return html.escape(shortened(text), quote=False).replace("%{", f"%{JOINER}{{")


def shortened(text: str, *, most: int = MAX_SHOWN) -> str:
    """One line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def told(texts: Mapping[Any, str], code: object) -> str:
    """What a code is called, in the current language; the code itself where nothing says."""
    return t(texts[code]) if code in texts else str(code)


def missing(code: int | None) -> str:
    """Why there is no number; no more than that where the code says nothing."""
    return told(MISSING, code if code in MISSING else 5)


def amount(value: float | None, *, statistic: str) -> str:
    """A level: `12.3%` for a share, `0.123` for a mean score, `1,234` for a count."""
    if value is None:
        return NOTHING
    if statistic == "share":
        return lang.percent(value)
    return lang.number(value, decimals=0 if statistic == "count" else 3)


def difference(value: float | None, *, statistic: str) -> str:
    """A change with its sign: `+1.2 points` for a share."""
    if value is None:
        return NOTHING
    if statistic == "share":
        return t("{size} points", size=lang.signed(value * 100, decimals=1))
    return lang.signed(value, decimals=0 if statistic == "count" else 3)


def _size(size: float, *, statistic: str) -> str:
    if statistic == "share":
        return t("{size} points", size=lang.number(size * 100, decimals=1))
    return lang.number(size, decimals=0 if statistic == "count" else 3)


def margin(standard_error: float | None, *, statistic: str) -> str:
    """Half the width of a 95 % interval: `±1.2 points`."""
    if standard_error is None:
        return t("error unknown")
    return "±" + _size(1.96 * standard_error, statistic=statistic)


def count(number: int | None) -> str:
    """A head count: `1,235`, or a dash where it is withheld."""
    return NOTHING if number is None else lang.number(number)


def people(number: int | None) -> str:
    """`n = 1,235 people`, or that the number is not known."""
    return t("number of people not published") if number is None else t("n = {n} people", n=number)


def between(low: str, high: str) -> str:
    """`0.18 to 0.44`, both already written."""
    return t("{low} to {high}", low=low, high=high)


def with_range(value: float | None, *, low: float | None, high: float | None, decimals: int = 2) -> str:
    """`0.64 (0.31 to 0.84)`, without the bracket where an end is not known."""
    if value is None:
        return NOTHING
    told_value = lang.number(value, decimals=decimals)
    if low is None or high is None:
        return told_value
    ends = (lang.number(end, decimals=decimals) for end in (low, high))
    return f"{told_value} ({between(*ends)})"


def chance(p: float) -> str:
    """A p or q value: `0.012`, or that it is under 0.001."""
    return t("under {n}", n=lang.number(0.001, decimals=3)) if p < 0.001 else lang.number(p, decimals=3)


def skill(relative: float | None) -> str:
    """What a relative WIS means to a reader, as `warehouse.skill.in_words` has it."""
    if relative is None:
        return t("not yet compared with a flat line")
    if no_better(relative):
        return t("no better than a flat line")
    return t("{share} less error than a flat line", share=lang.percent(1 - relative, decimals=0))


def noise(z: float | None) -> str:
    """How a change compares with its own sampling error."""
    if z is None:
        return t("cannot be judged")
    size = abs(z)
    if size < 2:
        return t("within sampling noise")
    return t("probably more than noise") if size < 3 else t("clearly more than noise")


def days(number: int) -> str:
    """`1 day`, `2 days`."""
    return tn("{n} day", "{n} days", n=number)


def reason(code: str) -> str:
    """An accounting reason as a sentence; the part after `quarantined:` is spelled out."""
    head, _, detail = code.partition(":")
    if detail:
        why = told(DETAILS, detail) if detail in DETAILS else detail.replace("_", " ")
        return f"{told(REASONS, head)} ({why})"
    return told(REASONS, code) if code in REASONS else code.replace("_", " ")


def measure(code: str) -> str:
    """What a measure is called within a sentence."""
    return spoken(code, language=lang.current())


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def model(model_id: str) -> str:
    """A model's name as people say it."""
    return told(MODELS, model_id) if model_id in MODELS else model_id.replace("_", " ").capitalize()


def language(code: str) -> str:
    """A language's name, or its code where it has no name here."""
    return told(LANGUAGES, code)


def population(name: str) -> str:
    """Whose mood it is: `all` becomes everyone, `lang=es` becomes `lang: es`."""
    return told(POPULATIONS, name) if name in POPULATIONS else name.replace("=", ": ", 1)
