from __future__ import annotations

import re
from pathlib import Path

import publication as made_up
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import glossary, timeline_choices, words
from warehouse.skill import in_words

SPECIAL = "\\`*_{}[]()#+-.!|<>$:~&=@/"


@given(st.text())
def test_plain_leaves_no_special_character_unescaped_and_loses_nothing(text: str) -> None:
    escaped = words.plain(text)
    shown = re.sub(r"\\(.)", r"\1", escaped)
    assert shown.replace(words.JOINER, "").split() == text.replace(words.JOINER, "").split()
    assert not re.search(r"[^\S\u00a0 ]", shown)
    bare = re.sub(r"\\.", "", escaped)
    assert not set(bare) & set(SPECIAL)


@pytest.mark.parametrize("address", ["http://a.example", "HTTPS://a.example", "www.a.example", "a@b.example"])
def test_a_bare_address_is_split_so_that_it_cannot_become_a_link(address: str) -> None:
    shown = re.sub(r"\\(.)", r"\1", words.plain(address))
    assert not re.search(r"(?i)https?://|www\.|\w@", shown)


def test_chart_text_keeps_tags_as_text_and_short() -> None:
    assert words.chart_text(made_up.NASTY).startswith("&lt;b&gt;Bold")
    assert len(words.chart_text("x" * 5000)) <= words.MAX_SHOWN


@pytest.mark.parametrize(
    ("value", "statistic", "wanted"),
    [(0.1234, "share", "12.3%"), (0.1234, "mean", "0.123"), (1234.0, "count", "1,234"), (None, "share", "–")],
)
def test_amount(value: float | None, statistic: str, wanted: str) -> None:
    assert words.amount(value, statistic=statistic) == wanted


def test_changes_and_margins_are_in_points_for_shares() -> None:
    assert words.difference(0.0123, statistic="share") == "+1.2 points"
    assert words.difference(-0.0123, statistic="share") == "-1.2 points"
    assert words.margin(0.01, statistic="share") == "±2.0 points"
    assert words.margin(None, statistic="share") == "error unknown"


@pytest.mark.parametrize(
    ("relative", "wanted"),
    [(None, "not yet compared"), (1.0, "no better"), (1.4, "no better"), (0.8, "20% less error")],
)
def test_skill_in_words(relative: float | None, wanted: str) -> None:
    assert wanted in in_words(relative)


@pytest.mark.parametrize(
    ("z", "wanted"),
    [(None, "cannot"), (1.9, "within"), (-1.9, "within"), (2.0, "probably"), (-3.0, "clearly")],
)
def test_noise_in_words(z: float | None, wanted: str) -> None:
    assert wanted in words.noise(z)


def test_reasons_are_spelled_out() -> None:
    assert words.reason("quarantined:bad_date") == "Refused: could not be used (bad date)"
    assert words.reason("suppressed_people_floor").startswith("Withheld")
    assert words.reason("never_heard_of") == "never heard of"


def test_a_change_that_rounds_to_nothing_is_no_fall() -> None:
    assert words.difference(-0.0001, statistic="share") == "+0.0 points"
    assert words.difference(-0.0123, statistic="share") == "-1.2 points"


def test_a_placeholder_in_a_foreign_name_is_not_filled_in_by_a_chart() -> None:
    assert "%{" not in words.chart_text("X %{customdata[1]}")


def test_every_term_of_the_glossary_is_explained_somewhere() -> None:
    folder = Path(glossary.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    unused = [
        name for name in glossary.TERMS if f'name="{name}"' not in code and f'help_of("{name}")' not in code
    ]
    assert set(unused) <= set(timeline_choices.PARAMETERS.values())
