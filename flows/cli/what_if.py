"""What-ifs from the command line: `--what-if`, `--assume` and `--alpha` as a plan of scenarios. Not for simulating."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from flows.files import parse_pairs
from warehouse.errors import InputError, UsageError

if TYPE_CHECKING:
    from forecasting.contagion.diffusion import Plan, Scenario

WhatIfOption = Annotated[
    list[str] | None,
    typer.Option(
        "--what-if",
        metavar="KEY=NUMBER,…",
        help=(
            "One more diffusion scenario, of without-weakest (share of ties), dampen (share of catching) and later "
            "(steps); may be given again."
        ),
    ),
]
AssumeOption = Annotated[
    str | None,
    typer.Option(
        "--assume",
        metavar="KEY=NUMBER,…",
        help=(
            "What all diffusion scenarios assume: contacts (4), catch (0.5), uneven (0: standard deviation of catch "
            "over people), begin (0.001: share of people) and replicates (20)."
        ),
    ),
]
AlphaOption = Annotated[
    str | None,
    typer.Option(
        "--alpha", metavar="A,A,…", help="Ties are chosen by strength^alpha: below 0 prefers weak ones."
    ),
]
CHANGES = {"without-weakest": "remove_weakest", "dampen": "dampen", "later": "delay"}
ASSUMPTIONS = {
    "contacts": "contacts", "catch": "catch", "uneven": "uneven", "begin": "begin_share", "replicates": "replicates",
}  # fmt: skip
WHOLE = ("later", "contacts", "replicates")


def parse_plan(*, what_if: list[str] | None, assume: str | None, alpha: str | None) -> Plan:
    """The standard scenarios and those asked for; `UsageError` for what is no number or out of bounds."""
    from forecasting.contagion.diffusion import ALPHAS, SCENARIOS, Plan, Spread

    asked = tuple(_scenario(text) for text in what_if or [])
    given = _numbers(assume or "", option="--assume", names=ASSUMPTIONS)
    alphas = (
        tuple(dict.fromkeys(_number(part, option="--alpha") for part in alpha.split(",")))
        if alpha
        else ALPHAS
    )
    try:
        spread = Spread(**{ASSUMPTIONS[name]: number for name, number in given.items()})  # type: ignore[arg-type]
        return Plan(scenarios=(*SCENARIOS, *dict.fromkeys(asked)), alphas=alphas, spread=spread)
    except InputError as error:
        raise UsageError(f"--assume or --alpha: {error.message}") from error


def _scenario(text: str) -> Scenario:
    from forecasting.contagion.diffusion import Scenario

    given = _numbers(text, option="--what-if", names=CHANGES)
    if not given:
        raise UsageError(f"--what-if: expected KEY=NUMBER with a key of {', '.join(CHANGES)}; got '{text}'.")
    # A scenario says after how many steps, the option how many more than one.
    changed = {CHANGES[name]: number + 1 if name == "later" else number for name, number in given.items()}
    name = "as asked: " + ", ".join(f"{key}={given[key]:g}" for key in CHANGES if key in given)
    try:
        return Scenario(name, **changed)  # type: ignore[arg-type]
    except InputError as error:
        raise UsageError(
            f"--what-if: expected shares from 0 to 1 and later of 0 or more steps; got '{text}'."
        ) from error


def _numbers(text: str, *, option: str, names: dict[str, str]) -> dict[str, float]:
    """`KEY=NUMBER,KEY=NUMBER` with known keys."""
    found: dict[str, float] = {}
    for name, value in parse_pairs(text, option=option, form="KEY=NUMBER,KEY=NUMBER").items():
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"{option}: no key '{name}'; expected {', '.join(names)}.{hint}")
        number = _number(value, option=f"{option} {name}")
        if name in WHOLE and number != int(number):
            raise UsageError(f"{option} {name}: expected a whole number; got '{value}'.")
        found[name] = int(number) if name in WHOLE else number
    return found


def _number(text: str, *, option: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise UsageError(f"{option}: expected a number; got '{text}'.") from error
    if number - number != 0:
        raise UsageError(f"{option}: expected a finite number; got '{text}'.")
    return number
