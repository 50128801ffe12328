"""The commands, each a few lines: read options, build a `Run`, call. Grouped as in `affectcast --help`."""

from __future__ import annotations

import typer

from flows.cli import (
    commands_backtest,
    commands_care,
    commands_evaluate,
    commands_explain,
    commands_files,
    commands_lexicons,
    commands_retrospective,
    commands_run,
    commands_show,
    commands_train,
)

app = typer.Typer(
    name="affectcast",
    help="Forecasts of a population's affect from social media, with sample size, error, vintage and skill.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (
    commands_run, commands_files, commands_backtest, commands_lexicons, commands_evaluate, commands_explain,
    commands_train, commands_retrospective, commands_show, commands_care,
):  # fmt: skip
    module.register(app)
