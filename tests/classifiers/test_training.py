"""Training data and training steps: what leaks is dropped, unknown cells teach nothing, small changes are kept."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.delta import GROUP, apply_delta, delta_of, pack, save_delta, unpack
from classifiers.encoder import EncoderNet, Shape
from classifiers.evaluate import Judged, macro_f1, one_of, weighted_f1
from classifiers.labelled import (
    ASSUMED_WEIGHT,
    EMOTION_SOURCES,
    GRADED_WEIGHT,
    MENTAL_SOURCES,
    Labelled,
    _labelled,
    apart,
    leak_key,
    load_communities,
    load_split,
    near_duplicates,
    stacked,
    targets_and_masks,
    with_grades,
)
from classifiers.score import ClassifierScorer
from classifiers.taxonomy import GOEMOTIONS, MEASURES, TONE, TWEETEVAL
from classifiers.tokens import padded
from classifiers.train import Batch, Recipe, _epoch, masked_loss, soup_delta, start_net, tuned_state
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
    kept, judged = apart(train, validation=validation)
    assert kept.texts == ["a dog", "no cat at all"]
    assert judged.texts == validation.texts


def test_a_leak_of_a_set_without_validation_file_is_validated_on() -> None:
    train = rows_of(["yes", "yes!", "a dog"], source="dreaddit")
    kept, judged = apart(train, validation=rows_of(["Yes!"]))
    assert kept.texts == ["a dog"]
    assert judged.texts == ["Yes!", "yes"]
    assert judged.sources.tolist() == ["goemotions", "dreaddit"]


def test_a_repeat_in_another_data_set_is_kept() -> None:
    train = stacked([rows_of(["a dog"], source=s) for s in ("goemotions", "tweeteval")])
    assert len(apart(train, validation=rows_of(["zebra"]))[0].texts) == 2


def test_everyday_posts_are_assumed_to_lack_distress_in_training_only() -> None:
    rows = pl.DataFrame(
        {"text": ["a fine day", "I am so sad", "boo"], "labels": [["joy"], ["sadness"], ["neutral"]]}
    )
    source = EMOTION_SOURCES[0]
    stress = MEASURES.index("stress")
    masks = {
        split: _labelled(rows, source=source, split=split).masks[:, stress]
        for split in ("train", "validation")
    }
    assert masks["train"].tolist() == pytest.approx([ASSUMED_WEIGHT, 0, ASSUMED_WEIGHT])
    assert masks["validation"].tolist() == [0, 0, 0]


def test_grades_are_targets_where_a_word_was_graded() -> None:
    graded = with_grades(
        rows_of(["a", "b"]), grades=np.array([[0.9, 0.5, 0.4], [np.nan] * 3], dtype=np.float32)
    )
    places = [MEASURES.index(name) for name in TONE]
    assert graded.targets[0, places].tolist() == pytest.approx([0.9, 0.5, 0.4])
    assert graded.masks[:, places].tolist() == pytest.approx(np.array([[GRADED_WEIGHT] * 3, [0] * 3]))


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
    base, tuned, restored = (EncoderNet(3, shape=SMALL) for _ in range(3))
    changed = {name: value + 0.05 * torch.randn_like(value) for name, value in base.state_dict().items()}
    tuned.load_state_dict(changed)
    restored.load_state_dict(base.state_dict())
    apply_delta(restored, parts=delta_of(tuned, base=base))
    ids, mask = torch.tensor([[1, 2, 3, 0]]), torch.tensor([[1, 1, 1, 0]])
    with torch.no_grad():
        assert torch.allclose(restored.eval()(ids, mask), tuned.eval()(ids, mask), atol=0.05)
        assert not torch.allclose(EncoderNet(3, shape=SMALL).eval()(ids, mask), tuned(ids, mask), atol=0.05)


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
    net = EncoderNet(3, shape=SMALL).eval()
    with torch.no_grad():
        alone = net(torch.tensor([[1, 2, 3]]), torch.ones(1, 3, dtype=torch.long))
        wide = net(torch.tensor([[1, 2, 3, 0, 0]]), torch.tensor([[1, 1, 1, 0, 0]]))
    assert torch.allclose(alone, wide, atol=1e-5)


def test_padded_blocks_have_zeros_where_the_mask_has() -> None:
    ids, mask = padded([[5, 6], [7]])
    assert ids.tolist() == [[5, 6], [7, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]


def test_training_twice_with_one_seed_gives_the_same_tensors() -> None:
    train = rows_of(["a good day", "a bad day", "what a day", "no day"] * 3, source="dreaddit")
    recipe = Recipe(max_steps=2, batch_tokens=16, epochs=1, frozen_layers=3)

    def delta() -> dict[str, torch.Tensor]:
        return soup_delta([tuned_state(train, net=start_net(), recipe=recipe, seed=1)])

    first, second = delta(), delta()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(name.startswith("encoder.layer.0.") for name in first), "the lowest layers are not tuned"


def test_an_earlier_delta_is_taken_over_by_the_names_of_its_measures(tmp_path: Path) -> None:
    base, tuned = start_net(), start_net()
    with torch.no_grad():
        tuned.head.weight += 1.0
        tuned.encoder.layer[5].output.dense.weight += 0.01
    parts = delta_of(tuned, base=base)
    parts["head.weight.set"], parts["head.bias.set"] = (
        parts["head.weight.set"][[1, 0]],
        parts["head.bias.set"][[1, 0]],
    )
    save_delta(parts, path=tmp_path / "delta.safetensors")
    again = start_net(start=tmp_path / "delta.safetensors", start_measures=(MEASURES[1], MEASURES[0]))
    assert torch.allclose(again.head.weight[:2], tuned.head.weight[:2], atol=1e-3)
    assert torch.equal(again.head.weight[2:], base.head.weight[2:])
    moved = again.encoder.layer[5].output.dense.weight - base.encoder.layer[5].output.dense.weight
    assert moved.mean().item() == pytest.approx(0.01, abs=1e-3)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(32, 600), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_an_epoch_reads_one_window_of_every_row(lengths: list[int], tokens: int, seed: int) -> None:
    ids = [[101, *range(1, n + 1), 102] for n in lengths]
    train = rows_of(["x"] * len(ids), source="dreaddit")
    recipe = Recipe(batch_tokens=tokens, max_tokens=24)
    batches = _epoch(train, ids, recipe=recipe, seed=seed, epoch=0)
    rows = [row for batch in batches for row, _ in batch]
    assert sorted(rows) == list(range(len(ids)))
    for batch in batches:
        longest = max(len(window) for _, window in batch)
        assert longest <= 24
        assert len(batch) == 1 or longest * len(batch) <= tokens
        for row, window in batch:
            inside = window[1:-1]
            assert (window[0], window[-1]) == (101, 102)
            assert inside == ids[row][inside[0] : inside[0] + len(inside)]


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"goemotions_en_train\.parquet is missing"):
        load_split(tmp_path, split="train")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("source", "metric"), [("tweeteval", "macro_f1_one_of"), ("semeval2025", "macro_f1")]
)
def test_the_validation_data_give_the_metrics_that_are_published(
    labelled_data: Path,
    scorer: ClassifierScorer,
    make_posts: Callable[..., pl.DataFrame],
    source: str,
    metric: str,
) -> None:
    data = load_split(labelled_data, split="validation").of(source)
    known = np.flatnonzero((data.targets * (data.masks == 1)).sum(axis=0) > 0)
    names = [MEASURES[k] for k in known]
    scores = scorer.score(make_posts(data.texts)).select(names).to_numpy()
    truth = data.targets[:, known] > 0
    thresholds = np.array([scorer.describe()["thresholds"]["en"][name] for name in names], dtype=np.float32)
    if metric == "macro_f1_one_of":
        judged = one_of(truth, scores)
    else:
        judged = Judged(truth=truth, said=scores >= thresholds, known=np.ones_like(truth))
    published = scorer.describe()["metrics"]["en"]["by_source"][source][metric][0]
    assert macro_f1(judged) == pytest.approx(published, abs=0.02)


@pytest.mark.real_data
@pytest.mark.parametrize(("source", "measure"), [("dreaddit", "stress"), ("irf", "loneliness")])
def test_the_mental_health_measures_give_the_weighted_f1_that_is_published(
    labelled_data: Path, make_posts: Callable[..., pl.DataFrame], source: str, measure: str
) -> None:
    scorer = ClassifierScorer("mental_health", threads=1)
    parts = {
        split: load_split(labelled_data, split=split, sources=MENTAL_SOURCES)
        for split in ("train", "validation")
    }
    _, validation = apart(parts["train"], validation=parts["validation"])
    data = validation.of(source)
    k = MEASURES.index(measure)
    said = scorer.score(make_posts(data.texts))[measure].to_numpy() >= np.float32(
        scorer.describe()["thresholds"]["en"][measure]
    )
    judged = Judged(truth=data.targets[:, [k]] > 0, said=said[:, None], known=data.masks[:, [k]] == 1)
    published = scorer.describe()["metrics"]["en"]["by_source"][source]["weighted_f1"][measure][0]
    assert weighted_f1(judged, column=0, resamples=2).value == pytest.approx(published, abs=0.03)


@pytest.mark.real_data
def test_the_real_sources_hold_every_measure(labelled_data: Path) -> None:
    labelled = load_split(labelled_data, split="validation")
    forums = load_communities(labelled_data.parent / "posts", split="validation")
    data = stacked([labelled, forums])
    known = (data.targets * (data.masks == 1)).sum(axis=0)
    assert {name for name, n in zip(MEASURES, known, strict=True) if n < 5} == set(TONE)
    assert pl.Series(data.texts).str.len_chars().min() > 0
