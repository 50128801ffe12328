"""The facts of a brief as sentences of one language, still plain text. Not for layout; the page escapes them."""

from __future__ import annotations

from statistics import median

from flows.export.brief.values import Alert, Brief, Mood, Point, Step
from flows.export.brief.words import Words
from warehouse.skill import no_better

MAX_TEXT = 360
# Fewer values say nothing of what is usual.
MIN_USUAL = 4


def plain(text: str, *, most: int = MAX_TEXT) -> str:
    """One line of at most `most` printable characters, of text that came from outside."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def place(brief: Brief, *, words: Words) -> str:
    """The place as people call it."""
    return words("all") if brief.geo_type == "all" else plain(brief.name, most=48)


def label(mood: Mood | Alert) -> str:
    """The signal in words."""
    return plain(mood.label, most=48)


def period(brief: Brief, *, words: Words) -> str:
    """`in the week to 2 Jun 2024`."""
    return words(f"in_{brief.period}", day=words.day(brief.newest))


def people(point: Point, *, posts_only: bool, words: Words) -> str:
    """Head count, or that it is not known."""
    if point.people is None:
        return words("people_unknown")
    return words("posts" if posts_only else "people", n=words.count(point.people))


def headline(brief: Brief, *, words: Words) -> list[str]:
    """What matters most, in five sentences: level, change, what is usual, outlook, alerts."""
    if not brief.moods:
        return [words("nothing", place=place(brief, words=words), period=period(brief, words=words))]
    mood = brief.moods[0]
    low, high = _ends(mood, words=words)
    return [
        words(
            "headline",
            label=label(mood),
            value=_amount(mood, mood.now.value, words=words),
            period=period(brief, words=words),
            low=low,
            high=high,
            people=people(mood.now, posts_only=mood.posts_only, words=words),
        ),
        _changed(mood, brief=brief, words=words),
        _usual(mood, history=brief.history, words=words),
        _expected(mood, brief=brief, words=words),
        _open_alerts(brief.n_alerts, words=words),
    ]


def _changed(mood: Mood, *, brief: Brief, words: Words) -> str:
    before = words(f"before_{brief.period}")
    if mood.change is None:
        return words("no_before", before=before)
    key = "change_up" if mood.change >= 0 else "change_down"
    size = words.change(mood.change, statistic=mood.statistic)
    return words(key, change=size, before=before, verdict=verdict(mood, brief=brief, words=words))


def _usual(mood: Mood, *, history: tuple[Point, ...], words: Words) -> str:
    """Range and median of the values of the chart before the newest; empty where there are too few."""
    before = [point.value for point in history if point.value is not None and point.day < mood.now.day]
    if len(before) < MIN_USUAL:
        return ""
    low, middle, high = (
        _amount(mood, value, words=words) for value in (min(before), median(before), max(before))
    )
    return words("usual", n=words.count(len(before)), low=low, high=high, middle=middle)


def _expected(mood: Mood, *, brief: Brief, words: Words) -> str:
    step = mood.outlook
    if step is None:
        return words(f"no_forecast_{brief.period}")
    middle, low, high = _range(step, mood=mood, words=words)
    ahead = words(f"{brief.period}_of", day=words.day(step.day))
    way = _way(mood, step=step, words=words)
    return words("expected", ahead=ahead, middle=middle, low=low, high=high, way=way)


def _open_alerts(number: int, *, words: Words) -> str:
    if number < 2:
        return words("open_one" if number else "open_none")
    return words("open_many", n=words.count(number))


def verdict(mood: Mood, *, brief: Brief, words: Words) -> str:
    """Is the change more than noise?"""
    key = "clear_one" if mood.verdict == "clear" and brief.n_compared == 1 else mood.verdict
    return words(key, m=words.count(brief.n_compared))


def level(mood: Mood, *, words: Words) -> tuple[str, str]:
    """The newest value, and its 95 % interval."""
    low, high = _ends(mood, words=words)
    return _amount(mood, mood.now.value, words=words), words("range", low=low, high=high)


def signed_change(mood: Mood, *, words: Words) -> str:
    """`+1.2 points`, or a dash."""
    if mood.change is None:
        return "–"
    sign = "+" if mood.change > 0 else "−" if mood.change < 0 else "±"
    return sign + words.change(mood.change, statistic=mood.statistic)


def outlook(mood: Mood, *, brief: Brief, words: Words) -> tuple[str, str]:
    """Where it is going in words, and the expected value with its 95 % range."""
    step = mood.outlook
    if step is None or mood.now.value is None:
        return words(f"no_outlook_{brief.period}"), ""
    middle, low, high = _range(step, mood=mood, words=words)
    return _way(mood, step=step, words=words), f"{middle} ({words('range', low=low, high=high)})"


def _way(mood: Mood, *, step: Step, words: Words) -> str:
    """Up or down, where such forecasts have been better than a flat line and today's value lies outside the middle
    half of what is expected."""
    if mood.relative_wis is None or no_better(mood.relative_wis) or step.fallback:
        return words("no_way")
    value = mood.now.value or 0.0
    if value < step.values[0.25]:
        return words("higher")
    return words("lower" if value > step.values[0.75] else "same")


def skill(mood: Mood, *, words: Words) -> list[str]:
    """How good such forecasts have been, and what else lowers trust in this one."""
    told = [_skill(mood.relative_wis, words=words)] if mood.outlook else []
    if mood.outlook and mood.outlook.fallback:
        told.append(words("fallback"))
    if mood.outlook and mood.outlook.limited:
        told.append(words("limited"))
    return told


def _skill(relative: float | None, *, words: Words) -> str:
    """As `warehouse.skill.in_words` has it, in every language."""
    if relative is None:
        return words("skill_unknown")
    if no_better(relative):
        return words("skill_none")
    return words("skill_some", share=words.share(1 - relative, decimals=0))


def peaks(brief: Brief, *, words: Words) -> list[str]:
    """The chance of an unusual high of the first mood whose chances have been worth something."""
    return [
        words(
            "peak",
            label=label(mood),
            days=str(mood.peak.days),
            chance=words.share(mood.peak.chance, decimals=0),
            usual=words.share(mood.peak.usual, decimals=0),
        )
        for mood in brief.moods
        if mood.peak is not None
    ][:1]


def withheld(brief: Brief, *, floor: int | None, words: Words) -> str:
    """How many moods are withheld, and why."""
    when = period(brief, words=words)
    if not brief.n_withheld:
        return words("none_withheld", period=when)
    least = words("floor", n=words.count(floor)) if floor else ""
    counts = {"n": words.count(brief.n_withheld), "m": words.count(brief.n_moods)}
    return words("withheld", period=when, floor=least, **counts)


def alert_title(alert: Alert, *, words: Words) -> str:
    """What kind, of what mood, how serious."""
    severity = words(f"severity_{alert.severity}")
    return words("alert_title", kind=words(alert.kind), severity=severity, label=label(alert))


def alert_text(alert: Alert, *, words: Words) -> str:
    """The published message where it is in this language, else its facts; and how often such alerts were right."""
    text = plain(alert.message) if words.language == "en" else _facts(alert, words=words)
    if alert.past_precision is None:
        return f"{text} {words('past_unknown')}"
    return f"{text} {words('past_hits', share=words.share(alert.past_precision, decimals=0))}"


def _facts(alert: Alert, *, words: Words) -> str:
    since = words.day(alert.since)
    if alert.observed is None or alert.expected is None:
        return words("alert_since", label=label(alert), since=since)
    observed, expected = (
        words.amount(value, statistic=alert.statistic) for value in (alert.observed, alert.expected)
    )
    number = words("people_unknown") if alert.people is None else words("people", n=words.count(alert.people))
    return words(
        "alert_facts", label=label(alert), observed=observed, expected=expected, since=since, people=number
    )


def within(brief: Brief, *, most: int, words: Words) -> str:
    """Which places inside this one have open alerts; empty where none has."""
    if not brief.within:
        return ""
    named = [f"{plain(name, most=40)} ({words.count(number)})" for name, number in brief.within[:most]]
    if len(brief.within) > most:
        named.append(words("and_more", n=words.count(len(brief.within) - most)))
    return words("alerts_within", places=", ".join(named))


def data_breaks(brief: Brief, *, words: Words) -> str:
    """From which days on the data are others; empty where they are not."""
    return words("breaks", days=", ".join(words.day(day) for day in brief.breaks)) if brief.breaks else ""


def data_notes(brief: Brief, *, words: Words) -> list[str]:
    """What is known of the numbers themselves: revisions, vintage."""
    notes = [_revised(brief, words=words)]
    if brief.assumed:
        notes.append(words("assumed"))
    if brief.reference and brief.forecast:
        notes.append(words("reference", day=words.day(brief.reference)))
    return [note for note in notes if note]


def _revised(brief: Brief, *, words: Words) -> str:
    if not brief.n_cells:
        return ""
    if not brief.n_revised or brief.revision is None:
        return words("unrevised", m=words.count(brief.n_cells))
    size = words.change(brief.revision, statistic="share")
    return words("revised", m=words.count(brief.n_cells), n=words.count(brief.n_revised), size=size)


def chart_text(brief: Brief, *, words: Words) -> str:
    """The chart in words, for those who cannot see it."""
    mood = brief.moods[0]
    low, high = _ends(mood, words=words)
    return words(
        "chart_alt",
        label=label(mood),
        place=place(brief, words=words),
        first=words.day(brief.history[0].day),
        last=words.day(brief.history[-1].day),
        value=_amount(mood, mood.now.value, words=words),
        low=low,
        high=high,
        fan=_fan(mood.outlook, mood=mood, period=brief.period, words=words),
    )


def _fan(step: Step | None, *, mood: Mood, period: str, words: Words) -> str:
    if step is None:
        return words(f"no_forecast_{period}")
    middle, low, high = _range(step, mood=mood, words=words)
    return words("chart_fan", day=words.day(step.day), middle=middle, low=low, high=high)


def _amount(mood: Mood, value: float | None, *, words: Words) -> str:
    return "–" if value is None else words.amount(value, statistic=mood.statistic)


def _range(step: Step, *, mood: Mood, words: Words) -> tuple[str, str, str]:
    """Middle and ends of the 95 % range."""
    middle, low, high = (_amount(mood, step.values[q], words=words) for q in (0.5, 0.025, 0.975))
    return middle, low, high


def _ends(mood: Mood, *, words: Words) -> tuple[str, str]:
    low, high = (_amount(mood, value, words=words) for value in (mood.now.low, mood.now.high))
    return low, high
