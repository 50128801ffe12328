"""Text profiles: what a mention, a link, an emoji and a hashtag become."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.profiles import MAX_PROFILED_CHARS, emoji_names, profile_series


def profiled(text: str) -> str:
    return profile_series(pl.Series([text]))[0]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("@Some_One hi", "@user hi"),
        ("hi @user and <user>", "hi @user and @user"),
        ("see https://example.org/a?b=c now", "see http now"),
        ("see www.example.org now", "see http now"),
        ("see <link> now", "see http now"),
        ("see http now", "see http now"),
        ("write to a.b@example.org", "write to email"),
        ("write to <email> or <phone>", "write to email or phone"),
        ("fish &amp; chips &lt;3", "fish & chips <3"),
        ("#RainyMonday again", "Rainy Monday again"),
        ("#so_tired #now", "so tired now"),
        ("we are # 1", "we are # 1"),
        ("one\\ntwo\n three\t four", "one two three four"),
        ("a\x00b\x07c", "a b c"),
        ("wow 😂😂😂", "wow face with tears of joy"),
        ("ok 👍🏽!", "ok thumbs up sign !"),
        ("I ❤️ it", "I heart it"),
        ("😂😭😂", "face with tears of joy loudly crying face face with tears of joy"),
        ("", ""),
        ("   ", ""),
    ],
)
def test_profile_gives_each_mask_one_spelling(raw: str, expected: str) -> None:
    assert profiled(raw) == expected


def test_null_stays_null_and_order_is_kept() -> None:
    assert profile_series(pl.Series(["b", None, "a"])).to_list() == ["b", None, "a"]


def test_an_empty_series_stays_empty() -> None:
    assert profile_series(pl.Series([], dtype=pl.String)).to_list() == []


def test_a_very_long_post_is_cut() -> None:
    assert len(profiled("word " * 300_000)) <= MAX_PROFILED_CHARS


def test_every_emoji_has_a_name_of_its_own_in_lower_case() -> None:
    names = emoji_names()
    assert len(names) > 1_000
    assert all(name and name == name.lower() for name in names.values())


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_profile_never_leaves_blanks_to_collapse_or_control_characters(text: str) -> None:
    result = profiled(text)
    assert result == result.strip()
    assert "  " not in result
    assert not any(ord(c) < 32 for c in result)


@given(st.lists(st.text(max_size=40), max_size=8))
@settings(max_examples=50, deadline=None)
def test_a_post_is_profiled_the_same_alone_and_in_company(texts: list[str]) -> None:
    together = profile_series(pl.Series(texts, dtype=pl.String)).to_list()
    assert together == [profiled(text) for text in texts]
