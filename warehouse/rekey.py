"""New pseudonyms for everybody: what a key hashed that is no longer trusted is hashed once more, with a new one.

The names themselves are not kept, so the old key stays part of the chain; without the new one nobody can test a list of
names against a warehouse any more. Not for reading or making keys.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from warehouse.config import Config
from warehouse.intake.key import CHECK, key_check
from warehouse.intake.privacy import hashed_again
from warehouse.migrations import columns_of_all
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.upgrade import COMPACT_PENDING

# Columns with pseudonyms of people; a source before a colon stays as it is.
_PEOPLE = {
    "raw.posts": ("author_key",),
    "raw.erased": ("author_key",),
    "core.people": ("author_key",),
    "core.interactions": ("author_key", "target_author_key"),
}
_DELETED = {"raw.deleted": ("post_key",)}
# Columns with ids of posts, and those that point at posts; scores are added.
_OF_A_POST = ("raw.posts", "core.interactions", "core.marks", "core.fingerprints")
_POINTERS = {"raw.posts": ("parent_id", "thread_id"), "core.interactions": ("target_post_id",)}
_HASH = "[0-9a-f]{32}"
_AGAIN = "hash_again"


@dataclass(frozen=True, kw_only=True)
class Rekeyed:
    """How many pseudonyms of people, and ids of posts that hold one, have a new hash."""

    people: int
    posts: int


def rekey(store: Store, *, config: Config, secret: bytes, later: list[bytes]) -> Rekeyed:
    """Hash every pseudonym once more with each key of `later`. Call inside a transaction; all or nothing.

    `secret` is the whole chain afterwards, which the warehouse remembers a check of. Ids of posts that were made from a
    pseudonym are hashed too; those that a platform gave stay. Each table is written anew as a stream, so that memory
    does not grow with it. The old ones are in the files until `compact`, which is noted as pending.
    """
    scores = [name for name in columns_of_all(store.connection) if name.startswith("core.scores_")]
    ids = dict.fromkeys((*_OF_A_POST, *scores), ("post_id",))
    made, pointed = _made_here(store, config=config)
    done = Rekeyed(
        people=_distinct(store, _PEOPLE, where="true"),
        posts=_distinct(store, ids, where=made.format("value")),
    )
    with _hash_again(store.connection, later=later):
        for table in dict.fromkeys((*_PEOPLE, *_DELETED, *ids)):
            keys = (*_PEOPLE.get(table, ()), *_DELETED.get(table, ()))
            columns = {column: f"{_AGAIN}({column})" for column in keys}
            columns |= {column: _where(column, made) for column in ids.get(table, ())}
            columns |= {column: _where(column, pointed) for column in _POINTERS.get(table, ())}
            store.rewrite(table, columns=columns)
    # They hold pseudonyms in words and are counted again from the posts.
    for name in ("core.term_counts", "core.term_days"):
        store.delete(TABLES[name], where="true")
    store.identify(CHECK, key_check(secret))
    store.identify(COMPACT_PENDING, "rekey")
    return done


@contextlib.contextmanager
def _hash_again(connection: duckdb.DuckDBPyConnection, *, later: list[bytes]) -> Iterator[None]:
    """An SQL function that hashes a pseudonym with each of these keys; null stays null."""

    def again(value: str) -> str:
        source, colon, key = value.rpartition(":")
        for secret in later:
            key = hashed_again(key, secret=secret)
        return f"{source}{colon}{key}"

    connection.create_function(_AGAIN, again, ["VARCHAR"], "VARCHAR")
    try:
        yield
    finally:
        connection.remove_function(_AGAIN)


def _where(column: str, condition: str) -> str:
    return f"CASE WHEN {condition.format(column)} THEN {_AGAIN}({column}) ELSE {column} END"


def _distinct(store: Store, places: Mapping[str, tuple[str, ...]], *, where: str) -> int:
    every = " UNION ".join(
        f"SELECT {column} AS value FROM {table}" for table, columns in places.items() for column in columns
    )
    return int(store.query(f"SELECT count(value) FROM ({every}) WHERE {where}").item())


def _made_here(store: Store, *, config: Config) -> tuple[str, str]:
    """SQL, with `{}` for a column: its id is a hash made here; and the same of ids that others may point at.

    Of a source that is configured no more, whatever looks like one.
    """
    known = {source.name: source for source in config.sources}
    names = {*known, *store.query("SELECT DISTINCT source FROM raw.posts")["source"].to_list()}
    keyed = {name for name in names if name not in known or known[name].ids_keyed}
    hashed = {name for name in names if name in known and known[name].ids_hashed}
    return _hash_of(keyed | hashed), _hash_of(keyed)


def _hash_of(sources: set[str]) -> str:
    if not sources:
        return "false"
    pattern = f"({'|'.join(sorted(sources))}):{_HASH}".replace("{", "{{").replace("}", "}}")
    return f"regexp_full_match({{}}, '{pattern}')"
