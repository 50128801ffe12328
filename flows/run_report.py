"""What a run did, as a page of Markdown for whoever looks after it. Not for analysts: the dashboard is that.

What it says of the data stands in the publication already; the rows of a stage are rounded as published counts are.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from flows.nightly import Night
from flows.notify import sentences, worst_first
from flows.summary import read_tables, skill_line

# More would not be read; the dashboard has them all.
MOST_LINES = 20
VOLUMES = ("received", "posts", "duplicates", "quarantined")
SEVERITIES = ("high", "medium", "low")


def night_report(night: Night) -> str:
    """The report of a run that published."""
    tables = read_tables(night.publication)
    parts = [
        _head(night),
        _problems(night),
        _volumes(tables["accounting"]),
        _dropped(tables["accounting"]),
        _breaks(tables["breaks"], night=night),
        _alerts(tables["alerts"]),
        ["## Forecast skill", "", skill_line(tables)],
        _stages(night),
        ["## Notes", "", *[f"* {_plain(note)}" for note in night.notes]] if night.notes else [],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def failure_report(message: str, *, title: str) -> str:
    """The report of a run that ended early."""
    return (
        f"# {title}\n\n{_plain(message)}\n\nWhat the stages before had finished is kept. Once the cause is gone, run "
        "the same command again: it goes on where it stopped.\n"
    )


def rounded_rows(night: Night) -> dict[str, tuple[float, int, int]]:
    """Seconds, rows in and rows out of every stage; the rows rounded, since most of them are not published."""
    step = night.run.config.disclosure.rounding
    found: dict[str, tuple[float, int, int]] = {}
    for receipt in night.receipts:
        seconds, rows_in, rows_out = found.get(receipt.stage, (0.0, 0, 0))
        found[receipt.stage] = (
            seconds + receipt.seconds,
            rows_in + receipt.rows_in,
            rows_out + receipt.rows_out,
        )
    return {
        stage: (seconds, round(rows_in / step) * step, round(rows_out / step) * step)
        for stage, (seconds, rows_in, rows_out) in found.items()
    }


def _head(night: Night) -> list[str]:
    run, publication = night.run, night.publication
    state = "published, with problems" if night.problems else "published"
    return [
        f"# Affectcast {run.command} {publication.issue}: {state}",
        "",
        f"Issue {publication.issue}, version {publication.version}; run {run.run_id}.",
    ]


def _problems(night: Night) -> list[str]:
    if not night.problems:
        return []
    return ["## What could not be done", "", *[f"* {_plain(problem)}" for problem in night.problems]]


def _volumes(accounting: pl.DataFrame) -> list[str]:
    """Records by source, since the first night."""
    intake = accounting.filter(pl.col("stage") == "intake", pl.col("reason").is_in(VOLUMES))
    rows = []
    for source in sorted(intake["subject"].unique()):
        counts = dict(intake.filter(pl.col("subject") == source).select("reason", "n").iter_rows())
        rows.append([source, *[f"{counts.get(name, 0):,}" for name in VOLUMES]])
    return ["## Records since the first night", "", *_table(["source", *VOLUMES], rows)]


def _dropped(accounting: pl.DataFrame) -> list[str]:
    kept = [*VOLUMES, "published", "scored", "unchanged"]
    left = accounting.filter(~pl.col("reason").is_in(kept), pl.col("n") > 0)
    ordered = left.sort("stage", "subject", "reason").select("stage", "subject", "reason", "n")
    rows = [[stage, subject, reason, f"{n:,}"] for stage, subject, reason, n in ordered.iter_rows()]
    return ["## What was left out, and why", "", *_table(["stage", "of", "reason", "count"], rows)]


def _breaks(breaks: pl.DataFrame, *, night: Night) -> list[str]:
    """Those that were found in this issue."""
    columns = ["onset", "what", "population", "geo_type", "geo_value", "platform_wide"]
    found = breaks.filter(pl.col("issue") == night.publication.issue).select(columns).unique().sort(columns)
    rows = [[str(value) for value in row] for row in found.head(MOST_LINES).iter_rows()]
    return ["## New breaks of the data", "", *_table(columns, rows), *_more(found.height)]


def _alerts(alerts: pl.DataFrame) -> list[str]:
    alive = worst_first(alerts)
    counts = ", ".join(f"{alive.filter(pl.col('severity') == name).height} {name}" for name in SEVERITIES)
    told = sentences(alive)
    lines = [f"* {_plain(sentence)}" for sentence in told[:MOST_LINES]]
    return [
        "## Open alerts",
        "",
        f"{alive.height}: {counts}.",
        *([""] if lines else []),
        *lines,
        *_more(len(told)),
    ]


def _stages(night: Night) -> list[str]:
    rows = [
        [stage, f"{seconds:,.1f}", f"{rows_in:,}", f"{rows_out:,}"]
        for stage, (seconds, rows_in, rows_out) in rounded_rows(night).items()
    ]
    step = night.run.config.disclosure.rounding
    table = _table(["stage", "seconds", "rows in", "rows out"], rows)
    return ["## Stages", "", *table, "", f"Rows are rounded to {step}."]


def _more(count: int) -> list[str]:
    return ["", f"… and {count - MOST_LINES} more on the dashboard."] if count > MOST_LINES else []


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(_plain(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines] if lines else ["None."]


def _plain(text: str) -> str:
    """Text of one line that Markdown takes as it is: names of files and places may hold anything."""
    safe = " ".join(text.split())
    for mark in "\\|<>[]`*":
        safe = safe.replace(mark, f"\\{mark}")
    return safe
