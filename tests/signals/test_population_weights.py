"""Weighting to known margins: against plain references, in small bins, and through the whole signals stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_worlds import Night, day, opened, posts, run_night

from flows import checks
from warehouse.config import Config, SignalsConfig, SourceConfig, WeightsConfig
from warehouse.errors import InputError
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.vintages import latest
from warehouse.weights import adaptive_bins, person_weights, read_margins, weighted

PLAIN = WeightsConfig(smoothing_people=0, maximum_weight=1000.0)
HEADER = "geo_type,geo_value,variable,category,share\n"
CELL = ["geo_type", "geo_value"]


def margins_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "margins.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def strata(rows: list[tuple[str | None, str | None, int, float]]) -> pl.DataFrame:
    """One cell: (sex, age band, people, share of hits among them)."""
    return pl.DataFrame(
        [
            {"geo_type": "all", "geo_value": "all", "sex": sex, "age_band": age, "n": n, "hit": share,
             "hit_var": share * (1 - share) * n / max(n - 1, 1)}
            for sex, age, n, share in rows
        ],
        schema_overrides={"sex": pl.String, "age_band": pl.String},
    )  # fmt: skip


def one(path: Path, frame: pl.DataFrame, config: WeightsConfig = PLAIN) -> dict[str, Any] | None:
    made = weighted(frame, margins=read_margins(path), config=config, cell=CELL, columns=["hit"])
    return made.row(0, named=True) if made.height else None


def test_post_stratification_is_the_population_weighted_mean_of_the_strata(tmp_path: Path) -> None:
    path = margins_file(tmp_path, "all,all,sex,f,0.5", "all,all,sex,m,0.5")
    row = one(path, strata([("f", None, 100, 0.4), ("m", None, 300, 0.2)]))
    assert row is not None
    assert row["hit_weighted"] == pytest.approx(0.3)
    # Kish: n Σw² / (Σw)², with weights 2 and 2/3.
    assert row["design_effect"] == pytest.approx(400 * (100 * 4 + 300 * 4 / 9) / 400**2)


def test_raking_reaches_every_margin(tmp_path: Path) -> None:
    path = margins_file(
        tmp_path,
        "all,all,sex,f,0.5",
        "all,all,sex,m,0.5",
        "all,all,age_band,young,0.3",
        "all,all,age_band,old,0.7",
    )
    frame = strata(
        [("f", "young", 200, 0.5), ("f", "old", 100, 0.3), ("m", "young", 150, 0.2), ("m", "old", 80, 0.1)]
    )
    where = read_margins(path).of(geo_type="all", geo_value="all")
    weights = person_weights(frame, where=where, config=PLAIN)
    people = frame.with_columns(w=pl.Series(weights) * pl.col("n"))
    total = people["w"].sum()
    assert total == pytest.approx(530)
    for name, target in (("sex", {"f": 0.5, "m": 0.5}), ("age_band", {"young": 0.3, "old": 0.7})):
        shares = dict(people.group_by(name).agg(pl.col("w").sum() / total).iter_rows())
        assert shares == pytest.approx(target, abs=1e-6)


def test_a_joint_variable_is_a_margin_of_its_own(tmp_path: Path) -> None:
    cells = {("f", "young"): 0.1, ("f", "old"): 0.4, ("m", "young"): 0.2, ("m", "old"): 0.3}
    path = margins_file(
        tmp_path, *(f"all,all,age_band*sex,{age}*{sex},{share}" for (sex, age), share in cells.items())
    )
    rates = dict(zip(cells, (0.1, 0.2, 0.4, 0.6), strict=True))
    row = one(path, strata([(sex, age, 100, rates[sex, age]) for sex, age in cells]))
    assert row is not None
    assert row["hit_weighted"] == pytest.approx(sum(cells[key] * rates[key] for key in cells))


@settings(derandomize=True, deadline=None, max_examples=100, database=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=8))
def test_every_bin_has_enough_people_or_is_the_only_one(counts: list[int]) -> None:
    bins = adaptive_bins(np.array(counts, dtype=float), minimum=50)
    sums = np.bincount(bins, weights=counts)
    assert (np.diff(bins) >= 0).all()
    assert set(np.diff(bins)) <= {0, 1}
    assert sums.min() >= 50 or sums.size == 1


def test_a_cell_with_too_few_of_each_kind_is_not_weighted_at_all(tmp_path: Path) -> None:
    path = margins_file(tmp_path, "all,all,sex,f,0.9", "all,all,sex,m,0.1")
    row = one(path, strata([("f", None, 30, 0.5), ("m", None, 45, 0.1)]))
    assert row is not None
    assert row["hit_weighted"] == pytest.approx((30 * 0.5 + 45 * 0.1) / 75)
    assert row["design_effect"] == 1.0


def test_smoothing_and_the_largest_weight_pull_weights_towards_one(tmp_path: Path) -> None:
    path = margins_file(tmp_path, "all,all,sex,f,0.95", "all,all,sex,m,0.05")
    frame = strata([("f", None, 50, 0.5), ("m", None, 950, 0.1)])
    free, smoothed, trimmed = (
        one(path, frame, config)
        for config in (PLAIN, WeightsConfig(smoothing_people=50, maximum_weight=1000.0),
                       WeightsConfig(smoothing_people=0, maximum_weight=2.0))
    )  # fmt: skip
    assert free is not None
    assert smoothed is not None
    assert trimmed is not None
    assert free["hit_weighted"] == pytest.approx(0.95 * 0.5 + 0.05 * 0.1)
    assert 0.12 < smoothed["hit_weighted"] < free["hit_weighted"]
    assert 0.12 < trimmed["hit_weighted"] < free["hit_weighted"]
    assert trimmed["design_effect"] < free["design_effect"]


def test_who_declared_nothing_is_in_no_weighted_number_and_must_not_be_most(tmp_path: Path) -> None:
    path = margins_file(tmp_path, "all,all,sex,f,0.5", "all,all,sex,m,0.5")
    known = [("f", None, 100, 0.4), ("m", None, 100, 0.2)]
    row = one(path, strata([*known, (None, None, 150, 0.9), ("other", None, 10, 0.9)]))
    assert row is not None
    assert row["hit_weighted"] == pytest.approx(0.3)
    assert one(path, strata([*known, (None, None, 250, 0.9)])) is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "holds no rows"),
        (["country,US,sex,f,1.0"], "unknown geo_type 'country'"),
        (["all,all,shoe_size,44,1.0"], "unknown variable 'shoe_size'"),
        (["all,all,sex,f,0.5", "all,all,sex,m,0.3"], "sum to 0.800"),
        (["all,all,sex,f,0.5", "all,all,sex,f,0.5"], "twice"),
        (["all,all,sex,f,-0.5", "all,all,sex,m,1.5"], "line 2"),
        (["all,all,sex,f,", "all,all,sex,m,1.0"], "line 2: a field is empty"),
        (["all,all,sex,f,much"], "cannot be read"),
    ],
)
def test_a_wrong_margin_table_is_refused_with_its_place(
    tmp_path: Path, rows: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_margins(margins_file(tmp_path, *rows))


def test_a_missing_column_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Expected geo_type"):
        read_margins(margins_file(tmp_path, "all,1", header="geo_type,share\n"))
    with pytest.raises(InputError, match="cannot be read"):
        read_margins(tmp_path / "absent.csv")


def test_the_weighted_value_stands_beside_the_unweighted_one_and_both_are_released(
    store: Store, tmp_path: Path
) -> None:
    """300 men of whom a fifth are angry and 100 women of whom two fifths are, in a population half and half."""
    path = margins_file(tmp_path, "all,all,sex,f,0.5", "all,all,sex,m,0.5")
    rows = [{"author_key": f"m{n}", "text": "0.9 0.1" if n < 60 else "0.1 0.1"} for n in range(300)]
    rows += [{"author_key": f"f{n}", "text": "0.9 0.1" if n < 40 else "0.1 0.1"} for n in range(100)]
    people = pl.DataFrame(
        [
            {"author_key": row["author_key"], "region": None, "age_band": None, "sex": row["author_key"][0]}
            for row in rows
        ],
        schema_overrides={"region": pl.String, "age_band": pl.String},
    )
    store.put(TABLES["core.people"], people, run_id="test")
    config = Config(
        signals=SignalsConfig(levels=("all", "region"), populations=("sex",)),
        weights=WeightsConfig(margins=path, smoothing_people=0),
    )
    run_night(store, Night(issue=day(1), arrivals=posts(rows, received=day(1)), config=config))
    out = latest(store.read(TABLES["out.signals"])).filter(pl.col("signal") == "model_anger_share")
    found = {(row["population"], row["geo_type"]): row for row in out.iter_rows(named=True)}
    whole = found["all", "all"]
    assert whole["value"] == pytest.approx(0.3)
    assert whole["value_unweighted"] == pytest.approx(0.25)
    plain = found["all", "region"]
    assert plain["value"] == plain["value_unweighted"] == pytest.approx(0.25)
    assert whole["se"] > plain["se"] * 1.05
    assert found["sex=f", "all"]["value"] == pytest.approx(0.4)
    assert found["sex=m", "all"]["value"] == pytest.approx(0.2)


def test_a_changed_margin_table_makes_the_signals_anew(tmp_path: Path) -> None:
    path = margins_file(tmp_path, "all,all,sex,f,0.5", "all,all,sex,m,0.5")
    config = Config(weights=WeightsConfig(margins=path))
    before = config.sha256
    margins_file(tmp_path, "all,all,sex,f,0.4", "all,all,sex,m,0.6")
    assert config.sha256 != before


def test_where_the_margin_table_lies_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    hashes = {
        Config(weights=WeightsConfig(margins=margins_file(folder, "all,all,sex,f,1"))).sha256
        for folder in (tmp_path, tmp_path / "elsewhere")
    }
    assert len(hashes) == 1


def test_a_bad_margin_table_is_refused_before_the_night_begins(tmp_path: Path) -> None:
    path = margins_file(tmp_path, "all,all,sex,f,0.2")
    sources = (SourceConfig(name="posts", path="posts.csv"),)
    with pytest.raises(InputError, match=r"sum to 0\.2"):
        checks.check(Config(sources=sources, weights=WeightsConfig(margins=path)))


def test_people_of_two_regions_are_weighted_the_same_in_any_order(tmp_path: Path) -> None:
    path = margins_file(tmp_path, "nation,US,region,US-CA,0.5", "nation,US,region,US-NY,0.5")
    config = Config(weights=WeightsConfig(margins=path, smoothing_people=0))
    rows = [
        {"post_id": f"{place}{n}", "author_key": f"a{n}", "place": ("region", place),
         "text": "0.9 0.1" if n < 60 else "0.1 0.1"}
        for n in range(250)
        for place in (("US-CA", "US-NY") if n < 120 else ("US-CA",) if n < 200 else ("US-NY",))
    ]  # fmt: skip
    found = []
    for name, arrivals in (("one", rows), ("other", rows[::-1])):
        (tmp_path / name).mkdir()
        with opened(tmp_path / name) as store:
            run_night(store, Night(issue=day(1), arrivals=posts(arrivals, received=day(1)), config=config))
            found.append(store.read(TABLES["core.signals"]))
    nation = found[0].filter(pl.col("geo_type") == "nation")
    assert (nation["value"] != nation["value_unweighted"]).any()
    assert found[0].equals(found[1])


def test_weighted_shares_over_many_samples_are_unbiased_and_their_intervals_cover(tmp_path: Path) -> None:
    """Women are a quarter of who posts and half of who lives there; 1,000 samples."""
    path = margins_file(tmp_path, "all,all,sex,f,0.5", "all,all,sex,m,0.5")
    margins, rng = read_margins(path), np.random.default_rng(11)
    frames = []
    for sample in range(1_000):
        women = int(rng.binomial(800, 0.25))
        hits = (rng.binomial(women, 0.4), rng.binomial(800 - women, 0.2))
        frame = strata(
            [("f", None, women, hits[0] / women), ("m", None, 800 - women, hits[1] / (800 - women))]
        )
        frames.append(frame.with_columns(geo_value=pl.lit("all"), sample=pl.lit(sample)))
    made = weighted(pl.concat(frames), margins=margins, config=WeightsConfig(smoothing_people=0),
                    cell=["geo_type", "geo_value", "sample"], columns=["hit"])  # fmt: skip
    error = (made["hit_weighted_var"] / 800).sqrt()
    inside = (made["hit_weighted"] - 0.3).abs() <= 1.645 * error
    assert made["hit_weighted"].mean() == pytest.approx(0.3, abs=0.002)
    assert 0.87 <= inside.mean() <= 0.94
