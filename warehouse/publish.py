"""The out tables to a folder of Parquet files that readers can open while the next night is being written.

`published/issue=D/version=<content hash>/*.parquet` plus `current.json`, replaced atomically. Same content,
same bytes, same version: nothing is touched. `issue=D/newest.json` names the last version of that issue. A version
that is replaced stays until the next one of its issue is, so that a reader who has it open can finish; the zip of its
export beside it goes when it goes.
Not for computing: it copies, checks and refuses.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import filecmp
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from warehouse.config import Config
from warehouse.disclosure import breaches
from warehouse.errors import ContractError, DisclosureError, InputError
from warehouse.export_zip import beside
from warehouse.newest_version import NEWEST
from warehouse.shift import OTHER as OTHER_WORDS
from warehouse.signals import SERIES_SCORER
from warehouse.store import Receipt, Store, check
from warehouse.tables import PUBLISHED, Table
from warehouse.term_weeks import breaches as weeks_breaches
from warehouse.term_weeks import last_sunday, publishable
from warehouse.vintages import latest

POINTER = "current.json"
MANIFEST = "manifest.json"
# Forecasts, scores and alerts of earlier nights stay readable this long, to be held against what happened.
MEMORY_DAYS = 60


@dataclass(frozen=True, kw_only=True)
class Publication:
    """Where a publication lies."""

    issue: dt.date
    version: str
    folder: Path


def publish(store: Store, *, config: Config, issue: dt.date) -> tuple[Receipt, Publication]:
    """Write the publication of `issue` and point `current.json` at the newest issue.

    Raises `DisclosureError` or `ContractError` before anything is visible when a table breaks a disclosure
    rule or its contract.
    """
    frames = {
        name: checked(_frame(store, table=table, issue=issue, config=config), table=table)
        for name, table in PUBLISHED.items()
    }
    refuse_breaches(frames, config=config)
    root = config.paths.published
    root.mkdir(parents=True, exist_ok=True)
    before = _version_out(root, issue=issue)
    publication = _write_version(frames, config=config, issue=issue)
    _replace(publication.folder.parent / NEWEST, text=_json({"version": publication.version}))
    _point(root, publication=publication)
    _forget_versions(publication, before=before)
    _forget_issues(root, keep=config.publish.keep_issues)
    rows = sum(frame.height for frame in frames.values())
    return Receipt("publish", rows_in=rows, rows_out=rows), publication


def checked(frame: pl.DataFrame, *, table: Table) -> pl.DataFrame:
    """The frame by its contract; `ContractError` also where it has a column more: that could be private."""
    surplus = [name for name in frame.columns if name not in table.columns]
    if surplus:
        raise ContractError(
            f"nothing was published: {table.name} has columns outside its contract: {', '.join(surplus)}. "
            f"Expected: {', '.join(table.columns)}."
        )
    return check(table, frame)


def refuse_breaches(frames: dict[str, pl.DataFrame], *, config: Config) -> None:
    """Raise `DisclosureError` when a frame to be published could single out people."""
    catalogue = frames["signal_catalogue"]
    daily = catalogue.filter(pl.col("statistic") == "share", pl.col("smoothing") == "none")
    made_elsewhere = catalogue.filter(pl.col("scorer") == SERIES_SCORER)
    found = breaches(
        frames["signals"],
        config=config.disclosure,
        shares=daily["signal"].to_list(),
        elsewhere=made_elsewhere["signal"].to_list(),
    )
    broken = [f"out.signals: {breach}" for breach in found]
    floor = config.disclosure.people_floor
    people = {
        "alerts": "sample_size",
        "breaks": "sample_size",
        "contagion": "n_people",
        "diffusion": "n_people",
        "transitions": "n_people",
        "lead_lag": "sample_size",
        "growth": "sample_size",
        "word_shifts": "n_people",
        "term_weeks": "n_people",
    }
    for name, column in (people | {"event_effects": "sample_size"}).items():
        # A cell of transitions that nobody is behind shows 0.
        least = 1 if name == "transitions" else 0
        few = frames[name].filter(pl.col(column).is_between(least, floor, closed="left")).height
        broken += [f"out.{name}: {column} below {floor}: {few} rows"] if few else []
    described = frames["data_quality"].filter(pl.col("metric") == "people", pl.col("value") < floor).height
    broken += [f"out.data_quality: people below {floor}: {described} rows"] if described else []
    words = frames["word_shifts"]
    unknown = words.filter(pl.col("n_people").is_null(), pl.col("term") != OTHER_WORDS).height
    broken += [f"out.word_shifts: words of unknown people: {unknown} rows"] if unknown else []
    broken += weeks_breaches(frames["term_weeks"], signals=frames["signals"])
    if broken:
        raise DisclosureError(
            f"nothing was published: disclosure rules are broken ({'; '.join(broken)}). "
            "Run `affectcast nightly` again; if it persists, report it with these counts."
        )


def _frame(store: Store, *, table: Table, issue: dt.date, config: Config) -> pl.DataFrame:
    """A table as of an issue. Older alerts and windows that a raised floor no longer allows are left out."""
    floor = config.disclosure.people_floor
    since = issue - dt.timedelta(days=MEMORY_DAYS)
    if table.name == "out.signals":
        return latest(store.read(table, where="issue <= ?", parameters=[issue])).sort(table.key)
    if table.name == "out.scores":
        return store.read(table, where="truth_issue <= ?", parameters=[issue])
    if table.name in ("out.accounting", "out.event_tests", "out.model_choice"):
        return store.read(table, where="issue = ?", parameters=[issue])
    if "reference_date" in table.columns:
        return store.read(table, where="reference_date BETWEEN ? AND ?", parameters=[since, issue])
    if table.name == "out.event_effects":
        rows = _event_effects(store, table=table, issue=issue)
        return rows.filter(pl.col("sample_size").is_null() | (pl.col("sample_size") >= floor))
    if table.name == "out.breaks":
        rows = store.read(table, where="issue <= ?", parameters=[issue])
        return rows.filter(pl.col("sample_size").is_null() | (pl.col("sample_size") >= floor))
    if table.name == "out.data_quality":
        return store.read(table, where="time_value <= ?", parameters=[issue])
    if table.name == "out.alert_tests":
        return store.read(table, where="issue BETWEEN ? AND ?", parameters=[since, issue])
    if table.name == "out.alerts":
        rows = store.read(table, where="issue BETWEEN ? AND ?", parameters=[since, issue])
        newest = rows.sort("alert_id", "issue").unique("alert_id", keep="last", maintain_order=True)
        return newest.filter(pl.col("sample_size").is_null() | (pl.col("sample_size") >= floor))
    if table.name == "out.contagion":
        rows = store.read(table, where="window_end <= ?", parameters=[issue])
        return rows.filter(pl.col("n_people").is_null() | (pl.col("n_people") >= floor))
    if table.name in ("out.diffusion", "out.transitions", "out.weak_ties", "out.lead_lag", "out.growth"):
        return store.read(table, where="window_end = ?", parameters=[issue])
    if table.name == "out.term_weeks":
        return publishable(store, config=config, issue=issue)
    if table.name == "out.word_shifts":
        return store.read(table, where="window_end = ?", parameters=[last_sunday(config, issue=issue)])
    return store.read(table)


def _event_effects(store: Store, *, table: Table, issue: dt.date) -> pl.DataFrame:
    """The newest row by `issue` of every event that is still in the calendar."""
    where = "issue <= ? AND event_id IN (SELECT event_id FROM out.events)"
    rows = store.read(table, where=where, parameters=[issue])
    series = [name for name in table.key if name != "issue"]
    return rows.sort(table.key).unique(series, keep="last", maintain_order=True)


def published_at(root: Path, *, place: str) -> Publication:
    """The publication in `issue=…/version=…` below `root`."""
    issue, version = (part.split("=", 1)[1] for part in place.split("/"))
    return Publication(issue=dt.date.fromisoformat(issue), version=version, folder=root / place)


def _write(frame: pl.DataFrame, *, folder: Path, name: str) -> dict[str, object]:
    path = folder / f"{name}.parquet"
    frame.with_columns(pl.col(pl.Enum).cast(pl.String)).write_parquet(
        path, compression="zstd", statistics=True
    )
    return {"rows": frame.height, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _write_version(frames: dict[str, pl.DataFrame], *, config: Config, issue: dt.date) -> Publication:
    root = config.paths.published
    with _scratch(root) as scratch:
        tables = {name: _write(frame, folder=scratch, name=name) for name, frame in frames.items()}
        body = _manifest(tables, config=config, issue=issue)
        version = hashlib.sha256(_json(body).encode()).hexdigest()[:16]
        (scratch / MANIFEST).write_text(_json(body | {"version": version}), encoding="utf-8")
        home = _home(root, issue=issue, version=version)
        publication = Publication(issue=issue, version=version, folder=home)
        _put_in_place(scratch, publication=publication)
    return publication


def _manifest(tables: dict[str, dict[str, object]], *, config: Config, issue: dt.date) -> dict[str, object]:
    """What a version is made of; its hash is the version's name."""
    return {
        "issue": issue.isoformat(),
        "tables": tables,
        "config_sha256": config.sha256,
        "demo": config.run.demo,
        "help_line": config.alerts.help_line,
        "help_lines": config.alerts.help_lines,
        "people_floor": config.disclosure.people_floor,
        "reporting_lag_days": config.signals.reporting_lag_days,
    }


def _json(body: object) -> str:
    return json.dumps(body, indent=1, sort_keys=True) + "\n"


def _home(root: Path, *, issue: dt.date, version: str) -> Path:
    return root / f"issue={issue.isoformat()}" / f"version={version}"


@contextlib.contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    # Inside the published folder, so that the final rename never crosses a file system.
    for left_behind in root.glob(".writing-*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    for folder in root.glob("issue=*"):
        if not any(folder.iterdir()):
            folder.rmdir()
    folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=root))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(scratch: Path, *, publication: Publication) -> None:
    home = publication.folder
    home.parent.mkdir(parents=True, exist_ok=True)
    if home.exists():
        names = [path.name for path in scratch.iterdir()]
        if filecmp.cmpfiles(scratch, home, names, shallow=False)[0] == names:
            return
        # Damaged since it was written.
        _remove(home, root=home.parent.parent)
    scratch.rename(home)


def _point(root: Path, *, publication: Publication) -> None:
    """Point at this publication, unless a newer issue is out already."""
    with contextlib.suppress(InputError):
        if current(root).issue > publication.issue:
            return
    body = {
        "issue": publication.issue.isoformat(),
        "version": publication.version,
        "path": publication.folder.relative_to(root).as_posix(),
    }
    _replace(root / POINTER, text=_json(body))


def _replace(path: Path, *, text: str) -> None:
    """Atomically; not touched where it says that already."""
    with contextlib.suppress(OSError, ValueError):
        if path.read_text(encoding="utf-8") == text:
            return
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def current(root: Path) -> Publication:
    """The publication that readers should open; `InputError` when there is none."""
    pointer = root / POINTER
    try:
        body = json.loads(pointer.read_text(encoding="utf-8"))
        issue = dt.date.fromisoformat(body["issue"])
        return Publication(issue=issue, version=body["version"], folder=root / body["path"])
    except FileNotFoundError as error:
        raise InputError(
            f"{root}: nothing is published here yet. Run `affectcast nightly --config FILE`, or `affectcast demo`."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{pointer}: is damaged. Run `affectcast publish` to write it again.") from error


def _version_out(root: Path, *, issue: dt.date) -> Publication | None:
    """The version of `issue` that readers are pointed at now."""
    with contextlib.suppress(InputError):
        now = current(root)
        return now if now.issue == issue else None
    return None


def _forget_versions(publication: Publication, *, before: Publication | None) -> None:
    """Remove an issue's other versions, but for the one that readers were pointed at until now."""
    if before is not None and before.version == publication.version:
        return
    keep = {publication.folder.name} | ({before.folder.name} if before is not None else set())
    for folder in publication.folder.parent.glob("version=*"):
        if folder.name not in keep:
            _remove(folder, root=folder.parent.parent)
    exports = {beside(publication.folder.parent / name) for name in keep}
    for export in publication.folder.parent.glob("export-*.zip"):
        if export not in exports:
            export.unlink()


def _forget_issues(root: Path, *, keep: int) -> None:
    """Remove the oldest issues beyond `keep`."""
    issues = sorted(root.glob("issue=*"))
    for folder in issues[:-keep]:
        _remove(folder, root=root)


def _remove(folder: Path, *, root: Path) -> None:
    """Out of sight at once, so that nobody meets half a version; then off the disk."""
    hidden = Path(tempfile.mkdtemp(prefix=".writing-", dir=root))
    folder.rename(hidden / folder.name)
    shutil.rmtree(hidden, ignore_errors=True)
