"""Recipes by name. Not for how any of them works."""

import difflib
from collections.abc import Callable

from classifiers.recipes.examples import Task
from classifiers.recipes.fig_loneliness import fig_loneliness
from classifiers.recipes.labels import labels, leia, multiwd
from classifiers.recipes.options import DataSpec
from classifiers.recipes.redsm5 import redsm5
from warehouse.errors import UsageError

Recipe = Callable[[DataSpec], Task]
RECIPES: dict[str, Recipe] = {
    "fig_loneliness": fig_loneliness,
    "labels": labels,
    "leia": leia,
    "multiwd": multiwd,
    "redsm5": redsm5,
}
# Retrains the shipped English model; it has data and settings of its own.
EMBEDDED = "embedded"
NAMES = (EMBEDDED, *RECIPES)


def make_task(name: str, *, spec: DataSpec) -> Task:
    """The task that a recipe makes of the user's data; UsageError names the nearest recipe where there is none."""
    if name not in RECIPES:
        near = max(RECIPES, key=lambda known: difflib.SequenceMatcher(None, name, known).ratio())
        raise UsageError(
            f"--recipe {name}: there is none. There are: {', '.join(NAMES)}. Did you mean {near}?"
        )
    return RECIPES[name](spec)
