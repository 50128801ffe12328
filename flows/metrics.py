"""What a monitoring system reads of the last run: a file in Prometheus's text format, replaced as a whole.

For the node exporter's textfile collector. Not for the data: no place and no person is in it, and no count that is
neither published nor rounded.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path

import polars as pl
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families

from flows.nightly import Night
from flows.run_report import SEVERITIES, VOLUMES, rounded_rows
from warehouse.config import Config
from warehouse.errors import AffectcastError, InputError
from warehouse.opening import size_of
from warehouse.publish import current

SUCCESS = "affectcast_last_success_timestamp_seconds"


def write_night(night: Night, *, finished: dt.datetime, exit_code: int) -> None:
    """The metrics of a run that published."""
    registry = _of_any_run(night.run.config, finished=finished, succeeded=finished.timestamp())
    seconds = Gauge("affectcast_stage_duration_seconds", "Duration of a stage", ["stage"], registry=registry)
    rows = Gauge(
        "affectcast_stage_rows", "Rows a stage read and wrote, rounded", ["stage", "way"], registry=registry
    )
    for stage, (duration, rows_in, rows_out) in rounded_rows(night).items():
        seconds.labels(stage).set(duration)
        rows.labels(stage, "in").set(rows_in)
        rows.labels(stage, "out").set(rows_out)
    _finish(registry, config=night.run.config, exit_code=exit_code)


def write_failure(config: Config, *, finished: dt.datetime, exit_code: int) -> None:
    """The metrics of a run that failed; the last success stays what it was."""
    registry = _of_any_run(config, finished=finished, succeeded=_last_success(config.paths.metrics_file))
    _finish(registry, config=config, exit_code=exit_code)


def _of_any_run(config: Config, *, finished: dt.datetime, succeeded: float | None) -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("affectcast_last_run_timestamp_seconds", "When the last run ended", registry=registry).set(
        finished.timestamp()
    )
    if succeeded is not None:
        Gauge(SUCCESS, "When a run last published", registry=registry).set(succeeded)
    with contextlib.suppress(AffectcastError, OSError):
        size = size_of(config.paths.warehouse, config=config.warehouse)
        if size:
            Gauge("affectcast_warehouse_bytes", "Size of the warehouse", registry=registry).set(size)
    with contextlib.suppress(InputError, OSError, pl.exceptions.PolarsError):
        _of_publication(registry, config=config)
    return registry


def _of_publication(registry: CollectorRegistry, *, config: Config) -> None:
    """What readers are pointed at: its issue, its open alerts, its records."""
    publication = current(config.paths.published)
    midnight = dt.datetime.combine(publication.issue, dt.time(), tzinfo=dt.UTC)
    accounting = pl.read_parquet(publication.folder / "accounting.parquet")
    alerts = pl.read_parquet(publication.folder / "alerts.parquet").filter(pl.col("status") == "open")
    Gauge(
        "affectcast_publication_issue_timestamp_seconds", "Midnight (UTC) of the issue", registry=registry
    ).set(midnight.timestamp())
    severity = Gauge("affectcast_open_alerts", "Open alerts", ["severity"], registry=registry)
    for name in SEVERITIES:
        severity.labels(name).set(alerts.filter(pl.col("severity") == name).height)
    records = Gauge(
        "affectcast_records", "Records since the first night", ["source", "outcome"], registry=registry
    )
    refused = Gauge(
        "affectcast_quarantined_records",
        "Refused records, by reason",
        ["source", "reason"],
        registry=registry,
    )
    intake = accounting.filter(pl.col("stage") == "intake").select("subject", "reason", "n")
    for source, reason, n in intake.iter_rows():
        if reason in VOLUMES:
            records.labels(source, reason).set(n)
        else:
            refused.labels(source, reason.removeprefix("quarantined:")).set(n)


def _finish(registry: CollectorRegistry, *, config: Config, exit_code: int) -> None:
    Gauge("affectcast_last_run_exit_code", "Exit code of the last run; 0 is well", registry=registry).set(
        exit_code
    )
    path = config.paths.metrics_file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)


def _last_success(path: Path) -> float | None:
    """What the file of the run before says; None where it cannot be read."""
    try:
        families = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    found = [sample.value for family in families for sample in family.samples if sample.name == SUCCESS]
    return found[0] if found else None
