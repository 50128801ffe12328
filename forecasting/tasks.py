"""Backtests by name: what a score was earned on, in `tasks.toml` or a file like it. Not for running them."""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from forecasting.matrix import Frequency
from forecasting.models import BASELINE, ENSEMBLE, MEDIAN, create
from warehouse.errors import ConfigError

SHIPPED = Path(__file__).parent / "tasks.toml"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a score was earned on; its hash covers every field.

    `origins`: how many are judged; `every`: periods between them; `history`: the newest periods that a model may see,
    0 for all; `models`: without the ensemble of them; `known_days`: a hash of the holidays and events given to them.
    """

    name: str
    frequency: Frequency
    horizon: int
    origins: int
    every: int
    minimum_history: int
    history: int
    models: tuple[str, ...]
    seed: int
    people_floor: int = 0
    reporting_lag_days: int = 0
    known_days: str = ""

    @property
    def members(self) -> tuple[str, ...]:
        """The models to run: the flat line first, whether asked for or not."""
        return (BASELINE, *(m for m in dict.fromkeys(self.models) if m not in (BASELINE, ENSEMBLE, MEDIAN)))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class TaskPlan:
    """A task before it meets its data: `part` is the newest share of the periods that is judged; `peaks`: the hit rate
    of `protocol.py` beside the scores, which do not depend on it."""

    name: str
    about: str
    frequency: Frequency
    horizon: int
    every: int
    part: float
    history: int
    minimum_history: int
    models: tuple[str, ...]
    seed: int
    peaks: bool = False

    def on(self, periods: int, *, warm_up: int, known_days: str = "") -> Task:
        """The task on series of so many periods: as many origins as its part holds, but for those that warm up."""
        judged = int(periods * self.part) // self.every
        fitting = (periods - self.minimum_history) // self.every - warm_up
        return self.over(max(min(judged, fitting), 0), known_days=known_days)

    def over(self, origins: int, *, known_days: str = "") -> Task:
        """The task with so many judged origins."""
        return Task(
            name=self.name, frequency=self.frequency, horizon=self.horizon, origins=origins,
            every=self.every, minimum_history=self.minimum_history, history=self.history, models=self.models,
            seed=self.seed, known_days=known_days,
        )  # fmt: skip


def read_tasks(path: Path = SHIPPED) -> dict[str, TaskPlan]:
    """The tasks of a file by name; `ConfigError` says which key of which task is wrong."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}.") from error
    return {name: _plan(name, body, path=path) for name, body in found.items()}


def task_named(name: str, *, tasks: dict[str, TaskPlan]) -> TaskPlan:
    """One of them; `ConfigError` names the nearest."""
    if name not in tasks:
        near = difflib.get_close_matches(name, tasks, n=1, cutoff=0.0)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ConfigError(f"unknown task '{name}'.{hint} Known tasks: {', '.join(tasks) or 'none'}.")
    return tasks[name]


_LEAST = {"horizon": 1, "every": 1, "history": 0, "minimum_history": 3, "seed": 0}


def _plan(name: str, body: Any, *, path: Path) -> TaskPlan:
    where = f"{path}: task '{name}'"
    known = {field.name for field in fields(TaskPlan)} - {"name"}
    needed = known - {"peaks"}
    if not isinstance(body, dict) or not needed <= set(body) <= known:
        lacking = sorted(needed - set(body)) if isinstance(body, dict) else sorted(needed)
        surplus = sorted(set(body) - known) if isinstance(body, dict) else []
        raise ConfigError(
            f"{where}: expected the keys {', '.join(sorted(needed))}, and peaks where wanted; "
            f"lacking: {', '.join(lacking) or 'none'}; unknown: {', '.join(surplus) or 'none'}."
        )
    for key, least in _LEAST.items():
        if not isinstance(body[key], int) or isinstance(body[key], bool) or body[key] < least:
            raise ConfigError(
                f"{where}: {key} must be a whole number of at least {least}; got {body[key]!r}."
            )
    if body["frequency"] not in ("day", "week"):
        raise ConfigError(f"{where}: frequency must be day or week; got {body['frequency']!r}.")
    if not isinstance(body["part"], float) or not 0.0 < body["part"] < 1.0:
        raise ConfigError(f"{where}: part must be a number between 0 and 1; got {body['part']!r}.")
    if not isinstance(body["models"], list) or not body["models"]:
        raise ConfigError(f"{where}: models must be a list of names; got {body['models']!r}.")
    for model in body["models"]:
        create(str(model))
    _check_peaks(body, where=where)
    return TaskPlan(name=name, **(body | {"models": tuple(body["models"])}))


def _check_peaks(body: dict[str, Any], *, where: str) -> None:
    if not isinstance(body.get("peaks", False), bool):
        raise ConfigError(f"{where}: peaks must be true or false; got {body['peaks']!r}.")
    if body.get("peaks") and (body["frequency"] != "day" or body["every"] != body["horizon"]):
        raise ConfigError(
            f"{where}: peaks join forecasts by day end to end: frequency must be day, and every equal to horizon; got "
            f"{body['frequency']}, {body['every']} and {body['horizon']}."
        )
