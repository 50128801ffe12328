"""The words behind a change in a file of posts: against loops over posts, floors, and what is left out."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.word_shift import POST_FLOOR, Shift, ShiftSpec, shift_posts
from lexicons.add import AddSpec, add_lexicon
from lexicons.formats import read_lexicon_file
from lexicons.score import LexiconScorer
from warehouse.errors import InputError, UsageError
from warehouse.shift import OTHER, SHIFT_SCHEMA

WEIGHTS = {"blorp": 0.5, "zindel": -1.0, "quib": 0.25, "plim": 1.0, "drone": -0.25}
BEFORE = (dt.date(2024, 1, 1), dt.date(2024, 1, 7))
AFTER = (dt.date(2024, 1, 8), dt.date(2024, 1, 14))
SIDES = (BEFORE, AFTER)


def weight_of(term: str, scale: str) -> float:
    """A mean weighs words from -1 to 1, a rate from 0 to 1."""
    return {"presence": 1.0, "rate": abs(WEIGHTS[term]), "mean": WEIGHTS[term]}[scale]


@pytest.fixture(scope="module")
def scorers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LexiconScorer]:
    """The same words on three scales."""
    folder = tmp_path_factory.mktemp("mood")
    for scale in ("presence", "rate", "mean"):
        rows = [f"{term}\tmood\t{weight_of(term, scale)}" for term in WEIGHTS]
        (folder / "words.tsv").write_text(
            "term\tdimension\tweight\n" + "\n".join(rows) + "\n", encoding="utf-8"
        )
        source = read_lexicon_file(folder / "words.tsv")
        spec = AddSpec(name=f"mood_{scale}", language="en", scale=scale)  # type: ignore[arg-type]
        add_lexicon(source, spec=spec, folder=folder / "kept")
    return {
        scale: LexiconScorer(f"mood_{scale}", folder=folder / "kept")
        for scale in ("presence", "rate", "mean")
    }


def drawn(n: int, *, seed: int, people: int = 40) -> list[tuple[str, dt.date, str]]:
    """Text, day and author; the words drift from one span to the other."""
    rng = random.Random(seed)
    made = []
    for i in range(n):
        words = [*WEIGHTS][: 4 + i % 2] if i % 2 else [*WEIGHTS][1:]
        chosen = [rng.choice([*words, "walk", "tree", "not"]) for _ in range(rng.randrange(1, 9))]
        day = dt.date(2024, 1, 1) + dt.timedelta(days=rng.randrange(7) + 7 * (i % 2))
        made.append((" ".join(chosen), day, f"p{rng.randrange(people)}"))
    return made


def frame_of(rows: list[tuple[str, dt.date, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["text", "created_at", "author"], orient="row")


def shifted(posts: pl.DataFrame, scorer: LexiconScorer, **values: Any) -> Shift:
    spec = {"measure": "mood", "window": AFTER, "reference": BEFORE, "language": "en", "people": 1}
    return shift_posts(posts, scorer=scorer, spec=ShiftSpec(**(spec | values)), tell=lambda what, n: None)


# -------------------------------------------------------------------------------------- brute force


def hits_of(text: str) -> list[tuple[str, bool]]:
    """Words of a post, each with whether one of the three before it says not."""
    words = text.split()
    return [(w, "not" in words[max(i - 3, 0) : i]) for i, w in enumerate(words) if w in WEIGHTS]


def slow_parts(rows: list, scale: str) -> tuple[dict, dict]:
    """Per type its amount in each span as a part of the whole, and the people who used it in each."""
    share: dict = defaultdict(lambda: [0.0, 0.0])
    people: dict = defaultdict(lambda: [set(), set()])
    totals = [0.0, 0.0]
    for text, day, author in rows:
        side = int(day >= AFTER[0])
        hits = [(w, n) for w, n in hits_of(text) if scale == "mean" or not n]
        totals[side] += {"presence": 1, "rate": len(text.split()), "mean": len(hits)}[scale]
        for kind in set(hits):
            used = 1 / len(set(hits)) if scale == "presence" else hits.count(kind)
            share[kind][side] += used * weight_of(kind[0], "rate") if scale == "rate" else used
            people[kind][side].add(author)
    return {k: [v[i] / totals[i] for i in (0, 1)] for k, v in share.items()}, people


def slow_shift(rows: list, scale: str) -> dict[tuple[str, bool], tuple[float, int]]:
    """Contribution and people of every type, by the definition in `warehouse.shift`."""
    parts, people = slow_parts(rows, scale)
    weight = {(w, n): WEIGHTS[w] * (-0.5 if n else 1) if scale == "mean" else 1.0 for w, n in parts}
    centre = sum(p[0] * weight[k] for k, p in parts.items()) if scale == "mean" else 0.0
    return {
        kind: ((after - before) * (weight[kind] - centre), min(len(used) for used in people[kind] if used))
        for kind, (before, after) in parts.items()
    }


@pytest.mark.parametrize("scale", ["presence", "rate", "mean"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_contribution_equals_a_loop_over_posts(scorers, scale, seed):
    rows = drawn(300, seed=seed)
    made = shifted(frame_of(rows), scorers[scale])
    expected = slow_shift(rows, scale)
    got = {
        (r["term"], r["negated"]): (r["contribution"], r["n_people"]) for r in made.rows.iter_rows(named=True)
    }
    assert got.keys() == expected.keys()
    assert {k: v[0] for k, v in got.items()} == pytest.approx(
        {k: v[0] for k, v in expected.items()}, abs=1e-9
    )
    assert {k: v[1] for k, v in got.items()} == {k: v[1] for k, v in expected.items()}
    assert made.rows.schema == SHIFT_SCHEMA
    assert made.change == pytest.approx(change(rows, scale), abs=1e-9)


def change(rows: list, scale: str) -> float:
    """The measure itself in both spans, and the difference."""
    levels = []
    for first, last in SIDES:
        texts = [text for text, day, _ in rows if first <= day <= last]
        hits = [hits_of(text) for text in texts]
        if scale == "presence":
            levels.append(sum(any(not n for _, n in post) for post in hits) / len(texts))
        elif scale == "rate":
            levels.append(
                sum(abs(WEIGHTS[w]) for post in hits for w, n in post if not n)
                / sum(len(text.split()) for text in texts)
            )
        else:
            weights = [WEIGHTS[w] * (-0.5 if n else 1.0) for post in hits for w, n in post]
            levels.append(sum(weights) / len(weights))
    return levels[1] - levels[0]


@pytest.mark.parametrize("scale", ["presence", "rate", "mean"])
def test_the_parts_add_up_to_the_change_whatever_the_floor(scorers, scale):
    rows = drawn(400, seed=5)
    rows += [(f"plim {word}", day, "alone") for word in ("blorp", "zindel") for day in (BEFORE[0], AFTER[0])]
    for people in (1, 5, 20, 35, 40):
        made = shifted(frame_of(rows), scorers[scale], people=people)
        assert made.rows["contribution"].sum() == pytest.approx(made.change, abs=1e-9)
        assert made.change == pytest.approx(change(rows, scale), abs=1e-9)
        shown = made.rows.filter(pl.col("term") != OTHER)
        assert (shown["n_people"] >= people).all()


# ------------------------------------------------------------------------------------------- floors


def test_a_word_that_few_people_use_is_not_shown_however_often_they_do(scorers):
    rows = [("plim", day[0], "one") for day in SIDES for _ in range(500)]
    rows += [("blorp", day[0], f"p{i}") for day in SIDES for i in range(80)]
    rows += [("quib", day[0], f"p{i}") for day in SIDES for i in range(60)]
    terms = set(shifted(frame_of(rows), scorers["presence"], people=50).rows["term"])
    assert "plim" not in terms
    assert OTHER in terms
    assert "blorp" in terms


@pytest.mark.parametrize(
    ("n_posts", "people", "is_shown"),
    [(POST_FLOOR - 1, 1, False), (POST_FLOOR, 1, True), (POST_FLOOR, POST_FLOOR + 1, False)],
)
def test_without_authors_a_word_needs_many_posts(scorers, n_posts, people, is_shown):
    rows = [("blorp", day[0], "") for day in SIDES for _ in range(900)]
    rows += [("plim", day[0], "") for day in SIDES for _ in range(n_posts)]
    made = shifted(frame_of(rows).drop("author"), scorers["presence"], people=people)
    assert made.notes == (f"There are no authors: a word is shown from {max(POST_FLOOR, people)} posts on.",)
    assert ("plim" in made.rows["term"].to_list()) == is_shown


@pytest.mark.parametrize("authors", [True, False])
def test_too_few_people_in_a_span_say_nothing_at_all(scorers, authors):
    rows = [("blorp", day[0], f"p{i}") for day in SIDES for i in range(30)] + [
        ("blorp", AFTER[0], f"q{i}") for i in range(300)
    ]
    posts = frame_of(rows) if authors else frame_of(rows).drop("author")
    what = "fewer than 50 people" if authors else f"fewer than {POST_FLOOR} posts"
    with pytest.raises(
        InputError, match=f"From 2024-01-01 to 2024-01-07 there are {what}.*Choose a longer span"
    ):
        shifted(posts, scorers["presence"], people=50)


def test_posts_without_an_author_count_and_make_no_person(scorers):
    rows = [("blorp", day[0], f"p{i}") for day in SIDES for i in range(60)]
    rows += [(word, day[0], None) for day in SIDES for word in ("blorp", "plim") for _ in range(300)]
    made = shifted(frame_of(rows), scorers["presence"], people=50)
    assert made.change == pytest.approx(0.0)
    assert made.rows.filter(term="plim").is_empty(), "nobody is known to have used it"


# -------------------------------------------------------------------------------- what is left out

GOOD = [("blorp", BEFORE[0], "a"), ("quib", AFTER[0], "b"), ("blorp quib", AFTER[1], "c")]


def test_days_may_be_dates_times_or_text_and_both_ends_belong_to_a_span(scorers):
    posts = frame_of([*GOOD, ("plim", BEFORE[1], "d")])
    expected = shifted(posts, scorers["presence"])
    assert expected.notes == ()
    for day in (
        pl.col("created_at").cast(pl.Datetime("us")),
        pl.col("created_at").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"),
        pl.col("created_at").cast(pl.String),
        pl.col("created_at").cast(pl.String) + "T23:59:59Z",
    ):
        assert shifted(posts.with_columns(created_at=day), scorers["presence"]).rows.equals(expected.rows)


def test_rows_without_a_day_and_outside_the_spans_are_left_out_and_counted(scorers):
    posts = frame_of(GOOD).with_columns(pl.col("created_at").cast(pl.String))
    expected = shifted(posts, scorers["presence"])
    days = ["", None, "yesterday", "01/02/2024", "2024-02-30", "2023-12-31", "2024-01-15"]
    more = pl.DataFrame({"text": "plim", "created_at": days, "author": "z"}, schema=posts.schema)
    made = shifted(pl.concat([posts, more]), scorers["presence"])
    assert made.rows.equals(expected.rows)
    assert made.notes == (
        "5 rows have no day that begins with YYYY-MM-DD and were left out.", "2 rows lie outside both spans.",
    )  # fmt: skip


def test_posts_without_text_are_no_posts(scorers):
    posts = frame_of(GOOD)
    expected = shifted(posts, scorers["presence"])
    more = frame_of([(None, AFTER[0], "x"), (" ", AFTER[0], "y")])
    assert shifted(pl.concat([posts, more]), scorers["presence"]).rows.equals(expected.rows)


def test_links_and_mentions_are_no_words(scorers):
    posts = frame_of([*GOOD, ("see https://plim.example/plim @plim", AFTER[0], "d")])
    assert "plim" not in shifted(posts, scorers["presence"]).rows["term"].to_list()


def test_posts_are_read_in_pieces_and_reported(scorers, monkeypatch):
    rows = drawn(300, seed=9)
    expected = shifted(frame_of(rows), scorers["rate"]).rows
    monkeypatch.setattr("flows.word_shift.CHUNK", 70)
    told: list[int] = []
    spec = ShiftSpec(measure="mood", window=AFTER, reference=BEFORE, language="en", people=1)
    made = shift_posts(frame_of(rows), scorer=scorers["rate"], spec=spec, tell=lambda what, n: told.append(n))
    assert made.rows.equals(expected)
    assert (len(told), sum(told)) == (5, 300)


# ------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize("scale", ["presence", "rate", "mean"])
@pytest.mark.parametrize(
    "kept", [slice(0, 1), slice(1, 3), slice(0, 0)], ids=["no window", "no reference", "none"]
)
def test_a_span_without_a_post_is_refused_with_its_days(scorers, scale, kept):
    with pytest.raises(
        InputError, match=r"No post from 2024-01-\d\d to 2024-01-\d\d could be scored.*Choose other"
    ):
        shifted(frame_of(GOOD[kept]) if GOOD[kept] else frame_of(GOOD).clear(), scorers[scale])


def test_a_language_that_the_scorer_lacks_is_refused_with_those_it_has(scorers):
    with pytest.raises(InputError, match=r"language of mood_presence \(en\)"):
        shifted(frame_of(GOOD), scorers["presence"], language="es")


def test_a_measure_that_is_not_there_and_one_made_of_sets_are_refused(scorers):
    with pytest.raises(UsageError, match=r"--measure: mood_rate has no words for 'joy'.*its measures: mood"):
        shifted(frame_of(GOOD), scorers["rate"], measure="joy")
    with pytest.raises(UsageError, match=r"--measure: argentina has no words for 'stress'"):
        shifted(frame_of(GOOD), LexiconScorer("argentina", language="en"), measure="stress")


@pytest.mark.parametrize("window", [BEFORE, (BEFORE[1], AFTER[1]), (dt.date(2023, 1, 1), BEFORE[0])])
def test_spans_that_share_a_day_are_refused(scorers, window):
    with pytest.raises(UsageError, match=r"2024-01-0\d is in both"):
        shifted(frame_of(GOOD), scorers["presence"], window=window)


def test_nothing_is_written_and_the_posts_stay_as_they_are(scorers, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    posts = frame_of(GOOD)
    before = posts.clone()
    shifted(posts, scorers["presence"])
    assert posts.equals(before)
    assert list(tmp_path.iterdir()) == []
