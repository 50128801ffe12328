"""Writes the generated pages, docs/cli.md and docs/tables.md, from the commands and the contracts.

`python -m flows.docs` writes them; a test compares them, so that they cannot go stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import dataframely as dy
import typer.main
from typer.core import TyperGroup, TyperOption

from warehouse.tables import TABLES, Table

DOCS = Path(__file__).parents[1] / "docs"


def pages() -> dict[Path, str]:
    """Every generated page: where it belongs, what it must say."""
    return {DOCS / "cli.md": cli_page(), DOCS / "tables.md": tables_page()}


def cli_page() -> str:
    """All commands with their options, in the order of `affectcast --help`."""
    from flows.cli.app import app

    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    lines = [
        "# The command line",
        "",
        "Generated from `--help`; write it anew with `make docs`.",
        "",
        "Exit codes: 0 done · 1 unexpected · 2 usage · 10 configuration · 11 input data · 12 contract violated · "
        "13 lexicon or model missing or altered · 14 disclosure refused · 15 warehouse busy.",
    ]
    lines += ["", "Before the name of a command:", "", *_options(group)]
    for name, command in group.commands.items():
        inner = command.commands if isinstance(command, TyperGroup) else {}
        lines += ["", *_command_lines(name, command)]
        for part, subcommand in inner.items():
            lines += ["", *_command_lines(f"{name} {part}", subcommand)]
    return "\n".join(lines) + "\n"


def _command_lines(name: str, command: Any) -> list[str]:
    options = _options(command)
    return [f"## affectcast {name}", "", (command.help or "").strip(), *([""] if options else []), *options]


def _options(command: Any) -> list[str]:
    """A table of the options of a command; nothing where it has none."""
    options = [
        parameter
        for parameter in command.params
        if isinstance(parameter, TyperOption) and parameter.name != "help"
    ]
    head = ["| option | meaning | default |", "|---|---|---|"]
    return [*head, *[_option_line(option) for option in options]] if options else []


def _option_line(option: TyperOption) -> str:
    default = (
        ""
        if option.default is None
        else str(option.default).lower()
        if option.is_flag
        else str(option.default)
    )
    meaning = (option.help or "").replace("|", "\\|") + _choices(option)
    return f"| `{', '.join([*option.opts, *option.secondary_opts])}` | {meaning} | {default} |"


def _choices(option: TyperOption) -> str:
    kinds = [kind for kind in (option.bare_type, *get_args(option.bare_type)) if get_origin(kind) is Literal]
    return "".join(f" One of {', '.join(get_args(kind))}." for kind in kinds)


def tables_page() -> str:
    """All contracts with their columns, keys first, and their rules."""
    lines = [
        "# The tables",
        "",
        "Generated from `warehouse/tables/`; write it anew with `make docs`. Bold is part of the key, `?` may be "
        "null. `raw` and `core` are private; `out` is what a publication holds. Private rows also carry `run_id`.",
    ]
    for table in TABLES.values():
        lines += ["", *_table_lines(table)]
    return "\n".join(lines) + "\n"


def _table_lines(table: Table) -> list[str]:
    first = (table.schema.__doc__ or "").strip()
    text = " ".join(line.strip() for line in first.splitlines())
    lines = [f"## {table.name}", "", text, "", "| column | type |", "|---|---|"]
    columns: dict[str, dy.Column] = table.schema.columns()
    for name, column in columns.items():
        shown = f"**{name}**" if name in table.key else name
        lines.append(f"| {shown}{'?' if column.nullable else ''} | {_type_text(column)} |")
    return lines


def _type_text(column: dy.Column) -> str:
    if isinstance(column, dy.Enum):
        return " · ".join(column.categories)
    return type(column).__name__


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
