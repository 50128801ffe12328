"""The engine, the cache and the token blocks against slow and obvious versions, with backends that only count."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifiers.backends import OutOfMemoryError
from classifiers.cache import ScoreCache, half_precision
from classifiers.engine import Engine, EngineSpec
from classifiers.tokens import LENGTHS, Windows, blocks, joined, padded, padded_to

WINDOW = 8
TEXTS = st.lists(st.text(alphabet="abcé ", max_size=40), max_size=25)


class Letters:
    """A tokeniser: a token is a letter; windows of eight ids, two of them special."""

    pad_id = 0

    def windows(self, texts: Sequence[str]) -> Windows:
        return joined([self.of(text) for text in texts], special_tokens=2)

    def of(self, text: str) -> list[list[int]]:
        """One text's windows."""
        letters = [ord(c) % 50 + 3 for c in text]
        size = WINDOW - 2
        parts = [letters[i : i + size] for i in range(0, len(letters), size)] or [[]]
        return [[1, *part, 2] for part in parts]


def numbers(ids: Sequence[int]) -> np.ndarray:
    """What the counting model says of a window: three numbers that depend on every id and its place."""
    values = np.array(ids, dtype=np.float64)
    places = np.arange(1, len(ids) + 1)
    return np.array([values.sum() / 64, (values * places).sum() / 512, len(ids) / 8], dtype=np.float32)


class Counting:
    """A backend that computes `numbers` and remembers what it was given; too tall a block does not fit."""

    name, n_outputs = "counting", 3

    def __init__(self, *, most_rows: int = 10**6, backwards: bool = False) -> None:
        self.most_rows, self.backwards = most_rows, backwards
        self.windows: list[tuple[int, ...]] = []
        self.heights: list[int] = []

    def run(self, blocks, *, receive: Callable[[int, np.ndarray], None]) -> None:
        results = []
        for position, (ids, mask) in enumerate(blocks):
            if len(ids) > self.most_rows:
                raise OutOfMemoryError("too tall")
            rows = [ids[i][mask[i] == 1].tolist() for i in range(len(ids))]
            self.windows += [tuple(row) for row in rows if row != [0]]
            self.heights.append(len(ids))
            results.append((position, np.array([numbers(row) for row in rows])))
            if not self.backwards:
                receive(*results[-1])
        for result in reversed(results) if self.backwards else ():
            receive(*result)


def engine(backend: Counting, *, cache: ScoreCache | None = None, **spec) -> Engine:
    return Engine(
        backend,
        tokeniser=Letters(),
        profile=lambda texts: texts.str.strip_chars(),
        spec=EngineSpec(**spec),
        cache=cache,
    )


def brute_force(texts: list[str], *, pooling: str = "mean") -> np.ndarray:
    """Text by text, window by window."""
    rows = []
    for text in texts:
        windows = Letters().of(text.strip())
        values = np.array([numbers(window) for window in windows])
        weights = np.array([len(window) for window in windows], dtype=float)
        pooled = values.max(0) if pooling == "max" else (values * weights[:, None]).sum(0) / weights.sum()
        rows.append(pooled)
    return np.array(rows).reshape(-1, 3)


def series(texts: list[str]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


@given(
    texts=TEXTS, pooling=st.sampled_from(["mean", "max"]), budget=st.integers(8, 80), chunk=st.integers(1, 30)
)
@settings(max_examples=60, deadline=None)
def test_every_text_gets_its_own_numbers_in_its_own_place(
    texts: list[str], pooling: str, budget: int, chunk: int
) -> None:
    spec = {"pooling": pooling, "token_budget": budget, "chunk_texts": chunk}
    encoded = engine(Counting(), **spec).encode(series(texts))
    np.testing.assert_allclose(encoded.logits, brute_force(texts, pooling=pooling), rtol=2e-3, atol=1e-3)
    assert encoded.n_tokens.tolist() == [len(text.strip()) for text in texts]


@given(texts=TEXTS)
@settings(max_examples=40, deadline=None)
def test_equal_texts_run_once(texts: list[str]) -> None:
    backend = Counting()
    engine(backend).encode(series(texts * 3))
    different = dict.fromkeys(text.strip() for text in texts)
    assert sorted(backend.windows) == sorted(tuple(w) for text in different for w in Letters().of(text))


@given(texts=TEXTS, most=st.integers(1, 5), backwards=st.booleans())
@settings(max_examples=60, deadline=None)
def test_blocks_that_do_not_fit_are_halved_and_nothing_is_lost_or_run_twice(
    texts: list[str], most: int, backwards: bool
) -> None:
    backend = Counting(most_rows=most, backwards=backwards)
    found = engine(backend, token_budget=64).encode(series(texts))
    np.testing.assert_allclose(found.logits, brute_force(texts), rtol=2e-3, atol=1e-3)
    assert all(height <= most for height in backend.heights)


def test_a_single_row_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(OutOfMemoryError):
        engine(Counting(most_rows=0)).encode(series(["abc", "b"]))


@given(texts=TEXTS)
@settings(max_examples=40, deadline=None)
def test_a_text_alone_and_among_others_gives_the_same_bytes(texts: list[str]) -> None:
    together = engine(Counting()).encode(series(texts)).logits
    alone = [engine(Counting()).encode(series([text])).logits[0] for text in texts]
    assert together.tobytes() == np.array(alone, dtype=np.float32).tobytes()


def test_progress_ends_at_the_number_of_different_texts() -> None:
    calls: list[tuple[int, int]] = []
    engine(Counting(), chunk_texts=2).encode(
        series(["a", "b", "c", "a", "d", "e"]), progress=lambda *c: calls.append(c)
    )
    assert calls == [(2, 5), (4, 5), (5, 5)]


# ---------------------------------------------------------------------------------------- the cache


@given(first=TEXTS, second=TEXTS)
@settings(max_examples=40, deadline=None)
def test_what_the_cache_knows_is_not_run_and_reads_the_same(first: list[str], second: list[str]) -> None:
    cache = ScoreCache("v", width=4)
    engine(Counting(), cache=cache).encode(series(first))
    backend = Counting()
    found = engine(backend, cache=cache).encode(series(second))
    fresh = engine(Counting()).encode(series(second))
    assert found.logits.tobytes() == fresh.logits.tobytes()
    assert found.n_tokens.tolist() == fresh.n_tokens.tolist()
    new = {text.strip() for text in second} - {text.strip() for text in first}
    assert sorted(backend.windows) == sorted(tuple(w) for text in new for w in Letters().of(text))


def rows_of(texts: list[str]) -> np.ndarray:
    return half_precision(
        np.array([[len(text), i, -i, 0.5] for i, text in enumerate(texts)], dtype=np.float32)
    )


def words(n: int, *, start: int = 0) -> list[str]:
    return [f"text {i}" for i in range(start, start + n)]


def test_a_cache_on_disk_is_there_for_the_next_process(tmp_path: Path) -> None:
    texts = words(50)
    ScoreCache("v", width=4, folder=tmp_path).put(series(texts), rows_of(texts))
    known, values = ScoreCache("v", width=4, folder=tmp_path).get(series(["new", *texts[::-1]]))
    assert known.tolist() == list(range(1, 51))
    np.testing.assert_array_equal(values, rows_of(texts)[::-1])


@given(cut_keys=st.integers(0, 400), cut_values=st.integers(0, 400))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_kill_in_the_middle_of_a_write_loses_rows_and_never_shifts_them(
    tmp_path_factory: pytest.TempPathFactory, cut_keys: int, cut_values: int
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    texts = words(20)
    ScoreCache("v", width=4, folder=folder).put(series(texts), rows_of(texts))
    for suffix, cut in ((".keys", cut_keys), (".values", cut_values)):
        (path,) = folder.glob(f"*{suffix}")
        content = path.read_bytes()
        path.write_bytes(content[: max(0, len(content) - cut)])
    cache = ScoreCache("v", width=4, folder=folder)
    known, values = cache.get(series(texts))
    np.testing.assert_array_equal(values, rows_of(texts)[known])
    missing = [i for i in range(20) if i not in set(known.tolist())]
    cache.put(series(texts).gather(missing), rows_of(texts)[missing])
    again = ScoreCache("v", width=4, folder=folder)
    known, values = again.get(series(texts))
    assert known.tolist() == list(range(20))
    np.testing.assert_array_equal(values, rows_of(texts))


def test_a_full_cache_forgets_the_older_half_here_and_on_disk(tmp_path: Path) -> None:
    cache = ScoreCache("v", width=4, folder=tmp_path, limit=100)
    old, new = words(80), words(40, start=80)
    cache.put(series(old), rows_of(old))
    cache.put(series(new), rows_of(new))
    assert len(cache) == 50
    for state in (cache, ScoreCache("v", width=4, folder=tmp_path, limit=100)):
        known, values = state.get(series(old + new))
        assert known.tolist() == list(range(70, 120))
        np.testing.assert_array_equal(values[-40:], rows_of(new))


def test_another_version_starts_anew_and_models_keep_apart(tmp_path: Path) -> None:
    for version in ("leia-1-torch", "leia_large-1-torch"):
        ScoreCache(version, width=4, folder=tmp_path).put(series(["a"]), rows_of(["a"]))
    assert len(ScoreCache("leia-2-torch", width=4, folder=tmp_path)) == 0
    assert len(ScoreCache("leia_large-1-torch", width=4, folder=tmp_path)) == 1
    assert len(ScoreCache("leia-1-torch", width=4, folder=tmp_path)) == 0


def test_a_cache_on_disk_holds_no_text(tmp_path: Path) -> None:
    secret = "meet me behind the station"
    ScoreCache("v", width=4, folder=tmp_path).put(series([secret]), rows_of([secret]))
    assert all(b"station" not in path.read_bytes() for path in tmp_path.iterdir())


# --------------------------------------------------------------------------------------- the blocks


@given(lengths=st.lists(st.integers(1, 600), max_size=60), budget=st.integers(1, 2_000))
@settings(max_examples=100, deadline=None)
def test_blocks_hold_every_window_once_within_their_shape(lengths: list[int], budget: int) -> None:
    made = list(blocks(np.array(lengths, dtype=np.int64), token_budget=budget))
    assert sorted(int(i) for block in made for i in block.rows) == list(range(len(lengths)))
    for block in made:
        assert 1 <= len(block.rows) <= block.shape[0]
        assert max(lengths[i] for i in block.rows) <= block.shape[1]
        assert block.shape[0] == 1 or block.shape[0] * block.shape[1] <= budget


@given(length=st.integers(1, 512), others=st.lists(st.integers(1, 512), max_size=20))
def test_what_a_window_is_padded_to_depends_on_its_own_length_only(length: int, others: list[int]) -> None:
    (alone,) = blocks(np.array([length]), token_budget=1_024)
    among = [b for b in blocks(np.array([length, *others]), token_budget=1_024) if 0 in b.rows]
    assert [b.shape[1] for b in among] == [alone.shape[1]]
    assert alone.shape[1] in LENGTHS


@given(rows=st.integers(1, 40), height=st.integers(1, 40))
def test_halves_hold_the_same_windows(rows: int, height: int) -> None:
    (block, *_) = blocks(np.full(rows, 8), token_budget=8 * height)
    first, second = block.halves()
    assert [*first.rows, *second.rows] == list(block.rows)
    assert len(first.rows) <= first.shape[0]
    assert len(second.rows) <= second.shape[0]
    assert first.shape[0] < block.shape[0] or block.shape[0] == 1


def test_padding_is_masked_and_spare_rows_see_one_pad() -> None:
    ids, mask = padded_to([[5, 6, 7], [8]], shape=(3, 4), pad_id=1)
    assert ids.tolist() == [[5, 6, 7, 1], [8, 1, 1, 1], [1, 1, 1, 1]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]]
    assert padded([[5, 6], [7]])[0].tolist() == [[5, 6], [7, 0]]
