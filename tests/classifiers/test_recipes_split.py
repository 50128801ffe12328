"""What is validated on was not learnt: no post, author or text, nor nearly, on both sides; nothing leaves uncounted."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_worlds import sentences

from classifiers.labelled import leak_key
from classifiers.recipes.examples import Examples
from classifiers.recipes.split import MIN_TRAIN, MIN_VALIDATION, Split, apart, split
from warehouse.errors import InputError

POOL = sentences(400)


def examples(
    texts: list[str], *, posts: list[str | None] | None = None, authors: list[str | None] | None = None,
    times: list[int] | None = None,
) -> Examples:  # fmt: skip
    n = len(texts)
    nobody: list[str | None] = [None] * n
    return Examples(
        texts=texts,
        targets=np.zeros((n, 1), np.float32),
        masks=np.ones((n, 1), np.float32),
        languages=np.full(n, "en", dtype=object),
        keys=(np.array(posts or nobody, dtype=object), np.array(authors or nobody, dtype=object)),
        times=None if times is None else np.array(times, dtype=np.int64),
    )


def assert_apart(found: Split, *, n: int) -> None:
    assert len(found.train) + len(found.validation) + sum(found.dropped.values()) == n
    assert not set(map(leak_key, found.train.texts)) & set(map(leak_key, found.validation.texts))
    for ours, theirs in zip(found.train.keys, found.validation.keys, strict=True):
        assert not {k for k in ours if k is not None} & {k for k in theirs if k is not None}


@st.composite
def worlds(draw: st.DrawFn) -> Examples:
    n = draw(st.integers(100, 160))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    texts = [POOL[i] for i in rng.integers(0, draw(st.sampled_from([60, 400])), n)]
    some = rng.random((2, n)) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    posts = [f"p{i}" if known else None for i, known in zip(rng.integers(0, n, n), some[0], strict=True)]
    authors = [f"a{i}" if known else None for i, known in zip(rng.integers(0, 60, n), some[1], strict=True)]
    times = rng.integers(0, 10**15, n).tolist() if draw(st.booleans()) else None
    return examples(texts, posts=posts, authors=authors, times=times)


@settings(max_examples=40, deadline=None)
@given(world=worlds(), seed=st.integers(0, 100))
def test_no_post_author_or_text_is_on_both_sides_and_every_row_is_accounted_for(
    world: Examples, seed: int
) -> None:
    found = None
    with suppress(InputError):
        found = split(world, seed=seed, where="w")
    if found is None:
        # Authors and texts tie so much together that nothing is left to learn from.
        return
    assert_apart(found, n=len(world))
    if world.times is not None:
        assert found.train.times is not None
        assert found.validation.times is not None
        assert found.train.times.max() < found.validation.times.min()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_decide_the_side(seed: int) -> None:
    world = examples(POOL[:120], authors=[f"a{i % 40}" for i in range(120)])
    order = np.random.default_rng(seed).permutation(120)
    first, second = split(world, seed=1, where="w"), split(world.take(order), seed=1, where="w")
    assert set(first.validation.texts) == set(second.validation.texts)


def test_about_a_tenth_is_held_out_and_another_seed_holds_out_others() -> None:
    world = examples(POOL)
    first, second = (split(world, seed=seed, where="w") for seed in (1, 2))
    assert len(first.validation) == len(second.validation) == 40
    assert first.validation.texts != second.validation.texts


def test_the_latest_tenth_is_held_out_with_all_of_its_first_day() -> None:
    days = [day for day in range(20) for _ in range(10)]
    found = split(examples(POOL[:200], times=days), seed=1, where="w")
    assert set(found.validation.times.tolist()) == {18, 19}  # type: ignore[union-attr]


def test_near_duplicates_leave_the_training_rows() -> None:
    # One word of ten changed: nine of eleven words shared.
    near = [f"{text} {'again' if i < 5 else 'lake'}" for i, text in enumerate(POOL[:6])]
    train = examples([*POOL[100:160], *near, POOL[0].upper()])
    found = apart(train, validation=examples(POOL[:10]), how="as given", where="w")
    assert found.dropped["nearly the same text"] == 6
    assert found.dropped["same text"] == 1
    assert_apart(found, n=len(train) + 10)


def test_too_little_on_either_side_is_refused_with_the_reasons() -> None:
    one = examples(POOL[:60], authors=["same"] * 60)
    with pytest.raises(InputError, match="0 training and 60 validation rows are left"):
        split(one, seed=1, where="w")
    assert (MIN_TRAIN, MIN_VALIDATION) == (30, 5)
