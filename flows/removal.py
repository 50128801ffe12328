"""Whose posts are removed, and which are too old: glue between the configuration and `warehouse/removal.py`.

Not for removing anything itself. No name is ever logged or kept.
"""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from flows.guards import newest_issue
from warehouse.config import SECRET_VARIABLE, Config, secret_path
from warehouse.config.environment import has_secret
from warehouse.errors import ConfigError, InputError, UsageError
from warehouse.intake.key import pseudonym_key
from warehouse.intake.privacy import handle, pseudonyms
from warehouse.opening import exists, name_of
from warehouse.removal import erase_people, expire_posts
from warehouse.store import Receipt, Store, open_store, run_identity
from warehouse.upgrade import compact

if TYPE_CHECKING:
    from flows.stages import Run


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """How many people were named, how many of them had posts here, and how many posts that were."""

    named: int
    found: int
    posts: int


def remove_expired(run: Run) -> Receipt:
    """Remove the posts of whole weeks that are older than `[retention] raw_days` at the newest issue."""
    days = run.config.retention.raw_days
    if days is None or not exists(run.config.paths.warehouse, config=run.config.warehouse):
        return Receipt("retention")
    with open_store(run.config.paths.warehouse, config=run.config.warehouse) as store:
        newest = newest_issue(store)
        if newest is None:
            return Receipt("retention")
        _refuse_unread(store, newest=newest)
        before = first_kept_day(newest, days=days)
        with store.transaction():
            removed = expire_posts(store, before=before, issue=newest, run_id=_run_id(run))
    notes = (f"removed {removed:,} posts of before {before}",) if removed else ()
    return Receipt("retention", rows_in=removed, reasons={"expired": removed} if removed else {}, notes=notes)


def first_kept_day(issue: dt.date, *, days: int) -> dt.date:
    """The Monday of the week in which the oldest day to keep lies: weeks are kept or removed whole."""
    oldest = issue - dt.timedelta(days=days)
    return oldest - dt.timedelta(days=oldest.weekday())


def _refuse_unread(store: Store, *, newest: dt.date) -> None:
    waiting = store.query("SELECT count(*) FROM raw.posts WHERE received_issue > ?", [newest]).item()
    if waiting:
        raise UsageError(
            f"{waiting:,} posts came after the newest issue, {newest}, and are in no signal yet. Run "
            "`affectcast nightly` first; it removes what is too old at its end."
        )


def read_names(given: bytes, *, where: str) -> list[str]:
    """Author ids, one a line, as the source writes them; `InputError` where there is none."""
    try:
        text = given.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{where}: is not UTF-8 text. Save it as UTF-8.") from None
    names = [line.strip() for line in text.splitlines() if line.strip()]
    if not names:
        raise InputError(f"{where}: names nobody. Expected one author id a line, as the source writes it.")
    return names


def erase(run: Run, *, source: str, names: list[str], dry_run: bool = False) -> Erasure:
    """Remove everything of these authors of a source, and write the warehouse anew without it.

    The caller holds the run's lock. Killed anywhere and run again, it comes to the same.
    """
    config = run.config
    _check(config, source=source)
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        keys = _keys(store, config=config, source=source, names=names)
        sql = (
            "SELECT count(*) AS posts, count(DISTINCT author_key) AS people FROM raw.posts "
            "WHERE author_key IN (SELECT unnest(?))"
        )
        posts, people = store.query(sql, [keys]).row(0)
        if not dry_run:
            newest = newest_issue(store)
            issue = max(run.issue, newest) if newest else run.issue
            with store.transaction():
                erase_people(store, keys=keys, issue=issue, run_id=_run_id(run))
    if not dry_run:
        compact(config)
        shutil.rmtree(config.paths.score_cache, ignore_errors=True)
    return Erasure(named=len(keys), found=people, posts=posts)


def _check(config: Config, *, source: str) -> None:
    path = config.paths.warehouse
    if not exists(path, config=config.warehouse):
        name = name_of(path, config=config.warehouse)
        raise InputError(
            f"{name}: there is no warehouse here. Check [paths] warehouse, or [warehouse] catalogue."
        )
    known = [one.name for one in config.sources]
    if source not in known:
        raise UsageError(
            f"--source '{source}': no such source. The configuration has: {', '.join(known) or 'none'}."
        )
    if not has_secret(config):
        raise ConfigError(
            f"the key behind the pseudonyms is not there, so nobody can be found. Expected it in {SECRET_VARIABLE} or "
            f"{secret_path(config)}."
        )


def _keys(store: Store, *, config: Config, source: str, names: list[str]) -> list[str]:
    secret, _ = pseudonym_key(store, config=config)
    spelled = pl.DataFrame({"name": names}).select(handle(pl.col("name")))["name"]
    found: list[str] = (
        pseudonyms(spelled, secret=secret, source=source).drop_nulls().unique().sort().to_list()
    )
    return found


def _run_id(run: Run) -> str:
    """Without the source files, which need not be there any more."""
    return run_identity(run.command, issue=str(run.issue), config_sha256=run.config.sha256, inputs=[])


def copies_beside(config: Config) -> list[Path]:
    """Earlier states of the warehouse that lie beside it and still hold what was removed from it."""
    path = config.paths.warehouse
    return sorted(
        found for kind in ("before-*", "replaced*") for found in path.parent.glob(f"{path.name}.{kind}")
    )
