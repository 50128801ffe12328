"""Do the intervals hold what they promise? Known truth, many replicates, through the estimates themselves."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signal_worlds import ReadOff, day, settings

from warehouse.cells import standard_error
from warehouse.intervals import interval
from warehouse.scores import table_of
from warehouse.signals import SignalSpec, compute_signals
from warehouse.store import Store
from warehouse.tables import TABLES

REPLICATES = 2_000
# Of 2,000 replicates that cover with 90 %, the share that does varies by .0067: within three of these of the band.
LOW, HIGH = 0.87, 0.93


def covered(frame: pl.DataFrame) -> float:
    """Share of rows whose 90 % interval holds `truth`."""
    low, high = interval(value=pl.col("value"), se=pl.col("se"), n=pl.col("n"), level=0.9)
    inside = frame.select((low <= pl.col("truth")) & (pl.col("truth") <= high)).to_series()
    return float(inside.mean())


@pytest.mark.parametrize("n", [60, 200, 1_000, 6_000, 60_000])
def test_intervals_cover_whatever_the_number_of_people(n: int) -> None:
    rng = np.random.default_rng(n)
    truth = rng.uniform(0.02, 0.6, REPLICATES)
    hits = rng.binomial(n, truth)
    value = hits / n
    frame = pl.DataFrame({"value": value, "truth": truth, "n": n, "var": value * (1 - value) * n / (n - 1)})
    found = covered(frame.with_columns(se=standard_error(variance=pl.col("var"), n=pl.col("n"))))
    assert LOW <= found <= HIGH


@pytest.mark.parametrize("truth", [0.02, 0.1, 0.3, 0.6])
def test_intervals_cover_each_share_with_a_thousand_people(truth: float) -> None:
    rng = np.random.default_rng(round(truth * 100))
    value = rng.binomial(1_000, truth, REPLICATES) / 1_000
    frame = pl.DataFrame(
        {"value": value, "truth": truth, "n": 1_000, "var": value * (1 - value) * 1_000 / 999}
    )
    found = covered(frame.with_columns(se=standard_error(variance=pl.col("var"), n=pl.col("n"))))
    assert LOW <= found <= HIGH


def insert_world(store: Store, *, replicates: int, people: int, loud: int, seed: int) -> pl.DataFrame:
    """`replicates` communities, each with a truth of its own, whose first `loud` people write half of all posts.

    People differ: each has a chance of her own to write angrily, which varies around the community's truth.
    """
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.02, 0.6, replicates)
    own = rng.beta(truth[:, None] * 2.0, (1 - truth[:, None]) * 2.0, (replicates, people))
    posts = np.ones((replicates, people), dtype=np.int64)
    posts[:, :loud] = (people - loud) // loud
    hits = rng.binomial(posts, own)
    counts = pl.DataFrame({
        "community": np.repeat(np.arange(replicates), people), "person": np.tile(np.arange(people), replicates),
        "posts": posts.ravel(), "hits": hits.ravel(),
    })  # fmt: skip
    store.connection.register("counts", counts.to_arrow())
    store.connection.execute(
        """
        INSERT INTO raw.posts SELECT concat_ws('-', community, person, number), 'drawn',
            concat_ws('-', community, person),
            TIMESTAMPTZ '2024-01-01 12:00:00+00', DATE '2024-01-01', 'second', 'en', 1.0, 'none', '', 'none',
            lpad(community::VARCHAR, 5, '0'), 'original', NULL, NULL,
            if(number < hits, '0.9 0.1', '0.1 0.1'), DATE '2024-01-02', 'test'
        FROM counts, unnest(range(posts)) AS numbers(number)
        """
    )
    store.connection.unregister("counts")
    return pl.DataFrame({"population": [f"community={c:05}" for c in range(replicates)], "truth": truth})


def scored(store: Store, scorer: ReadOff) -> None:
    """The scores that the texts say, without a loop over posts."""
    store.create(table_of(scorer))
    store.connection.execute(
        f"INSERT INTO {table_of(scorer).name} SELECT post_id, '1', 2, NULL, 0, split_part(text, ' ', 1)::FLOAT, 'test' "
        "FROM raw.posts"
    )


@pytest.mark.parametrize(("people", "loud", "replicates"), [(60, 1, 2_000), (2_000, 20, 1_000)])
def test_intervals_cover_when_one_account_in_a_hundred_writes_half_of_the_posts(
    store: Store, people: int, loud: int, replicates: int
) -> None:
    truth = insert_world(store, replicates=replicates, people=people, loud=loud, seed=people)
    scorer = ReadOff(scale="presence", measures=("anger",), thresholds={"en": (0.5,)})
    scored(store, scorer)
    config = settings(levels=("all",), populations=("community",), exclude=())
    spec = SignalSpec(config=config, issue=day(2))
    compute_signals(store, scorers=[scorer], spec=spec, run_id="test")
    rows = store.read(TABLES["core.signals"], where="time_type = 'day'").join(
        truth, on="population", how="inner"
    )
    frame = rows.select("value", "se", "truth", n="sample_size")
    assert frame.height == replicates
    assert LOW <= covered(frame) <= HIGH
    # A mean over posts would not: its own interval for this truth misses far more often.
    posts = rows.select("n_posts").to_series()
    assert (posts > 1.9 * rows["sample_size"]).all()


@given(st.floats(0, 1), st.floats(1e-4, 0.3), st.integers(1, 10_000))
def test_an_interval_holds_its_value_and_stays_a_share(value: float, se: float, n: int) -> None:
    frame = pl.DataFrame({"value": [value], "se": [se], "n": [n]})
    low, high = interval(value=pl.col("value"), se=pl.col("se"), n=pl.col("n"), level=0.9)
    ends = frame.select(low=low, high=high).row(0)
    assert 0 <= ends[0] <= value + 1e-12
    assert value - 1e-12 <= ends[1] <= 1


def test_an_interval_is_wilsons_where_people_post_once() -> None:
    """Checked against the textbook formula at 10 of 100 and 90 %."""
    p, n, z = 0.1, 100, 1.6448536269514722
    middle, spread = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    half = (p * n + 0.5) / (n + 1)
    frame = pl.DataFrame({"value": [p], "n": [n], "se": [(half * (1 - half) / n) ** 0.5]})
    low, high = interval(value=pl.col("value"), se=pl.col("se"), n=pl.col("n"), level=0.9)
    expected = ((middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n))
    assert frame.select(low, high.alias("high")).row(0) == pytest.approx(expected)
