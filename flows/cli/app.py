"""The commands, each a few lines: read options, build a `Run`, call. Grouped as in `affectcast --help`."""

from __future__ import annotations

from typing import Annotated

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
    commands_sources,
    commands_train,
)
from flows.cli.output import LogFormat, use_log_format

app = typer.Typer(
    name="affectcast",
    help="Forecasts of a population's affect from social media, with sample size, error, vintage and skill.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _for_every_command(
    log_format: Annotated[
        LogFormat,
        typer.Option("--log-format", help="Log lines on standard error: text, or a JSON object each."),
    ] = "text",
) -> None:
    use_log_format(log_format)


for module in (
    commands_run, commands_files, commands_backtest, commands_lexicons, commands_evaluate, commands_explain,
    commands_train, commands_retrospective, commands_show, commands_care,
    commands_sources,
):  # fmt: skip
    module.register(app)
