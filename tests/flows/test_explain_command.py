"""`affectcast explain` as a person calls it, and what may be shown of many posts."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from night_support import affectcast

from flows.cli import main
from flows.explanation.explain import DriversSpec, explain_posts, explain_text
from flows.explanation.report import posts_lines
from flows.scorers import make_scorer
from warehouse.errors import InputError, UsageError

FILLER = ("tree", "bus", "house", "window", "table", "street")


def posts(*groups: tuple[str, int], authors: bool = True, first: int = 0) -> pl.DataFrame:
    """`n` posts by different people with these words and one more that makes each post different."""
    rows = []
    for text, n in groups:
        rows += [(f"{text} nr{first + len(rows) + i}x", f"person{first + len(rows) + i}") for i in range(n)]
    frame = pl.DataFrame(rows, schema=["text", "author"], orient="row")
    return frame if authors else frame.drop("author")


def drivers(frame: pl.DataFrame, **values: Any):
    spec = DriversSpec(**({"measure": "joy", "language": "en"} | values))
    return explain_posts(frame, scorer=make_scorer("lexicon"), spec=spec, tell=lambda what, n: None)


# ---------------------------------------------------------------------------------------- many posts


def test_contributions_equal_hiding_each_word_of_each_post():
    scorer = make_scorer("lexicon")
    frame = posts(("so happy today", 70), ("so sad today", 60), ("happy and glad", 60))
    found = drivers(frame)
    effects, people = defaultdict(float), defaultdict(set)
    for text, author in frame.iter_rows():
        words = text.split()
        tried = [text, *(" ".join(w for w in words if w != word) for word in words)]
        whole, *parts = scorer.score(pl.DataFrame({"text": tried, "lang": ["en"] * len(tried)}))["joy"]
        for word, part in zip(words, parts, strict=True):
            effects[word] += (whole - part) / frame.height
            people[word].add(author)
    shown = {row["word"]: row for row in found.rows.iter_rows(named=True)}
    assert "(other)" in shown
    for word, row in shown.items():
        if word != "(other)":
            assert row["contribution"] == pytest.approx(effects[word])
            assert row["n_people"] == len(people[word]) >= 50
            assert row["share_posts"] == pytest.approx(len(people[word]) / frame.height)
            assert row["mean_effect"] == pytest.approx(effects[word] * frame.height / len(people[word]))
    assert found.rows["contribution"].sum() == pytest.approx(sum(effects.values()))
    assert found.total == pytest.approx(sum(effects.values()))
    assert found.mean_score == pytest.approx(130 / 190)


@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(data=st.data())
def test_no_word_of_few_people_is_shown_and_the_parts_sum(data: st.DataObject):
    groups = data.draw(
        st.lists(st.tuples(st.sampled_from(["happy", "glad tree", "sad bus", "joyful house", "window"]),
                           st.integers(1, 80)), min_size=2, max_size=5)
    )  # fmt: skip
    frame = pl.concat([posts(group, first=1_000 * i) for i, group in enumerate(groups)])
    if frame["author"].n_unique() < 50:
        with pytest.raises(InputError, match="fewer than 50 people"):
            drivers(frame)
        return
    found = drivers(frame, top=data.draw(st.integers(1, 9)))
    people = Counter(word for text in frame["text"] for word in set(text.split()))
    named = [word for word in found.rows["word"] if word != "(other)"]
    assert all(people[word] >= 50 for word in named)
    assert found.rows["contribution"].sum() == pytest.approx(found.total)
    other = found.rows.filter(word="(other)")
    assert other.height == 1
    assert other.select("mean_effect", "share_posts", "n_people").row(0) == (None, None, None)


def test_a_person_who_writes_a_word_often_is_one_person():
    alone = pl.DataFrame({"text": [f"so happy a{i}" for i in range(80)], "author": ["one"] * 80})
    found = drivers(pl.concat([alone, posts(("so sad", 70), first=500)]))
    assert "happy" not in found.rows["word"].to_list()
    assert "so" in found.rows["word"].to_list()


def test_a_word_only_of_posts_without_an_author_is_not_shown():
    nobody = posts(("so happy", 80)).with_columns(author=pl.lit(None, dtype=pl.String))
    found = drivers(pl.concat([nobody, posts(("so sad", 70), first=500)]))
    assert "happy" not in found.rows["word"].to_list()


def test_without_authors_two_hundred_different_posts_are_needed():
    frame = posts(("so happy", 210), ("very glad", 150), authors=False)
    found = drivers(frame)
    assert "happy" in found.rows["word"].to_list()
    assert {"very", "glad"}.isdisjoint(found.rows["word"])
    assert found.rows["people_unknown"].all()
    assert any("from 200 different posts on" in note for note in found.notes)
    with pytest.raises(InputError, match="fewer than 200 different posts"):
        drivers(posts(("so happy", 150), authors=False))
    again = pl.concat([pl.DataFrame({"text": ["so happy"] * 300}), posts(("so sad", 199), authors=False)])
    assert "happy" not in drivers(again).rows["word"].to_list(), "the same post again is one post"


def test_the_same_seed_draws_the_same_posts_and_it_says_how_many():
    frame = posts(("so happy today", 200), ("so sad today", 200))
    first, again = drivers(frame, sample=120), drivers(frame, sample=120)
    assert first.rows.equals(again.rows)
    assert first.n_posts == 120
    assert any("120 of 400 posts were drawn" in note for note in first.notes)


def test_posts_that_cannot_be_scored_are_counted():
    frame = posts(("so happy", 60)).with_columns(lang=pl.lit("en"))
    other = posts(("bonjour", 20), first=100).with_columns(lang=pl.lit("fr"))
    found = drivers(pl.concat([frame, other]), language="auto")
    assert any("20 of 80 posts have no score" in note for note in found.notes)


def test_what_cannot_be_explained_is_refused():
    frame = posts(("so happy", 60))
    with pytest.raises(UsageError, match="lexicon has no 'joyy'"):
        drivers(frame, measure="joyy")
    with pytest.raises(UsageError, match="does not read 'fr'"):
        drivers(frame, language="fr")
    with pytest.raises(InputError, match="None of the 60 posts has a score of joy"):
        drivers(frame.with_columns(lang=pl.lit("fr")), language="auto")
    with pytest.raises(InputError, match="None of the 0 posts"):
        drivers(frame.clear())
    with pytest.raises(UsageError, match="no number for a post without its words"):
        explain_posts(frame, scorer=make_scorer("vad"), spec=DriversSpec(measure="valence", language="en"),
                      tell=lambda what, n: None)  # fmt: skip


def test_long_posts_are_looked_at_from_their_beginning():
    frame = posts(("so happy " + "word " * 3_000, 55))
    found = drivers(frame)
    assert any("55 posts are long" in note for note in found.notes)
    assert any("happy" in line for line in posts_lines(found, measure="joy"))


# ------------------------------------------------------------------------------------------ one text


def test_a_graded_lexicon_without_a_graded_word_stands_in_its_middle():
    scorer = make_scorer("vad")
    found = explain_text("a wonderful thing", scorer=scorer, measure="valence", language="en")
    assert found.effects.max() > 0
    assert any("nothing left to score" in note for note in found.notes)


def test_one_text_is_explained_and_nothing_is_written(tmp_path: Path):
    before = sorted(tmp_path.rglob("*"))
    ran = affectcast("explain", "--text", "I was so happy, my friend cried", "--measure", "joy", "--language", "en",
                     cwd=tmp_path)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "joy of lexicon (en): 1.000, threshold 0.500" in ran.stdout
    assert "+1.000  happy" in ran.stdout
    for part in ("deletion area", "insertion area", "attention: not known. lexicon has no torch encoder"):
        assert part in ran.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_json_of_a_text_and_of_posts_is_one_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("so happy, so sad", encoding="utf-8")
    posts(("so happy secretword", 45), ("so sad", 60)).write_csv(tmp_path / "p.csv")

    def told(*arguments: str) -> tuple[dict[str, Any], str]:
        monkeypatch.setattr(sys, "argv", ["affectcast", "explain", *arguments, "--language", "en", "--json"])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 0
        shown = capsys.readouterr()
        return json.loads(shown.out), shown.out + shown.err

    found, _ = told("--text-file", "t.txt", "--measure", "sadness")
    assert [word["word"] for word in found["words"]] == ["so", "happy", ",", "so", "sad"]
    assert [word["effect"] for word in found["words"]] == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert found["attention"]["share"] is None
    found, shown = told("--posts", "p.csv", "--measure", "joy")
    words = {row["word"]: row for row in found["words"]}
    assert words["(other)"]["contribution"] == pytest.approx(found["sum"])
    assert "secretword" not in shown
    assert "person" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "expected one of --text, --text-file and --posts"),
        (("--text", "x", "--posts", "p.csv"), 2, "Name exactly one"),
        (("--posts", "p.csv"), 2, "--measure: expected one with --posts"),
        (("--posts", "p.csv", "--measure", "joyy"), 2, "lexicon has no 'joyy'"),
        (("--posts", "q.csv", "--measure", "joy"), 11, "missing columns: text"),
        (("--posts", "empty.csv", "--measure", "joy"), 11, "empty"),
        (("--posts", "p.csv", "--measure", "joy", "--language", "en"), 11, "fewer than 50 people"),
        (("--posts", "p.csv", "--measure", "joy", "--people", "10"), 2, "--people"),
        (("--text", "secretword", "--measure", "joyy"), 2, "lexicon has no 'joyy'"),
        (("--text", "secretword", "--language", "english"), 2, "ISO 639-1"),
        (("--text", "secretword", "--language", "fr"), 2, "does not read 'fr'"),
        (("--text", " ", "--language", "en"), 11, "holds no word"),
        (("--text-file", "none.txt"), 11, "none.txt: cannot be read"),
        (("--text-file", "bytes.txt"), 11, "is not text in UTF-8"),
        (("--text-file", "huge.txt", "--language", "en"), 11, "1,000,000 characters"),
        (("--text", "secretword", "--scorer", "nope"), 10, "unknown scorer 'nope'"),
    ],
)
def test_a_wrong_request_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...], code: int, said: str,
):  # fmt: skip
    posts(("secretword", 3)).write_csv(tmp_path / "p.csv")
    (tmp_path / "q.csv").write_text("body\nsecretword\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00secretword")
    (tmp_path / "huge.txt").write_text("a" * 1_000_000, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["affectcast", "explain", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    shown = capsys.readouterr()
    assert stopped.value.code == code
    assert said in " ".join(shown.err.replace("│", " ").split())
    assert "secretword" not in shown.err + shown.out
