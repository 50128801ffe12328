"""A reader with everything that was ever published tries to get a hidden number back, and cannot."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import attack_worlds as attack
import polars as pl
import pytest
import signal_worlds as worlds
from attack_worlds import CELL, Hidden, Reader, core_rows, exact, small_and_hidden
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_worlds import Night, ReadOff, day, run_night

from flows.export.write import export_publication
from warehouse import complementary, disclosure
from warehouse.config import Config, DisclosureConfig, PathsConfig, SignalsConfig
from warehouse.disclosure import disclose
from warehouse.publish import publish
from warehouse.released import trailing_mean
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.vintages import latest

CONFIG = DisclosureConfig()
ISSUE = day(9)
SHARES = {"a_share": "hits_a", "b_share": "hits_b"}
REGIONS, LANGS = ("US-CA", "US-NY", "US-TX", "AR-B", "AR-C"), ("en", "es", "pt")
CORE, OUT = TABLES["core.signals"], TABLES["out.signals"]


# ------------------------------------------------------------------------------------- worlds of counts


def drawn_groups(random: random.Random, *, regions: tuple[str, ...] = REGIONS, days: int = 3, scale: int = 1) -> pl.DataFrame:
    """People and people with a hit per region, language and day; many of them near the floors."""
    usual = {(r, l): random.choice([0, 0, 3, 20, 45, 60, 100, 180, 400]) for r in regions for l in LANGS}
    rows = []
    for number, ((region, lang), people) in itertools.product(range(days), usual.items()):
        n = scale * int(people * random.choice([1, 1, 1, 0.5, 1.2])) if people else scale * random.choice([0, 0, 0, 7])
        hits = {column: min(n, int(n * random.choice([0, 0.02, 0.05, 0.1, 0.3, 0.5]))) for column in SHARES.values()}
        rows.append({"region": region, "lang": lang, "time_value": day(number), "n": n} | hits)
    return pl.DataFrame(rows)


def published(core: pl.DataFrame, config: DisclosureConfig = CONFIG) -> pl.DataFrame:
    names = core["signal"].unique().sort()
    statistics = pl.DataFrame({"signal": names, "statistic": ["mean" if "mean" in name else "share" for name in names]})
    return disclose(core, config=config, statistics=statistics)


def come_out(
    core: pl.DataFrame, shown: pl.DataFrame, *, statistics: dict[str, str], config: DisclosureConfig = CONFIG,
    additive: bool = True, groups: dict[str, str] | None = None,
) -> list[tuple[Hidden, float, float]]:  # fmt: skip
    """What the reader gets out of `shown`; fails where his reasoning would contradict the truth."""
    reader = Reader(statistics=statistics, config=config, additive=additive, groups=groups or {})
    truth = exact(core, issues=shown["issue"].unique().sort(), reader=reader)
    known = reader.read(shown)
    assert known.contradictions(truth) == []
    return known.recovered(small_and_hidden(shown, truth, reader=reader))


def attacked(randomness: random.Random, *, days: int = 3) -> list[tuple[Hidden, float, float]]:
    core = core_rows(drawn_groups(randomness, days=days), issue=ISSUE, hits=SHARES)
    return come_out(core, published(core), statistics=dict.fromkeys(SHARES, "share"))


@settings(max_examples=6)
@given(st.randoms(use_true_random=False))
def test_no_hidden_count_comes_out_of_a_week_of_places_and_slices(randomness: random.Random) -> None:
    assert attacked(randomness) == []


@pytest.mark.slow
@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_no_hidden_count_comes_out_of_many_weeks(randomness: random.Random) -> None:
    assert attacked(randomness, days=5) == []


def test_posts_that_stand_in_for_people_are_as_safe() -> None:
    config = DisclosureConfig(post_floor=200)
    for seed in (1, 2):
        groups = drawn_groups(random.Random(seed), regions=REGIONS[:4], days=2, scale=4)
        made = core_rows(groups, issue=ISSUE, hits=SHARES)
        core = made.with_columns(people_unknown=True, sample_size=pl.lit(None, pl.Int64))
        core = CORE.schema.cast(core)
        shown = published(core, config)
        assert shown["value"].is_not_null().any()
        assert come_out(core, shown, statistics=dict.fromkeys(SHARES, "share"), config=config) == []


# ------------------------------------------------------------------------- the attack can succeed


def unclosed(cells: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    del config
    return cells


def test_without_complementary_suppression_the_same_attack_gets_counts_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attacked(random.Random(5), days=2) == []
    monkeypatch.setattr(disclosure, "close", unclosed)
    assert len(attacked(random.Random(5), days=2)) > 5


@pytest.mark.parametrize("rule", ["_close_weeks", "_hide_slices_of_hidden", "_that_tell", "_together", "_exposed"])
def test_every_rule_of_complementary_suppression_stops_something(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a world made for it, in which nothing comes out as long as the rule is there."""
    core = WORLDS[rule]()
    assert come_out(core, published(core), statistics=SHARE_ONLY, groups=ENGLISH) == []
    monkeypatch.setattr(complementary, rule, LESS[rule])
    assert come_out(core, published(core), statistics=SHARE_ONLY, groups=ENGLISH) != []


SHARE_ONLY, ENGLISH = {"a_share": "share", "b_share": "share"}, {"b_share": "english"}


def of_groups(*groups: tuple[str, str, int, int]) -> pl.DataFrame:
    """Core rows of (region, lang, day, people); a third of all people have a hit."""
    rows = [
        {"region": region, "lang": lang, "time_value": day(number), "n": n, "hits_a": n // 3}
        for region, lang, number, n in groups
    ]
    return core_rows(pl.DataFrame(rows), issue=ISSUE, hits={"a_share": "hits_a"})


def days_and_week() -> pl.DataFrame:
    days = [("US-CA", "en", number, 90) for number in range(4)]
    return of_groups(*days, ("US-CA", "en", 4, 20))


def slices_of_a_cover() -> pl.DataFrame:
    texas = [("US-TX", "en", 0, 100), ("US-TX", "es", 0, 90)]
    return of_groups(("US-CA", "en", 0, 20), *texas, ("US-NY", "en", 0, 300))


def regions_of_a_cover() -> pl.DataFrame:
    """Argentina's Portuguese cover Uruguay's; Argentina's regions would give them back by their other languages."""
    uruguay = [("UY-M", "pt", 0, 20), ("UY-M", "en", 0, 200)]
    return of_groups(*uruguay, ("AR-B", "pt", 0, 100), ("AR-B", "en", 0, 200))


def partly_scored() -> pl.DataFrame:
    """A measure that only English has counts all of Texas and none of California's Spanish speakers."""
    whole = of_groups(("US-CA", "es", 0, 20), ("US-TX", "en", 0, 100), ("US-NY", "en", 0, 300))
    english = of_groups(("US-TX", "en", 0, 100), ("US-NY", "en", 0, 300)).with_columns(signal=pl.lit("b_share"))
    return pl.concat([whole, english])


def one_cover_alone() -> pl.DataFrame:
    """Texas' Spanish cover California's, and are all that is hidden of Texas."""
    groups = [("US-CA", "es", 0, 20), ("US-CA", "en", 0, 150), ("US-TX", "es", 0, 100), ("US-TX", "en", 0, 200)]
    return of_groups(*groups, ("US-NY", "es", 0, 300), ("US-NY", "en", 0, 500))


def only_small(guard: Any) -> pl.Expr:
    few = [pl.col(f"{name}_gap").is_between(0, guard.floor, closed="none") for name in guard.counts]
    return pl.any_horizontal(*few).fill_null(False)


WORLDS = {
    "_close_weeks": days_and_week, "_hide_slices_of_hidden": slices_of_a_cover, "_that_tell": regions_of_a_cover,
    "_together": partly_scored, "_exposed": one_cover_alone,
}  # fmt: skip
LESS = {
    "_close_weeks": lambda cells, *, guard: cells, "_hide_slices_of_hidden": lambda cells: cells,
    "_that_tell": lambda inside, *, keys, guard: inside["row"].head(0), "_together": lambda cells: cells,
    "_exposed": only_small,
}  # fmt: skip


# ------------------------------------------------------------------------------------- night after night


def texts(n: int, hits: int, lang: str) -> list[str]:
    """Anger and joy of n people, of whom `hits` express anger and every second joy."""
    del lang
    return [f"{0.9 if person < hits else 0.1} {0.8 if person % 2 else 0.2}" for person in range(n)]


def arrivals(groups: pl.DataFrame, *, received: dt.date, tag: str, mobile: bool) -> pl.DataFrame:
    """One post per person and group; `mobile`: the same people on all days, and the first ones in two places."""
    rows = []
    for group in groups.iter_rows(named=True):
        number = (group["time_value"] - day(0)).days
        kind = "repost" if group["lang"] == "pt" else "original"
        for person, text in enumerate(texts(group["n"], group["hits_a"], group["lang"])):
            home = "anywhere" if mobile and person < 3 else group["region"]
            who = f"{home}-{group['lang']}-{person}" + ("" if mobile else f"-{number}-{tag}")
            rows.append({
                "post_id": f"{tag}-{group['region']}-{group['lang']}-{number}-{person}", "author_key": who, "day": number,
                "lang": "en" if kind == "repost" else group["lang"], "place": ("region", group["region"]),
                "kind": kind, "text": text,
            })  # fmt: skip
    return worlds.posts(rows, received=received)


SIGNALS = {f"model_{measure}_{kind}": kind for measure in ("anger", "joy") for kind in ("share", "mean")}


def nights(store: Store, randomness: random.Random, *, mobile: bool) -> Config:
    """A bulk load and two nights with late posts; amplified posts and slices by language."""
    config = Config(signals=SignalsConfig(populations=("lang",)))
    scorer = ReadOff(thresholds={"en": (0.5, 0.3), "es": (0.5, 0.3)})
    usual = drawn_groups(randomness, regions=REGIONS[1:4], days=8)
    late = usual.with_columns(n=pl.Series([randomness.choice([0, 0, 0, 1, 2, 6, 40]) for _ in range(usual.height)]))
    late = late.with_columns(hits_a=pl.min_horizontal("hits_a", "n"))
    night = [(usual, 9), (late.filter(pl.col("time_value") < day(4)), 10), (late, 11)]
    for groups, number in night:
        came = arrivals(groups, received=day(number), tag=str(number), mobile=mobile)
        run_night(store, Night(issue=day(number), arrivals=came, config=config, scorers=(scorer,)))
    return config


@settings(max_examples=1)
@given(st.randoms(use_true_random=False), st.booleans())
def test_no_hidden_count_comes_out_of_three_issues(randomness: random.Random, mobile: bool) -> None:
    with worlds.opened(Path(_scratch())) as store:
        nights(store, randomness, mobile=mobile)
        core, out = store.read(CORE), store.read(OUT)
    assert come_out(core, out, statistics=SIGNALS, additive=not mobile) == []


def _scratch() -> str:
    import tempfile

    return tempfile.mkdtemp()
