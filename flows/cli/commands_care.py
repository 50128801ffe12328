"""Commands that look after a warehouse: doctor, migrate, backup, restore, retention, delete-author, rekey."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows import removal
from flows.cli.options import DEFAULT_CONFIG, ConfigOption, DryRunOption, make_run, today
from flows.cli.output import describe, log, say
from flows.nightly import night_lock
from flows.rekey import new_pseudonyms
from warehouse.backup import Manifest, check_target, write_backup
from warehouse.config import Config, load_config, secret_path
from warehouse.errors import InputError, UsageError
from warehouse.migrations import VERSION
from warehouse.opening import exists, name_of
from warehouse.restore import check_backup, restore_backup
from warehouse.store import other_version
from warehouse.upgrade import bring_up_to_date, compact, version_at


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (doctor, migrate, backup, restore, retention, delete_author, rekey):
        app.command()(command)


def doctor(
    config: ConfigOption = DEFAULT_CONFIG,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="Also read every block of the warehouse and every published file."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list and nothing else.")] = False,
) -> None:
    """Check the installation and the set-up: what is wrong, what to do. Writes nothing; ends with 1 on a problem."""
    from flows.doctor import examine

    findings = examine(config, today=today(), thorough=thorough)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            say(f"{finding.level:<8}{finding.check}: {finding.says}")
            if finding.do:
                say(f"{'':<8}→ {finding.do}")
    if any(finding.level == "problem" for finding in findings):
        sys.exit(1)


def migrate(config: ConfigOption = DEFAULT_CONFIG, dry_run: DryRunOption = False) -> None:
    """Bring the tables of an older warehouse up to date, after a copy; a night does so by itself."""
    settings = load_config(config)
    name = name_of(settings.paths.warehouse, config=settings.warehouse)
    if dry_run:
        found = version_at(settings.paths.warehouse, config=settings)
        if found is not None and found > VERSION:
            raise other_version(name, found=found)
        older = found is not None and found < VERSION
        return say(
            f"would bring {name} from version {found} to {VERSION}" if older else _nothing_to_do(settings)
        )
    with night_lock(settings):
        say(bring_up_to_date(settings) or _nothing_to_do(settings))
    return None


def _nothing_to_do(settings: Config) -> str:
    path, kind = settings.paths.warehouse, settings.warehouse
    there = exists(path, config=kind)
    return f"{name_of(path, config=kind)}: " + (
        f"nothing to do, version {VERSION}" if there else "no warehouse yet"
    )


def backup(
    to: Annotated[Path, typer.Option("--to", help="Archive to write (.tar); never overwrites one.")],
    config: ConfigOption = DEFAULT_CONFIG,
    dry_run: DryRunOption = False,
) -> None:
    """Write one verified archive of warehouse, verdicts, added lexicons and published issues; not of the key."""
    settings = load_config(config)
    if dry_run:
        size = check_target(to, config=settings)
        return say(f"would write {to} from {size / 1e6:,.1f} MB")
    check_target(to, config=settings)
    with night_lock(settings):
        manifest = write_backup(to, config=settings, made=today())
    say(f"{to}: {_holds(manifest)}")
    say("The key behind the pseudonyms is not in it: keep that elsewhere.")
    return None


def _holds(manifest: Manifest) -> str:
    posts = manifest.tables.get("raw.posts", 0)
    return (
        f"{len(manifest.files):,} files, {manifest.size / 1e6:,.1f} MB, {posts:,} posts, version "
        f"{manifest.schema_version} of the tables, made {manifest.made} by {manifest.program}"
    )


def restore(
    from_: Annotated[Path, typer.Option("--from", help="Archive that `affectcast backup` wrote.")],
    config: ConfigOption = DEFAULT_CONFIG,
    replace: Annotated[
        bool, typer.Option("--replace", help="Set aside, under another name, what is there already.")
    ] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Put a backup in place of the configured paths; everything in it is checked before anything is touched."""
    settings = load_config(config)
    if dry_run:
        return say(f"{from_}: sound; {_holds(check_backup(from_, config=settings, replace=replace))}")
    with night_lock(settings):
        manifest, aside = restore_backup(from_, config=settings, replace=replace)
    say(f"restored {_holds(manifest)}")
    for path in aside:
        say(f"what was here before: {path}")
    if manifest.config_sha256 != settings.sha256:
        say("Other settings than those it was made with: the next night makes all signals again.")
    say(
        f"The key is not in a backup. Put yours in {secret_path(settings)}; `affectcast doctor` says if it fits."
    )
    return None


def retention(config: ConfigOption = DEFAULT_CONFIG, dry_run: DryRunOption = False) -> None:
    """Remove posts older than [retention] raw_days; numbers made of them stay. Every night does so at its end."""
    run = make_run(config, as_of=None, command="retention")
    if run.config.retention.raw_days is None:
        raise UsageError("[retention] raw_days is not set, so posts are kept for good. Set it first.")
    if dry_run:
        return say(f"would remove the posts of whole weeks older than {run.config.retention.raw_days} days")
    with night_lock(run.config):
        _up_to_date(run.config)
        receipt = removal.remove_expired(run)
        if run.config.warehouse.is_lake:
            compact(run.config)
    say(f"retention: {describe(receipt)}")
    return None


def delete_author(
    source: Annotated[str, typer.Option("--source", help="Source that the authors wrote in, by its name.")],
    from_: Annotated[
        str, typer.Option("--from", help="File with one author id a line; - reads standard input.")
    ] = "-",
    config: ConfigOption = DEFAULT_CONFIG,
    dry_run: DryRunOption = False,
) -> None:
    """Erase people: their posts and all that is kept of them. The next night makes the days they wrote on again."""
    run = make_run(config, as_of=None, command="delete-author")
    names = removal.read_names(_given(from_), where="standard input" if from_ == "-" else from_)
    with night_lock(run.config):
        if not dry_run:
            _up_to_date(run.config)
        done = removal.erase(run, source=source, names=names, dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    say(f"{verb} {done.posts:,} posts of {done.found:,} of {done.named:,} people")
    if not dry_run:
        say("The next night makes the days they wrote on again, as a new issue.")
        for path in removal.copies_beside(run.config):
            say(f"still holds them: {path}; delete it, or restore it and erase them there too")
        say("Backups, and the files the posts came from, hold them until you remove them there.")


def rekey(config: ConfigOption = DEFAULT_CONFIG, dry_run: DryRunOption = False) -> None:
    """Give everybody new pseudonyms, under a new key: when the old one may have become known to others."""
    run = make_run(config, as_of=None, command="rekey")
    with night_lock(run.config):
        if not dry_run:
            _up_to_date(run.config)
        done = new_pseudonyms(run, dry_run=dry_run)
    if dry_run:
        return say(f"would give {done.people:,} authors new pseudonyms")
    say(f"{done.people:,} people have new pseudonyms, and {done.posts:,} posts new ids")
    say(f"Keep the key with its new line, as you keep your backups: {secret_path(run.config)}.")
    for path in removal.copies_beside(run.config):
        say(f"still holds the old ones: {path}; delete it")
    say(
        "Backups made before hold the old pseudonyms; the key still opens them: restore one and run this again."
    )
    return None


def _given(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. Check --from.") from error


def _up_to_date(config: Config) -> None:
    told = bring_up_to_date(config)
    if told:
        log(told)
