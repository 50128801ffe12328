"""Training data and training steps: what leaks is dropped, unknown cells teach nothing, small changes are kept."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.delta import GROUP, apply_delta, delta_of, pack, unpack
from classifiers.encoder import EmotionNet, Shape
from classifiers.evaluate import macro_f1, one_of
from classifiers.labelled import (
    EMOTION_SOURCES,
    Labelled,
    leak_key,
    load_split,
    near_duplicates,
    targets_and_masks,
    without_leaks,
)
from classifiers.score import EmotionScorer
from classifiers.taxonomy import GOEMOTIONS, MEASURES, TWEETEVAL
from classifiers.tokens import length_batches, padded
from classifiers.train import Batch, Recipe, masked_loss, train_delta
from warehouse.errors import InputError

SMALL = Shape(vocabulary=50, positions=16, hidden=16, inner=32, heads=2, layers=2)


def rows_of(texts: list[str], *, source: str = "goemotions") -> Labelled:
    shape = (len(texts), len(MEASURES))
    return Labelled(
        texts, np.zeros(shape, np.float32), np.ones(shape, np.float32), np.full(len(texts), source)
    )


def test_train_rows_that_occur_in_validation_are_dropped_with_near_duplicates_and_repeats() -> None:
    validation = rows_of(["The cat sat on the red mat today", "Yes!"])
    train = rows_of(
        [
            "the cat  sat on the red mat today!!",
            "the cat sat on the red mat",
            "yes",
            "a dog",
            "A dog.",
            "no cat at all",
        ]
    )
    assert without_leaks(train, validation=validation).texts == ["a dog", "no cat at all"]


def test_a_repeat_in_another_data_set_is_kept() -> None:
    both = [rows_of(["a dog"], source=s) for s in ("goemotions", "tweeteval")]
    train = Labelled(
        ["a dog", "a dog"],
        *(np.concatenate([getattr(b, f) for b in both]) for f in ("targets", "masks", "sources")),
    )
    assert len(without_leaks(train, validation=rows_of(["zebra"])).texts) == 2


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=7).map(" ".join), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_near_duplicates_equal_comparing_all_pairs(texts: list[str]) -> None:
    others = ["a b c d e", "f g h a b c", "b"]

    def near(text: str) -> bool:
        left = set(text.split())
        return len(left) >= 4 and any(
            len(left & set(o.split())) / len(left | set(o.split())) >= 0.8 for o in others
        )

    assert near_duplicates(texts, of=others, chunk=5).tolist() == [near(text) for text in texts]


def test_leak_key_ignores_case_blanks_and_punctuation_but_not_emoji() -> None:
    assert leak_key("Hi,  THERE!") == leak_key("hi there")
    assert leak_key("hi 😂") != leak_key("hi 😭")


def test_unclear_labels_are_unknown_unless_another_label_decides() -> None:
    targets, masks = targets_and_masks(
        [["gratitude"], ["gratitude", "love"], ["neutral"], []], label_map=GOEMOTIONS
    )
    joy, affection = MEASURES.index("joy"), MEASURES.index("affection")
    assert masks[:, affection].tolist() == [0, 1, 1, 1]
    assert targets[:, affection].tolist() == [0, 1, 0, 0]
    assert masks[:, joy].tolist() == [0, 0, 1, 1]


def test_a_measure_the_data_set_does_not_know_is_unknown_everywhere() -> None:
    _, masks = targets_and_masks([["anger"], ["joy"]], label_map=TWEETEVAL)
    known = {m for m, column in zip(MEASURES, masks.T, strict=True) if column.all()}
    assert known == {"anger", "joy", "sadness", "optimism"}


def batch_of(targets: torch.Tensor, known: torch.Tensor, *, exclusive: bool) -> Batch:
    ones = torch.ones(len(targets), 3, dtype=torch.long)
    flags = torch.full((len(targets),), exclusive)
    return Batch(ones, ones, targets, known, torch.ones(len(targets)), flags)


@pytest.mark.parametrize("exclusive", [True, False])
def test_unknown_cells_have_no_gradient(exclusive: bool) -> None:
    logits = torch.zeros(2, 4, requires_grad=True)
    targets, known = (
        torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]]),
        torch.tensor([[1.0, 1, 0, 0], [1, 1, 0, 0]]),
    )
    masked_loss(logits, batch=batch_of(targets, known, exclusive=exclusive), exclusive_weight=0.5).backward()
    assert logits.grad is not None
    assert logits.grad[:, 2:].abs().max() == 0
    assert logits.grad[:, :2].abs().min() > 0


def test_a_stored_difference_restores_the_network() -> None:
    torch.manual_seed(0)
    base, tuned, restored = (EmotionNet(3, shape=SMALL) for _ in range(3))
    changed = {name: value + 0.05 * torch.randn_like(value) for name, value in base.state_dict().items()}
    tuned.load_state_dict(changed)
    restored.load_state_dict(base.state_dict())
    apply_delta(restored, parts=delta_of(tuned, base=base))
    ids, mask = torch.tensor([[1, 2, 3, 0]]), torch.tensor([[1, 1, 1, 0]])
    with torch.no_grad():
        assert torch.allclose(restored.eval()(ids, mask), tuned.eval()(ids, mask), atol=0.05)
        assert not torch.allclose(EmotionNet(3, shape=SMALL).eval()(ids, mask), tuned(ids, mask), atol=0.05)


@given(st.integers(0, 1_000), st.sampled_from([1e-5, 1e-2, 1.0, 100.0]))
@settings(max_examples=50, deadline=None)
def test_packed_numbers_come_back_to_within_half_a_step(seed: int, size: float) -> None:
    values = size * torch.randn(4 * GROUP, generator=torch.Generator().manual_seed(seed))
    packed, scale = pack(values)
    assert packed.dtype == torch.uint8
    error = (unpack(packed, scale=scale) - values).abs().reshape(-1, GROUP)
    assert (error <= 0.51 * scale.float()[:, None] + 1e-6).all()


def test_padding_does_not_change_the_answer() -> None:
    torch.manual_seed(0)
    net = EmotionNet(3, shape=SMALL).eval()
    with torch.no_grad():
        alone = net(torch.tensor([[1, 2, 3]]), torch.ones(1, 3, dtype=torch.long))
        wide = net(torch.tensor([[1, 2, 3, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]]))
    assert torch.allclose(alone, wide, atol=1e-5)


@given(st.lists(st.integers(1, 128), max_size=60), st.integers(1, 600))
@settings(max_examples=100, deadline=None)
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = length_batches(np.array(lengths, dtype=np.int64), token_budget=budget)
    rows = [int(r) for batch in batches for r in batch]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[r] for r in rows] == sorted(lengths)
    assert all(len(b) == 1 or len(b) * max(lengths[r] for r in b) <= budget for b in batches)


def test_padded_blocks_have_zeros_where_the_mask_has() -> None:
    ids, mask = padded([[5, 6], [7]])
    assert ids.tolist() == [[5, 6], [7, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]


def test_training_twice_with_one_seed_gives_the_same_tensors() -> None:
    train = rows_of(["a good day", "a bad day", "what a day", "no day"] * 3)
    recipe = Recipe(max_steps=2, batch_rows=4, seeds=(1, 2))
    first, second = (train_delta(train, recipe=recipe) for _ in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"goemotions_en_train\.parquet is missing"):
        load_split(tmp_path, split="train")


@pytest.mark.real_data
def test_the_validation_data_give_the_metrics_that_are_published(
    labelled_data: Path, scorer: EmotionScorer, make_posts: Callable[..., pl.DataFrame]
) -> None:
    data = load_split(labelled_data, split="validation").of("tweeteval")
    four = [MEASURES.index(m) for m in ("anger", "joy", "sadness", "optimism")]
    scores = scorer.score(make_posts(data.texts)).select(MEASURES).to_numpy()
    published = scorer.describe()["metrics"]["by_source"]["tweeteval"]["macro_f1_one_of"][0]
    assert macro_f1(one_of(data.targets[:, four], scores[:, four])) == pytest.approx(published, abs=0.02)


@pytest.mark.real_data
def test_the_real_sources_hold_every_measure(labelled_data: Path) -> None:
    data = load_split(labelled_data, split="validation", sources=EMOTION_SOURCES)
    assert (data.targets * data.masks).sum(axis=0).min() >= 20
    assert pl.Series(data.texts).str.len_chars().min() > 0
