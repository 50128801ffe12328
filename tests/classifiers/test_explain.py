"""Word effects through the public interface of any scorer: brute force, curves, what is refused, looking inside."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from classifiers.drivers import word_effects
from classifiers.encoder import EncoderNet, Shape
from classifiers.explain import ExplainSpec, area, curve_sizes, explain
from classifiers.inside import Inside, attention_share, integrated_gradients, look_inside, owners
from classifiers.words import NOTHING_LEFT, placeholder_of, split_words, without
from warehouse.errors import InputError, UsageError

WEIGHTS = {"sunny": 2.0, "lovely": 1.0, "rain": -1.5, "not": -0.5}


@dataclass
class Weighing:
    """p = sigmoid of the weights of the words in the text: what occlusion must find is known."""

    weights: dict[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    name: str = "weighing"
    version: str = "v1"
    measures: tuple[str, ...] = ("joy", "anger")
    languages: tuple[str, ...] = ("en", "es")
    tier: str = "words"
    calls: int = 0

    def p(self, text: str) -> float:
        return 1 / (
            1 + math.exp(-sum(self.weights.get(word, 0.0) for word in re.findall(r"\w+", text.lower())))
        )

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        self.calls += 1
        texts, languages = posts["text"].to_list(), posts["lang"].to_list()
        missing = [
            5 if not (t or "").strip() else 0 if lang in self.languages else 1
            for t, lang in zip(texts, languages, strict=True)
        ]
        joy = [None if m else self.p(t) for m, t in zip(missing, texts, strict=True)]
        anger = [None if p is None or lang == "es" else 0.25 for p, lang in zip(joy, languages, strict=True)]
        frame = pl.DataFrame({"joy": joy, "anger": anger}, schema=dict.fromkeys(self.measures, pl.Float32))
        return frame.with_columns(
            n_tokens=pl.lit(1, pl.Int32),
            n_matched=pl.lit(None, pl.Int32),
            missing=pl.Series(missing, dtype=pl.Int8),
        )

    def describe(self) -> dict[str, Any]:
        return {"scale": "probability", "tier": self.tier, "thresholds": {"en": {"joy": 0.5}}}


def spec(**values: Any) -> ExplainSpec:
    return ExplainSpec(**({"language": "en", "measure": "joy"} | values))


# -------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't like #MondayMornings, @you!", ["I", "don't", "like", "#MondayMornings", ",", "@you", "!"]),
        ("well-being at <user> :(", ["well-being", "at", "<user>", ":("]),
        ("我很难过。", ["我", "很", "难", "过", "。"]),
        ("ok👍🏽👍🏽 👨‍👩‍👧 🇪🇸", ["ok", "👍🏽", "👍🏽", "👨‍👩‍👧", "🇪🇸"]),
        (" \n ", []),
    ],
)
def test_words_are_what_a_person_would_point_at(text: str, words: list[str]) -> None:
    assert split_words(text).words == words


def test_words_that_go_leave_everything_else_as_it_was() -> None:
    words = split_words("a  b, c")
    gone = np.array([False, True, False, True])
    assert without(words, gone=gone, placeholder="[MASK]") == "a  [MASK], [MASK]"
    assert without(words, gone=gone, placeholder=None) == "a  , "
    assert without(words, gone=np.ones(4, dtype=bool), placeholder=None) == NOTHING_LEFT


def test_only_an_encoder_gets_its_mask_token() -> None:
    assert placeholder_of(Weighing(), language="en") is None
    assert placeholder_of(Weighing(tier="encoder"), language="en") == "[MASK]"


# ------------------------------------------------------------------------------------------ one text


def test_effects_equal_scoring_without_each_word() -> None:
    scorer = Weighing()
    found = explain("Sunny but not lovely rain today", scorer=scorer, spec=spec())
    words = found.words.words
    expected = [
        scorer.p(" ".join(words)) - scorer.p(" ".join(w for j, w in enumerate(words) if j != i))
        for i in range(len(words))
    ]
    assert found.effects.tolist() == pytest.approx(expected, abs=1e-6)
    assert found.score == pytest.approx(scorer.p(" ".join(words)), abs=1e-6)
    assert [words[i] for i in found.strongest(5)] == ["Sunny", "lovely"]


def test_two_calls_are_enough() -> None:
    scorer = Weighing()
    explain("Sunny but not lovely rain today", scorer=scorer, spec=spec())
    assert scorer.calls == 2


def test_curves_equal_removing_and_adding_words_one_by_one() -> None:
    scorer = Weighing()
    text = "Sunny but not lovely rain today"
    found = explain(text, scorer=scorer, spec=spec(orders=4, seed=11))
    words = text.split()

    def areas(order: list[int]) -> tuple[float, float]:
        gone = [scorer.p(" ".join(w for i, w in enumerate(words) if i not in order[:k])) for k in range(7)]
        there = [scorer.p(" ".join(w for i, w in enumerate(words) if i in order[:k])) for k in range(7)]
        return tuple(sum((a + b) / 2 / 6 for a, b in itertools.pairwise(v)) for v in (gone, there))  # type: ignore[return-value]

    best = sorted(range(6), key=lambda i: (-found.effects[i], i))
    rng = np.random.default_rng(11)
    chance = [areas(rng.permutation(6).tolist()) for _ in range(4)]
    curves = found.curves
    assert (curves.deletion, curves.insertion) == pytest.approx(areas(best), abs=1e-6)
    assert curves.deletion_random == pytest.approx(sum(a for a, _ in chance) / 4, abs=1e-6)
    assert curves.insertion_random == pytest.approx(sum(b for _, b in chance) / 4, abs=1e-6)
    assert curves.deletion < curves.deletion_random
    assert curves.insertion > curves.insertion_random


def test_a_scorer_that_ignores_words_has_no_effects_and_flat_curves() -> None:
    found = explain("a b c", scorer=Weighing({}), spec=spec())
    assert found.effects.tolist() == [0.0, 0.0, 0.0]
    assert found.strongest(3).tolist() == []
    assert {found.curves.deletion, found.curves.insertion, found.curves.deletion_random} == {0.5}


def test_points_of_a_curve_run_from_none_to_all_without_repeats() -> None:
    assert curve_sizes(3, steps=20).tolist() == [0, 1, 2, 3]
    sizes = curve_sizes(200, steps=20)
    assert (sizes[0], sizes[-1], len(sizes)) == (0, 200, 21)
    assert area(np.array([1.0, 0.0]), at=np.array([0.0, 1.0])) == 0.5


def test_without_a_measure_it_is_the_highest() -> None:
    assert explain("rain rain", scorer=Weighing(), spec=spec(measure=None)).measure == "anger"
    assert explain("sunny", scorer=Weighing(), spec=spec(measure=None)).measure == "joy"


def test_of_a_long_text_the_first_words_are_looked_at_and_it_says_so() -> None:
    found = explain("sunny " + "word " * 50, scorer=Weighing(), spec=spec(most_words=10))
    assert len(found.effects) == 10
    assert "Only the first 10 words" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "values", "error", "said"),
    [
        ("", {}, InputError, "holds no word"),
        ("   \n", {}, InputError, "holds no word"),
        ("secretword " * 5_000, {}, InputError, "55,000 characters"),
        ("secretword", {"measure": "hope"}, UsageError, "weighing has no 'hope'. It has joy, anger"),
        ("secretword", {"language": "pt"}, UsageError, "does not read 'pt'"),
        (
            "secretword",
            {"measure": "anger", "language": "es"},
            UsageError,
            "has no anger in 'es'. It has joy there",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused_without_quoting(
    text: str, values: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        explain(text, scorer=Weighing(), spec=spec(**values))
    assert said in str(caught.value)
    assert "secretword" not in str(caught.value)


# ---------------------------------------------------------------------------------------- many posts


def test_effects_over_posts_hide_every_use_of_a_word_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classifiers.drivers.CHUNK", 2)
    scorer = Weighing()
    texts = ["Sunny sunny day", "rain", "lovely rain today", "…"]
    posts = pl.DataFrame({"text": texts, "lang": ["en"] * 4})
    got = pl.concat(word_effects(posts, scorer=scorer, measure="joy"))
    expected = [
        (i, word, scorer.p(text) - scorer.p(" ".join(w for w in text.lower().split() if w != word)))
        for i, text in enumerate(texts)
        for word in dict.fromkeys(text.lower().split())
    ]
    assert got.select("post", "word").rows() == [(i, word) for i, word, _ in expected]
    assert got["effect"].to_list() == pytest.approx([effect for _, _, effect in expected], abs=1e-6)


# ------------------------------------------------------------------------------------ looking inside


@pytest.fixture
def inside() -> Inside:
    """A small encoder with drawn weights, and a text of four word pieces in three words."""
    torch.manual_seed(0)
    shape = Shape(vocabulary=50, positions=16, hidden=8, inner=16, heads=2, layers=2)
    net = EncoderNet(3, shape=shape).eval()
    return Inside(net=net, ids=[1, 10, 11, 12, 13, 2], owner=np.array([0, 1, 1, 2]), mask_id=3, n_words=3)


def test_integrated_gradients_sum_to_the_change_of_the_logit(inside: Inside) -> None:
    found = integrated_gradients(inside, output=1, steps=400)
    ids = torch.tensor([inside.ids, [1, 3, 3, 3, 3, 2]])
    with torch.no_grad():
        ends = inside.net(ids, torch.ones_like(ids))[:, 1]
    assert found.effects.shape == (3,)
    assert found.effects.sum() == pytest.approx(float(ends[0] - ends[1]), abs=1e-3)
    assert abs(found.missing) < 1e-3


def test_attention_shares_of_all_words_add_up(inside: Inside) -> None:
    parts = [attention_share(inside, [i]) for i in range(3)]
    assert sum(part.on_words for part in parts) == pytest.approx(1.0)
    assert [part.by_chance for part in parts] == [0.25, 0.5, 0.25]
    assert attention_share(inside, [0, 1, 2]).on_words == pytest.approx(1.0)
    assert attention_share(inside, []).on_words == 0.0


def test_attention_equals_the_layers_own(inside: Inside) -> None:
    """Where the heads' values are the position itself, the layer's output is the mean attended position."""
    layer = inside.net.encoder.layer[-1].attention.get_submodule("self")
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    inside.net(torch.tensor([inside.ids]), torch.ones(1, 6, dtype=torch.int64))
    hook.remove()
    received = np.zeros(6)
    x = seen[0][0].detach()
    for head in range(2):
        part = slice(head * 4, head * 4 + 4)
        q = (x @ layer.query.weight.T + layer.query.bias)[:, part]
        k = (x @ layer.key.weight.T + layer.key.bias)[:, part]
        received += (q @ k.T / 2.0).softmax(-1).mean(0).detach().numpy() / 2
    inner = received[1:-1]
    assert attention_share(inside, [1]).on_words == pytest.approx(inner[[1, 2]].sum() / inner.sum(), rel=1e-5)


def test_word_pieces_are_given_to_words_only_where_they_match() -> None:
    whole = [101, 5, 6, 7, 102]
    assert owners(whole, [[101, 5, 6, 102], [101, 7, 102]]).tolist() == [0, 0, 1]
    assert owners([101, 5, 6, 102], [[101, 5, 6, 102], [101, 7, 102]]).tolist() == [0, 0], (
        "a text that was cut"
    )
    assert owners(whole, [[101, 5, 102], [101, 6, 102], [101, 6, 102], [101, 7, 102]]).tolist() == [0, 1, 3]
    assert owners(whole, [[101, 5, 102], [101, 7, 102]]) is None
    assert owners([101, 102], [[101, 102]]) is None


def test_a_scorer_without_an_encoder_says_so() -> None:
    assert look_inside(split_words("a b"), scorer=Weighing(), language="en") == (
        "weighing has no torch encoder for 'en' to look into."
    )
