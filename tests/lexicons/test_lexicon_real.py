"""What only real posts show: that words tell emotions apart, and that the matcher reads whatever people write."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import polars as pl
import pytest
from lexicon_worlds import load_reference

from flows.evaluation.evaluate import EvaluateSpec, evaluate
from lexicons.catalogue import read_catalogue
from lexicons.load import load_scorer
from lexicons.match import Matcher
from lexicons.score import LexiconScorer

pytestmark = pytest.mark.real_data
HELD_OUT = 5
EMOEVENT = ("surprise", "disgust", "fear", "sadness", "anger", "joy")
WEIBO = {
    "fear": "fear", "disgust": "disgust", "optimism": "hope", "surprise": "surprise", "gratitude": "gratitude",
    "sadness": "sadness", "anger": "anger",
}  # fmt: skip


def held_out(posts: pl.DataFrame) -> pl.DataFrame:
    """The fifth of the texts that no list was made with."""
    numbers = [int(hashlib.md5(text.encode()).hexdigest(), 16) for text in posts["text"]]
    return posts.filter(pl.Series([number % HELD_OUT == 0 for number in numbers]))


@pytest.mark.parametrize(
    ("file", "language", "names", "otherwise", "least"),
    [
        ("tweeteval_emotion_en_val", "en",
         {"anger": "anger", "sadness": "sadness", "joy": "joy", "optimism": "hope"}, "anger", 0.50),
        ("emoevent_es_dev", "es", {name: name for name in EMOEVENT}, "others", 0.38),
        ("weibo_covid_emotion_zh_train", "zh", WEIBO, "optimism", 0.38),
    ],
    ids=["TweetEval", "EmoEvent", "Weibo"],
)  # fmt: skip
def test_the_highest_rate_tells_emotions_apart(real_data, file, language, names, otherwise, least):
    posts = pl.read_parquet(real_data / "labelled" / f"{file}.parquet")
    rows = evaluate(
        held_out(posts) if "train" in file else posts,
        scorer=LexiconScorer("lexicon_rate", language=language),
        spec=EvaluateSpec(dataset=file, language=language, names=names, otherwise=otherwise, resamples=50),
        tell=lambda what, n: None,
    )
    assert rows.filter(metric="macro_f1")["value"].item() >= least


CORPORA = {
    "airline_tweets_en.csv.gz": ("text", "en"),
    "reddit_mental_health_en.csv.gz": ("body", "en"),
    "reply_threads_ottawashooting_en.csv.gz": ("text", "en"),
    "rumour_reply_trees_en.jsonl.gz": ("text", "en"),
    "spanish_news_tweets_es.jsonl.gz": ("text", "es"),
    "weibo_covid_zh.csv.gz": ("text", "zh"),
}


def sample(path: Path, column: str, *, n: int = 300) -> pl.Series:
    data = gzip.decompress(path.read_bytes())
    jsonl = ".jsonl" in path.name
    frame = pl.read_ndjson(data) if jsonl else pl.read_csv(data, infer_schema=False)
    return frame[column].drop_nulls().sample(n, seed=7)


@pytest.mark.parametrize("file", list(CORPORA))
@pytest.mark.parametrize("scorer", ["lexicon_rate", "vad"])
def test_the_matcher_equals_the_reference_on_real_posts(real_data, file, scorer):
    column, language = CORPORA[file]
    _, loaded = load_scorer(scorer, catalogue=read_catalogue())
    (lexicon,) = [one for one in loaded if one.language == language]
    assert lexicon.cues is not None
    cues = {cue: (role, factor) for cue, role, factor in lexicon.cues.terms.rows()}
    terms = lexicon.terms["term"].unique(maintain_order=True).to_list()
    slow = load_reference().Reference(terms, cues, substring=language == "zh", reach=lexicon.cues.reach)
    matcher = Matcher(lexicon)
    texts = sample(real_data / "posts" / file, column)
    found = matcher.match(texts, collect=True)
    assert found.n_matched.sum() > 0
    for row, text in enumerate(texts):
        n_tokens, expected = slow.match(text)
        here = found.rows == row
        got = [(matcher.terms[t], f) for t, f in zip(found.terms[here], found.factors[here], strict=True)]
        # Counts only are compared in sight: a failure must not quote a post.
        n_same = sum(a[0] == b[0] and abs(a[1] - b[1]) < 1e-6 for a, b in zip(got, expected, strict=False))
        assert (int(found.n_tokens[row]), len(got), n_same) == (n_tokens, len(expected), len(expected)), row
