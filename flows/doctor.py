"""What is wrong with the installation, the configuration or the warehouse, and what to do. Only looks, never mends.

No key, address or name of a person is in any of it. Not for the data: a night's own checks see to that.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from flows.scorers import make_scorer
from warehouse.config import SECRET_VARIABLE, Config, load_config, load_secret, notify_urls, secret_path
from warehouse.config.environment import has_secret
from warehouse.copies import sha256_of
from warehouse.errors import AffectcastError
from warehouse.intake.key import CHECK, key_check, unused_keys
from warehouse.lake_catalogue import night_is_held
from warehouse.migrations import VERSION, columns_of_all, version_of
from warehouse.opening import connected, errors_withheld, exists, name_of, size_of
from warehouse.publish import MANIFEST, current
from warehouse.store import other_version
from warehouse.upgrade import row_counts

Level = Literal["ok", "warning", "problem"]
LOCKED = Path(__file__).parents[1] / "constraints.txt"
OLDEST_PYTHON = (3, 11)
# Below so much a night may run out of room.
_LEAST_FREE = 2 << 30


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; `do` is what to do about it, empty where all is well."""

    check: str
    level: Level
    says: str
    do: str = ""


def ok(check: str, says: str) -> Finding:
    return Finding(check=check, level="ok", says=says)


def warning(check: str, says: str, *, do: str) -> Finding:
    return Finding(check=check, level="warning", says=says, do=do)


def problem(check: str, says: str, *, do: str) -> Finding:
    return Finding(check=check, level="problem", says=says, do=do)


def examine(config_path: Path, *, today: dt.date, thorough: bool = False) -> list[Finding]:
    """Look at everything; what needs a configuration is left out where there is no valid one."""
    findings = [python(), packages()]
    try:
        config = load_config(config_path)
    except AffectcastError as error:
        return [*findings, problem("configuration", error.message, do="Correct it; then run this again.")]
    findings.append(ok("configuration", f"{config_path} is valid; {_sources(config)}"))
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: folders(config),
        lambda: threads(config),
        lambda: lock(config),
        lambda: key(config),
        lambda: warehouse(config, today=today, thorough=thorough),
        lambda: scorers(config),
        lambda: published(config, thorough=thorough),
        notices,
    )
    for check in checks:
        findings += check()
    return findings


def _sources(config: Config) -> str:
    """`2 sources, 1 series`; series only where there are some."""
    series = f", {len(config.series)} series" if config.series else ""
    return f"{len(config.sources)} sources{series}"


# ---------------------------------------------------------------------------------------- installation


def python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return problem(
            "python", f"{found} is too old", do="Install Python 3.11 or newer and run `make setup`."
        )
    return ok("python", found)


def packages() -> Finding:
    """The locked versions, where the lock file lies beside the code."""
    if not LOCKED.is_file():
        return ok("packages", f"affectcast {version('affectcast')}; no constraints.txt to compare with")
    lines = [line.split("#")[0].strip() for line in LOCKED.read_text(encoding="utf-8").splitlines()]
    locked = dict(line.split("==", 1) for line in lines if "==" in line)
    other = [
        f"{name} {found}, not {wanted}"
        for name, wanted in locked.items()
        if _differs(found := _found(name), wanted)
    ]
    if other:
        shown = "; ".join(other[:5]) + ("; …" if len(other) > 5 else "")
        return warning(
            "packages", f"{len(other)} of {len(locked)} are not as locked: {shown}", do="Run `make setup`."
        )
    return ok("packages", f"{len(locked)} as locked")


def _found(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _differs(found: str, wanted: str) -> bool:
    """A package that is not here is none that this machine needs; a build of its own (`+cpu`) is the same version."""
    return found != "" and found.split("+")[0] != wanted.split("+")[0].split(";")[0].strip()


def threads(config: Config) -> Iterator[Finding]:
    here = os.cpu_count() or 1
    for section, wanted in (("warehouse", config.warehouse.threads), ("score", config.score.threads)):
        if wanted > here:
            yield warning(
                "threads",
                f"[{section}] threads = {wanted}, but there are {here} processors",
                do="Set it lower.",
            )
    yield ok("processors", str(here))


# --------------------------------------------------------------------------------------------- folders


def folders(config: Config) -> Iterator[Finding]:
    paths = config.paths
    homes = {"warehouse": paths.warehouse.parent, "published": paths.published, "exports": paths.exports}
    for name, folder in homes.items():
        reason = _why_not_writable(folder)
        if reason:
            yield problem(
                f"folder {name}", f"{folder}: {reason}", do=f"Mend it, or set [paths] {name} elsewhere."
            )
        else:
            yield ok(f"folder {name}", f"{folder} can be written to")
    size = 0
    with contextlib.suppress(AffectcastError):
        size = size_of(paths.warehouse, config=config.warehouse)
    free = shutil.disk_usage(_nearest(paths.warehouse.parent)).free
    said = f"{free / 1e9:,.1f} GB free beside the warehouse, which has {size / 1e9:,.1f} GB"
    if free < max(_LEAST_FREE, 2 * size):
        yield warning(
            "disk", said, do="Make room: a migration, backup or large night needs twice the warehouse."
        )
    else:
        yield ok("disk", said)


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it that exists: the others will be made."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _why_not_writable(folder: Path) -> str:
    try:
        with tempfile.NamedTemporaryFile(dir=_nearest(folder), prefix=".doctor-"):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__


def lock(config: Config) -> Iterator[Finding]:
    """A lock is gone with the process that held it, so it is never stale: only held or free."""
    path = config.paths.warehouse.with_suffix(".lock")
    if config.warehouse.is_lake:
        # Unreachable, it is told of below.
        with contextlib.suppress(AffectcastError):
            yield _lock(held=night_is_held(config.warehouse))
    elif path.exists():
        yield _lock(held=_is_locked(path))


def _lock(*, held: bool) -> Finding:
    if held:
        return warning("lock", "a run is at work on this warehouse", do="Wait for it to end, or stop it.")
    return ok("lock", "free")


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


# ------------------------------------------------------------------------------------------- warehouse


def key(config: Config) -> Iterator[Finding]:
    path = secret_path(config)
    if config.run.demo:
        yield ok("key", "the demo's public one")
        return
    if not has_secret(config):
        yield warning(
            "key", "none yet", do=f"Nothing, before the first night: it makes {path}. Else put it back."
        )
        return
    try:
        load_secret(config)
    except AffectcastError as error:
        yield problem("key", error.message, do="Put the right one in its place.")
        return
    yield ok("key", "is there")
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
    if mode & 0o077:
        yield problem("key", f"{path} can be read by others (mode {mode:o})", do=f"chmod 600 {path}")


def warehouse(config: Config, *, today: dt.date, thorough: bool) -> Iterator[Finding]:
    path, name = config.paths.warehouse, name_of(config.paths.warehouse, config=config.warehouse)
    try:
        if not exists(path, config=config.warehouse):
            yield ok("warehouse", f"{name} is not there yet; the first night makes it")
            return
        with connected(path, config=config.warehouse, read_only=True) as connection, errors_withheld(name):
            found = version_of(connection)
            if found != VERSION:
                error = other_version(name, found=found or 0)
                yield problem("warehouse", error.message, do="See there.")
                return
            counts = row_counts(connection)
            if thorough:
                for table in columns_of_all(connection):
                    connection.execute(f"SELECT bit_xor(hash(t)) FROM {table} t").fetchall()
            yield ok(
                "warehouse",
                f"version {VERSION}, {counts['raw.posts']:,} posts, {sum(counts.values()):,} rows",
            )
            yield from _own_key(config, known=_one(connection, _KEY_SQL))
            yield from _clock(newest=_one(connection, _NEWEST_SQL), today=today)
            yield from _unfinished(_one(connection, _UNFINISHED_SQL))
    except AffectcastError as error:
        mend = "If it is damaged: `affectcast restore --from BACKUP --replace`."
        yield problem("warehouse", error.message, do="See there." if config.warehouse.is_lake else mend)


_KEY_SQL = f"SELECT value FROM core.identity WHERE name = '{CHECK}'"
_NEWEST_SQL = "SELECT max(time_value) FROM raw.posts"
_UNFINISHED_SQL = "SELECT max(stage) FROM core.runs WHERE status = 'running'"


def _one(connection: object, sql: str) -> object:
    row = connection.execute(sql).fetchone()  # type: ignore[attr-defined]
    return row[0] if row else None


def _own_key(config: Config, *, known: object) -> Iterator[Finding]:
    if known is None:
        return
    if not has_secret(config):
        yield problem(
            "key",
            "the warehouse's own is not there",
            do=f"Put it in {secret_path(config)} or {SECRET_VARIABLE}.",
        )
        return
    with contextlib.suppress(AffectcastError):
        secret, _ = load_secret(config)
        if unused_keys(secret, known=str(known)):
            yield problem(
                "key", "has a line that the pseudonyms were not made with yet", do="affectcast rekey"
            )
        elif key_check(secret) != known:
            yield problem(
                "key", "is not the one this warehouse was made with", do="Put the right one in its place."
            )
        else:
            yield ok("key", "fits the warehouse")


def _clock(*, newest: object, today: dt.date) -> Iterator[Finding]:
    if not isinstance(newest, dt.date):
        return
    if newest > today:
        yield problem(
            "clock", f"it is {today}, but there are posts of {newest}", do="Set this machine's clock."
        )
    else:
        yield ok("clock", f"it is {today}; the newest posts are of {newest}")


def _unfinished(stage: object) -> Iterator[Finding]:
    if stage is not None:
        yield warning(
            "last run",
            f"stage '{stage}' did not end: it is at work or was stopped",
            do="Run the same command again.",
        )


# ----------------------------------------------------------------------------------- models, publication


def scorers(config: Config) -> Iterator[Finding]:
    for name in config.score.scorers:
        try:
            scorer = make_scorer(name, config=config)
            yield ok(f"scorer {name}", f"is whole, version {scorer.version}")
        except AffectcastError as error:
            yield problem(
                f"scorer {name}", error.message, do="Restore its files, or take it out of [score] scorers."
            )


def published(config: Config, *, thorough: bool) -> Iterator[Finding]:
    root = config.paths.published
    if not root.exists():
        yield ok("publication", "none yet")
        return
    try:
        now = current(root)
        tables = json.loads((now.folder / MANIFEST).read_text(encoding="utf-8"))["tables"]
        files = {now.folder / f"{name}.parquet": table["sha256"] for name, table in tables.items()}
    except AffectcastError as error:
        yield problem("publication", error.message, do="Run `affectcast publish`.")
        return
    except (OSError, ValueError, KeyError, TypeError):
        yield problem("publication", f"{root}: the newest one cannot be read", do="Run `affectcast publish`.")
        return
    bad = [
        path.name
        for path, sha256 in files.items()
        if not path.is_file() or (thorough and sha256_of(path) != sha256)
    ]
    if bad:
        yield problem(
            "publication",
            f"missing or altered: {', '.join(bad)}",
            do=f"Remove {now.folder}, then `affectcast publish`.",
        )
    else:
        yield ok("publication", f"issue {now.issue}, version {now.version}, {len(files)} tables")


def notices() -> Iterator[Finding]:
    yield ok("notices", f"{len(notify_urls())} addresses configured")
