"""The nightly job as plain functions, one per stage: each opens the warehouse, writes its table, says what it did.

No orchestrator in here and no statistics: a stage reads tables, calls one function, writes one table.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import polars as pl

from flows.comovement import write_comovement
from flows.contagion import contagion_tables
from flows.evaluation.survey_results import published_rows
from flows.events import calendar_of, write_events
from flows.forecasts import LAST_WEEKS, THIS_WEEK, last_weeks, main_signals, this_week, write_forecasts
from flows.guards import newest_issue, was_made
from flows.quality import measure_quality
from flows.scorers import make_scorer, scoring_engine
from flows.signal_pages import PAGES, signal_pages
from flows.sources.fetch import read_platforms
from flows.words import make_word_shifts
from warehouse import scores, signals
from warehouse.acknowledgements import read_acknowledgements
from warehouse.config import Config, SourceConfig
from warehouse.engine import engine_of
from warehouse.errors import AffectcastError, UsageError
from warehouse.intake.files import SourceFile, fingerprint, source_files
from warehouse.intake.ingest import ingest_sources
from warehouse.intake.key import pseudonym_key
from warehouse.intake.ledger import intake_accounting
from warehouse.places import place_table
from warehouse.publish import Publication, publish
from warehouse.released import release_signals
from warehouse.revisions import REVISIONS, revisions
from warehouse.scoring import Scorer
from warehouse.series import release_series, series_fingerprint, series_lags
from warehouse.store import Receipt, Store, open_store, run_identity
from warehouse.tables import TABLES, empty

Tell = Callable[[str, int], None]
RUNS = TABLES["core.runs"]
VERSION = version("affectcast")


def _silent(_label: str, _count: int) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One night: what to do, for which day, under which name."""

    config: Config
    issue: dt.date
    command: str = "nightly"
    assumed: bool = False
    tell: Tell = field(default=_silent, compare=False, repr=False)

    @cached_property
    def files(self) -> list[SourceFile]:
        """The files of every source, fingerprinted once per run."""
        return source_files(self.config)

    @cached_property
    def platforms(self) -> list[SourceConfig]:
        """The sources that ask a platform; what they answer is known only once they are asked."""
        return [source for source in self.config.sources if source.is_platform]

    @cached_property
    def run_id(self) -> str:
        """Same command, issue, configuration and input: same id."""
        inputs = [VERSION, fingerprint(self.files), series_fingerprint(self.config)]
        return run_identity(
            self.command, issue=str(self.issue), config_sha256=self.config.sha256, inputs=inputs
        )

    def scorers(self) -> list[Scorer]:
        # On Ray several processes would write to the same files.
        keep, threads = self.config.engine.kind == "local", self.config.score.threads
        return [
            make_scorer(name, config=self.config, threads=threads, keep=keep)
            for name in self.config.score.scorers
        ]


def git_commit() -> str | None:
    """The commit of the code that runs, where it runs from a checkout."""
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


@contextmanager
def _stage(run: Run, name: str) -> Iterator[tuple[Store, list[Receipt]]]:
    """An open store, and a list that the stage puts its receipt into; the run is recorded around it."""
    with open_store(run.config.paths.warehouse, config=run.config.warehouse) as store:
        record = _Record(run=run, stage=name, started=dt.datetime.now(dt.UTC))
        record.write(store, status="running", receipt=Receipt(name))
        receipts: list[Receipt] = []
        try:
            yield store, receipts
        except AffectcastError:
            record.write(store, status="failed", receipt=Receipt(name))
            raise
        record.write(store, status="done", receipt=receipts[-1])


@dataclass(frozen=True, kw_only=True)
class _Record:
    run: Run
    stage: str
    started: dt.datetime

    def write(self, store: Store, *, status: str, receipt: Receipt) -> None:
        run_id = self.run.run_id
        row = {
            "run_id": run_id, "stage": self.stage, "command": self.run.command, "issue": self.run.issue,
            "started_at": self.started, "finished_at": None if status == "running" else dt.datetime.now(dt.UTC),
            "status": status, "config_sha256": self.run.config.sha256, "git_commit": git_commit(),
            "rows_in": receipt.rows_in, "rows_out": receipt.rows_out, "rows_dropped": receipt.rows_dropped,
            "reasons": json.dumps(receipt.reasons, sort_keys=True),
        }  # fmt: skip
        with store.transaction():
            store.put(RUNS, pl.DataFrame([row], schema=empty(RUNS).schema), run_id=run_id)


def _is_done(run: Run, *, stage: str) -> bool:
    sql = "SELECT count(*) AS n FROM core.runs WHERE run_id = ? AND stage = ? AND status = 'done'"
    with open_store(run.config.paths.warehouse, config=run.config.warehouse) as store:
        return int(store.query(sql, [run.run_id, stage])["n"][0]) > 0


def _put_accounting(store: Store, rows: pl.DataFrame, *, stage: str, run: Run) -> None:
    table = TABLES["out.accounting"]
    store.delete(table, where="issue = ? AND stage = ?", parameters=[run.issue, stage])
    store.append(table, rows, run_id=run.run_id)


# ------------------------------------------------------------------------------------------- stages


def ingest(run: Run) -> Receipt:
    """Source files and platforms → raw.posts, raw.quarantine, core.interactions."""
    files = run.files
    with _stage(run, "ingest") as (store, receipts):
        secret, note = pseudonym_key(store, config=run.config)
        receipt = ingest_sources(
            store,
            config=run.config,
            files=files,
            secret=secret,
            issue=run.issue,
            run_id=run.run_id,
            progress=run.tell,
        )
        receipt += read_platforms(store, run=run, secret=secret)
        with store.transaction():
            _put_accounting(store, intake_accounting(store, issue=run.issue), stage="intake", run=run)
        receipts.append(receipt)
    return replace(receipt, notes=(note, *receipt.notes)) if note else receipt


def score(run: Run) -> Receipt:
    """raw.posts → core.scores_<scorer>."""
    total = Receipt("score")
    with _stage(run, "score") as (store, receipts):
        scorers = run.scorers()
        with scoring_engine(scorers, config=run.config) as engine:
            spec = scores.ScoreSpec(
                chunk_posts=run.config.score.chunk_posts, issue=run.issue, run_id=run.run_id, engine=engine
            )
            made = scores.score_posts(store, scorers=scorers, spec=spec, progress=run.tell)
        for scorer, one in zip(scorers, made, strict=True):
            reasons = {f"{scorer.name}: {reason}": n for reason, n in one.reasons.items() if n}
            total = Receipt(
                "score", total.rows_in + one.rows_in, total.rows_out + one.rows_out, total.reasons | reasons
            )
        with store.transaction():
            rows = [scores.accounting(store, scorer=scorer, issue=run.issue) for scorer in scorers]
            _put_accounting(store, pl.concat(rows), stage="score", run=run)
            quality = pl.concat(
                [measure_quality(scorer, folder=run.config.paths.lexicons) for scorer in scorers]
            )
            store.put(TABLES["out.measure_quality"], quality, run_id=run.run_id)
            store.delete(TABLES["out.survey_validity"], where="true")
            surveys = published_rows(run.config.paths.lexicons)
            store.append(TABLES["out.survey_validity"], surveys, run_id=run.run_id)
        receipts.append(total)
    return total


def build_signals(run: Run) -> Receipt:
    """raw.posts → core.marks; with core.scores_* → core.signals → out.signals (disclosed), beside `[[series]]`."""
    from flows.breaks import keep_quality_and_breaks
    from warehouse.amplification.marks import mark_posts

    spec = signals.SignalSpec(config=run.config, issue=run.issue, assumed=run.assumed)
    with _stage(run, "signals") as (store, receipts):
        mark_posts(store, config=run.config.amplification, run_id=run.run_id)
        made = signals.compute_signals(store, scorers=run.scorers(), spec=spec, run_id=run.run_id)
        released = release_signals(store, config=run.config, issue=run.issue, run_id=run.run_id)
        keep_quality_and_breaks(store, run=run)
        series = release_series(
            store, config=run.config, issue=run.issue, assumed=run.assumed, run_id=run.run_id
        )
        receipts.append(Receipt("signals", made.rows_in, released.rows_out, released.reasons) + series)
    return receipts[-1]


def words(run: Run) -> Receipt:
    """raw.posts → core.term_counts; with out.signals → out.word_shifts, out.term_weeks."""
    shifts, weeks = TABLES["out.word_shifts"], TABLES["out.term_weeks"]
    with _stage(run, "words") as (store, receipts):
        made = make_word_shifts(store, run=run)
        with store.transaction():
            store.delete(shifts, where="window_end = ?", parameters=[made.window_end])
            store.delete(weeks, where="issue = ?", parameters=[run.issue])
            written = store.append(shifts, made.rows, run_id=run.run_id)
            written += store.append(weeks, made.weeks, run_id=run.run_id)
        receipts.append(replace(made.receipt, rows_out=written))
    return receipts[-1]


def events(run: Run) -> Receipt:
    """The configured calendar → out.events; with out.signals → out.event_effects, out.event_tests."""
    with _stage(run, "events") as (store, receipts):
        receipts.append(write_events(store, run=run))
    return receipts[-1]


def contagion(run: Run) -> Receipt:
    """core.interactions and scores → out.contagion, out.diffusion, out.transitions, out.weak_ties.

    out.signals as of the issue → out.lead_lag, out.growth.
    """
    with _stage(run, "contagion") as (store, receipts):
        tables, written = contagion_tables(store, run=run), 0
        with store.transaction():
            for name, rows in tables.items():
                store.delete(TABLES[name], where="window_end = ?", parameters=[run.issue])
                written += store.append(TABLES[name], rows, run_id=run.run_id)
            moved = write_comovement(store, run=run)
        rows_out = written + moved.rows_out
        receipts.append(Receipt("contagion", written + moved.rows_in, rows_out, moved.reasons))
    return receipts[-1]


def forecast(run: Run) -> Receipt:
    """out.signals as of the issue → out.forecasts, out.peak_outlook, out.scores, out.model_choice.

    Once per run: a rerun finds it.
    """
    from forecasting.forecast import forecast_signals
    from forecasting.memo import Memo

    config = run.config
    if _is_done(run, stage="forecast"):
        return Receipt("forecast", notes=("already issued by this very run",))
    with _stage(run, "forecast") as (store, receipts), engine_of(config.engine) as engine:
        memo = Memo(config.paths.forecast_memo, engine=engine)
        known = main_signals(store, run=run)
        made = forecast_signals(
            known,
            config=config.forecast, as_of=run.issue, seed=config.run.seed,
            reporting_lag_days=config.signals.reporting_lag_days, people_floor=config.disclosure.people_floor,
            lags=series_lags(store, config=config),
            breaks=store.read(TABLES["out.breaks"], where="issue <= ?", parameters=[run.issue]),
            events=calendar_of(config).events, memo=memo, progress=lambda label: run.tell(label, 1),
        )  # fmt: skip
        with store.transaction():
            written = write_forecasts(store, made=made, run=run)
            left_out = len(made.skipped)
            _put_accounting(store, _left_out(left_out, run=run), stage="forecast", run=run)
        memo.keep_since(run.issue - dt.timedelta(days=config.forecast.history_days))
        reasons = {"series over max_series": left_out} if left_out else {}
        receipts.append(Receipt("forecast", rows_in=known.height, rows_out=written, reasons=reasons))
    return receipts[-1]


def _left_out(count: int, *, run: Run) -> pl.DataFrame:
    """The accounting row for series that were not forecast because there were too many."""
    row = {
        "issue": run.issue,
        "stage": "forecast",
        "subject": "series",
        "reason": "left_out",
        "n": count,
    }
    return pl.DataFrame([row])


def alerts(run: Run) -> Receipt:
    """out.signals, out.peak_outlook, out.contagion → out.alerts, out.alert_tests."""
    from forecasting.alerts.budget import night_notes
    from forecasting.alerts.nightly import AlertInputs, detect_since
    from forecasting.alerts.prevalence import Holidays

    forecast = run.config.forecast
    with _stage(run, "alerts") as (store, receipts):
        inputs = AlertInputs(
            signals=main_signals(store, run=run),
            outlook=store.read(TABLES["out.peak_outlook"], where=THIS_WEEK, parameters=this_week(run.issue)),
            contagion=store.read(TABLES["out.contagion"], where="window_end = ?", parameters=[run.issue]),
            previous=_previous_alerts(store, issue=run.issue),
            acknowledged=read_acknowledgements(run.config.paths.warehouse.parent),
            catalogue=store.read(TABLES["out.signal_catalogue"]),
            breaks=store.read(TABLES["out.breaks"], where="issue <= ?", parameters=[run.issue]),
            forecasts=store.read(TABLES["out.forecasts"], where=LAST_WEEKS, parameters=last_weeks(run.issue)),
            config=run.config.alerts,
            reporting_lag_days=run.config.signals.reporting_lag_days,
            people_floor=run.config.disclosure.people_floor,
            lags=series_lags(store, config=run.config),
            holidays=Holidays(known=forecast.holidays, country_of_all=forecast.country_of_all or None),
        )
        night = detect_since(inputs, last_night=_last_night(store, issue=run.issue), issue=run.issue)
        written = 0
        with store.transaction():
            for name, rows in (("out.alerts", night.alerts), ("out.alert_tests", night.tests)):
                store.delete(TABLES[name], where="issue = ?", parameters=[run.issue])
                written += store.append(TABLES[name], rows, run_id=run.run_id)
        receipts.append(Receipt("alerts", rows_in=written, rows_out=written, notes=night_notes(night.tests)))
    return receipts[-1]


def _last_night(store: Store, *, issue: dt.date) -> dt.date | None:
    """The newest issue before this one whose alerts were judged."""
    earlier = store.query("SELECT max(issue) AS d FROM out.alert_tests WHERE issue < ?", [issue])
    found: dt.date | None = earlier["d"][0]
    return found


def _previous_alerts(store: Store, *, issue: dt.date) -> pl.DataFrame:
    """Every alert's state before this issue."""
    earlier = store.read(TABLES["out.alerts"], where="issue < ?", parameters=[issue])
    return earlier.sort("alert_id", "issue").unique("alert_id", keep="last", maintain_order=True)


def publish_issue(run: Run) -> tuple[Receipt, Publication]:
    """out.* → out.revisions, out.places, out.signal_pages; with them → the published folder, with its export."""
    from flows.export import archive_publication

    with _stage(run, "publish") as (store, receipts):
        if not was_made(store, issue=run.issue):
            raise UsageError(
                f"issue {run.issue} was never made, so there is nothing to publish. The newest one is "
                f"{newest_issue(store)}; run `affectcast nightly`, or publish with --as-of that day."
            )
        _describe(store, run=run)
        receipt, publication = publish(store, config=run.config, issue=run.issue)
        archive_publication(publication)
        receipts.append(receipt)
    return receipt, publication


def _describe(store: Store, *, run: Run) -> None:
    """out.signals as of the issue → out.revisions, out.places, out.signal_pages.

    Made when an issue is published, so that an older one that is published again says nothing that came after it.
    """
    with store.transaction():
        store.delete(REVISIONS, where="true")
        store.append(REVISIONS, revisions(store, issue=run.issue), run_id=run.run_id)
        codes = store.query("SELECT DISTINCT geo_type, geo_value FROM out.signals")
        store.put(TABLES["out.places"], place_table(codes), run_id=run.run_id)
        pages = signal_pages(store, scorers=run.scorers(), config=run.config, issue=run.issue)
        store.delete(PAGES, where="true")
        store.append(PAGES, pages, run_id=run.run_id)
