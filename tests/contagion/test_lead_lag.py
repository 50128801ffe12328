"""Lead-lag between places: finds what is planted, claims nothing where all share a driver, agrees with slow shifts."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from comovement_worlds import FIRST, Floats, logits, long

from forecasting.alerts.fdr import q_values
from forecasting.contagion import lead_lag as module
from forecasting.contagion.branching import Floors
from forecasting.contagion.comovement import comovement_file, lead_lag_rows
from forecasting.contagion.innovations import ORDER, innovations
from forecasting.contagion.lead_lag import LAGS, MARGIN, NEAREST_SHIFT, Panel, lead_lag, pair_tests
from warehouse.errors import InputError

FLOORS = Floors(people=50, posts=None, step=5)


def _panel(values: Floats, *, people: float = 1000.0, signal: str = "anger_share") -> Panel:
    places = tuple(f"place{k}" for k in range(len(values)))
    return Panel(
        signal=signal, geo_type="region", places=places, values=values, people=np.full(values.shape, people)
    )


def _cells(values: Floats, *, signal: str = "anger_share") -> pl.DataFrame:
    return (
        long(values)
        .rename({"series_id": "location"})
        .with_columns(
            pl.lit(signal).alias("signal"), pl.lit("region").alias("geo_type"),
            pl.lit("all").alias("population"), pl.col("n").alias("sample_size"),
            pl.lit("share").alias("kind"),
        )
    )  # fmt: skip


def test_what_one_place_passes_on_is_found_with_its_direction_and_lag() -> None:
    found = lead_lag([_panel(logits(3, places=8, passed_on=0.5))])
    best = found.rows.row(0, named=True)
    assert (best["leader"], best["follower"], best["lag"]) == ("place0", "place1", 2)
    assert best["q_value"] < 0.05
    assert 0.2 < best["correlation"] < 0.6
    assert (found.rows["q_value"] < 0.05).sum() == 1
    assert found.notes == []


def test_the_direction_turns_with_the_places() -> None:
    values = logits(3, places=8, passed_on=0.5)
    values[[0, 1]] = values[[1, 0]]
    best = lead_lag([_panel(values)]).rows.row(0, named=True)
    assert (best["leader"], best["follower"], best["lag"]) == ("place1", "place0", 2)


@pytest.mark.parametrize("kind", ["driver", "walks", "week"])
def test_nothing_is_claimed_where_nothing_is_passed_on(kind: str) -> None:
    claims = 0
    for seed in range(1000, 1008):
        rng = np.random.default_rng(seed)
        values = logits(seed)
        if kind == "walks":
            values = rng.normal(0, 0.05, values.shape).cumsum(axis=1)
        if kind == "week":
            values = rng.normal(0, 0.1, values.shape) + rng.normal(0, 0.5, 7)[np.arange(365) % 7]
        claims += bool((q_values(pair_tests(values).p_value) < 0.05).any())
    assert claims <= 1


def test_planted_influence_is_mostly_found() -> None:
    hits = 0
    for seed in range(12):
        made = pair_tests(logits(100 + seed, places=8, passed_on=0.4))
        hits += bool(q_values(made.p_value)[0] < 0.05 and made.lag[0] == 2)
    assert hits >= 8


def test_the_p_is_what_shifting_day_by_day_gives() -> None:
    values = logits(5, places=4, days=150)
    values[2, 40:52] = np.nan
    made = innovations(values)
    days = values.shape[1]

    def statistic(one: Floats, other: Floats) -> tuple[float, int]:
        best = (-np.inf, 0)
        for lag in [*range(1, LAGS + 1), *range(-LAGS, 0)]:
            product = one * np.roll(other, -lag)
            best = max(best, (product.sum() / np.sqrt(np.square(product).sum()), lag), key=lambda b: b[0])
        return best

    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    chance = [
        statistic(made.values[i], np.roll(made.values[j], -shift))[0]
        for i, j in pairs
        for shift in range(NEAREST_SHIFT + 1, days - NEAREST_SHIFT)
    ]
    drawn_in = np.sqrt((days - ORDER - 2 * made.taken) / (days - ORDER - made.taken))
    found = pair_tests(values)
    for number, (i, j) in enumerate(pairs):
        largest, lag = statistic(made.values[i], made.values[j])
        both = np.isfinite(values[[i, j]]).all(axis=0).sum()
        observed = largest * drawn_in - MARGIN / 4 * np.sqrt(both)
        above = sum(value >= observed - 1e-9 for value in chance)
        assert found.lag[number] == lag
        assert found.p_value[number] == pytest.approx((1 + above) / (1 + len(chance)))


def test_innovations_are_nothing_on_days_that_were_not_observed() -> None:
    values = logits(1)
    values[3, 200:210] = np.nan
    made = innovations(values).values
    assert (made[3, 200:210] == 0).all()
    assert (made[:, :ORDER] == 0).all()
    assert (made[3, 210:] != 0).mean() > 0.95


def test_the_order_of_places_changes_nothing() -> None:
    cells = _cells(logits(7, places=5, passed_on=0.4))
    end = FIRST + dt.timedelta(days=364)
    rows, _ = lead_lag_rows(cells, window_end=end)
    for seed in (1, 2):
        again, _ = lead_lag_rows(cells.sample(fraction=1.0, shuffle=True, seed=seed), window_end=end)
        assert again.equals(rows)


def test_q_is_over_all_pairs_and_signals_and_not_only_those_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    panels = [_panel(logits(k, places=5), signal=f"s{k}") for k in (1, 2)]
    whole = lead_lag(panels).rows
    assert whole.height == 20
    assert whole["q_value"].to_numpy() == pytest.approx(q_values(whole["p_value"].to_numpy()))
    assert whole["p_value"].is_sorted()
    monkeypatch.setattr(module, "MOST_ROWS", 7)
    some = lead_lag(panels)
    assert some.rows.equals(whole.head(7))
    assert some.notes == ["lead-lag: 20 pairs were tested; the 7 of the smallest p are given."]


def test_rows_say_how_many_days_and_the_fewest_people() -> None:
    values = logits(4, places=3)
    values[0, 100:120] = np.nan
    panel = _panel(values)
    panel.people[1, 50] = 60.0
    panel.people[0, 110] = 1.0
    rows = lead_lag([panel]).rows.with_columns(
        pair=pl.concat_list("leader", "follower").list.sort().list.join(" ")
    )
    by_pair = {row["pair"]: row for row in rows.to_dicts()}
    assert by_pair["place0 place1"]["n_days"] == 345
    assert by_pair["place1 place2"]["n_days"] == 365
    assert by_pair["place0 place1"]["sample_size"] == 60
    assert by_pair["place0 place2"]["sample_size"] == 1000


def test_people_that_are_unknown_stay_unknown() -> None:
    panel = _panel(logits(4, places=3))
    panel.people[0, 7] = np.nan
    rows = lead_lag([panel]).rows
    mine = (pl.col("leader") == "place0") | (pl.col("follower") == "place0")
    assert rows.filter(mine)["sample_size"].null_count() == 2
    assert rows.filter(~mine)["sample_size"].to_list() == [1000]


@pytest.mark.parametrize("kind", ["two places", "too short", "never changes", "gaps"])
def test_too_little_gives_no_rows_and_a_note(kind: str) -> None:
    values = logits(1, places=3)
    if kind == "two places":
        values = values[:2]
    if kind == "too short":
        values = values[:, :119]
    if kind == "never changes":
        values[0] = -2.0
    if kind == "gaps":
        values[1, 10:200] = np.nan
    found = lead_lag([_panel(values)])
    assert found.rows.is_empty()
    assert len(found.notes) == 1
    assert "at least 3 are needed" in found.notes[0]
    assert "anger_share (region)" in found.notes[0]


def test_rows_of_too_few_people_change_nothing_whatever_they_say() -> None:
    table = long(logits(2, places=4))
    few = pl.col("time_value").dt.day() == 13
    hidden = table.with_columns(n=pl.when(few).then(7.0).otherwise("n"))
    lies = hidden.with_columns(value=pl.when(few).then(0.99).otherwise("value"))
    absent = table.filter(~few)
    made = [comovement_file(one, as_of=None, floors=FLOORS) for one in (hidden, lies, absent)]
    assert made[0].lead_lag.equals(made[1].lead_lag)
    assert made[0].lead_lag.equals(made[2].lead_lag)
    assert made[0].growth.equals(made[1].growth)
    assert made[0].notes == ["48 rows with n unknown or below 50 were left out."]


def test_nothing_after_the_day_is_read() -> None:
    table = long(logits(2, places=4))
    day = FIRST + dt.timedelta(days=300)
    later = table.with_columns(value=pl.when(pl.col("time_value") > day).then(0.9).otherwise("value"))
    whole, cut = (comovement_file(one, as_of=day, floors=FLOORS) for one in (table, later))
    assert whole.lead_lag.equals(cut.lead_lag)
    assert whole.growth.equals(cut.growth)
    assert whole.lead_lag["window_end"].unique().to_list() == [day]


def test_several_signals_are_kept_apart() -> None:
    parts = [
        long(logits(k, places=3)).with_columns(signal=pl.lit(name)) for k, name in ((1, "fear"), (2, "joy"))
    ]
    made = comovement_file(pl.concat(parts), as_of=None, floors=FLOORS)
    assert made.lead_lag.group_by("signal").len().sort("signal").rows() == [("fear", 3), ("joy", 3)]
    assert made.growth.select("signal", "location").n_unique() == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("value"), "column value is missing"),
        (lambda t: t.with_columns(time_value=pl.lit("soon")), "not dates"),
        (lambda t: pl.concat([t, t.head(2)]), "one row per series and date"),
        (lambda t: t.with_columns(value=pl.lit(7.0)), "divide percentages by 100"),
        (lambda t: t.with_columns(value=pl.lit(None, dtype=pl.Float64)), "column value of value is empty"),
        (lambda t: t.head(12), "at least 21 are needed"),
        (lambda t: t.filter(pl.col("time_value").dt.weekday() == 1), "need daily series"),
        (lambda t: t.with_columns(signal=pl.lit(None, dtype=pl.String)), "column signal is empty"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_refused_with_what_was_expected(change: object, message: str) -> None:
    table = long(logits(1, places=2, days=200))
    with pytest.raises(InputError, match=message):
        comovement_file(change(table), as_of=None, floors=FLOORS)  # type: ignore[operator]
