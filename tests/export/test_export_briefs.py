"""The page of a place says what was published, no more, in harmless HTML, on one sheet."""

from __future__ import annotations

import datetime as dt
import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from statistics import NormalDist
from string import Formatter

import polars as pl
import publication as made_up
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.export.brief import Language, brief_pages
from flows.export.brief.chart import BARS_BOTTOM, HEIGHT, WIDTH, Chart, draw, ticks
from flows.export.brief.facts import CHART_DAYS, briefs, verdict
from flows.export.brief.values import QUANTILES, Point, Step
from flows.export.brief.words import LANGUAGES, MUST_NOT_ES, TEXTS, Words
from flows.export.source import Source, open_source
from warehouse.limits import MUST_NOT
from warehouse.skill import in_words

VOID = {"meta", "br"}
ENGLISH = Words("en")
CHROMIUM = shutil.which("chromium")


class Page(HTMLParser):
    """Tags as they open, text without markup; fails on a tag that is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += f" {data}"


def _with(source: Source, **tables: pl.DataFrame) -> Source:
    return replace(source, tables=source.tables | tables)


@pytest.fixture(scope="module")
def source(published: Path) -> Source:
    return open_source(published, issue=None)


@pytest.fixture(scope="module")
def pages(source: Source) -> dict[str, str]:
    return brief_pages(source, language="en")


def _words_of(page: str) -> str:
    return " ".join(Page(page).text.split())


# ------------------------------------------------------------------------------------------ content


def test_every_place_with_values_or_withheld_ones_has_a_page(pages: dict[str, str], exported: Path) -> None:
    names = ["all.html", "us.html", "us-ca.html", "us-ny.html", "us-tx.html", "us-wy.html"]
    assert list(pages) == names
    assert sorted(path.name for path in (exported / "briefs").iterdir()) == sorted(names)
    assert (exported / "briefs" / "us-ca.html").read_text(encoding="utf-8") == pages["us-ca.html"]


def test_the_newest_value_its_interval_people_and_change_are_those_published(
    source: Source, pages: dict[str, str]
) -> None:
    rows = source.tables["signals"].filter(
        pl.col("signal") == "lexicon_anxiety_share",
        pl.col("geo_value") == "us-ca",
        pl.col("time_type") == "week",
    )
    now, before = rows.sort("time_value", descending=True).head(2).iter_rows(named=True)
    # Wilson's interval at the people who would give this error.
    p, z = now["value"], NormalDist().inv_cdf(0.975)
    half = (p * now["sample_size"] + 0.5) / (now["sample_size"] + 1)
    n = half * (1 - half) / now["se"] ** 2
    middle, reach = (p + z * z / 2 / n) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    low, high = middle - reach / (1 + z * z / n), middle + reach / (1 + z * z / n)
    text = _words_of(pages["us-ca.html"])
    assert (
        f"Anxiety (words) was found in the posts of {p:.1%} of people in the week to 2 Jun 2024 "
        f"(95% interval {low:.1%} to {high:.1%}; {now['sample_size']:,} people)."
    ) in text
    change = p - before["value"]
    assert f"That is {abs(change) * 100:.1f} points less than the week before" in text


def test_the_outlook_is_the_forecast_with_its_range_and_its_skill_in_words(
    source: Source, pages: dict[str, str], exported: Path
) -> None:
    summary = pl.read_csv(exported / "policy_summary.csv").filter(
        pl.col("location") == "us-ca", pl.col("time_type") == "week", pl.col("horizon") == 1
    )
    text = _words_of(pages["us-ca.html"])
    shown = [
        mood.signal
        for brief in briefs(source, language="en")
        if brief.code == "us-ca"
        for mood in brief.moods
    ]
    assert len(shown) == 4
    for row in summary.filter(pl.col("signal").is_in(shown)).iter_rows(named=True):
        assert f"{row['q0.5']:.1%} ({row['q0.025']:.1%} to {row['q0.975']:.1%}) {row['skill']}" in text


@pytest.mark.parametrize("relative", [None, 0.4, 0.82, 0.949, 0.994, 0.996, 1.0, 1.7])
def test_skill_is_worded_as_everywhere(relative: float | None, source: Source) -> None:
    from flows.export.brief.sentences import _skill

    assert _skill(relative, words=ENGLISH) == in_words(relative)


def test_no_direction_is_told_where_forecasts_were_no_better_than_a_flat_line(pages: dict[str, str]) -> None:
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", pages["us-ca.html"])
    (joy,) = [row for row in rows if "Joy (words)" in row]
    assert "no direction can be said" in joy
    assert "no better than a flat line" in joy


def test_a_place_whose_values_are_all_withheld_says_so_and_shows_no_number(pages: dict[str, str]) -> None:
    page = pages["us-wy.html"]
    assert "Nothing can be said of Wyoming in the week to 2 Jun 2024" in page
    assert "5 of 5 moods are withheld" in page
    assert not {"svg", "table"} & set(Page(page).tags)


def test_only_alerts_that_go_on_are_told_and_the_help_line_once(
    pages: dict[str, str], source: Source
) -> None:
    tables = source.tables
    help_line = made_up.HELP_LINE
    alerts = tables["alerts"].with_columns(message=pl.concat_str("message", pl.lit(f" {help_line}")))
    resolved = alerts.with_columns(status=pl.lit("resolved"))
    over = alerts.with_columns(ended=pl.col("issue"))
    told = [
        brief_pages(_with(source, alerts=frame), language="en")["us-ca.html"]
        for frame in (alerts, resolved, over)
    ]
    assert [page.count("Anxiety in California are higher") for page in told] == [1, 0, 0]
    assert [page.count(help_line) for page in told] == [1, 1, 1]
    assert ["No alert is open for California." in page for page in told] == [False, True, True]
    assert "Of such alerts so far, 71% were right." in _words_of(told[0])
    assert "at most 2.0 false alerts" in pages["us-ca.html"]


def test_a_nation_names_its_regions_with_alerts(pages: dict[str, str]) -> None:
    assert "Open alerts within it: California (1)." in pages["us.html"]
    assert "Open alerts within it: United States (1), California (1)." in pages["all.html"]
    assert "within it" not in pages["us-ca.html"]


def test_limits_vintage_and_demo_are_on_every_page(pages: dict[str, str]) -> None:
    for page in pages.values():
        text = _words_of(page)
        assert all(line in text for line in MUST_NOT)
        assert "Provisional: known on 3 Jun 2024" in text
        assert "Demonstration: these numbers are made up" in text
        assert f"Issue 2024-06-03, version {made_up.VERSION}" in text


def test_without_forecasts_scores_or_alerts_the_page_says_what_it_lacks(source: Source) -> None:
    names = ("forecasts", "scores", "alerts", "alert_tests", "model_choice", "revisions")
    bare = _with(source, **{name: source.tables[name].head(0) for name in names})
    page = brief_pages(bare, language="en")["us-ca.html"]
    assert "no forecast by week" in page
    assert "No alert is open" in page
    assert "false alerts" not in page


def test_without_signals_there_is_no_page(source: Source) -> None:
    assert brief_pages(_with(source, signals=source.tables["signals"].head(0)), language="en") == {}


def test_a_place_without_weeks_is_told_by_day(source: Source) -> None:
    days = _with(source, signals=source.tables["signals"].filter(pl.col("time_type") == "day"))
    (brief,) = [brief for brief in briefs(days, language="en") if brief.code == "us-ca"]
    assert (brief.period, brief.newest, len(brief.history)) == ("day", made_up.LAST_DAY, CHART_DAYS["day"])
    ahead = {mood.outlook.day for mood in brief.moods if mood.outlook}
    assert ahead == {made_up.LAST_DAY + dt.timedelta(days=7)}
    assert "on 2 Jun 2024" in brief_pages(days, language="en")["us-ca.html"]


def test_where_the_newest_week_is_withheld_and_the_newest_day_is_not_the_day_is_told(source: Source) -> None:
    signals = source.tables["signals"]
    hidden = (pl.col("time_type") == "week") & (pl.col("time_value") == made_up.LAST_DAY)
    empty = [pl.when(~hidden).then(pl.col(name)).alias(name) for name in ("value", "se", "sample_size")]
    code = pl.when(hidden).then(3).otherwise(pl.col("missing_value")).alias("missing_value")
    partly = _with(source, signals=signals.with_columns(*empty, code))
    assert {b.code: b.period for b in briefs(partly, language="en")}["us-ca"] == "day"


def test_of_a_cell_issued_twice_the_newest_number_is_told(source: Source, pages: dict[str, str]) -> None:
    older = source.tables["signals"].with_columns(
        pl.col("issue") - pl.duration(days=1), value=pl.when(pl.col("value").is_not_null()).then(0.9)
    )
    twice = _with(source, signals=pl.concat([older, source.tables["signals"]]))
    assert brief_pages(twice, language="en") == pages


# ---------------------------------------------------------------------------------------- judgement


@given(z=st.floats(-6, 6), compared=st.integers(1, 60))
def test_a_change_is_clear_only_if_it_survives_bonferroni(z: float, compared: int) -> None:
    p = 2 * (1 - NormalDist().cdf(abs(z)))
    wanted = "noise" if p >= 0.05 else "clear" if p < 0.05 / compared else "unclear"
    near = min(abs(p - 0.05), abs(p - 0.05 / compared)) < 1e-9
    assert near or verdict(z, compared=compared) == wanted


def test_a_change_without_an_earlier_value_cannot_be_judged() -> None:
    assert verdict(None, compared=3) == "unknown"


# ------------------------------------------------------------------------------------------- safety


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_well_formed_self_contained_and_in_their_language(
    language: Language, source: Source
) -> None:
    for page in brief_pages(source, language=language).values():
        parsed = Page(page)
        assert f'<html lang="{language}">' in page
        assert not {"script", "link", "img", "iframe", "object", "a", "form"} & set(parsed.tags)
        assert not {"src", "href"} & {name for name, _ in parsed.attributes}
        assert not [name for name, _ in parsed.attributes if name.startswith("on")]
        assert re.findall(r"https?://\S+", page.replace("http://www.w3.org/2000/svg", "")) == []
        assert "url(" not in page
        assert "@import" not in page


def test_every_chart_has_a_title_and_a_description(pages: dict[str, str]) -> None:
    page = pages["us-ca.html"]
    assert 'role="img" aria-labelledby="chart-title chart-text"' in page
    (description,) = re.findall(r'<desc id="chart-text">(.*?)</desc>', page)
    assert description.startswith(
        "Line chart of Anxiety (words) in California from 10 Dec 2023 to 2 Jun 2024"
    )
    assert "The forecast for 9 Jun 2024 is" in description


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(min_size=1, max_size=60)
    | st.sampled_from([made_up.NASTY, "</p><script>x</script>", '"><b>'])
)
def test_no_text_from_outside_changes_the_markup(text: str, source: Source, pages: dict[str, str]) -> None:
    foreign = {
        "places": source.tables["places"].with_columns(label=pl.lit(text)),
        "signal_catalogue": source.tables["signal_catalogue"].with_columns(label_en=pl.lit(text)),
        "alerts": source.tables["alerts"].with_columns(message=pl.lit(text)),
    }
    page = brief_pages(_with(source, **foreign), language="en")["us-ca.html"]
    assert Page(page).tags == Page(pages["us-ca.html"]).tags
    assert [name for name, _ in Page(page).attributes] == [
        name for name, _ in Page(pages["us-ca.html"]).attributes
    ]


# -------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_every_text_has_the_same_gaps_in_every_language(key: str) -> None:
    gaps = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in TEXTS[key]]
    assert len(TEXTS[key]) == len(LANGUAGES)
    assert gaps[0] == gaps[1]
    assert all(TEXTS[key])


def test_the_limits_are_whole_in_spanish() -> None:
    assert len(MUST_NOT_ES) == len(MUST_NOT)


def test_a_spanish_page_writes_numbers_days_and_labels_in_spanish(source: Source) -> None:
    catalogue = source.tables["signal_catalogue"].with_columns(label_es=pl.lit("Ansiedad (palabras)"))
    page = brief_pages(_with(source, signal_catalogue=catalogue), language="es")["us-ca.html"]
    text = _words_of(page)
    assert re.search(r"Ansiedad \(palabras\) apareció en las publicaciones del \d+,\d %", text)
    assert "2.550 personas" in text
    assert "2 jun 2024" in text
    assert "2 Jun 2024" not in text
    # The sentence that is published in English is told by its facts.
    assert "are higher than expected" not in text


def test_days_do_not_depend_on_the_machine() -> None:
    assert [Words(language).day(dt.date(2024, 12, 1)) for language in LANGUAGES] == [
        "1 Dec 2024",
        "1 dic 2024",
    ]


# -------------------------------------------------------------------------------------------- chart


def _chart(values: list[float | None], *, forecast: bool = True) -> Chart:
    start = dt.date(2024, 1, 7)
    points = tuple(
        Point(
            day=start + dt.timedelta(days=7 * index),
            value=value,
            low=None if value is None else max(0.0, value - 0.02),
            high=None if value is None else value + 0.02,
            people=None if value is None else 500,
            withheld=value is None,
        )
        for index, value in enumerate(values)
    )
    steps = tuple(
        Step(
            day=points[-1].day + dt.timedelta(days=7 * ahead),
            values={level: 0.1 + 0.05 * level for level in QUANTILES},
            fallback=False,
            limited=False,
        )
        for ahead in range(1, 5)
    )
    return Chart(
        title="t",
        description="d",
        period="week",
        history=points,
        forecast=steps if forecast else (),
        breaks=(),
    )


def test_the_chart_has_a_bar_for_every_known_week_three_bands_and_a_cross_for_every_withheld_one() -> None:
    drawn = draw(_chart([0.1, 0.12, None, None, 0.11, 0.1, None]), words=ENGLISH)
    assert drawn.count('fill="#8f8f8f"') == 4
    assert drawn.count(">×<") == 3
    assert [drawn.count(f'Z" fill="{colour}"') for colour in ("#c9d8e8", "#9dbbd8", "#6a97c4")] == [1, 1, 1]
    # Two unbroken runs, so two lines: nothing bridges what is not known.
    assert len(re.findall(r'fill="none" stroke="#111111" stroke-width="2.0" stroke-linejoin', drawn)) == 2


def test_a_chart_without_values_is_not_drawn() -> None:
    assert draw(_chart([None, None]), words=ENGLISH) == ""


@given(
    values=st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=30).filter(
        lambda values: any(value is not None for value in values)
    ),
    forecast=st.booleans(),
)
def test_nothing_is_drawn_outside_the_chart(values: list[float | None], forecast: bool) -> None:
    drawn = draw(_chart(values, forecast=forecast), words=ENGLISH)
    pairs = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", drawn)
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in pairs)
    bars = re.findall(r'y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="#8f8f8f"', drawn)
    assert all(float(y) + float(height) == pytest.approx(BARS_BOTTOM, abs=0.11) for y, height in bars)


@given(high=st.floats(0.001, 1.5))
def test_the_marks_of_an_axis_are_round_start_at_zero_and_reach_up(high: float) -> None:
    marks = ticks(high)
    step = marks[1]
    assert marks[0] == 0.0
    assert 3 <= len(marks) <= 6
    assert marks[-1] <= high * (1 + 1e-6) < marks[-1] + step * (1 + 1e-6) + 1e-9
    assert round(step / 10 ** math.floor(math.log10(step) + 1e-9), 6) in (1, 2, 5)


# ------------------------------------------------------------------------------------------- on paper


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_fits_on_one_sheet_with_nothing_cut_off(language: Language, source: Source) -> None:
    from playwright.sync_api import sync_playwright

    full = brief_pages(_with(source, **_full(source.tables)), language=language)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        for name, text in [*brief_pages(source, language=language).items(), *full.items()]:
            page.set_content(text)
            sheets = page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
            assert sheets == 1, name
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        browser.close()


def _full(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """As much of everything as a page can be asked to hold."""
    said = "A message about an alert, as long as any, with its numbers and days. " * 6
    alerts = pl.concat(
        tables["alerts"].filter(pl.col("alert_id") == "a1").with_columns(
            alert_id=pl.lit(f"z{n}"), group_id=pl.lit(f"z{n}"), message=pl.lit(said)
        )
        for n in range(7)
    )  # fmt: skip
    whole = tables["breaks"]
    here = whole.with_columns(geo_type=pl.lit("region"), geo_value=pl.lit("us-ca"))
    peaks = tables["peak_outlook"]
    named = pl.col("label_en") + " with a long explanation of what it is measured by"
    return {
        "alerts": alerts,
        "breaks": pl.concat([whole, here]),
        "peak_outlook": peaks.with_columns(skill=pl.lit("yes")),
        "places": tables["places"].with_columns(label=pl.lit("A very long name of a place " * 3)),
        "signal_catalogue": tables["signal_catalogue"].with_columns(label_en=named, label_es=named),
        "forecasts": tables["forecasts"].with_columns(limited_history=True),
    }


def test_a_brief_has_the_help_line_of_its_own_country() -> None:
    source = Source(
        issue=dt.date(2024, 6, 3), version="v", tables={},
        manifest={"help_line": "Call 1.", "help_lines": {"GB": "Call 116."}},
    )  # fmt: skip
    assert [source.help_line(place) for place in ("gb-eng", "GB", "US", "all")] == [
        "Call 116.", "Call 116.", "Call 1.", "Call 1.",
    ]  # fmt: skip
    assert Source(issue=source.issue, version="v", tables={}, manifest={}).help_line("US") == ""
