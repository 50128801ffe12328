"""Text profiles by name: each gives a post the shape that a family of published models was trained on.

Not for our own models, which read `social_v1` of `profiles`. Written from the families' documentation; where a
family's own tool does more than is documented, the profile does not follow it.
"""

import re
from collections.abc import Callable
from functools import cache

import polars as pl

from classifiers.emoji_tables import AS_BERTWEET, AS_ROBERTUITO
from classifiers.profiles import (
    EMOJI_CLASS,
    EMOJI_NOISE,
    MAX_RAW_CHARS,
    PROFILE_NAME,
    collapse_blanks,
    emoji_names,
    profile_series,
    unescape,
)
from warehouse.errors import ConfigError

Profile = Callable[[pl.Series], pl.Series]
# Part of a model's version: raised when a profile below changes.
FAMILIES_VERSION = 1

_LINK = r"(?i)<(?:link|url)>|\bhttps?://\S*|\bwww\.\S+"
_MENTION = r"(?i)<(?:user|mention)>|@\w{1,50}"
_LAUGH = r"(?i)\b[ja]*(?:ja){2,}[ja]*\b|\b[ja]*(?:aj){2,}[ja]*\b"
_LETTERS = "abcdefghijklmnopqrstuvwxyzáéíóúüñ"
_RUN = "(?i)" + "|".join(f"{letter}{{4,}}" for letter in _LETTERS)


def profile_named(name: str) -> Profile:
    """The profile of that name: a String series in, one of the same length and order out, null where it was null.

    Raises ConfigError with the names there are.
    """
    if name not in PROFILES:
        raise ConfigError(f"no text profile {name!r}; expected one of {', '.join(sorted(PROFILES))}")
    return PROFILES[name]


def profile_version(name: str) -> str:
    """What of a profile belongs into a model's version."""
    return name if name == PROFILE_NAME else f"{name}_{FAMILIES_VERSION}"


def plain(text: pl.Expr) -> pl.Expr:
    """Entities resolved, control characters and runs of blanks one blank; nothing else."""
    return collapse_blanks(unescape(text.str.slice(0, MAX_RAW_CHARS)))


def cardiff(text: pl.Expr) -> pl.Expr:
    """Mentions `@user`, links `http`; emoji and hashtags stay, as the Twitter RoBERTa models were trained with."""
    return collapse_blanks(_masked(_raw(text), user="@user", link="http"))


def bertweet(text: pl.Expr) -> pl.Expr:
    """Mentions `@USER`, links `HTTPURL`, emoji `:by_name:`, apostrophes straight, punctuation and n't apart.

    After the normalisation described by Nguyen et al. (2020); words are split by the rules below, not by NLTK.
    """
    masked = _masked(_raw(text), user="@USER", link="HTTPURL")
    quoted = masked.str.replace_all("[’‘]", "'").str.replace_all("…", " ... ")
    return collapse_blanks(_named(_spaced(quoted), names=_bertweet_names()))


def robertuito(text: pl.Expr) -> pl.Expr:
    """Mentions `@usuario`, links `url`, hashtags as words, laughter `jaja`, letters at most thrice, emoji in words.

    After pysentimiento's documentation (Pérez et al. 2021); an emoji is `emoji <name> emoji`.
    """
    masked = _masked(_raw(text), user="@usuario", link="url")
    laughed = _hashtags(masked).str.replace_all(_LAUGH, "jaja")
    return collapse_blanks(_named(_shortened(laughed), names=_robertuito_names()))


def weibo(text: pl.Expr) -> pl.Expr:
    """The post's own words: repost chains (`//@…`) cut off, mentions `@用户`, links `网页链接`; `[表情]` stays."""
    own = _raw(text).str.replace(r"(?s)\s*//\s*@.*$", " 转发 ")
    linked = own.str.replace_all(_LINK, " 网页链接 ")
    return collapse_blanks(
        linked.str.replace_all(r"(?i)<(?:user|mention)>|@[\p{L}\p{N}_\-·]{1,30}", " @用户 ")
    )


def _raw(text: pl.Expr) -> pl.Expr:
    return unescape(text.str.slice(0, MAX_RAW_CHARS))


def _masked(text: pl.Expr, *, user: str, link: str) -> pl.Expr:
    return text.str.replace_all(_LINK, f" {link} ").str.replace_all(_MENTION, f" {user} ")


def _spaced(text: pl.Expr) -> pl.Expr:
    """Punctuation that ends a word and the parts of contractions stand apart."""
    apart = text.str.replace_all(r"[!?]", " $0 ").str.replace_all(
        r"([\p{L}\p{N}])([.,;:\"]+)(\s|$)", "$1 $2 $3"
    )
    split = apart.str.replace_all(r"(?i)\b(\w+)(n't)\b", "$1 $2")
    return split.str.replace_all(r"(?i)(\w)('(?:m|s|re|ve|d|ll))\b", "$1 $2")


def _hashtags(text: pl.Expr) -> pl.Expr:
    """`#UnaGenialidad` → `una genialidad`: split at capitals; a post without a hashtag is untouched."""
    split = text.str.replace_all(r"([\p{Ll}\d])(\p{Lu})", "$1 $2").str.replace_all(r"#(\w)", " $1")
    return pl.when(text.str.contains(r"#\w")).then(split.str.to_lowercase()).otherwise(text)


def _shortened(text: pl.Expr) -> pl.Expr:
    """A letter more than three times in a row becomes three; only posts with such a run go through Python."""
    long = text.str.contains(_RUN)
    # The pattern language of Polars has no back-references.
    cut = pl.when(long).then(text).map_elements(_cut_runs, return_dtype=pl.String, skip_nulls=True)
    return pl.when(long).then(cut).otherwise(text)


def _cut_runs(text: str) -> str:
    return re.sub(r"(?i)([^\W\d_])\1{3,}", r"\1\1\1", text)


def _named(text: pl.Expr, *, names: dict[str, str]) -> pl.Expr:
    """Only posts with an emoji pay for the replacement."""
    bare = text.str.replace_all(EMOJI_NOISE, "")
    words = [f" {name} " for name in names.values()]
    return (
        pl.when(bare.str.contains(EMOJI_CLASS))
        .then(bare.str.replace_many(list(names), words))
        .otherwise(bare)
    )


@cache
def _bertweet_names() -> dict[str, str]:
    """Names as the library behind BERTweet writes them: our table of the common ones, else the Unicode name."""
    plain_names = {char: name.replace(" ", "_") for char, name in emoji_names().items()}
    return {char: f":{name}:" for char, name in (plain_names | AS_BERTWEET).items()}


@cache
def _robertuito_names() -> dict[str, str]:
    """Spanish names of the common emoji; the others have their English one, which the model knows less well."""
    return {char: f"emoji {name} emoji" for char, name in (emoji_names() | AS_ROBERTUITO).items()}


def _on_series(build: Callable[[pl.Expr], pl.Expr]) -> Profile:
    def profiled(texts: pl.Series) -> pl.Series:
        return texts.to_frame("text").select(build(pl.col("text")))["text"]

    return profiled


PROFILES: dict[str, Profile] = {
    PROFILE_NAME: profile_series,
    "plain": _on_series(plain),
    "cardiff": _on_series(cardiff),
    "bertweet": _on_series(bertweet),
    "robertuito": _on_series(robertuito),
    "weibo": _on_series(weibo),
}
