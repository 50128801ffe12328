"""The scorer: its four scales against plain Python, missing codes, the words behind a score, and its card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lexicon_worlds import DIMENSIONS, ROWS, SCALES, SETS, Slow, load_reference, posts, world

from lexicons.catalogue import read_catalogue
from lexicons.load import load_cues
from lexicons.score import LexiconScorer
from warehouse.errors import InputError

reference = load_reference()
settings.register_profile("scores", max_examples=150, derandomize=True, deadline=None, database=None)
TRIES = settings.get_profile("scores")

WORDS = [
    "glee", "merry", "merrier", "so", "gloom", "calm", "no", "end", "not", "very", "a bit", "but", "hush", "x", "🔥",
    ":)", ".", ",", "never", "GLEE!", "#SoMerry", "开心", "难过", "安心", "安", "不", "很", "没有", "我",
]  # fmt: skip
TEXTS = st.one_of(
    st.none(), st.text(max_size=20), st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=9).map("".join),
)  # fmt: skip
POSTS = st.lists(st.tuples(TEXTS, st.sampled_from(["en", "zh", "pt", None])), max_size=10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world(tmp_path_factory.mktemp("mood")).save().parent


@pytest.fixture(scope="module")
def scorers(folder: Path) -> dict[str, LexiconScorer]:
    names = [f"{scale}{suffix}" for scale in SCALES for suffix in ("", "_plain")]
    return {name: LexiconScorer(name, folder=folder) for name in names}


@pytest.fixture(scope="module")
def matchers() -> dict[tuple[str, bool], object]:
    """The plain-Python matcher per language, with the shipped cues and without."""
    made = {}
    for language, rows in ROWS.items():
        cues = load_cues(language, catalogue=read_catalogue())
        spelled = {cue: (role, factor) for cue, role, factor in cues.terms.rows()}
        plain = reference.Reference(list(dict.fromkeys(t for t, _, _ in rows)), substring=language == "zh")
        made[language, False] = plain
        made[language, True] = replace(plain, cues=spelled, reach=cues.reach)
    return made


# ------------------------------------------------------------------------------------------ the scales


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("negation", [True, False])
@settings(TRIES)
@given(rows=POSTS)
@example(
    rows=[("not very glee, so merry", "en"), ("no end of gloom but calm 🔥", "en"), ("不开心，很安心", "zh")]
)
def test_every_scale_equals_plain_python(scorers, matchers, scale, negation, rows):
    scorer = scorers[scale if negation else f"{scale}_plain"]
    scores = scorer.score(posts(*rows))
    for (text, language), row in zip(rows, scores.iter_rows(named=True), strict=True):
        if row["missing"] and row["n_matched"] is None:
            continue
        n_tokens, hits = matchers[language, negation].match(text)
        slow = Slow(ROWS[language], DIMENSIONS, scale, SETS)
        expected = slow.values(hits, n_tokens=n_tokens)
        assert [row[measure] for measure in scorer.measures] == pytest.approx(expected, abs=1e-6)
        assert (row["n_tokens"], row["n_matched"]) == (n_tokens, len(hits))
        assert row["missing"] == (5 if None in expected else 0)


@pytest.mark.parametrize(
    ("scorer", "text", "expected"),
    [
        ("presence", "glee glee", [1.0, 0.0, 1.0]),
        ("presence", "no glee. calm", [0.0, 0.0, 1.0]),
        ("presence_plain", "no glee. calm", [1.0, 0.0, 1.0]),
        ("rate", "such glee in a hall", [0.15, 0.0, 0.05]),
        ("rate", "so merry x merrier", [1.5 / 4, 0.0, 0.0]),
        ("rate_plain", "not so merry x", [1 / 4, 0.0, 0.0]),
        ("rate", "gloom", [0.0, 1.0, 0.0]),
        ("mean", "gloom", [0.375, 1.0, 0.25]),
        ("mean", "not gloom", [0.5625, 0.25, 0.625]),
        ("mean_plain", "not gloom", [0.375, 1.0, 0.25]),
        ("sets", "gloom calm", [1.0, 1.0, 1.0]),
        ("sets", "never gloom, merry", [1 / 3, 0.0, 1.0]),
        ("sets_plain", "never gloom, merry", [1.0, 1.0, 1.0]),
    ],
)
def test_a_score_by_hand(scorers, scorer, text, expected):
    scores = scorers[scorer].score(posts((text, "en"))).row(0, named=True)
    got = [scores[measure] for measure in scorers[scorer].measures]
    assert got == pytest.approx(expected)


def test_a_degree_word_strengthens_on_the_scale_mean_only(scorers):
    (factor,) = load_cues("en", catalogue=read_catalogue()).terms.filter(cue="extremely")["factor"]
    texts = posts(("gloom", "en"), ("extremely gloom", "en"))
    assert scorers["mean"].score(texts)["up"].to_list() == pytest.approx([0.375, 0.5 - 0.125 * factor])
    assert scorers["mean"].score(texts)["down"].to_list() == [1.0, 1.0], "cut at the end of the scale"
    assert scorers["rate"].score(texts)["down"].to_list() == [1.0, 0.5]


@settings(TRIES)
@given(rows=POSTS)
def test_scores_are_from_zero_to_one_and_null_exactly_where_missing(scorers, rows):
    for scorer in scorers.values():
        scores = scorer.score(posts(*rows))
        for row in scores.iter_rows(named=True):
            values = [row[measure] for measure in scorer.measures]
            assert all((value is None) == (row["missing"] != 0) for value in values)
            assert all(value is None or 0.0 <= value <= 1.0 for value in values)
            assert row["n_matched"] is None or row["n_matched"] <= row["n_tokens"]


# ---------------------------------------------------------------------------------------------- rows


def test_columns_and_types_on_every_scale(scorers):
    for scorer in scorers.values():
        expected = {**dict.fromkeys(scorer.measures, pl.Float32), "n_tokens": pl.Int32, "n_matched": pl.Int32}
        for frame in (posts(("glee", "en")), posts(), posts((None, None)), posts(("x", "pt"))):
            scores = scorer.score(frame)
            assert dict(scores.schema) == {**expected, "missing": pl.Int8}
            assert scores.height == frame.height


def test_the_shipped_lexicon_scores_each_language_with_its_own_words_in_input_order():
    rows = [("好开心", "zh"), ("qué bronca", "es"), ("lonely", "en"), ("feliz", "es")]
    scores = LexiconScorer().score(posts(*rows))
    assert len(LexiconScorer().measures) == 11
    assert scores["joy"].to_list() == [1.0, 0.0, 0.0, 1.0]
    assert scores["anger"].to_list() == [0.0, 1.0, 0.0, 0.0]
    assert scores["loneliness"].to_list() == [0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "lang", "code", "tokens"),
    [
        ("glee", "en", 0, 1),
        ("nothing to see", "en", 0, 3),
        ("😀😀", "en", 0, 2),
        ("!?", "en", 0, 0),
        ("muito triste", "pt", 1, 2),
        ("glee", None, 1, 1),
        ("glee", "EN", 1, 1),
        (None, "en", 5, 0),
        ("", "en", 5, 0),
        (" \n", "en", 5, 0),
        (None, None, 5, 0),
        ("", "pt", 5, 0),
    ],
)
def test_missing_codes(scorers, text, lang, code, tokens):
    for scale in ("presence", "rate", "sets"):
        row = scorers[scale].score(posts((text, lang))).row(0, named=True)
        assert (row["missing"], row["n_tokens"]) == (code, tokens)
        assert (row["n_matched"] is None) == (code != 0)


def test_on_the_scale_mean_a_post_without_a_graded_word_is_missing_and_its_matches_are_counted(scorers):
    scores = scorers["mean"].score(posts(("a walk", "en"), ("glee", "en"), ("gloom", "en"), ("gloom", "pt")))
    assert scores["missing"].to_list() == [5, 5, 0, 1]
    assert scores["n_matched"].to_list() == [0, 1, 1, None]


@settings(TRIES)
@given(rows=POSTS)
def test_rows_do_not_influence_each_other(scorers, rows):
    for scorer in (scorers["rate"], scorers["mean"]):
        together = scorer.score(posts(*rows))
        assert [scorer.score(posts(row)).row(0) for row in rows] == together.rows()


@pytest.mark.parametrize("threads", [2, 5])
def test_any_number_of_threads_scores_the_same(folder, scorers, threads):
    words = [" ".join(WORDS[i % len(WORDS)] for i in range(n, n + 6)) for n in range(60)]
    frame = posts(*[(text, ["en", "zh", "pt", None][i % 4]) for i, text in enumerate(words)])
    frame = frame.with_row_index("row")
    for scale in SCALES:
        many = LexiconScorer(scale, folder=folder, threads=threads)
        assert many.score(frame).equals(scorers[scale].score(frame), null_equal=True)
        assert many.term_hits(frame, keys=["row"]).equals(scorers[scale].term_hits(frame, keys=["row"]))


def test_columns_that_are_all_null_are_missing(scorers):
    scores = scorers["presence"].score(pl.DataFrame({"text": [None, None], "lang": [None, None]}))
    assert scores["missing"].to_list() == [5, 5]


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"text": ["a"]}),
        pl.DataFrame({"text": [1], "lang": ["en"]}),
        pl.DataFrame({"lang": ["en"]}),
    ],
)
def test_absent_or_wrong_columns_are_refused(scorers, frame):
    for call in (scorers["presence"].score, scorers["presence"].term_hits):
        with pytest.raises(InputError, match=r"String columns .*Rename or add them"):
            call(frame)


# ----------------------------------------------------------------------------------- the words behind


@settings(TRIES)
@given(rows=POSTS)
def test_credits_add_up_to_the_posts_with_a_hit(scorers, rows):
    frame = posts(*rows).with_row_index("row")
    for name in ("presence", "presence_plain"):
        hits = scorers[name].term_hits(frame, keys=["row"])
        per_post = hits.group_by("row", "dimension").agg(pl.col("credit").sum(), (~pl.col("negated")).any())
        assert per_post["credit"].to_list() == pytest.approx(per_post["negated"].cast(pl.Float64).to_list())
        scores = scorers[name].score(frame)
        for dimension in DIMENSIONS:
            credit = hits.filter(pl.col("dimension") == dimension)["credit"].sum()
            assert credit == pytest.approx(scores[dimension].sum())


@pytest.mark.parametrize("scale", SCALES)
@settings(TRIES)
@given(rows=POSTS)
def test_term_hits_equal_plain_python(scorers, matchers, scale, rows):
    got = scorers[scale].term_hits(posts(*rows).with_row_index("row"), keys=["row"])
    expected = []
    for row, (text, language) in enumerate(rows):
        found = matchers[language, True].match(text)[1] if text and language in ROWS else []
        expected += _hits(
            row, f"mood-{language}", found, rows=ROWS.get(language, []), is_graded=scale == "mean"
        )
    assert got.drop("weight").rows() == [row[:5] + row[6:] for row in expected]
    assert got["weight"].to_list() == pytest.approx([row[5] for row in expected], abs=1e-6)


def _hits(row: int, lexicon: str, found: list, *, rows: list, is_graded: bool) -> list[tuple]:
    """Rows as `term_hits` gives them, of one post."""
    made = []
    for term, negated in sorted({(term, factor < 0) for term, factor in found}):
        factors = [factor for t, factor in found if t == term and (factor < 0) == negated]
        mean = sum(factors) / len(factors) if is_graded else 1.0
        for dimension, weight in sorted((d, w) for t, d, w in rows if t == term and d in DIMENSIONS):
            made.append((row, lexicon, term, dimension, negated, weight * mean, len(factors)))
    made.sort(key=lambda hit: hit[:5])
    distinct = {d: sum(hit[3] == d and not hit[4] for hit in made) for d in DIMENSIONS}
    return [(*hit, 0.0 if hit[4] else 1 / distinct[hit[3]]) for hit in made]


def test_terms_are_listed_once_per_post_and_dimension_with_the_keys_asked_for(scorers):
    frame = posts(("glee glee, no glee", "en"), ("glee", "pt"), (None, "en"), ("开心", "zh")).with_columns(
        day=pl.Series([1, 2, 3, 4]), who=pl.Series(["a", "b", "c", None])
    )
    hits = scorers["presence"].term_hits(frame, keys=["who", "day"])
    assert hits.columns == [
        "who",
        "day",
        "lexicon",
        "term",
        "dimension",
        "negated",
        "weight",
        "hits",
        "credit",
    ]
    assert hits.select("who", "day", "term", "dimension", "negated", "hits", "credit").rows() == [
        ("a", 1, "glee", "still", False, 2, 1.0),
        ("a", 1, "glee", "still", True, 1, 0.0),
        ("a", 1, "glee", "up", False, 2, 1.0),
        ("a", 1, "glee", "up", True, 1, 0.0),
        (None, 4, "开心", "up", False, 1, 1.0),
    ]


def test_terms_of_a_dimension_that_is_left_out_hide_words_and_are_not_listed(scorers):
    frame = posts(("hush calm", "en"), ("hush", "en"))
    assert scorers["presence"].score(frame)["still"].to_list() == [0.0, 0.0]
    assert scorers["presence"].term_hits(frame).is_empty()
    assert scorers["presence"].score(frame)["n_matched"].to_list() == [1, 1]


@pytest.mark.parametrize("frame", [posts(), posts(("zzz", "en")), posts((None, None))])
def test_a_term_list_without_hits_has_its_columns(scorers, frame):
    hits = scorers["presence"].term_hits(frame.with_columns(k=pl.lit("a")), keys=["k"])
    assert hits.is_empty()
    assert hits.schema == scorers["presence"].term_hits(
        posts(("glee", "en")).with_columns(k=pl.lit("a")), keys=["k"]
    ).schema  # fmt: skip


@pytest.mark.parametrize("key", ["nowhere", "term", "credit"])
def test_unusable_keys_are_refused(scorers, key):
    frame = posts(("glee", "en")).with_columns(term=pl.lit("x"))
    with pytest.raises(InputError, match=rf"keys \['{key}'\].*Rename or drop"):
        scorers["presence"].term_hits(frame, keys=[key])
