"""Propose terms for a lexicon: words that posts with a known term hold more often than other posts.

Not for adding anything: a person reads the list and decides. Not for matching: spelling is folded, but
stretched letters and camel-case hashtags are taken as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from lexicons.index import SUBSTRING_LANGUAGES
from warehouse.errors import InputError

CHUNK = 50_000
# Without authors nobody knows how many people a number of posts is: so many are asked for.
POST_FLOOR = 200
CANDIDATE_SCHEMA = pl.Schema(
    {
        "term": pl.String(),
        "n_posts": pl.Int64(),
        "n_with_seed": pl.Int64(),
        "log_odds": pl.Float64(),
        "z": pl.Float64(),
    }
)

_LINKS = r"https?://\S+|www\.\S+|@[\w.-]+"
_EMOJI = r"\p{Extended_Pictographic}"
_HELD_ENYE = "\ue000"
# A token is a link or mention, a word, an emoji, or a sign that ends a phrase. Spaces, hyphens, hashes and
# outer apostrophes leave no token, except where terms are substrings and any separator ends one.
_SPACED_TOKEN = rf"{_LINKS}|[\p{{L}}\p{{N}}]+(?:'[\p{{L}}\p{{N}}]+)*|{_EMOJI}|[^\s\p{{L}}\p{{N}}'_#-]"
_HAN_TOKEN = rf"{_LINKS}|\p{{Han}}|[\p{{L}}\p{{N}}&&[^\p{{Han}}]]+|{_EMOJI}|(?s:.)"
_WORD = r"^[\p{L}\p{N}]*\p{L}[\p{L}\p{N}']*$"


@dataclass(frozen=True)
class GrowSpec:
    """What is looked for, and what is too rare to be shown.

    Attributes:
        language: `zh` counts runs of 2 to 4 characters, others count words and pairs of words.
        min_posts: posts a term must be in.
        min_with_seed: of these posts, those that must hold a seed.
        min_people: people who must have used it, where the authors are given.
        prior: strength of the prior, in occurrences of terms.
        pairs: whether pairs of words are counted, in languages with spaces.
    """

    language: str = "en"
    min_posts: int = 50
    min_with_seed: int = 0
    min_people: int = 50
    prior: float = 500.0
    pairs: bool = True

    def __post_init__(self) -> None:
        """Refuse floors below one and a prior that is none."""
        if self.min_posts < 1 or self.min_people < 1 or not self.prior > 0:
            raise InputError(
                f"GrowSpec has min_posts {self.min_posts}, min_people {self.min_people} and prior {self.prior}. "
                "Expected at least 1, at least 1 and more than 0. Choose other values."
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of tokens in a candidate."""
        if self.language in SUBSTRING_LANGUAGES:
            return (1, 2, 3, 4)
        return (1, 2) if self.pairs else (1,)


@dataclass(frozen=True)
class _Seed:
    tokens: tuple[str, ...]
    is_stem: bool


def candidates(
    texts: pl.Series, seed: Sequence[str], *, spec: GrowSpec, authors: pl.Series | None = None
) -> pl.DataFrame:
    """Rank the terms that go with a seed by a log-odds ratio with an informative Dirichlet prior.

    Posts with a seed term are compared with all others. A term counts once per post, outside the words a
    seed has matched, so seeds never propose themselves. The prior of a term is its share in all posts.
    Terms of one length are compared with terms of that length; an only one has no odds and is left out.
    Method: Monroe, Colaresi & Quinn 2008, "Fightin' Words", Political Analysis 16(4), the log-odds ratio
    with an informative Dirichlet prior and its approximate variance.

    Args:
        texts: one String per post; null is no post.
        seed: words, stems (`lonel*`) and phrases.
        authors: who wrote each post; with it, `spec.min_people` holds beside `spec.min_posts`.

    Returns:
        term, n_posts (posts with the term), n_with_seed (of these, posts with a seed), log_odds, z; sorted
        by z, highest first. Terms below the floors are not in it, because rare words can identify people.

    Raises:
        InputError: no usable seed, authors of another length, or no two groups of posts to compare.
    """
    seeds = _parse_seeds(seed, spec)
    if authors is not None and len(authors) != len(texts):
        raise InputError(
            f"There are {len(texts)} texts and {len(authors)} authors. Expected one author per text. "
            "Take both from the same table."
        )
    posts = _posts(texts, authors)
    has_seed = pl.concat([_with_seed(chunk, seeds, spec) for chunk in posts.iter_slices(CHUNK)] or [posts])
    _check_groups(has_seed.height, posts.height)
    counts = _counts(posts, seeds, spec)
    # A small number of posts with a seed could be about somebody, too.
    enough = (pl.col("n_posts") >= spec.min_posts) & (pl.col("n_with_seed") >= spec.min_with_seed)
    shown = _scored(counts, spec).filter(enough)
    if authors is not None:
        shown = shown.join(_known_enough(posts, shown, seeds, spec), on=["term", "size"], how="semi")
    return (
        shown.select(CANDIDATE_SCHEMA.names())
        .cast(CANDIDATE_SCHEMA)
        .sort("z", "term", descending=[True, False])
    )


def _posts(texts: pl.Series, authors: pl.Series | None) -> pl.DataFrame:
    people = (
        pl.Series("author", [None] * len(texts), dtype=pl.UInt32)
        if authors is None
        else (authors.rank("dense").cast(pl.UInt32).alias("author"))
    )
    frame = pl.DataFrame({"text": texts.cast(pl.String), "author": people}).drop_nulls("text")
    return frame.with_row_index("post")


def fold(text: pl.Expr) -> pl.Expr:
    """Lower case, no accents but on ñ, usual width, straight apostrophes, no zero-width characters."""
    held = text.str.normalize("NFC").str.to_lowercase().str.replace_all("ñ", _HELD_ENYE, literal=True)
    bare = held.str.normalize("NFKD").str.replace_all(r"[\p{M}\p{Cf}]", "")
    return bare.str.replace_all(_HELD_ENYE, "ñ", literal=True).str.replace_all(
        "[\u2019\u2018\u02bc\uff07]", "'"
    )


def _tokens(posts: pl.DataFrame, spec: GrowSpec) -> pl.DataFrame:
    """One row per token of each post, in order: post, author, token, is_word, is_emoji."""
    pattern = _HAN_TOKEN if spec.language in SUBSTRING_LANGUAGES else _SPACED_TOKEN
    found = posts.select("post", "author", token=fold(pl.col("text")).str.extract_all(pattern))
    return (
        found.explode("token", empty_as_null=True)
        .drop_nulls("token")
        .with_columns(
            is_word=pl.col("token").str.contains(_WORD), is_emoji=pl.col("token").str.contains(rf"^{_EMOJI}$")
        )
    )


def _parse_seeds(seed: Sequence[str], spec: GrowSpec) -> list[_Seed]:
    if isinstance(seed, str) or not seed:
        raise InputError(
            "The seed holds no term. Expected a list of words, stems or phrases. Name at least one."
        )
    bare = pl.Series("text", [term.removesuffix("*") for term in seed], dtype=pl.String)
    found = _tokens(_posts(bare, None), spec)
    grouped = found.group_by("post").agg("token", usable=(pl.col("is_word") | pl.col("is_emoji")).all())
    usable = {post: tuple(tokens) for post, tokens, is_usable in grouped.iter_rows() if is_usable}
    seeds = [_Seed(usable.get(at, ()), term.endswith("*")) for at, term in enumerate(seed)]
    bad = [term for term, one in zip(seed, seeds, strict=True) if not _is_usable(one)]
    if bad:
        raise InputError(
            f"The seed terms {', '.join(map(repr, bad))} cannot be looked for. Expected words, phrases without "
            "punctuation, or one word that ends in *. Correct or remove them."
        )
    return seeds


def _is_usable(seed: _Seed) -> bool:
    return len(seed.tokens) == 1 if seed.is_stem else len(seed.tokens) > 0


def _marked(posts: pl.DataFrame, seeds: Sequence[_Seed], spec: GrowSpec) -> pl.DataFrame:
    """Tokens with `is_seed`, whether a seed has matched the token, and `has_seed` for its post."""
    marked = _tokens(posts, spec).with_columns(is_seed=pl.any_horizontal([_covered(seed) for seed in seeds]))
    return marked.with_columns(has_seed=pl.col("is_seed").any().over("post"))


def _covered(seed: _Seed) -> pl.Expr:
    """Whether a token belongs to an occurrence of the seed."""
    if seed.is_stem:
        return pl.col("token").str.starts_with(seed.tokens[0])
    n = len(seed.tokens)
    here = [pl.col("token").shift(-at).eq(token) for at, token in enumerate(seed.tokens)]
    starts = pl.all_horizontal(*here, _same_post(n)).fill_null(False)
    return pl.any_horizontal([starts.shift(at, fill_value=False) for at in range(n)])


def _same_post(n: int) -> pl.Expr:
    """Whether the n tokens from here on belong to one post."""
    return pl.col("post").shift(-(n - 1)).eq(pl.col("post")).fill_null(False)


def _with_seed(posts: pl.DataFrame, seeds: Sequence[_Seed], spec: GrowSpec) -> pl.DataFrame:
    return _marked(posts, seeds, spec).filter("is_seed").select("post").unique()


def _check_groups(n_with: int, n_all: int) -> None:
    if n_with in (0, n_all):
        raise InputError(
            f"{n_with} of {n_all} posts hold a seed term. Expected some with and some without. "
            "Choose other seed terms, or more posts."
        )


def _occurrences(posts: pl.DataFrame, seeds: Sequence[_Seed], spec: GrowSpec) -> Iterator[pl.DataFrame]:
    """Per chunk of posts: post, author, has_seed, term, size; one row per post and term."""
    joint = "" if spec.language in SUBSTRING_LANGUAGES else " "
    for chunk in posts.iter_slices(CHUNK):
        marked = _marked(chunk, seeds, spec)
        found = [_runs(marked, size, joint) for size in spec.sizes]
        yield pl.concat(found).unique(["post", "term", "size"])


def _runs(marked: pl.DataFrame, size: int, joint: str) -> pl.DataFrame:
    """Every run of `size` words outside the seeds, or every single emoji."""
    free = ~pl.col("is_seed")
    is_han = pl.col("token").str.contains(r"^\p{Han}$")
    if size == 1:
        single = pl.col("is_word") & ~is_han if joint == "" else pl.col("is_word")
        usable = free & (single | pl.col("is_emoji"))
    else:
        part = free & pl.col("is_word") & (is_han if joint == "" else True)
        usable = pl.all_horizontal([part.shift(-at, fill_value=False) for at in range(size)]) & _same_post(
            size
        )
    term = pl.concat_str([pl.col("token").shift(-at) for at in range(size)], separator=joint)
    columns = ["post", "author", "has_seed", "term"]
    return (
        marked.with_columns(term=term, usable=usable)
        .filter("usable")
        .select(*columns, size=pl.lit(size, dtype=pl.UInt8))
    )


def _counts(posts: pl.DataFrame, seeds: Sequence[_Seed], spec: GrowSpec) -> pl.DataFrame:
    """Posts per term and size, in all and among those with a seed."""
    total = pl.DataFrame(
        schema={"term": pl.String, "size": pl.UInt8, "n_posts": pl.Int64, "n_with_seed": pl.Int64}
    )
    for found in _occurrences(posts, seeds, spec):
        part = found.group_by("term", "size").agg(
            n_posts=pl.len().cast(pl.Int64), n_with_seed=pl.col("has_seed").sum().cast(pl.Int64)
        )
        total = pl.concat([total, part]).group_by("term", "size").sum()
    return total


def _scored(counts: pl.DataFrame, spec: GrowSpec) -> pl.DataFrame:
    """Add log_odds and z; totals are taken over terms of the same size.

    A term that is the only one of its size has no odds and is left out.
    """
    counts = counts.filter(pl.len().over("size") > 1)
    inside, outside = pl.col("n_with_seed"), pl.col("n_posts") - pl.col("n_with_seed")
    prior = spec.prior * pl.col("n_posts") / pl.col("n_posts").sum().over("size")
    log_odds = _log_odds(inside, prior, spec) - _log_odds(outside, prior, spec)
    variance = 1 / (inside + prior) + 1 / (outside + prior)
    scored = counts.with_columns(log_odds=log_odds, variance=variance)
    return scored.with_columns(z=pl.col("log_odds") / pl.col("variance").sqrt())


def _log_odds(count: pl.Expr, prior: pl.Expr, spec: GrowSpec) -> pl.Expr:
    """Log of the odds of a term in one group of posts, smoothed by the prior."""
    smoothed = count + prior
    return (smoothed / (count.sum().over("size") + spec.prior - smoothed)).log()


def _known_enough(
    posts: pl.DataFrame, shown: pl.DataFrame, seeds: Sequence[_Seed], spec: GrowSpec
) -> pl.DataFrame:
    """Terms used by at least `min_people` different people."""
    wanted = shown.select("term", "size").with_row_index("at")
    pairs = [
        found.join(wanted, on=["term", "size"]).drop_nulls("author").select("at", "author").unique()
        for found in _occurrences(posts, seeds, spec)
    ]
    people = pl.concat(pairs).unique().group_by("at").len()
    return wanted.join(people.filter(pl.col("len") >= spec.min_people), on="at", how="semi")
