"""Text profiles of the families of published models."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.hub.spec import catalogued_specs
from classifiers.profiles_families import PROFILES, profile_named
from warehouse.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("plain", "fish &amp; chips\n@Ann  http://a.b/c 😂", "fish & chips @Ann http://a.b/c 😂"),
        ("cardiff", "@Ann_1 see https://a.b/c?d=1 😂 #Fun", "@user see http 😂 #Fun"),
        ("cardiff", "<user> <link>", "@user http"),
        ("bertweet", "@Ann see http://a.b/c 😂", "@USER see HTTPURL :face_with_tears_of_joy:"),
        ("bertweet", "I don’t know, it’s GREAT!!", "I do n't know , it 's GREAT ! !"),
        ("bertweet", "ok 👍🏽 ❤️", "ok :thumbs_up: :red_heart:"),
        ("bertweet", "at 3.5 percent", "at 3.5 percent"),
        ("robertuito", "@juan mira http://bit.ly/x", "@usuario mira url"),
        ("robertuito", "no entiendo naaaaaaaada", "no entiendo naaada"),
        ("robertuito", "jajajajaajjajaajajaja no puedo ajajaj", "jaja no puedo jaja"),
        ("robertuito", "JAJAJA y jaja", "jaja y jaja"),
        ("robertuito", "esto es #UnaGenialidad", "esto es una genialidad"),
        ("robertuito", "bien 😂", "bien emoji cara llorando de risa emoji"),
        ("robertuito", "una caja de jabón", "una caja de jabón"),
        ("weibo", "真的[泪]//@小明:哈哈哈 //@x:好", "真的[泪] 转发"),
        ("weibo", "@李雷 你好 http://t.cn/abc", "@用户 你好 网页链接"),
        ("weibo", "[开心][开心]", "[开心][开心]"),
    ],
)  # fmt: skip
def test_a_profile_gives_a_post_the_shape_of_its_family(name: str, raw: str, expected: str) -> None:
    assert PROFILES[name](pl.Series([raw]))[0] == expected


@pytest.mark.parametrize("name", sorted(PROFILES))
@given(texts=st.lists(st.text(max_size=60), max_size=6))
@settings(max_examples=12, deadline=None)
def test_every_profile_keeps_length_and_order_and_works_row_by_row(name: str, texts: list[str]) -> None:
    together = PROFILES[name](pl.Series(texts, dtype=pl.String)).to_list()
    assert together == [PROFILES[name](pl.Series([text]))[0] for text in texts]
    assert all(text == text.strip() and "  " not in text for text in together)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_null_stays_null_and_nothing_stays_nothing(name: str) -> None:
    assert PROFILES[name](pl.Series(["b", None, ""])).to_list() == ["b", None, ""]
    assert PROFILES[name](pl.Series([], dtype=pl.String)).to_list() == []


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_mention_in_small_letters_is_masked_like_any_other(name: str) -> None:
    if name != "plain":
        assert "someone" not in PROFILES[name](pl.Series(["thanks @someone ok"]))[0]


def test_an_unknown_profile_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="bertweet, cardiff, plain"):
        profile_named("berttweet")


def test_every_catalogued_model_has_a_profile_that_exists() -> None:
    assert {spec.profile for spec in catalogued_specs().values()} <= set(PROFILES)
