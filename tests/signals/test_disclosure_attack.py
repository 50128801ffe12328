"""A reader with everything that was ever published tries to get a hidden number back, and cannot."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

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
# Worlds are drawn whole from a seed: drawn number by number, most of them would be nearly empty.
SEEDS = st.integers(0, 2**32 - 1)
CORE, OUT = TABLES["core.signals"], TABLES["out.signals"]


# ------------------------------------------------------------------------------------- worlds of counts


def drawn_groups(
    random: random.Random, *, regions: tuple[str, ...] = REGIONS, days: int = 3, scale: int = 1
) -> pl.DataFrame:
    """People and people with a hit per region, language and day; many of them near the floors."""
    usual = {
        place: random.choice([0, 0, 3, 20, 45, 60, 100, 180, 400])
        for place in itertools.product(regions, LANGS)
    }
    rows = []
    for number, ((region, lang), people) in itertools.product(range(days), usual.items()):
        n = (
            scale * int(people * random.choice([1, 1, 1, 0.5, 1.2]))
            if people
            else scale * random.choice([0, 0, 0, 7])
        )
        hits = {
            column: min(n, int(n * random.choice([0, 0.02, 0.05, 0.1, 0.3, 0.5])))
            for column in SHARES.values()
        }
        rows.append({"region": region, "lang": lang, "time_value": day(number), "n": n} | hits)
    return pl.DataFrame(
        [*rows, {"region": "US-CA", "lang": "en", "time_value": day(0), "n": 60, "hits_a": 5, "hits_b": 0}]
    )


def published(core: pl.DataFrame, config: DisclosureConfig = CONFIG) -> pl.DataFrame:
    names = core["signal"].unique().sort()
    statistics = pl.DataFrame(
        {"signal": names, "statistic": ["mean" if "mean" in name else "share" for name in names]}
    )
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
@given(SEEDS)
def test_no_hidden_count_comes_out_of_a_week_of_places_and_slices(seed: int) -> None:
    assert attacked(random.Random(seed)) == []


@pytest.mark.slow
@settings(max_examples=30)
@given(SEEDS)
def test_no_hidden_count_comes_out_of_many_weeks(seed: int) -> None:
    assert attacked(random.Random(seed), days=4) == []


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


def test_without_complementary_suppression_the_same_attack_gets_counts_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert attacked(random.Random(5), days=2) == []
    monkeypatch.setattr(disclosure, "close", unclosed)
    assert len(attacked(random.Random(5), days=2)) > 5


@pytest.mark.parametrize("rule", ["_close_weeks", "_together", "_exposed"])
def test_the_rules_of_complementary_suppression_stop_something(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def partly_scored() -> pl.DataFrame:
    """A measure that only English has counts all of Texas and none of California's Spanish speakers."""
    whole = of_groups(("US-CA", "es", 0, 20), ("US-TX", "en", 0, 100), ("US-NY", "en", 0, 300))
    english = of_groups(("US-TX", "en", 0, 100), ("US-NY", "en", 0, 300)).with_columns(
        signal=pl.lit("b_share")
    )
    return pl.concat([whole, english])


def one_cover_alone() -> pl.DataFrame:
    """Texas' Spanish cover California's, and are all that is hidden of Texas."""
    groups = [
        ("US-CA", "es", 0, 20),
        ("US-CA", "en", 0, 150),
        ("US-TX", "es", 0, 100),
        ("US-TX", "en", 0, 200),
    ]
    return of_groups(*groups, ("US-NY", "es", 0, 300), ("US-NY", "en", 0, 500))


def only_small(guard: Any) -> pl.Expr:
    few = [pl.col(f"{name}_gap").is_between(0, guard.floor, closed="none") for name in guard.counts]
    return pl.any_horizontal(*few).fill_null(False)


WORLDS = {"_close_weeks": days_and_week, "_together": partly_scored, "_exposed": one_cover_alone}
LESS = {
    "_close_weeks": lambda cells, *, guard: cells,
    "_together": lambda cells: cells,
    "_exposed": only_small,
}


def test_rounding_hides_how_many_came_late() -> None:
    """California has 49 people at first and is hidden, then 50. Exact counts of posts would tell that it was one."""

    def two_issues(config: DisclosureConfig) -> list[tuple[Hidden, float, float]]:
        others = [("US-NY", "en", 0, 300), ("US-TX", "en", 0, 200)]
        first = of_groups(("US-CA", "en", 0, 49), *others)
        second = of_groups(("US-CA", "en", 0, 50), *others).with_columns(issue=pl.lit(day(10)))
        shown = pl.concat([published(first, config), published(second, config)])
        return come_out(pl.concat([first, second]), shown, statistics={"a_share": "share"}, config=config)

    assert two_issues(CONFIG) == []
    exact_counts = CONFIG.model_copy(update={"rounding": 1})
    assert {found.count for found, _, _ in two_issues(exact_counts)} == {49}


# ------------------------------------------------------------------------------ a second equation: weights


WEIGHTS = {"US-CA": 0.9, "US-NY": 1.8, "US-TX": 0.4}


def weighted_nation() -> pl.DataFrame:
    """New York's four people with a hit are hidden, and Texas covers them; the nation is weighted by region."""
    hits = {"US-CA": (200, 60), "US-NY": (100, 4), "US-TX": (100, 40)}
    rows = [
        {"region": r, "lang": "en", "time_value": day(0), "n": n, "hits_a": h} for r, (n, h) in hits.items()
    ]
    core = core_rows(pl.DataFrame(rows), issue=ISSUE, hits={"a_share": "hits_a"}).filter(
        pl.col("time_type") == "day", pl.col("population") == "all", pl.col("geo_type") != "all"
    )
    value = sum(WEIGHTS[region] * count for region, (_, count) in hits.items()) / 400
    nation = pl.col("geo_type") == "nation"
    return core.with_columns(
        value=pl.when(nation).then(value).otherwise("value"),
        design_effect=pl.when(nation).then(1.34).otherwise(1.0),
    )


def comes_out_by_weights(core: pl.DataFrame) -> list[tuple[Hidden, float, float]]:
    """A reader who knows the weights has a second equation wherever `value` differs from `value_unweighted`."""
    shown = published(core)
    reader = Reader(statistics={"a_share": "share"}, config=CONFIG, additive=True)
    truth = exact(core, issues=[ISSUE], reader=reader)
    known = reader.read(shown)
    nation = shown.row(by_predicate=pl.col("geo_type") == "nation", named=True)
    if nation["value"] != nation["value_unweighted"]:
        count = nation["value"] * nation["sample_size"]
        for sign in (1.0, -1.0):
            terms = [
                (("f", "a_share", ISSUE, ("all", "region", region, "day", day(0))), sign * weight)
                for region, weight in WEIGHTS.items()
            ]
            known.at_most(terms, sign * count + 0.5)
    assert known.contradictions(truth) == []
    return known.recovered(small_and_hidden(shown, truth, reader=reader))


def test_a_weighted_share_does_not_give_back_what_the_unweighted_one_hides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert comes_out_by_weights(weighted_nation()) == []
    monkeypatch.setattr(disclosure, "_hides_hits_inside", lambda: pl.lit(False))
    assert [found.count for found, _, _ in comes_out_by_weights(weighted_nation())] == [4]


# ------------------------------------------------------------------------------- every world of a tiny size


TINY = DisclosureConfig.model_construct(
    people_floor=5, high_reliability=1000, numerator_floor=2, rounding=2, post_floor=None
)


def all_worlds(counted: str, values: range) -> tuple[list[tuple[int, ...]], list[tuple[Any, ...]]]:
    """Every world of one nation of three regions, and what is published of it: nation first, None where hidden,
    -1 where there is nobody. What varies is the people, or the people with a hit among 30."""
    three = list(itertools.product(values, repeat=3))
    rows = [
        {"region": region, "lang": "en", "time_value": day(7 * number), "n": count if counted == "n" else 30,
         "hits_a": count // 2 if counted == "n" else count}
        for number, world in enumerate(three) for region, count in zip(REGIONS, world, strict=False)
    ]  # fmt: skip
    core = core_rows(
        pl.DataFrame(rows), issue=ISSUE, hits={"a_mean" if counted == "n" else "a_share": "hits_a"}
    )
    places = pl.col("geo_type").is_in(["nation", "region"]) & (pl.col("time_type") == "day")
    shown = published(core.filter(places, pl.col("population") == "all"), TINY)
    pictures = {world: dict.fromkeys(("US", *REGIONS[:3]), -1.0) for world in three}
    for row in shown.iter_rows(named=True):
        count = row["sample_size"] if counted == "n" else row["value"]
        pictures[three[(row["time_value"] - day(0)).days // 7]][row["geo_value"]] = count
    return three, [tuple(pictures[world].values()) for world in three]


def told(counted: str, values: range, *, floor: int, edge: int, knows_choice: bool) -> list[tuple[int, ...]]:
    """Worlds whose nation is published and in which the worlds that look the same leave one value of a region's hidden
    count, or prove that it is small.

    They look the same if the same is published, cell for cell (`knows_choice`: the reader can tell which cells would
    have been hidden in any world); or if they agree with all published numbers.
    """
    three, pictures = all_worlds(counted, values)
    possible: dict[tuple[Any, ...], list[tuple[int, ...]]] = defaultdict(list)
    for world, picture in zip(three, pictures, strict=True):
        possible[picture].append(world)
    if not knows_choice:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(disclosure, "close", unclosed)
            _, numbers = all_worlds(counted, values)
        possible = {picture: agreeing(picture, three, numbers) for picture in possible}
    found = []
    for world, picture in zip(three, pictures, strict=True):
        for region in range(3):
            # Worlds near the edge would look like others that are not in the list.
            if picture[region + 1] is None and 1 <= world[region] < floor and max(world) <= edge:
                left = {other[region] for other in possible[picture]}
                if picture[0] is not None and (len(left) < 2 or max(left) < floor):
                    found.append(world)
    return found


def agreeing(
    picture: tuple[Any, ...], three: list[tuple[int, ...]], numbers: list[tuple[Any, ...]]
) -> list[tuple[int, ...]]:
    """Worlds in which every published number would be the same and every hidden cell has somebody."""
    shown = [place for place, number in enumerate(picture) if number is not None]
    hidden = [place - 1 for place, number in enumerate(picture) if number is None and place]
    wanted = [picture[place] for place in shown]
    return [
        world
        for world, own in zip(three, numbers, strict=True)
        if [own[place] for place in shown] == wanted and all(world[region] for region in hidden)
    ]


@pytest.mark.parametrize(
    ("counted", "values", "floor", "knows_choice"), [("n", range(13), 5, True), ("hits", range(9), 3, False)]
)
def test_of_all_worlds_that_look_the_same_some_differ(
    counted: str, values: range, floor: int, knows_choice: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = values.stop - floor - 1
    assert told(counted, values, floor=floor, edge=edge, knows_choice=knows_choice) == []
    monkeypatch.setattr(disclosure, "close", unclosed)
    assert told(counted, values, floor=floor, edge=edge, knows_choice=knows_choice) != []


# ------------------------------------------------------------------------------------- night after night


def arrivals(groups: pl.DataFrame, *, received: dt.date, tag: str, mobile: bool) -> pl.DataFrame:
    """One post per person and group; `mobile`: the same people on all days, and the first ones in two places."""
    rows = []
    for group in groups.iter_rows(named=True):
        number = (group["time_value"] - day(0)).days
        kind = "repost" if group["lang"] == "pt" else "original"
        for person in range(group["n"]):
            text = "0.9" if person < group["hits_a"] else "0.1"
            home = "anywhere" if mobile and person < 3 else group["region"]
            who = f"{home}-{group['lang']}-{person}" + ("" if mobile else f"-{number}-{tag}")
            rows.append({
                "post_id": f"{tag}-{group['region']}-{group['lang']}-{number}-{person}", "author_key": who,
                "day": number, "lang": "en" if kind == "repost" else group["lang"], "kind": kind, "text": text,
                "place": ("region", group["region"]),
            })  # fmt: skip
    return worlds.posts(rows, received=received)


SIGNALS = {"model_anger_share": "share", "model_anger_mean": "mean"}
ANGER = ReadOff(measures=("anger",), thresholds={"en": (0.5,), "es": (0.5,)})


def nights(store: Store, *, seed: int, mobile: bool, config: Config) -> None:
    """A bulk load and two nights with late posts; amplified posts and slices by language."""
    randomness = random.Random(seed)
    usual = drawn_groups(randomness, regions=REGIONS[1:4], days=4)
    few = pl.Series([randomness.choice([0, 0, 0, 1, 2, 6, 40]) for _ in range(usual.height)])
    late = usual.with_columns(n=few).with_columns(hits_a=pl.min_horizontal("hits_a", "n"))
    for groups, number in [(usual, 9), (late.filter(pl.col("time_value") < day(2)), 10), (late, 11)]:
        came = arrivals(groups, received=day(number), tag=str(number), mobile=mobile)
        run_night(store, Night(issue=day(number), arrivals=came, config=config, scorers=(ANGER,)))


@pytest.mark.parametrize(("seed", "mobile"), [(1, False), (2, True)])
def test_no_hidden_count_comes_out_of_three_issues(
    store: Store, tmp_path: Path, seed: int, mobile: bool
) -> None:
    paths = PathsConfig(published=tmp_path / "published")
    config = Config(signals=SignalsConfig(populations=("lang",)), paths=paths)
    nights(store, seed=seed, mobile=mobile, config=config)
    core, out = store.read(CORE), store.read(OUT)
    assert out["value"].is_not_null().any()
    assert come_out(core, out, statistics=SIGNALS, additive=not mobile) == []
    averages_say_nothing_more(out, config=config)
    files_say_nothing_more(store, out, config=config, to=tmp_path / "export")


@pytest.mark.slow
def test_a_cover_that_is_lifted_later_would_tell_what_it_covered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "warehouse.released._with_covers",
        lambda _, cells, *, release, statistics: cells.with_columns(covers=pl.lit(False)),
    )
    nights(store, seed=1, mobile=False, config=Config(signals=SignalsConfig(populations=("lang",))))
    assert come_out(store.read(CORE), store.read(OUT), statistics=SIGNALS) != []


def averages_say_nothing_more(out: pl.DataFrame, *, config: Config) -> None:
    """A reader can work out every 7-day average himself, so they tell him nothing."""
    own = trailing_mean(latest(out.filter(pl.col("signal").is_in(list(SIGNALS)))), config=config)
    named = own.with_columns(signal=pl.col("signal") + "_7dav").filter(pl.col("value").is_not_null())
    shown = latest(out).filter(pl.col("signal").str.ends_with("_7dav"), pl.col("value").is_not_null())
    columns = ["signal", *CELL, "value", "se", "sample_size", "n_posts"]
    assert shown.select(columns).sort(columns).equals(named.select(columns).sort(columns))


def files_say_nothing_more(store: Store, out: pl.DataFrame, *, config: Config, to: Path) -> None:
    """The exported series hold numbers of `out.signals` and no others."""
    publish(store, config=config, issue=day(11))
    export_publication(config.paths.published, issue=None, to=to)
    numbers = ["value", "se", "sample_size", "value_unweighted"]
    key = ["signal", "population", "geo_type", "time_type", "time_value", "issue"]
    known = out.rename({"geo_value": "location"}).select(
        *[pl.col(name).cast(pl.String) for name in (*key, "location")],
        *[pl.col(name).cast(pl.Float64).round(8) for name in numbers],
    )
    file = pl.read_csv(to / "observed.csv", infer_schema=False).select(known.columns)
    file = file.with_columns(pl.col(numbers).cast(pl.Float64).round(8))
    assert file.height > 100
    assert file.join(known, on=known.columns, how="anti", nulls_equal=True).is_empty()


def late_hits(store: Store) -> pl.DataFrame:
    """A hundred people without anger; then two who are late and angry, then thirty. Rows of the share."""
    config = Config(signals=SignalsConfig(levels=("region",)))
    crowds = [(100, 0, 9), (2, 2, 10), (30, 30, 11)]
    for people, hits, number in crowds:
        rows = worlds.crowd(people, days=range(1), received=day(number), hits=hits, tag=str(number))
        came = worlds.posts(rows, received=day(number))
        run_night(store, Night(issue=day(number), arrivals=came, config=config, scorers=(ANGER,)))
    share = "signal = 'model_anger_share' AND time_type = 'day' AND population = 'all'"
    return store.read(OUT, where=share).sort("issue")


def test_a_zero_is_not_withdrawn_for_the_few_who_came_late(store: Store) -> None:
    rows = late_hits(store)
    assert rows.select("issue", "value").rows() == [(day(9), 0.0), (day(11), pytest.approx(30 / 130))]
    core = store.read(CORE)
    out = store.read(OUT)
    assert come_out(core, out, statistics=SIGNALS) == []


def test_a_withdrawn_zero_would_tell_who_they_are(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "warehouse.released._with_held_zeros",
        lambda _, cells, *, release: cells.with_columns(held=pl.lit(False)),
    )
    assert late_hits(store)["value"].to_list()[1] is None
    found = come_out(store.read(CORE), store.read(OUT), statistics=SIGNALS)
    assert {one.count for one, _, _ in found} == {2}
