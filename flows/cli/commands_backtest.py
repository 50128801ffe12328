"""`affectcast backtest`: a named task on a file of series, with a leaderboard. Goes on where it was stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from flows.cli.commands_files import (
    CalendarOption,
    KindOption,
    SeriesOption,
    WorkersOption,
    _read_events,
    _read_series,
)
from flows.cli.options import (
    DEFAULT_CONFIG,
    AsOfOption,
    ColumnsOption,
    ConfigOption,
    DryRunOption,
    OutOption,
    known_config,
    need_out,
    parse_day,
)
from flows.cli.output import log, progress, say
from flows.files import beside, table_format, write_table
from warehouse.config import EngineConfig
from warehouse.engine import engine_of
from warehouse.errors import UsageError

if TYPE_CHECKING:
    from forecasting.files import Backtest
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
    per_horizon: Annotated[
        bool, typer.Option("--per-horizon", help="The leaderboard for each step ahead, too.")
    ] = False,
    board: Annotated[
        Path | None,
        typer.Option("--board", help="Write the leaderboard, with what identifies it, to this file."),
    ] = None,
    events: CalendarOption = None,
    workers: WorkersOption = None,
    out: OutOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
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
    for path in (target, *([board] if board else [])):
        table_format(path)
    settings = known_config(config).engine
    if workers is not None:
        settings = settings.model_copy(update={"workers": workers})
    if board is not None and board.resolve() in {p.resolve() for p in (target, *_beside(target))}:
        raise UsageError("--board names a file that the scores, costs or peaks are written to. Name another.")
    frame = _read_series(series, columns=columns)
    if dry_run:
        say(f"would run {plan.name} on {frame['series_id'].n_unique():,} series of {series} into {target}")
        return
    made = _run(
        frame, plan=plan, kind=kind, target=target, as_of=as_of, events=_read_events(events), where=settings
    )
    _write(made, target=target, board=board)
    shutil.rmtree(_parts(target), ignore_errors=True)
    for line in _told(made, per_horizon=per_horizon):
        say(line)


def _beside(target: Path) -> list[Path]:
    return [beside(target, what=what) for what in ("costs", "peaks")]


def _write(made: Backtest, *, target: Path, board: Path | None) -> None:
    from forecasting.leaderboard import board_rows

    frames = {target: made.scores, beside(target, what="costs"): made.costs}
    if made.peaks is not None:
        frames[beside(target, what="peaks")] = made.peaks
    if board is not None:
        frames[board] = board_rows(made.scores, task=made.task)
    for path, frame in frames.items():
        write_table(frame, path=path)
        log(f"{frame.height:,} rows → {path}")


def _run(
    frame: pl.DataFrame,
    *,
    plan: TaskPlan,
    kind: KindOption,
    target: Path,
    as_of: str | None,
    events: pl.DataFrame | None,
    where: EngineConfig,
) -> Backtest:
    from forecasting.files import backtest_file
    from forecasting.memo import Memo

    parts = _parts(target)
    if parts.is_dir():
        log(f"going on with what {parts} holds")
    day = parse_day(as_of, option="--as-of") if as_of else None
    with progress() as tell, engine_of(where) as engine:
        return backtest_file(
            frame,
            plan=plan,
            kind=kind,
            as_of=day,
            events=events,
            memo=Memo(parts, engine=engine),
            progress=lambda label: tell(label, 1),
        )


def _parts(target: Path) -> Path:
    return target.with_name(f"{target.name}.parts")


def _told(made: Backtest, *, per_horizon: bool) -> Iterator[str]:
    """The leaderboard, and what belongs beside it, as lines."""
    if made.scores.is_empty():
        yield "no series could be judged"
        return
    if made.peaks is not None:
        yield from (*_peaks(made.peaks), "")
    if per_horizon:
        yield from (*_steps(made.scores), "")
    yield from _board(made)


def _board(made: Backtest) -> Iterator[str]:
    from forecasting.costs import per_answer
    from forecasting.leaderboard import leaderboard

    spent = per_answer(made.costs)
    yield (
        "model             error over flat line   better on         50 %   80 %   90 %   95 %    MAPE"
        "   seconds    joules (per series and origin)"
    )
    for row in leaderboard(made.scores).iter_rows(named=True):
        mape = "      –" if row["mape"] is None else f"{row['mape']:8.1%}"
        seconds, joules = spent.get(row["model_id"], (None, None))
        better = f"{row['win_rate']:.0%} of {row['n_series']:,}"
        yield (
            f"{row['model_id']:18s}{_error(row):23s}{better:15s}{_held(row)}{mape:>8s}"
            f"{_cost(seconds):>10s}{_cost(joules):>10s}"
        )


def _steps(scores: pl.DataFrame) -> Iterator[str]:
    from forecasting.leaderboard import leaderboard

    yield "step  model             error over flat line      50 %   80 %   90 %   95 %"
    for row in leaderboard(scores, per_horizon=True).iter_rows(named=True):
        yield f"{row['horizon']:<6}{row['model_id']:18s}{_error(row):23s}{_held(row)}"


def _peaks(peaks: pl.DataFrame) -> Iterator[str]:
    from forecasting.protocol import averages

    yield "Means over series; in brackets as many alarms on a plain calendar."
    yield "model             within   hit rate, study's protocol   F1, alarm before its peak   precision   recall"
    for row in averages(peaks).iter_rows(named=True):
        hits = f"{_share(row['hit_rate'])} ({_share(row['calendar_hit_rate'])})"
        f1 = f"{_number(row['f1'])} ({_number(row['calendar_f1'])})"
        yield (
            f"{row['model_id']:18s}{row['window_days']} days   {hits:29s}{f1:28s}{_share(row['precision']):12s}"
            f"{_share(row['recall'])}"
        )


def _error(row: dict[str, Any]) -> str:
    if row["relative_wis_low"] is None:
        return f"{row['relative_wis']:.3f}"
    return f"{row['relative_wis']:.3f} [{row['relative_wis_low']:.2f}, {row['relative_wis_high']:.2f}]"


def _held(row: dict[str, Any]) -> str:
    return "".join(f"{row[f'coverage_{percent}']:7.1%}" for percent in (50, 80, 90, 95))


def _cost(spent: float | None) -> str:
    return "-" if spent is None else f"{spent:.2g}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
