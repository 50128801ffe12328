"""Proposing terms: the counts and the statistic agree with the slow obvious way, and rare words stay hidden."""

import math
import random
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicons.grow import CANDIDATE_SCHEMA, GrowSpec, candidates
from warehouse.errors import InputError

WORDS = ["blorp", "quib", "zind", "zindel", "mor", "tal", "vun", "."]
LOW = GrowSpec(min_posts=1, min_people=1)


def is_seed(token: str, seed: str) -> bool:
    return token.startswith(seed[:-1]) if seed.endswith("*") else token == seed


def covered(tokens: list[str], seeds: list[str]) -> set[int]:
    found: set[int] = set()
    for seed in seeds:
        parts = seed.split()
        for at in range(len(tokens) - len(parts) + 1):
            if all(is_seed(tokens[at + i], part) for i, part in enumerate(parts)):
                found |= set(range(at, at + len(parts)))
    return found


def slow_candidates(
    posts: list[str], seeds: list[str], spec: GrowSpec
) -> dict[str, tuple[int, int, float, float]]:
    """Monroe et al. 2008, once per size of term, over posts of words and full stops between spaces."""
    out = {}
    for size in spec.sizes:
        with_seed, without = Counter(), Counter()
        for post in posts:
            tokens = post.split()
            taken = covered(tokens, seeds)
            group = with_seed if taken else without
            terms = set()
            for at in range(len(tokens) - size + 1):
                run = range(at, at + size)
                if not taken.intersection(run) and all(tokens[i] != "." for i in run):
                    terms.add(" ".join(tokens[i] for i in run))
            group.update(terms)
        n_1, n_2 = with_seed.total(), without.total()
        if len(with_seed | without) == 1:
            continue
        for term in with_seed | without:
            y_1, y_2 = with_seed[term], without[term]
            a, a_0 = spec.prior * (y_1 + y_2) / (n_1 + n_2), spec.prior
            delta = math.log((y_1 + a) / (n_1 + a_0 - y_1 - a)) - math.log((y_2 + a) / (n_2 + a_0 - y_2 - a))
            z = delta / math.sqrt(1 / (y_1 + a) + 1 / (y_2 + a))
            out[term] = (y_1 + y_2, y_1, delta, z)
    return out


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    posts=st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), min_size=2, max_size=12),
    seeds=st.lists(
        st.sampled_from(["blorp", "zind*", "mor tal", "tal vun mor", "vun"]), min_size=1, max_size=3
    ),
    prior=st.sampled_from([1.0, 500.0]),
    pairs=st.booleans(),
)
def test_counts_and_scores_agree_with_the_slow_way(posts, seeds, prior, pairs):
    spec = GrowSpec(min_posts=1, min_people=1, prior=prior, pairs=pairs)
    n_with = sum(bool(covered(post.split(), seeds)) for post in posts)
    if n_with in (0, len(posts)):
        with pytest.raises(InputError, match=f"{n_with} of {len(posts)} posts"):
            candidates(pl.Series(posts), seeds, spec=spec)
        return
    expected = slow_candidates(posts, seeds, spec)
    found = candidates(pl.Series(posts), seeds, spec=spec)
    assert set(found["term"]) == set(expected)
    for term, n_posts, n_with_seed, log_odds, z in found.iter_rows():
        assert (n_posts, n_with_seed) == expected[term][:2]
        assert (log_odds, z) == pytest.approx(expected[term][2:], rel=1e-9, abs=1e-9)
    assert found["z"].is_sorted(descending=True)


def test_posts_beyond_one_chunk_are_counted_alike(monkeypatch):
    draw = random.Random(5)
    posts = pl.Series([" ".join(draw.choices(WORDS, k=6)) for _ in range(200)])
    whole = candidates(posts, ["blorp"], spec=LOW, authors=pl.Series(range(200)))
    monkeypatch.setattr("lexicons.grow.CHUNK", 7)
    assert candidates(posts, ["blorp"], spec=LOW, authors=pl.Series(range(200))).equals(whole)


def test_a_word_that_goes_with_the_seed_comes_first():
    posts = ["blorp with quib"] * 60 + ["vun with mor"] * 60
    found = candidates(pl.Series(posts), ["blorp"], spec=GrowSpec())
    assert found["term"][0] in ("quib", "with quib")
    assert found.schema == CANDIDATE_SCHEMA
    assert found.filter(pl.col("term") == "with").select("n_posts", "n_with_seed").row(0) == (120, 60)


def test_seeds_and_what_they_match_are_never_proposed():
    posts = pl.Series(["Lonely, so LONELINESS quib", "f\u00e9el alone quib", "quib feel", "alone"])
    found = candidates(posts, ["lonel*", "feel alone"], spec=LOW)
    assert not [term for term in found["term"] if "lonel" in term or "feel alone" in term]
    counts = {term: (n, m) for term, n, m in found.select("term", "n_posts", "n_with_seed").iter_rows()}
    assert counts["feel"] == (1, 0)
    assert counts["alone"] == (1, 0)
    assert counts["quib"] == (3, 2)


def test_terms_below_the_floor_of_posts_are_hidden():
    posts = pl.Series(["blorp quib"] * 50 + ["vun"] * 49)
    assert candidates(posts, ["blorp"], spec=GrowSpec())["term"].to_list() == ["quib"]


def test_where_authors_are_given_enough_different_people_must_use_a_term():
    posts = pl.Series(["blorp quib"] * 60 + ["blorp mor"] * 60 + ["vun"] * 60 + ["tal"] * 60)
    authors = pl.Series([*["one"] * 60, *[f"a{i}" for i in range(180)]])
    found = candidates(posts, ["blorp"], spec=GrowSpec(), authors=authors)
    assert set(found["term"]) == {"mor", "vun", "tal"}
    unknown = pl.Series([*[None] * 60, *[f"a{i}" for i in range(180)]])
    assert set(candidates(posts, ["blorp"], spec=GrowSpec(), authors=unknown)["term"]) == {
        "mor",
        "vun",
        "tal",
    }


def test_case_accents_links_mentions_and_numbers_do_not_become_terms():
    posts = pl.Series(["BLORP Caf\u00e9 @someone https://x.y/z 2024", "ma\u00f1ana don\u2019t #mor", None])
    found = candidates(posts, ["blorp"], spec=LOW)
    assert set(found["term"]) == {
        "cafe",
        "ma\u00f1ana",
        "don't",
        "mor",
        "ma\u00f1ana don't",
        "don't mor",
    }


def test_emoji_are_proposed_and_end_a_pair():
    found = candidates(pl.Series(["blorp quib \U0001f622\ufe0f mor", "vun"]), ["blorp"], spec=LOW)
    assert set(found["term"]) == {"quib", "\U0001f622", "mor", "vun"}


def test_in_chinese_runs_of_two_to_four_characters_are_counted():
    posts = pl.Series(["\u5b64\u72ec\u5f97\u4e00\u4e8c\u4e09\u56db\u4e94", "\u4e00 \u4e8c,ok yes"])
    found = candidates(posts, ["\u5b64\u72ec"], spec=GrowSpec(language="zh", min_posts=1))
    text = "\u5f97\u4e00\u4e8c\u4e09\u56db\u4e94"
    runs = {text[i : i + n] for n in (2, 3, 4) for i in range(len(text) - n + 1)}
    assert set(found["term"]) == runs | {"ok", "yes"}


def test_the_only_term_of_its_length_has_no_odds_and_is_left_out():
    assert candidates(pl.Series(["blorp quib", "vun"]), ["blorp"], spec=LOW).height == 2
    assert candidates(pl.Series(["blorp quib", "blorp", "quib"]), ["blorp"], spec=LOW).is_empty()


def test_unusable_seeds_and_settings_are_refused():
    posts = pl.Series(["blorp", "vun"])
    for seed in ([], ["\u2026"], ["quib, quab"], ["quib quab*"], "blorp", ["f*oo"]):
        with pytest.raises(InputError, match="seed"):
            candidates(posts, seed, spec=LOW)
    with pytest.raises(InputError, match="2 texts and 1 authors"):
        candidates(posts, ["blorp"], spec=LOW, authors=pl.Series(["a"]))
    with pytest.raises(InputError, match="0 of 0 posts"):
        candidates(pl.Series([None], dtype=pl.String), ["blorp"], spec=LOW)
    for wrong in ({"min_posts": 0}, {"min_people": 0}, {"prior": 0.0}, {"prior": math.nan}):
        with pytest.raises(InputError, match="GrowSpec"):
            GrowSpec(**wrong)
