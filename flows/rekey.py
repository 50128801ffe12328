"""A new key behind the pseudonyms: glue between the key file and `warehouse/rekey.py`. No key is ever logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.config import SECRET_VARIABLE, Config, load_secret, secret_path
from warehouse.config.environment import add_secret, has_secret, secret_from_environment
from warehouse.errors import ConfigError, InputError, UsageError
from warehouse.intake.key import CHECK, pseudonym_key, unused_keys
from warehouse.opening import exists, name_of
from warehouse.rekey import Rekeyed, rekey
from warehouse.store import Store, open_store
from warehouse.upgrade import COMPACT_PENDING, compact

if TYPE_CHECKING:
    from flows.stages import Run


def new_pseudonyms(run: Run, *, dry_run: bool = False) -> Rekeyed:
    """Hash every pseudonym with one key more, and write the warehouse anew without the old ones.

    The key file gets its new line first, and what is hashed lands with a note that the files are still to be written
    anew: a run that is killed in between is finished by the next one, which adds no further key. The caller holds the
    run's lock.
    """
    config = run.config
    path = config.paths.warehouse
    if config.run.demo:
        raise UsageError("the demo's key is public, so a new one would protect nobody.")
    if not exists(path, config=config.warehouse):
        raise InputError(
            f"{name_of(path, config=config.warehouse)}: there is no warehouse here. Check [paths] warehouse, or "
            "[warehouse] catalogue."
        )
    if not has_secret(config):
        raise ConfigError(f"the key is not there. Expected it in {SECRET_VARIABLE} or {secret_path(config)}.")
    with open_store(path, config=config.warehouse) as store:
        secret, later = _keys(store, config=config, dry_run=dry_run)
        if dry_run:
            return _would(store, later=later)
        done = Rekeyed(people=0, posts=0)
        if later:
            with store.transaction():
                done = rekey(store, config=config, secret=secret, later=later)
    compact(config)
    return done


def _keys(store: Store, *, config: Config, dry_run: bool) -> tuple[bytes, list[bytes]]:
    """The whole chain, and the keys of it that are still to be used; a new one is added where there are none.

    None are used, and none added, where an earlier run has only to be finished.
    """
    secret, _ = load_secret(config)
    later = unused_keys(secret, known=store.identity(CHECK) or "")
    if later or dry_run:
        return secret, later
    # Refuses a key that is not the warehouse's own.
    pseudonym_key(store, config=config)
    if store.identity(COMPACT_PENDING) is not None:
        return secret, []
    if secret_from_environment():
        raise UsageError(
            f"the key comes from the environment variable {SECRET_VARIABLE}. Add a new key to it as a second line "
            "(the old one stays), and run again."
        )
    add_secret(config)
    return _keys(store, config=config, dry_run=dry_run)


def _would(store: Store, *, later: list[bytes]) -> Rekeyed:
    if not later and store.identity(COMPACT_PENDING) is not None:
        return Rekeyed(people=0, posts=0)
    people = store.query("SELECT count(DISTINCT author_key) FROM raw.posts").item()
    return Rekeyed(people=people, posts=0)
