"""What is planted: the curve, the rise, the break, the thin cells and the influence of parents."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.synthetic import DEMO, MOODS, TINY, SampleReceipt, SampleSpec, write_sample
from warehouse.synthetic.english import ENGLISH
from warehouse.synthetic.mood import lead_shares, second_shares, shown_shares
from warehouse.synthetic.phrases import Phrases
from warehouse.synthetic.spanish import SPANISH

FULL = ("US-CA", "US-TX", "MX-CMX")


def people(receipt: SampleReceipt) -> pl.DataFrame:
    return receipt.labels.group_by("region", "day").agg(pl.col("author").n_unique().alias("people"))


def thin(receipt: SampleReceipt) -> pl.Expr:
    return pl.any_horizontal(
        *[(pl.col("region") == region) & (pl.col("day") == day) for region, day in receipt.thin_cells]
    )


def curve(receipt: SampleReceipt, region: str, *emotions: str) -> np.ndarray:
    picked = receipt.truth.filter(pl.col("region") == region, pl.col("emotion").is_in(emotions))
    return picked.group_by("day").agg(pl.col("true_share").sum()).sort("day")["true_share"].to_numpy()


def test_every_full_region_has_enough_people_on_every_day(demo: SampleReceipt) -> None:
    cells = people(demo).filter(pl.col("region").is_in(FULL))
    assert len(cells) == len(FULL) * DEMO.days
    assert cells.filter(~thin(demo))["people"].min() >= 75  # type: ignore[operator]


def test_thin_cells_and_the_small_region_stay_under_the_floor(demo: SampleReceipt) -> None:
    few = people(demo).filter(thin(demo))
    assert len(few) == 4
    assert few["people"].is_between(20, 40).all()
    small = people(demo).filter(pl.col("region") == "US-VT")
    assert len(small) == 60
    assert small["people"].is_between(20, 49).all()


def test_planted_rise_is_in_the_truth_and_only_there(demo: SampleReceipt) -> None:
    raised = curve(demo, "US-CA", "anxiety", "fear")
    calm = curve(demo, "US-TX", "anxiety", "fear")
    assert raised[-3:].mean() > 1.7 * raised[:133].mean()
    assert raised[-3:].mean() > raised[:133].max() * 1.2
    assert calm[-3:].mean() < 1.3 * calm[:133].mean()


def test_planted_break_doubles_people_and_lengthens_posts(demo: SampleReceipt) -> None:
    cells = people(demo).filter(pl.col("region") == "MX-CMX", ~thin(demo))
    change = DEMO.start + dt.timedelta(days=110)
    after = pl.col("day") >= change
    ratio = cells.filter(after)["people"].mean() / cells.filter(~after)["people"].mean()  # type: ignore[operator]
    assert ratio == pytest.approx(2.0, abs=0.1)
    text = demo.files["posts_es.csv"].read_bytes().split(b"\n")
    own = [line for line in text if line.startswith(b"es")]
    early, late = own[:5_000], own[-5_000:]
    assert np.mean([len(line) for line in late]) > 1.5 * np.mean([len(line) for line in early])


def test_truth_is_close_to_what_the_posts_show(demo: SampleReceipt) -> None:
    shown = demo.labels.with_columns(
        ((pl.col("mood") == name) | (pl.col("second_mood") == name)).fill_null(False).alias(name)
        for name in MOODS
    )
    found = shown.group_by("region").agg(pl.col(name).mean() for name in MOODS)
    true = demo.truth.group_by("region", "emotion").agg(pl.col("true_share").mean())
    both = found.unpivot(index="region", variable_name="emotion").join(true, on=["region", "emotion"])
    assert len(both) == 4 * len(MOODS)
    assert (both["value"] - both["true_share"]).abs().max() < 0.03  # type: ignore[operator]


def test_truth_has_one_row_per_posting_day_and_mood(demo: SampleReceipt) -> None:
    assert demo.truth.columns == ["region", "day", "emotion", "true_share"]
    assert len(demo.truth) == (3 * DEMO.days + 60) * len(MOODS)
    assert demo.truth.select("region", "day", "emotion").is_unique().all()
    keys = demo.truth.select("region", "day").unique()
    assert keys.join(people(demo), on=["region", "day"], how="anti").is_empty()


def test_replies_answer_an_earlier_post_of_another_person_in_the_same_place(demo: SampleReceipt) -> None:
    labels = demo.labels
    replies = labels.filter(pl.col("parent_id").is_not_null())
    assert len(replies) / len(labels) == pytest.approx(DEMO.reply_share, abs=0.01)
    pairs = replies.join(labels, left_on="parent_id", right_on="post_id", suffix="_parent")
    assert len(pairs) == len(replies)
    assert (pairs["region"] == pairs["region_parent"]).all()
    assert (pairs["author"] != pairs["author_parent"]).all()
    assert (pairs["parent_id"] < pairs["post_id"]).all()
    assert (pairs["day"] - pairs["day_parent"]).dt.total_days().is_between(0, 2).all()
    assert (pairs["mood_parent"] == pairs["parent_mood"]).all()


@pytest.mark.parametrize(("mood", "tolerance"), [("anger", 0.3), ("joy", 0.25)])
def test_planted_influence_shows_in_the_replies(demo: SampleReceipt, mood: str, tolerance: float) -> None:
    replies = demo.labels.filter(pl.col("parent_id").is_not_null())
    exposed = pl.col("parent_mood") == mood
    after = (replies.filter(exposed)["mood"] == mood).mean()
    otherwise = (replies.filter(~exposed)["mood"] == mood).mean()
    assert after / otherwise == pytest.approx(demo.follow[mood], abs=tolerance)  # type: ignore[operator]


def test_no_influence_is_planted_when_none_is_asked_for(tmp_path: Path) -> None:
    spec = replace(DEMO, follow={}, days=60, rise=None, data_break=None, reply_share=0.4)
    replies = write_sample(tmp_path, seed=3, spec=spec).labels.filter(pl.col("parent_id").is_not_null())
    exposed = pl.col("parent_mood") == "anger"
    after = (replies.filter(exposed)["mood"] == "anger").mean()
    otherwise = (replies.filter(~exposed)["mood"] == "anger").mean()
    assert after / otherwise == pytest.approx(1.0, abs=0.25)  # type: ignore[operator]


def test_common_moods_are_told_by_more_than_ten_people_on_most_days(demo: SampleReceipt) -> None:
    groups = {
        "joy": ["joy"],
        "anger": ["anger"],
        "worry": ["fear", "anxiety"],
        "sorrow": ["sadness", "loneliness", "depression"],
        "loneliness": ["loneliness"],
    }
    labels = demo.labels.filter(pl.col("region").is_in(FULL))
    share = {}
    for name, moods in groups.items():
        tells = pl.col("mood").is_in(moods) | pl.col("second_mood").is_in(moods)
        cells = labels.group_by("region", "day").agg(pl.col("author").filter(tells).n_unique().alias("n"))
        share[name] = float((cells["n"] > 10).mean())  # type: ignore[arg-type]
    assert min(share["joy"], share["anger"], share["worry"], share["sorrow"]) > 0.85
    assert share["loneliness"] < 0.1


@pytest.mark.parametrize("phrases", [ENGLISH, SPANISH])
@pytest.mark.parametrize("mood", MOODS)
def test_every_mood_has_many_templates(phrases: Phrases, mood: str) -> None:
    cores, tails = phrases.cores[mood], phrases.tails[mood]
    assert len(set(cores)) == len(cores) >= 20
    assert len(cores) * (len(tails) + 1) >= 120
    assert all(len(words) >= 8 for words in phrases.slots.values())


def test_no_sentence_needs_more_of_a_slot_than_is_filled() -> None:
    for phrases in (ENGLISH, SPANISH):
        for slot in phrases.slots:
            for mood in MOODS:
                most = max(part.count(f"{{{slot}}}") for part in (*phrases.cores[mood], *phrases.tails[mood]))
                assert most <= 1


@pytest.mark.parametrize("days", [1, 2, 9])
def test_short_samples_work(tmp_path: Path, days: int) -> None:
    receipt = write_sample(tmp_path, seed=5, spec=replace(TINY, days=days, rise=None))
    assert receipt.labels["day"].n_unique() == days


def test_demo_is_written_within_seconds(tmp_path: Path) -> None:
    begin = time.perf_counter()
    write_sample(tmp_path, seed=2, spec=DEMO)
    assert time.perf_counter() - begin < 20


def test_a_pool_too_small_for_its_people_is_refused() -> None:
    with pytest.raises(ValueError, match="pool of 80 is too small"):
        SampleSpec(regions=(replace(TINY.regions[0], pool=80),))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), days=st.integers(1, 40), second=st.floats(0.0, 1.0))
def test_shares_are_shares_for_any_seed(seed: int, days: int, second: float) -> None:
    spec = replace(TINY, days=days, rise=None)
    lead = lead_shares(spec, rng=np.random.default_rng(seed))
    assert lead.shape == (2, days, len(MOODS))
    np.testing.assert_allclose(lead.sum(axis=2), 1.0)
    shown = shown_shares(lead, second_mood=second)
    assert (shown >= lead - 1e-12).all()
    assert (shown <= 1.0).all()
    totals = second_shares(lead).sum(axis=-1)
    np.testing.assert_allclose(totals[..., 0], 0.0)
    np.testing.assert_allclose(totals[..., 1:], 1.0)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), days=st.integers(2, 6), share=st.floats(0.0, 1.0))
def test_any_sample_keeps_its_promises(seed: int, days: int, share: float) -> None:
    spec = replace(TINY, days=days, rise=None, reply_share=share)
    with tempfile.TemporaryDirectory() as folder:
        receipt = write_sample(Path(folder), seed=seed, spec=spec)
    assert people(receipt)["people"].to_list() == [60] * (2 * days)
    assert receipt.labels["mood"].null_count() == 0
    parents = set(receipt.labels["parent_id"].drop_nulls())
    assert parents <= set(receipt.labels["post_id"])
