"""Masks and pseudonyms, for drawn texts and for arbitrary ones."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.intake.conftest import DAY, Workshop, json_lines
from warehouse.intake import privacy
from warehouse.intake.normalise import IntakeContext
from warehouse.store import check
from warehouse.tables import TABLES

SECRET = b"0123456789abcdef"


def masked(text: str) -> str:
    frame = pl.DataFrame({"text": [text]}).with_columns(privacy.clean_text(pl.col("text")))
    return str(frame.select(privacy.mask_text(pl.col("text"))).item())


def handles(text: str) -> list[str]:
    named = pl.DataFrame({"text": [text]}).select(privacy.mentions(pl.col("text")))["text"].explode()
    return pl.DataFrame({"n": named}).select(privacy.handle(pl.col("n")))["n"].drop_nulls().to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.org/a?b=c now", "see <link> now"),
        ("HTTP://EXAMPLE.ORG", "<link>"),
        ("看https://t.cn/abc，好", "看<link>，好"),
        ("看www.example.xyz吗", "看<link>吗"),
        ("go to bit.ly/abc or example.com.", "go to <link> or <link>."),
        ("ftp://host/x and tg://resolve", "<link> and <link>"),
        ("mail ann.b+c@mail.example.co.uk!", "mail <email>!"),
        ("ann＠example.com", "<email>"),
        ("@ann, @bob_b: hi", "<user>, <user>: hi"),
        ("@Иван привет @مريم و @小明：你好 ＠ｆｕｌｌ", "<user> привет <user> و <user>：你好 <user>"),
        ("@na\u200dme @\u200fname @na\u00adme", "<user> <user> <user>"),
        ("@" + "a" * 500, "<user>"),
        ("@ann@mastodon.example", "<user>"),
        ("a.@ann", "a.<user>"),
        ("by u/some_name, /u/other and [u/third](x)", "by <user>, <user> and [<user>](x)"),
        ("call +49 (0)30 123456 or 555-123-4567", "call <phone> or <phone>"),
        ("电话13812345678。", "电话<phone>。"),
        ("اتصل ٠١٢٣٤٥٦٧٨٩ الآن", "اتصل <phone> الآن"),
        ("06 12 34 56 78 / 11 91234-5678", "<phone> / <phone>"),
        ("in 2020 I had 5 cats, 3.50 each, at 10:30", "in 2020 I had 5 cats, 3.50 each, at 10:30"),
        ("&lt;3 &amp; more", "<3 & more"),
        ("and/or 1.5 km/h e.g. this...that", "and/or 1.5 km/h e.g. this...that"),
    ],
)
def test_texts_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


SHARP = st.sampled_from(
    [
        "@",
        "＠",
        "http://",
        "www.",
        ".com",
        "u/",
        "/",
        "名",
        "é",
        "\u0301",
        "\u200d",
        " ",
        "a",
        "-",
        ".",
        ":",
        "7",
    ]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(SHARP, max_size=25).map("".join))


@settings(max_examples=400, derandomize=True, deadline=None)
@given(text=TEXTS)
def test_no_link_address_or_name_is_left_in_any_text(text: str) -> None:
    left = masked(text)
    assert not re.search(r"(?i)https?://\S", left)
    assert not re.search(r"[\w.+-]+@[\w-]+\.[a-z]{2,}", left)
    assert not re.search(r"[@＠﹫]\w", left)
    assert not re.search(r"(?:^|\s)/?u/\w\w", left)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(text=TEXTS)
def test_masking_twice_is_masking_once(text: str) -> None:
    assert masked(masked(text)) == masked(text)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(text=st.text(max_size=60))
def test_cleaning_composes_as_unicode_says(text: str) -> None:
    import unicodedata

    frame = pl.DataFrame({"text": [text, "plain"]}, schema={"text": pl.String})
    cleaned = frame.select(privacy.clean_text(pl.col("text")))["text"]
    assert unicodedata.is_normalized("NFC", cleaned[0])
    assert cleaned[1] == "plain"


def test_mentions_leave_out_addresses_and_links() -> None:
    assert handles("@Ann. bob@ann.example https://x.example/@eve ＠БОБ, @ann") == ["ann", "боб", "ann"]
    assert handles("no one at all") == []


@pytest.mark.parametrize("name", ["Ann", " @ANN ", "＠ａｎｎ", "ann.", "an\u200dn"])
def test_one_person_has_one_spelling(name: str) -> None:
    assert pl.DataFrame({"n": [name]}).select(privacy.handle(pl.col("n"))).item() == "ann"


@settings(max_examples=60, derandomize=True, deadline=None)
@given(names=st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=12))
def test_pseudonyms_are_stable_distinct_and_say_nothing(names: list[str | None]) -> None:
    series = pl.Series("n", names, dtype=pl.String)
    keys = privacy.pseudonyms(series, secret=SECRET, source="made")
    assert keys.to_list() == privacy.pseudonyms(series, secret=SECRET, source="made").to_list()
    assert keys.is_null().to_list() == series.is_null().to_list()
    assert keys.n_unique() == series.n_unique()
    assert keys.drop_nulls().str.contains("^[0-9a-f]{32}$").all()
    for other in ({"secret": b"another secret!!", "source": "made"}, {"secret": SECRET, "source": "else"}):
        assert not set(privacy.pseudonyms(series, **other).drop_nulls()) & set(keys.drop_nulls())  # type: ignore[arg-type]


def test_an_extremely_long_author_name_becomes_a_key_like_any_other(workshop: Workshop) -> None:
    workshop.ingest(json_lines({"who": "n" * 100_000, "text": "x"}), name="posts.jsonl")
    assert workshop.posts["author_key"].str.len_chars().to_list() == [32]


def test_a_post_of_one_link_is_kept_as_its_mask(workshop: Workshop) -> None:
    workshop.ingest(json_lines({"text": "https://example.org/x"}), name="posts.jsonl")
    assert workshop.texts == ["<link>"]


def test_no_author_mention_or_address_reaches_any_table(workshop: Workshop) -> None:
    workshop.source = {
        "columns": {
            "text": "text",
            "created_at": "date",
            "post_id": "id",
            "author": "who",
            "reply_to_author": "to",
        }
    }
    text = "hi @canary_m, u/canary_r, canary@mail.example http://canary.example/x"
    bad = {"text": "canary", "date": "canary", "who": "canary_a"}
    receipt = workshop.ingest(
        json_lines({"text": text, "who": "canary_a", "to": "canary_t"}, bad), name="posts.jsonl"
    )
    assert "canary" not in repr((workshop.kept, receipt))


def test_the_contract_refuses_what_the_mask_would_have_caught(workshop: Workshop) -> None:
    workshop.ingest(json_lines({"text": "fine"}), name="posts.jsonl")
    leaked = workshop.posts.with_columns(text=pl.lit("mail ann@mail.example"))
    with pytest.raises(Exception, match="text_is_masked: 1 rows"):
        check(TABLES["raw.posts"], leaked)


def test_the_context_of_a_run_keeps_its_secret_out_of_sight(workshop: Workshop) -> None:
    context = IntakeContext(source=workshop.config().sources[0], secret=SECRET, issue=DAY)
    assert SECRET.decode() not in repr(context)
