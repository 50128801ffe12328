"""Which words an answer, or a whole signal, hangs on: `affectcast explain`. Nothing is stored, and no post is shown.

Over many posts a word is shown only where enough people used it; all others are one row, so that the parts still sum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from classifiers.drivers import is_cut, word_effects
from classifiers.explain import ExplainSpec, Explanation, check_measure, explain
from flows.score_file import cleaned, languages_of, score_posts
from lexicons.grow import POST_FLOOR
from warehouse.errors import InputError, UsageError
from warehouse.scoring import Scorer
from warehouse.shift import OTHER, SHIFT_SCHEMA, with_floor

AUTO = "auto"
DRIVER_SCHEMA = pl.Schema(
    {
        "word": pl.String(), "contribution": pl.Float64(), "mean_effect": pl.Float64(), "share_posts": pl.Float64(),
        "n_people": pl.Int64(), "people_unknown": pl.Boolean(),
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DriversSpec:
    """Which measure, how many posts are drawn at most, how many words are shown, and the floor of people."""

    measure: str
    language: str = AUTO
    sample: int = 2_000
    top: int = 20
    people: int = 50
    seed: int = 7


@dataclass(frozen=True, kw_only=True)
class Drivers:
    """Rows as in `DRIVER_SCHEMA`, the largest contribution first and `(other)` last; the mean score of the posts; how
    many there were; what the rows sum to; and sentences."""

    rows: pl.DataFrame
    mean_score: float
    n_posts: int
    total: float
    notes: tuple[str, ...]


def explain_text(text: str, *, scorer: Scorer, measure: str | None, language: str) -> Explanation:
    """The words of a text that somebody typed, cleaned and masked as a post is.

    Raises:
        UsageError: no such measure or language.
        InputError: there is no text, its language is not known, or it cannot be scored.
    """
    check_measure(scorer, measure=measure)
    ready = cleaned(pl.Series([text], dtype=pl.String))["text"]
    found = languages_of(ready, language=language)[0]
    if found is None:
        raise InputError("The language of the text is not certain. Expected one. Name it with --language.")
    return explain(ready[0] or "", scorer=scorer, spec=ExplainSpec(language=found, measure=measure))


def explain_posts(
    posts: pl.DataFrame, *, scorer: Scorer, spec: DriversSpec, tell: Callable[[str, int], None]
) -> Drivers:
    """The words that a measure hangs on over a sample of posts with `text`, perhaps `author`, perhaps `lang`.

    A word's contribution is the sum of its effects over the number of posts; the contributions of all words, shown or
    not, sum to the mean effect of a post's words taken one by one. Without authors a word needs 200 different posts.

    Raises:
        UsageError: no such measure, or one that is graded and has no number without words.
        InputError: too few people or posts, or none that the scorer reads.
    """
    _check(scorer, spec=spec)
    ready, notes = _ready(posts, scorer=scorer, spec=spec, tell=tell)
    has_people = "who" in ready.columns
    floor = spec.people if has_people else max(POST_FLOOR, spec.people)
    drawn, more = _drawn(ready, spec=spec)
    _check_people(drawn, floor=floor)
    effects = []
    for part in word_effects(drawn, scorer=scorer, measure=spec.measure):
        effects.append(part)
        tell(f"explain {scorer.name}", part["post"].n_unique())
    rows = _floored(_per_word(pl.concat(effects), drawn=drawn), floor=floor, top=spec.top)
    if not has_people:
        more.append(f"There are no authors: a word is shown from {floor} different posts on.")
    return Drivers(
        rows=rows.with_columns(people_unknown=pl.lit(not has_people))
        .select(DRIVER_SCHEMA.names())
        .cast(DRIVER_SCHEMA),
        mean_score=float(drawn["score"].mean()),  # type: ignore[arg-type]
        n_posts=drawn.height,
        total=float(rows["contribution"].sum()),
        notes=(*notes, *more),
    )


def _check(scorer: Scorer, *, spec: DriversSpec) -> None:
    check_measure(scorer, measure=spec.measure, language=None if spec.language == AUTO else spec.language)
    if scorer.describe().get("scale") == "mean":
        raise UsageError(
            f"--scorer: {scorer.name} has no number for a post without its words. Expected a scorer of another scale; "
            "for this one see `affectcast lexicons shift`."
        )


def _ready(
    posts: pl.DataFrame, *, scorer: Scorer, spec: DriversSpec, tell: Callable[[str, int], None]
) -> tuple[pl.DataFrame, list[str]]:
    """`text`, `lang`, `score` and perhaps `who` of the different posts that have a score."""
    ready = cleaned(posts["text"])
    known = spec.language == AUTO and "lang" in posts.columns
    lang = posts["lang"].cast(pl.String) if known else languages_of(ready["text"], language=spec.language)
    ready = ready.with_columns(lang=lang)
    if "author" in posts.columns:
        ready = ready.with_columns(who=posts["author"].cast(pl.String))
    scores = score_posts(ready.select("text", "lang"), scorer=scorer, tell=tell)
    ready = ready.with_columns(score=scores[spec.measure]).filter(scores["missing"] == 0).drop_nulls("score")
    if ready.is_empty():
        raise InputError(
            f"None of the {posts.height:,} posts has a score of {spec.measure} by {scorer.name}. Expected posts in "
            f"{', '.join(scorer.languages)}. Check --language, --columns and --measure."
        )
    left = posts.height - ready.height
    # A text that one person, or nobody known, posts again is one post.
    once = ready.unique([name for name in ("text", "who") if name in ready.columns], maintain_order=True)
    repeats = ready.height - once.height
    notes = [f"{left:,} of {posts.height:,} posts have no score and were left out."] if left else []
    return once, notes + ([f"{repeats:,} repeated posts were left out."] if repeats else [])


def _drawn(ready: pl.DataFrame, *, spec: DriversSpec) -> tuple[pl.DataFrame, list[str]]:
    cut = ready.sample(spec.sample, seed=spec.seed) if ready.height > spec.sample else ready
    notes = []
    if cut.height < ready.height:
        notes.append(f"{cut.height:,} of {ready.height:,} posts were drawn; --sample takes more.")
    long = sum(map(is_cut, cut["text"]))
    if long:
        notes.append(f"{long:,} posts are long; only their beginning was looked at.")
    return cut, notes


def _check_people(drawn: pl.DataFrame, *, floor: int) -> None:
    """What the rows sum to is about the people of the sample: so many are needed."""
    has_people = "who" in drawn.columns
    n = drawn["who"].drop_nulls().n_unique() if has_people else drawn["text"].n_unique()
    if n < floor:
        raise InputError(
            f"There are fewer than {floor} {'people' if has_people else 'different posts'} with a score: too few to "
            "say anything about. Bring more posts, or explain a text of your own with --text."
        )


def _per_word(effects: pl.DataFrame, *, drawn: pl.DataFrame) -> pl.DataFrame:
    """Per word the contribution, its mean effect, its share of posts and its people (or different posts)."""
    people = pl.col("who" if "who" in drawn.columns else "text").drop_nulls().n_unique()
    keyed = effects.join(drawn.with_row_index("post").cast({"post": pl.Int64}), on="post", how="left")
    return keyed.group_by("word").agg(
        contribution=pl.col("effect").sum() / drawn.height,
        mean_effect=pl.col("effect").mean(),
        share_posts=pl.len() / drawn.height,
        # A word that only posts without an author hold has no number of people: it is not shown.
        n_people=pl.when(people > 0).then(people).cast(pl.Int64),
    )  # fmt: skip


def _floored(words: pl.DataFrame, *, floor: int, top: int) -> pl.DataFrame:
    """The `top` words that enough people used, by size, and `(other)`: the same rule as for word shifts."""
    nothing, share = pl.lit(0.0), pl.col("share_posts").cast(pl.Float64)
    shift = words.select(
        pl.col("word").alias("term"), "contribution", "n_people", negated=pl.lit(False),
        frequency=pl.col("contribution"), score=nothing, share_before=nothing, share_after=share,
    )  # fmt: skip
    allowed = with_floor(shift.select(SHIFT_SCHEMA.names()).cast(SHIFT_SCHEMA), people=floor)
    shown = allowed.filter(pl.col("term") != OTHER).head(top)["term"]
    named = words.filter(pl.col("word").is_in(shown.implode())).sort(
        pl.col("contribution").abs(), "word", descending=[True, False]
    )
    rest = words.filter(~pl.col("word").is_in(shown.implode()))
    if rest.is_empty():
        return named
    other = rest.select(word=pl.lit(OTHER), contribution=pl.col("contribution").sum())
    return pl.concat([named, other], how="diagonal")
