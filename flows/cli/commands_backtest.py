"""`affectcast backtest`: a named task on a file of series, with a leaderboard. Goes on where it was stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from flows.cli.commands_files import KindOption, SeriesOption, _read_series
from flows.cli.options import AsOfOption, ColumnsOption, DryRunOption, OutOption, need_out, parse_day
from flows.cli.output import log, progress, say
from flows.files import write_table
from warehouse.errors import UsageError

if TYPE_CHECKING:
    from forecasting.tasks import TaskPlan


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(backtest)


def backtest(
    series: SeriesOption = None,
    task: Annotated[str, typer.Option("--task", help="Which task; --list names them.")] = "daily_7",
    tasks: Annotated[
        Path | None, typer.Option("--tasks", help="A file of tasks of your own, like forecasting/tasks.toml.")
    ] = None,
    list_tasks: Annotated[bool, typer.Option("--list", help="Name the tasks and stop.")] = False,
    kind: KindOption = "auto",
    columns: ColumnsOption = None,
    out: OutOption = None,
    as_of: AsOfOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Forecast a file's past again and again, and say which model was better than a flat line."""
    from forecasting.tasks import SHIPPED, read_tasks, task_named

    known = read_tasks(tasks or SHIPPED)
    if list_tasks:
        for plan in known.values():
            say(f"{plan.name}: {plan.about}")
        return
    plan = task_named(task, tasks=known)
    if series is None:
        raise UsageError("--series FILE is needed: series_id, time_value, value and, where known, n.")
    target = need_out(out)
    frame = _read_series(series, columns=columns)
    if dry_run:
        say(f"would run {plan.name} on {frame['series_id'].n_unique():,} series of {series} into {target}")
        return
    scores = _run(frame, plan=plan, kind=kind, target=target, as_of=as_of)
    write_table(scores, path=target)
    shutil.rmtree(_parts(target), ignore_errors=True)
    for line in _board(scores):
        say(line)
    log(f"{scores.height:,} rows → {target}")


def _run(
    frame: pl.DataFrame, *, plan: TaskPlan, kind: KindOption, target: Path, as_of: str | None
) -> pl.DataFrame:
    from forecasting.files import backtest_file
    from forecasting.memo import Memo

    parts = _parts(target)
    if parts.is_dir():
        log(f"going on with what {parts} holds")
    day = parse_day(as_of, option="--as-of") if as_of else None
    with progress() as tell:
        return backtest_file(
            frame,
            plan=plan,
            kind=kind,
            as_of=day,
            memo=Memo(parts),
            progress=lambda label: tell(label, 1),
        )


def _parts(target: Path) -> Path:
    return target.with_name(f"{target.name}.parts")


def _board(scores: pl.DataFrame) -> Iterator[str]:
    """The leaderboard as lines."""
    from forecasting.leaderboard import leaderboard

    if scores.is_empty():
        yield "no series could be judged"
        return
    yield "model             error over flat line   better on     50 %   80 %   90 %   95 %    MAPE"
    for row in leaderboard(scores).iter_rows(named=True):
        held = "".join(f"{row[f'coverage_{p}']:7.1%}" for p in (50, 80, 90, 95))
        mape = "      –" if row["mape"] is None else f"{row['mape']:8.1%}"
        yield (
            f"{row['model_id']:18s}{row['relative_wis']:13.3f}{row['win_rate']:15.0%} of {row['n_series']:<5,}{held}"
            f"{mape}"
        )
