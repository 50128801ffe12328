"""Markers by day as they may be shown, from a plain file of posts or from the warehouse, in one shape.

Not for finding anything in them: `findings.py` does that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from flows.score_file import cleaned, languages_of, score_posts
from forecasting.matrix import Frequency
from warehouse.cells import period_end, standard_error
from warehouse.config import Config
from warehouse.disclosure import disclose
from warehouse.errors import InputError
from warehouse.opening import exists, name_of
from warehouse.store import open_store
from warehouse.tables import NOT_MISSING, TABLES
from warehouse.vintages import latest

# Yes-or-no scorers that have the markers, the first one that has a marker wins; their sets come from the last one.
MARKER_SCORERS, STAGE_SCORER, SET_SCORER = ("lexicon", "plutchik", "feelings"), "crisis", "argentina"
POST_FLOOR = 200
READABLE = 0.8
SIGNALS = TABLES["core.signals"]
DAYS = ["marker", "time_value", "value", "se", "sample_size", "n_posts"]


@dataclass(frozen=True)
class Corpus:
    """`days`: a row per marker and day (ISO week, by its Sunday) with posts, value null where the disclosure rules hide
    it; `stages` and `sets` say which markers there are."""

    days: pl.DataFrame
    frequency: Frequency
    sets: dict[str, tuple[str, ...]]
    stages: tuple[str, ...]
    place: tuple[str, str]
    notes: tuple[str, ...]

    @property
    def markers(self) -> tuple[str, ...]:
        """Markers of affect, in the order of the sets."""
        return tuple(dict.fromkeys(marker for members in self.sets.values() for marker in members))


# --------------------------------------------------------------------------------------- from a file


def corpus_of_posts(
    posts: pl.DataFrame, *, language: str, config: Config, tell: Callable[[str, int], None],
    frequency: Frequency | None = None,
) -> Corpus:  # fmt: skip
    """Score text, created_at (a date, a time, or text that begins with YYYY-MM-DD) and perhaps author.

    One person, one vote: the mean over people of each person's share of posts with a word of the marker. Where most
    of a day's posts have no author, its posts stand in for people, 200 of them at least. Without a `frequency`, weeks
    are taken where fewer than four in five days with posts can be shown.

    Raises:
        InputError: no post has a day and a language that the lexicons read.
    """
    kept, notes = _usable(posts)
    text = cleaned(kept["text"])
    text = text.with_columns(lang=languages_of(text["text"], language=language))
    hits, owners = _hits(text, tell=tell)
    frame = hits.with_columns(kept["time_value"], kept["author"]).with_row_index("row")
    scored = frame.filter(pl.col("missing") == NOT_MISSING)
    if scored.is_empty():
        raise InputError(
            "No post could be scored. Expected a day that begins with YYYY-MM-DD and a text in English, Spanish or "
            "Chinese. Check --columns, or name the language with --language."
        )
    left_out = frame.height - scored.height
    notes += (f"{left_out:,} posts are in no language of the lexicons, or have no text.",) if left_out else ()
    stages = tuple(marker for marker, scorer in owners.items() if scorer == STAGE_SCORER)
    made = {
        name: _shown(scored.drop("missing"), markers=list(owners), config=config, frequency=name)
        for name in (("day", "week") if frequency is None else (frequency,))
    }
    chosen = frequency or _readable(made["day"])
    sets = marker_sets(set(owners) - set(stages))[0]
    return Corpus(made[chosen], chosen, sets, stages, ("all", "all"), notes)


def _readable(days: pl.DataFrame) -> Frequency:
    """Days where four in five of those with posts can be shown, else weeks."""
    shown = days.group_by("time_value").agg(shown=pl.col("value").is_not_null().any())["shown"]
    return "day" if shown.sum() >= READABLE * len(shown) else "week"


def _shown(scored: pl.DataFrame, *, markers: list[str], config: Config, frequency: Frequency) -> pl.DataFrame:
    """The cells of every period after disclosure."""
    ended = scored.with_columns(period_end(pl.col("time_value"), time_type=frequency))
    cells = _cells(ended, markers=markers, config=config).with_columns(time_type=pl.lit(frequency))
    rules = config.disclosure.model_copy(update={"post_floor": config.disclosure.post_floor or POST_FLOOR})
    statistics = cells.select("signal").unique().with_columns(statistic=pl.lit("share"))
    shown = disclose(cells, config=rules, statistics=statistics)
    return shown.rename({"signal": "marker"}).select(DAYS).sort("marker", "time_value")


def _usable(posts: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Posts with a day, no reposts and no second copy; sentences on what was left out."""
    day = posts["created_at"].cast(pl.String).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    author = (
        pl.col("author").cast(pl.String).str.strip_chars()
        if "author" in posts.columns
        else pl.lit(None, pl.String)
    )
    named = posts.with_columns(time_value=day, author=pl.when(author != "").then(author))
    dated = named.filter(pl.col("time_value").is_not_null())
    own = dated.filter(~pl.col("text").cast(pl.String).str.contains(r"^\s*RT @").fill_null(False))
    same = [name for name in ("post_id", "author", "created_at", "text") if name in own.columns]
    once = own.unique(same, keep="first", maintain_order=True)
    counts = {
        "have no day that begins with YYYY-MM-DD": posts.height - dated.height,
        "are reposts (RT @)": dated.height - own.height,
        "repeat another row": own.height - once.height,
    }
    return once, tuple(f"{n:,} rows {what} and were left out." for what, n in counts.items() if n)


def _hits(text: pl.DataFrame, *, tell: Callable[[str, int], None]) -> tuple[pl.DataFrame, dict[str, str]]:
    """A Boolean column per marker and `missing`; which scorer each marker is from."""
    from flows.scorers import make_scorer

    owners: dict[str, str] = {}
    parts: list[pl.DataFrame] = []
    for name in (*MARKER_SCORERS, STAGE_SCORER):
        scorer = make_scorer(name)
        fresh = [measure for measure in scorer.measures if _wanted(measure, scorer=name, owners=owners)]
        owners |= dict.fromkeys(fresh, name)
        scores = score_posts(text, scorer=scorer, tell=tell)
        missing = [] if parts else ["missing"]
        parts.append(scores.select(pl.col(fresh) > 0, *missing))
    return pl.concat(parts, how="horizontal"), owners


def _wanted(measure: str, *, scorer: str, owners: dict[str, str]) -> bool:
    members = {marker for known in _all_sets().values() for marker in known}
    return measure not in owners and (scorer == STAGE_SCORER or measure in members)


def _cells(scored: pl.DataFrame, *, markers: list[str], config: Config) -> pl.DataFrame:
    """Complete cells as `disclose` wants them: day by day, everybody in one place."""
    anonymous = pl.col("author").is_null()
    sided = scored.with_columns(
        anonymous=anonymous, unknown=(2 * anonymous.sum() > pl.len()).over("time_value")
    )
    counted = sided.filter(pl.col("unknown") | ~pl.col("anonymous"))
    person = pl.coalesce("author", pl.format("row {}", "row"))
    people = counted.group_by("time_value", person.alias("person")).agg(
        pl.col(markers).mean(), posts=pl.len(), unknown=pl.col("unknown").first()
    )
    long = people.unpivot(markers, index=["time_value", "posts", "unknown"], variable_name="signal")
    cells = long.group_by("signal", "time_value").agg(
        n=pl.len().cast(pl.Int64), n_posts=pl.col("posts").sum().cast(pl.Int64), mean=pl.col("value").mean(),
        variance=pl.col("value").var(), numerator=(pl.col("value") > 0).sum().cast(pl.Int64),
        people_unknown=pl.col("unknown").first(),
    )  # fmt: skip
    high = config.disclosure.high_reliability
    known = cells.with_columns(
        value="mean", value_unweighted="mean", se=standard_error(variance=pl.col("variance"), n=pl.col("n")),
        sample_size=pl.when(~pl.col("people_unknown")).then("n"), population=pl.lit("all"), geo_type=pl.lit("all"),
        geo_value=pl.lit("all"), design_effect=pl.lit(1.0),
        reliability=pl.when(pl.col("n") >= high).then(pl.lit("high")).otherwise(pl.lit("moderate")),
    )  # fmt: skip
    absent = [name for name in SIGNALS.columns if name not in known.columns and name != "time_type"]
    return known.with_columns(pl.lit(None).alias(name) for name in absent)


# -------------------------------------------------------------------------------- from the warehouse


def corpus_of_warehouse(
    config: Config, *, as_of: dt.date, place: str, frequency: Frequency | None = None
) -> Corpus:
    """The newest published value by `as_of` of every day of the markers' signals in a place (`all`, US, US-CA).

    Raises:
        InputError: there is no warehouse, or it has published none of the markers there.
    """
    path = config.paths.warehouse
    name = name_of(path, config=config.warehouse)
    if not exists(path, config=config.warehouse):
        raise InputError(
            f"{name}: there is no warehouse. Run `affectcast nightly` first, or give a file with --posts."
        )
    with open_store(path, config=config.warehouse) as store:
        catalogue = store.read(
            TABLES["out.signal_catalogue"], where="smoothing = 'none' AND statistic = 'share'"
        )
        chosen = _chosen(catalogue)
        rows = store.read(
            TABLES["out.signals"],
            where="issue <= ? AND population = 'all' AND geo_value = ? AND signal IN (SELECT unnest(?))",
            parameters=[as_of, place, chosen["signal"].to_list()],
        )
    both = (
        latest(rows).join(chosen, on="signal", how="inner").with_columns(pl.col("time_type").cast(pl.String))
    )
    kind = frequency or _readable(both.filter(pl.col("time_type") == "day"))
    days = both.filter(pl.col("time_type") == kind)
    if days["value"].drop_nulls().is_empty():
        raise InputError(
            f"{name}: no marker is published for place {place} by {as_of}. Expected a scorer with affect markers "
            f"among [score] scorers ({', '.join(MARKER_SCORERS)}, and {STAGE_SCORER} for stages) and a place with "
            "enough people. Check --place and --as-of."
        )
    stages = tuple(chosen.filter(pl.col("scorer") == STAGE_SCORER)["marker"].sort().to_list())
    sets, absent = marker_sets(set(chosen["marker"]) - set(stages))
    lacking = {
        f"Markers that the warehouse does not have: {', '.join(absent)}.": bool(absent),
        f"No crisis stages: add {STAGE_SCORER} to [score] scorers.": not stages,
    }
    notes = tuple(note for note, holds in lacking.items() if holds)
    geo_type = str(days["geo_type"].cast(pl.String)[0])
    return Corpus(
        days.select(DAYS).sort("marker", "time_value"), kind, sets, stages, (geo_type, place), notes
    )


def _chosen(catalogue: pl.DataFrame) -> pl.DataFrame:
    """signal, scorer and marker, one signal per marker."""
    order = {name: rank for rank, name in enumerate((*MARKER_SCORERS, STAGE_SCORER))}
    known = catalogue.filter(pl.col("scorer").is_in(list(order)))
    ranked = known.with_columns(rank=pl.col("scorer").replace_strict(order, return_dtype=pl.Int64))
    members = [marker for known_set in _all_sets().values() for marker in known_set]
    wanted = (pl.col("scorer") == STAGE_SCORER) | pl.col("measure").is_in(members)
    first = ranked.filter(wanted).sort("rank", "measure").unique("measure", keep="first", maintain_order=True)
    return first.select("signal", "scorer", marker="measure")


def marker_sets(available: set[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The study's dimensions as far as their markers are there, and the markers that are not."""
    sets = {name: tuple(m for m in members if m in available) for name, members in _all_sets().items()}
    absent = sorted({m for members in _all_sets().values() for m in members} - available)
    return {name: members for name, members in sets.items() if members}, absent


def _all_sets() -> dict[str, tuple[str, ...]]:
    from lexicons.catalogue import read_catalogue

    return {name: tuple(members) for name, members in read_catalogue(None).scorers[SET_SCORER].sets.items()}
