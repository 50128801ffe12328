"""Copies, bursts and bare links are found, kept apart, and do not depend on the order of work."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import polars as pl
import pytest
import signal_worlds as worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_worlds import Night, day, posts, run_night

from warehouse.amplification.marks import mark_posts
from warehouse.amplification.near_duplicates import LEAST_LIKENESS, alike, fingerprints, words_of
from warehouse.config import AmplificationConfig, Config, SignalsConfig
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.vintages import latest

WORDS = [f"word{number}" for number in range(60)]
CONFIG = AmplificationConfig()


def sentence(seed: int, *, n: int = 14) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=n))


def marked(store: Store, *, mark: str = "near_duplicate") -> set[str]:
    return set(store.read(TABLES["core.marks"], where="mark = ?", parameters=[mark])["post_id"])


def arrive(
    store: Store, rows: list[dict[str, Any]], *, received: dt.date, config: AmplificationConfig = CONFIG
) -> None:
    store.append_new(TABLES["raw.posts"], posts(rows, received=received), run_id="test")
    mark_posts(store, config=config, run_id="test")


def jaccard(left: str, right: str) -> float:
    """The reference: sets of three words in a row."""
    one, two = ({tuple(w[i : i + 3]) for i in range(len(w) - 2)} for w in (left.split(), right.split()))
    return len(one & two) / len(one | two) if one | two else 0.0


@settings(derandomize=True, deadline=None, max_examples=60, database=None)
@given(st.lists(st.sampled_from(WORDS[:12]), min_size=0, max_size=25), st.integers(0, 6), st.randoms())
def test_the_likeness_of_two_texts_is_that_of_their_sets_of_three_words(
    words: list[str], changes: int, chance: random.Random
) -> None:
    other = list(words)
    for _ in range(min(changes, len(other))):
        other[chance.randrange(len(other))] = chance.choice(WORDS)
    left, right = " ".join(words), " ".join(other)
    found = alike(pl.DataFrame({"left": [left, right], "right": [right, left]}))
    assert found.to_list() == [jaccard(left, right) >= LEAST_LIKENESS] * 2


def test_nearly_all_copies_share_a_band_and_different_texts_do_not() -> None:
    chance = random.Random(3)
    originals = [sentence(n, n=30).split() for n in range(400)]
    copies = [[w if i != 29 else "changed" for i, w in enumerate(words)] for words in originals]
    chance.shuffle(originals[0])
    prints = [fingerprints(pl.Series([" ".join(words) for words in texts])) for texts in (originals, copies)]
    shared = sum((prints[0][name] == prints[1][name]).cast(pl.Int8) for name in prints[0].columns)
    assert (shared > 0).mean() > 0.98
    first = prints[0]
    assert all(first[name].n_unique() == first.height for name in first.columns)


def test_case_marks_punctuation_and_masks_do_not_hide_a_copy() -> None:
    texts = pl.DataFrame({"text": ["<user> So SAD, today!! <link>", "so sad today", "今天很难过。", None]})
    assert texts.select(words_of(pl.col("text")))["text"].to_list() == [
        "so sad today", "so sad today", "今 天 很 难 过", None,
    ]  # fmt: skip


def test_the_first_of_a_crowd_of_copies_is_nobodys_copy_whoever_wrote_them(store: Store) -> None:
    said, other = sentence(1), sentence(2)
    rows = [{"post_id": f"c{n}", "author_key": f"p{n % 3}", "text": said, "day": n // 2} for n in range(8)]
    rows += [{"post_id": f"o{n}", "text": sentence(100 + n)} for n in range(5)]
    rows += [{"post_id": "near", "text": said + " x", "day": 4}, {"post_id": "far", "text": other, "day": 4}]
    arrive(store, rows, received=day(5))
    assert marked(store) == {f"c{n}" for n in range(1, 8)} | {"near"}


def test_a_copy_of_a_post_of_an_earlier_arrival_is_found_within_the_window_only(store: Store) -> None:
    arrive(store, [{"post_id": "first", "text": sentence(1)}], received=day(1))
    arrive(store, [{"post_id": "soon", "text": sentence(1), "day": 7}], received=day(8))
    arrive(store, [{"post_id": "late", "text": sentence(1), "day": 15}], received=day(16))
    assert marked(store) == {"soon"}


def test_short_texts_are_never_copies(store: Store) -> None:
    rows = [{"post_id": f"s{n}", "text": "happy new year to all of you"} for n in range(5)]
    arrive(store, rows, received=day(1))
    assert marked(store) == set()


def test_a_link_alone_says_nothing_but_a_sign_does(store: Store) -> None:
    texts = {
        "link": "<link>",
        "named": "<user> <link> !",
        "face": "<link> \u2764",
        "word": "<link> sad",
        "smile": ":)",
    }
    arrive(store, [{"post_id": name, "text": text} for name, text in texts.items()], received=day(1))
    assert marked(store, mark="link_only") == {"link", "named"}


def test_all_posts_of_a_day_too_busy_for_a_person_are_a_burst(store: Store) -> None:
    loud = [{"post_id": f"b{n}", "author_key": "bot", "text": f"{n}"} for n in range(41)]
    calm = [{"post_id": f"q{n}", "author_key": "person", "text": f"{n}"} for n in range(40)]
    next_day = [{"post_id": "next", "author_key": "bot", "day": 1}]
    nobody = [{"post_id": f"n{n}", "author_key": None} for n in range(50)]
    arrive(store, loud + calm + next_day + nobody, received=day(2))
    assert marked(store, mark="burst") == {f"b{n}" for n in range(41)}


def test_posts_that_come_later_can_make_a_day_a_burst(store: Store) -> None:
    arrive(store, [{"post_id": f"a{n}", "author_key": "bot"} for n in range(25)], received=day(1))
    assert marked(store, mark="burst") == set()
    arrive(store, [{"post_id": f"z{n}", "author_key": "bot"} for n in range(25)], received=day(2))
    assert len(marked(store, mark="burst")) == 50


def test_marks_do_not_depend_on_how_the_work_is_cut_nor_on_a_rerun(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    rows = [
        {"post_id": f"r{n}", "author_key": f"p{chance.randrange(9)}", "day": chance.randrange(20),
         "text": sentence(chance.randrange(40))}
        for n in range(200)
    ]  # fmt: skip
    arrive(store, rows, received=day(20))
    whole = store.read(TABLES["core.marks"])
    assert 0 < whole.height < 200
    mark_posts(store, config=CONFIG, run_id="again")
    assert store.read(TABLES["core.marks"]).equals(whole)
    monkeypatch.setattr("warehouse.amplification.marks._BATCH_POSTS", 15)
    store.delete(TABLES["core.marked_arrivals"], where="true")
    mark_posts(store, config=CONFIG, run_id="again")
    assert store.read(TABLES["core.marks"]).equals(whole)


def _late_copies() -> list[dict[str, Any]]:
    """Copies of early texts, and other posts of many days, which push what is known of early days out of memory."""
    copies = [{"post_id": f"c{n}", "author_key": f"q{n}", "day": 1, "text": sentence(n)} for n in range(5)]
    others = [
        {"post_id": f"o{n}", "author_key": f"q{n}", "day": n, "text": sentence(100 + n)} for n in range(2, 60)
    ]
    return copies + others


def test_an_arrival_begun_again_after_a_kill_finds_what_it_would_have_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.amplification.marks._BATCH_POSTS", 5)
    early = [{"post_id": f"a{n}", "author_key": f"p{n}", "text": sentence(n)} for n in range(5)]
    arrive(store, early, received=day(1))
    with monkeypatch.context() as killed:
        killed.setattr("warehouse.amplification.marks._mark_bursts", _killed)
        with pytest.raises(KeyboardInterrupt):
            arrive(store, _late_copies(), received=day(60))
    mark_posts(store, config=CONFIG, run_id="again")
    assert marked(store) == {f"c{n}" for n in range(5)}
    assert store.query("SELECT min(time_value) FROM core.fingerprints").item() > day(40)


def _killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_one_very_late_post_does_not_keep_old_fingerprints(store: Store) -> None:
    for number in (0, 30, 60):
        rows = [{"post_id": f"n{number}", "day": number, "text": sentence(number)}]
        late = [{"post_id": f"l{number}", "day": 0, "text": sentence(500 + number)}]
        arrive(store, rows + late, received=day(number))
    assert store.query("SELECT min(time_value) FROM core.fingerprints").item() > day(40)


def test_arrivals_gone_through_again_find_what_they_found(store: Store) -> None:
    arrive(store, [{"post_id": "first", "day": 5, "text": sentence(1)}], received=day(5))
    arrive(store, [{"post_id": "late", "day": 3, "text": sentence(1)}], received=day(6))
    assert marked(store) == set()
    mark_posts(store, config=AmplificationConfig(burst_posts_per_hour=10), run_id="again")
    assert marked(store) == set()


def test_other_settings_mark_anew(store: Store) -> None:
    rows = [{"post_id": f"b{n}", "author_key": "bot", "text": f"{n}"} for n in range(30)]
    arrive(store, rows, received=day(1))
    assert marked(store, mark="burst") == set()
    mark_posts(store, config=AmplificationConfig(burst_posts_per_hour=10), run_id="test")
    assert len(marked(store, mark="burst")) == 30


def shares(store: Store, *, exclude: tuple[Any, ...]) -> dict[str, tuple[float, int]]:
    config = Config(signals=SignalsConfig(levels=("all",), exclude=exclude))
    run_night(store, Night(issue=day(1), arrivals=posts(_campaign(), received=day(1)), config=config))
    rows = latest(store.read(TABLES["core.signals"])).filter(
        pl.col("signal") == "model_anger_share", pl.col("time_type") == "day"
    )
    return {row["population"]: (row["value"], row["sample_size"]) for row in rows.iter_rows(named=True)}


def _campaign() -> list[dict[str, Any]]:
    """Forty calm people in their own words, and sixty who all post one angry text."""
    own = [{"author_key": f"p{n}", "text": "0.1 0.1 " + sentence(n)} for n in range(40)]
    copied = [{"author_key": f"c{n}", "text": "0.9 0.9 " + sentence(999)} for n in range(60)]
    passed_on = [{"author_key": f"r{n}", "text": "0.9 0.9", "kind": "repost"} for n in range(5)]
    return own + copied + passed_on


def test_a_campaign_of_copies_moves_the_amplified_share_and_not_the_main_one(store: Store) -> None:
    found = shares(store, exclude=("repost", "near_duplicate", "burst", "link_only"))
    assert found == {"all": (pytest.approx(1 / 41), 41), "amplified": (1.0, 64)}


def test_what_is_not_excluded_counts_and_without_a_rule_there_is_no_split(store: Store) -> None:
    assert shares(store, exclude=()) == {"all": (pytest.approx(0.6), 100)}


def test_fewer_posts_than_asked_for_leave_a_person_out(store: Store) -> None:
    rows = [{"author_key": "often", "text": "0.9 0.9", "day": n % 2} for n in range(4)] + [
        {"author_key": "once"}
    ]
    config = Config(signals=SignalsConfig(levels=("all",), minimum_posts_day=2, minimum_posts_week=3))
    run_night(store, Night(issue=day(8), arrivals=posts(rows, received=day(8)), config=config))
    core = latest(store.read(TABLES["core.signals"])).filter(pl.col("signal") == "model_anger_share")
    assert core["sample_size"].to_list() == [1, 1, 1]
    assert core["n_posts"].to_list() == [2, 2, 4]
    assert worlds.MONDAY in core["time_value"].to_list()
