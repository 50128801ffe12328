"""New pseudonyms for everybody: what a key hashed that is no longer trusted is hashed once more, with a new one.

The names themselves are not kept, so the old key stays part of the chain; without the new one nobody can test a list of
names against a warehouse any more. Not for reading or making keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from warehouse.config import Config
from warehouse.intake.key import CHECK, key_check
from warehouse.intake.privacy import hashed_again
from warehouse.migrations import columns_of_all
from warehouse.store import Store
from warehouse.tables import TABLES

_PEOPLE = (
    ("raw.posts", "author_key"),
    ("raw.erased", "author_key"),
    ("core.people", "author_key"),
    ("core.interactions", "author_key"),
    ("core.interactions", "target_author_key"),
)
_OF_A_POST = ("raw.posts", "core.interactions", "core.marks", "core.fingerprints")
_POINTERS = (("raw.posts", "parent_id"), ("raw.posts", "thread_id"), ("core.interactions", "target_post_id"))
_HASH = "[0-9a-f]{32}"


@dataclass(frozen=True, kw_only=True)
class Rekeyed:
    """How many pseudonyms of people, and ids of posts that hold one, have a new hash."""

    people: int
    posts: int


def rekey(store: Store, *, config: Config, secret: bytes, later: list[bytes]) -> Rekeyed:
    """Hash every pseudonym once more with each key of `later`. Call inside a transaction; all or nothing.

    `secret` is the whole chain afterwards, which the warehouse remembers a check of. Ids of posts that were made from a
    pseudonym are hashed too; those that a platform gave stay.
    """
    people = _renamed(store, places=_PEOPLE, where="true", later=later)
    for table, column in _PEOPLE:
        store.rename(table, column=column, names=people)
    _rename_deleted(store, later=later)
    posts = _rename_posts(store, config=config, later=later)
    # They hold pseudonyms in words and are counted again from the posts.
    for name in ("core.term_counts", "core.term_days"):
        store.delete(TABLES[name], where="true")
    store.identify(CHECK, key_check(secret))
    return Rekeyed(people=people.height, posts=posts)


def _renamed(
    store: Store, *, places: tuple[tuple[str, str], ...], where: str, later: list[bytes]
) -> pl.DataFrame:
    """`old` and `new` of every distinct value of these columns; a source before a colon stays as it is."""
    every = " UNION ".join(f"SELECT {column} AS old FROM {table}" for table, column in places)
    old = store.query(f"SELECT old FROM ({every}) WHERE old IS NOT NULL AND ({where}) ORDER BY old")["old"]
    new = [_again(value, later=later) for value in old.to_list()]
    return pl.DataFrame({"old": old, "new": pl.Series(new, dtype=pl.String)})


def _again(value: str, *, later: list[bytes]) -> str:
    source, colon, key = value.rpartition(":")
    for secret in later:
        key = hashed_again(key, secret=secret)
    return f"{source}{colon}{key}"


def _rename_deleted(store: Store, *, later: list[bytes]) -> None:
    place = ("raw.deleted", "post_key")
    store.rename(
        *place[:1], column=place[1], names=_renamed(store, places=(place,), where="true", later=later)
    )


def _rename_posts(store: Store, *, config: Config, later: list[bytes]) -> int:
    """Ids that are hashes of a record, with its author in it, or of a platform's id that names its author."""
    scores = [name for name in columns_of_all(store.connection) if name.startswith("core.scores_")]
    held = tuple((name, "post_id") for name in (*_OF_A_POST, *scores))
    hashed = _renamed(store, places=held, where=_of(store, config=config, keyed_only=False), later=later)
    for table, column in held:
        store.rename(table, column=column, names=hashed)
    pointed = _renamed(store, places=_POINTERS, where=_of(store, config=config, keyed_only=True), later=later)
    for table, column in _POINTERS:
        store.rename(table, column=column, names=pointed)
    return hashed.height


def _of(store: Store, *, config: Config, keyed_only: bool) -> str:
    """SQL: `old` is a hash made here. Of a source that is configured no more, whatever looks like one."""
    known = {source.name: source for source in config.sources}
    found = store.query("SELECT DISTINCT source FROM raw.posts")["source"].to_list()
    names = [
        name
        for name in {*known, *found}
        if name not in known or known[name].ids_keyed or (known[name].ids_hashed and not keyed_only)
    ]
    if not names:
        return "false"
    return f"regexp_full_match(old, '({'|'.join(sorted(names))}):{_HASH}')"
