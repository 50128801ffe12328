"""A brief as one HTML page that prints on one sheet: no script, nothing from outside, every text escaped.

Not for deciding what is said (`facts.py`) or how it is put (`sentences.py`, `words.py`).
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

from flows.export.brief import sentences
from flows.export.brief.chart import Chart, draw
from flows.export.brief.facts import NEIGHBOURS, WEEK, briefs, false_alerts_per_week
from flows.export.brief.values import Brief, Mood
from flows.export.brief.words import MUST_NOT_ES, Language, Words
from flows.export.source import Source
from warehouse.limits import MUST_NOT

# Nothing may be loaded or run, whatever a text contains.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
@page { size: A4 portrait; margin: 9mm 12mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 14px 18px; max-width: 196mm; color: #111; background: #fff;
  font: 8.3pt/1.27 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; overflow-wrap: break-word; }
@media print { body { padding: 0; max-width: none; } }
header { border-bottom: 2px solid #111; padding-bottom: 4px; }
h1 { font-size: 15pt; line-height: 1.12; margin: 0; }
h2 { font-size: 9.6pt; margin: 7px 0 2px; color: #111; }
p { margin: 2px 0; }
.sub { color: #333; }
.demo { border: 1.5px solid #111; padding: 1px 6px; font-weight: bold; }
.lead { font-size: 10pt; line-height: 1.32; margin: 6px 0 4px; }
figure { margin: 3px 0 0; }
figcaption { font-weight: bold; }
svg { display: block; width: 100%; height: auto; font: 11px "Helvetica Neue", Helvetica, Arial,
  "Liberation Sans", sans-serif; }
table { border-collapse: collapse; width: 100%; font-size: 8pt; line-height: 1.22; }
th, td { text-align: left; vertical-align: top; padding: 2px 8px 2px 0; }
thead th { border-bottom: 1px solid #111; vertical-align: bottom; }
tbody tr + tr > * { border-top: 1px solid #d9d9d9; }
.note, .limits, footer { font-size: 7.7pt; color: #333; }
ul { margin: 1px 0; padding-left: 13px; }
.limits ul { columns: 2; column-gap: 18px; }
li { break-inside: avoid; }
footer { border-top: 1px solid #111; margin-top: 5px; padding-top: 3px; }
.help { font-size: 9.4pt; color: #111; }
.dense { font-size: 7.5pt; line-height: 1.22; }
.dense h2 { margin: 5px 0 1px; }
.dense svg { width: 90%; }
.dense .lead { font-size: 9pt; line-height: 1.27; }
.dense table { font-size: 7.2pt; line-height: 1.16; }
.dense .note, .dense .limits, .dense footer { font-size: 7pt; }
"""
# A page with more characters than this is set smaller, so that it stays one page.
ROOMY = 3200


def brief_pages(source: Source, *, language: Language) -> dict[str, str]:
    """File name → page, for every place that has published or withheld values. The same source gives the same text."""
    words = Words(language)
    page = _Page(source, words=words)
    return {
        f"{quote(brief.code, safe='')}.html": page.of(brief) for brief in briefs(source, language=language)
    }


class _Page:
    """What all pages of one export share."""

    def __init__(self, source: Source, *, words: Words) -> None:
        self.source = source
        self.words = words
        self.false_alerts = false_alerts_per_week(source)
        floor = source.manifest.get("people_floor")
        self.floor = floor if isinstance(floor, int) else None

    def of(self, brief: Brief) -> str:
        """The whole page of one place."""
        title = self.words("title", place=sentences.place(brief, words=self.words))
        body = [
            self._header(brief, title=title),
            self._headline(brief),
            self._figure(brief),
            self._table(brief),
        ]
        body += [self._alerts(brief), self._limits(), self._footer(brief)]
        shown = "\n".join(part for part in body if part)
        # The chart takes the same room whatever it says.
        size = (
            "dense" if len(re.sub(r"<svg.*</svg>|<[^>]*>", "", shown, flags=re.DOTALL)) > ROOMY else "roomy"
        )
        return (
            f'<!DOCTYPE html>\n<html lang="{self.words.language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{_safe(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
            f'<body class="{size}">\n{shown}\n</body>\n</html>\n'
        )

    def _header(self, brief: Brief, *, title: str) -> str:
        words = self.words
        day = words(brief.period, day=words.day(brief.newest))
        line = words("subtitle", period=day, issue=words.day(self.source.issue))
        demo = _p(words("demo"), kind="demo") if self.source.manifest.get("demo") else ""
        return f"<header>\n<h1>{_safe(title)}</h1>\n{_p(line, kind='sub')}\n{demo}</header>"

    def _headline(self, brief: Brief) -> str:
        return _p(" ".join(line for line in sentences.headline(brief, words=self.words) if line), kind="lead")

    def _figure(self, brief: Brief) -> str:
        if not brief.moods:
            return ""
        mood = brief.moods[0]
        place = sentences.place(brief, words=self.words)
        title = self.words("chart_title", label=sentences.label(mood), place=place)
        chart = Chart(
            title=title,
            description=sentences.chart_text(brief, words=self.words),
            period=brief.period,
            history=brief.history,
            forecast=brief.forecast,
            breaks=brief.breaks,
        )
        drawn = draw(chart, words=self.words)
        if not drawn:
            return ""
        note = _p(sentences.data_breaks(brief, words=self.words), kind="note")
        return f"<figure>\n<figcaption>{_safe(title)}</figcaption>\n{drawn}\n</figure>\n{note}"

    def _table(self, brief: Brief) -> str:
        if not brief.moods:
            return _p(sentences.withheld(brief, floor=self.floor, words=self.words), kind="note")
        words = self.words
        day = words(brief.period, day=words.day(brief.newest))
        ahead = words(f"{brief.period}_of", day=words.day(brief.newest + WEEK))
        heads = [
            words("col_mood"),
            words("col_now", period=day),
            words("col_n"),
            words("col_change", before=words(f"before_{brief.period}")),
            words("col_next", day=ahead),
            words("col_skill"),
        ]
        row = "".join(f'<th scope="col">{_safe(head)}</th>' for head in heads)
        rows = "\n".join(self._row(mood, brief=brief) for mood in brief.moods)
        notes = [words("picked", m=words.count(brief.n_compared)), words("flat_line")]
        notes += sentences.peaks(brief, words=words)
        notes.append(sentences.withheld(brief, floor=self.floor, words=words))
        return (
            f"<h2>{_safe(words('table'))}</h2>\n<table>\n<thead><tr>{row}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n"
            f"</table>\n{_p(' '.join(notes), kind='note')}"
        )

    def _row(self, mood: Mood, *, brief: Brief) -> str:
        words = self.words
        value, interval = sentences.level(mood, words=words)
        way, expected = sentences.outlook(mood, brief=brief, words=words)
        trust = [words("low_reliability")] if mood.reliability in ("low", "moderate") else []
        number = "–" if mood.now.people is None else words.count(mood.now.people)
        cells = [
            _lines(value, interval),
            _lines(words("posts", n=number) if mood.posts_only else number, *trust),
            _lines(
                sentences.signed_change(mood, words=words), sentences.verdict(mood, brief=brief, words=words)
            ),
            _lines(way, expected),
            _lines("", *sentences.skill(mood, words=words)),
        ]
        return f'<tr><th scope="row">{_safe(sentences.label(mood))}</th>' + "".join(
            f"<td>{cell}</td>" for cell in cells
        ) + "</tr>"  # fmt: skip

    def _alerts(self, brief: Brief) -> str:
        words = self.words
        parts = [f"<h2>{_safe(words('alerts'))}</h2>"]
        if not brief.alerts:
            parts.append(_p(words("no_alerts", place=sentences.place(brief, words=words))))
        items = [
            f"<li><b>{_safe(sentences.alert_title(alert, words=words))}</b> "
            f"{_safe(sentences.alert_text(alert, words=words))}</li>"
            for alert in brief.alerts
        ]
        parts += ["<ul>", *items, "</ul>"] if items else []
        left = brief.n_alerts - len(brief.alerts)
        notes = [words("more_alerts", n=words.count(left))] if left else []
        notes.append(sentences.within(brief, most=NEIGHBOURS, words=words))
        if self.false_alerts is not None:
            notes.append(words("false_alerts", n=words.decimal(self.false_alerts)))
        parts.append(_p(" ".join(note for note in notes if note), kind="note"))
        return "\n".join(parts)

    def _limits(self) -> str:
        words = self.words
        lines = MUST_NOT if words.language == "en" else MUST_NOT_ES
        items = "".join(f"<li>{_safe(line)}</li>" for line in lines)
        return (
            f'<section class="limits">\n<h2>{_safe(words("limits"))}</h2>\n{_p(words("limit_who"))}\n'
            f"{_p(words('must_not'))}\n<ul>{items}</ul>\n</section>"
        )

    def _footer(self, brief: Brief) -> str:
        words = self.words
        issue = words.day(self.source.issue)
        notes = [words("provisional", issue=issue), *sentences.data_notes(brief, words=words)]
        code = sentences.plain(brief.code, most=20)
        notes.append(words("source", issue=str(self.source.issue), version=self.source.version, code=code))
        help_line = sentences.plain(self.source.help_line(brief.code))
        line = f"<b>{_safe(words('help'))}</b> {_safe(help_line)}" if help_line else ""
        shown = f'<p class="help">{line}</p>\n' if line else ""
        return f"<footer>\n{shown}{_p(' '.join(notes))}\n</footer>"


def _safe(text: str) -> str:
    """The one way in which a text gets into a page."""
    return html.escape(text, quote=True)


def _p(text: str, *, kind: str = "") -> str:
    if not text:
        return ""
    return f'<p class="{kind}">{_safe(text)}</p>' if kind else f"<p>{_safe(text)}</p>"


def _lines(first: str, *others: str) -> str:
    """The first line bold, the others below it; empty ones are left out."""
    return "<br>".join([f"<b>{_safe(first)}</b>"] * bool(first) + [_safe(line) for line in others if line])
