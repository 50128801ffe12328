"""What a run leaves beside its publication (report, metrics, notices, log lines), and that nothing in it is private."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from night_support import dump
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from flows.after_run import conclude, failures_told, report_path
from flows.cli.app import app
from flows.nightly import Night
from flows.stages import Run
from warehouse.config import Config
from warehouse.errors import InputError, UnexpectedError
from warehouse.publish import current
from warehouse.store import Receipt


@pytest.fixture
def night(finished: Config, tmp_path: Path) -> Night:
    """The small night's publication, as a run that keeps its state elsewhere would have left it."""
    paths = finished.paths.model_copy(update={"warehouse": tmp_path / "state" / "w.duckdb"})
    config = finished.model_copy(update={"paths": paths})
    out = current(config.paths.published)
    place = out.folder.relative_to(config.paths.published).as_posix()
    receipts = [
        Receipt("ingest", rows_in=2_641, rows_out=2_613, seconds=61.24, notes=("a note | of <b>sorts",)),
        Receipt("publish", rows_in=3, rows_out=7, publication=place, seconds=2.0),
    ]
    return Night(run=Run(config=config, issue=out.issue), receipts=receipts)


def read_report(run: Run) -> str:
    return report_path(run.config, issue=run.issue, command=run.command).read_text(encoding="utf-8")


def samples(config: Config) -> dict[tuple[str, ...], float]:
    text = config.paths.metrics_file.read_text(encoding="utf-8")
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in found}


def test_the_report_says_what_came_in_what_was_left_out_and_how_long_it_took(night: Night) -> None:
    assert conclude(night) == []
    report = read_report(night.run)
    accounting = pl.read_parquet(night.publication.folder / "accounting.parquet")
    received = accounting.filter(pl.col("subject") == "posts_en", pl.col("reason") == "received")["n"][0]
    assert f"| posts_en | {received:,} |" in report
    for heading in ("left out, and why", "breaks", "Open alerts", "Forecast skill", "Stages", "Notes"):
        assert heading in report
    assert "| intake | posts_es | quarantined:wrong_field_count | 3 |" in report
    assert "| ingest | 61.2 | 2,640 | 2,615 |" in report
    assert "| publish | 2.0 | 5 | 5 |" in report
    assert r"a note \| of \<b\>sorts" in report


def test_the_metrics_are_the_publication_and_the_run_in_numbers(night: Night) -> None:
    conclude(night)
    found = samples(night.run.config)
    accounting = pl.read_parquet(night.publication.folder / "accounting.parquet")
    intake = accounting.filter(pl.col("stage") == "intake")
    for source, reason, n in intake.select("subject", "reason", "n").iter_rows():
        if reason.startswith("quarantined:"):
            name = ("affectcast_quarantined_records", reason.removeprefix("quarantined:"), source)
        else:
            name = ("affectcast_records", reason, source)
        assert found[name] == n
    assert found["affectcast_stage_duration_seconds", "ingest"] == 61.24
    assert found["affectcast_stage_rows", "ingest", "out"] == 2_615
    assert found["affectcast_publication_issue_timestamp_seconds",] % 86_400 == 0
    assert found["affectcast_open_alerts", "high"] == 0
    assert found["affectcast_last_run_exit_code",] == 0
    assert (
        found["affectcast_last_success_timestamp_seconds",] == found["affectcast_last_run_timestamp_seconds",]
    )


def test_neither_report_nor_metrics_quote_a_post_an_author_or_a_withheld_place(
    night: Night, finished: Config
) -> None:
    conclude(night)
    said = read_report(night.run) + night.run.config.paths.metrics_file.read_text(encoding="utf-8")
    posts = dump(finished)["raw.posts"]
    private = [*posts["text"], *posts["author_key"].drop_nulls(), *posts["post_id"]]
    assert [value for value in private if value in said] == []
    places = set(posts["geo_value"]) - {""}
    assert [place for place in places if f"{place}\n" in said or f'"{place}"' in said] == []


def test_a_failed_run_says_so_and_keeps_the_time_of_the_last_success(night: Night) -> None:
    conclude(night)
    before = samples(night.run.config)
    with pytest.raises(InputError), failures_told(night.run, log=lambda _line: None):
        raise InputError("posts.csv: missing columns: text.")
    after = samples(night.run.config)
    assert after["affectcast_last_run_exit_code",] == InputError.exit_code
    name = ("affectcast_last_success_timestamp_seconds",)
    assert after[name] == before[name]
    assert ("affectcast_stage_duration_seconds", "ingest") not in after
    report = read_report(night.run)
    assert "nightly 2024-01-21: failed" in report
    assert "posts.csv: missing columns: text." in report


def test_the_first_run_fails_before_there_is_anything(night: Night) -> None:
    config = night.run.config
    paths = config.paths.model_copy(update={"published": config.paths.warehouse.parent / "nothing"})
    run = Run(config=config.model_copy(update={"paths": paths}), issue=night.run.issue)
    with pytest.raises(InputError), failures_told(run, log=lambda _line: None):
        raise InputError("no file.")
    assert set(samples(run.config)) == {
        ("affectcast_last_run_timestamp_seconds",), ("affectcast_last_run_exit_code",),
    }  # fmt: skip


def test_an_unexpected_error_is_told_without_its_message(night: Night) -> None:
    told: list[str] = []
    with pytest.raises(UnexpectedError) as raised, failures_told(night.run, log=told.append):
        raise ValueError("cannot score: zyxcanary")
    assert "zyxcanary" not in read_report(night.run) + str(raised.value) + "".join(told)
    assert "unexpected ValueError" in read_report(night.run)


def test_what_cannot_be_written_does_not_fail_a_night_that_is_done(night: Night) -> None:
    blocked = night.run.config.paths.warehouse.parent
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where a folder should be", encoding="utf-8")
    told = conclude(night)
    assert [line.split(" could not")[0] for line in told] == ["the report", "the metrics"]


def test_as_many_reports_are_kept_as_issues(night: Night) -> None:
    conclude(night)
    folder = night.run.config.paths.reports
    for number in range(night.run.config.publish.keep_issues + 3):
        (folder / f"2020-01-{number:02}-nightly.md").write_text("old", encoding="utf-8")
    conclude(night)
    assert len(list(folder.iterdir())) == night.run.config.publish.keep_issues
    assert "Records since" in read_report(night.run)


def test_json_log_lines_hold_run_stage_and_counts(
    finished: Config, finished_toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER", "json")
    own = f'warehouse = "{tmp_path}/state/w.duckdb"'
    text = finished_toml.read_text(encoding="utf-8").replace(f'warehouse = "{finished.paths.warehouse}"', own)
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(
        app, ["--log-format", "json", "ingest", "--config", str(tmp_path / "config.toml")]
    )
    assert done.exit_code == 0
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line.get("event") for line in lines[:2]] == ["started", "done"]
    assert lines[1]["stage"] == "ingest"
    assert lines[1]["run_id"] == lines[0]["run_id"] != ""
    assert lines[1]["rows_in"] == lines[1]["rows_out"] + sum(lines[1]["reasons"].values()) > 1_000
    assert lines[1]["seconds"] > 0
    text_again = CliRunner().invoke(app, ["ingest", "--config", str(tmp_path / "config.toml")])
    assert "ingest: 0 in, 0 out" in text_again.stderr
