"""FIG-Loneliness: is somebody lonely, and for how long, in what context, towards whom, seeking what.

Source: Jiang, Jiang, Leqi & Winkielman 2022, ICWSM 16. Annotators' votes are learnt as shares, not as one winner. Not
for other loneliness sets; the recipe `labels` takes those.
"""

import numpy as np

from classifiers.recipes.columns import examples_of, votes
from classifiers.recipes.examples import Examples, Group, Task
from classifiers.recipes.options import DataSpec
from classifiers.recipes.prepare import prepared
from classifiers.recipes.tables import Table, profiled, require_columns, unique_ids
from warehouse.errors import InputError

GROUPS = (
    Group("lonely", ("non_lonely", "lonely"), "softmax"),
    Group("duration", ("transient", "enduring", "ambiguous", "na"), "softmax"),
    Group("context", ("social", "physical", "somatic", "romantic", "na"), "softmax"),
    Group("interpersonal", ("romantic", "friendship", "family", "colleagues", "na"), "softmax"),
    Group(
        "interaction",
        (
            "seeking_advice",
            "providing_help",
            "seeking_validation_and_affirmation",
            "reaching_out",
            "non_directed_interaction",
        ),
        "softmax",
    ),
)
# What the published files call our groups.
PUBLISHED = {"duration": "temporal", "context": "context_pri", "interpersonal": "interpersonal_pri"}
NOTES = (
    "The four finer fields were learnt from, and judged on, lonely posts only: read them as shares among lonely posts.",
    "FIG-Loneliness is published under CC BY-NC 4.0; whether weights learnt from it may be used commercially is for "
    "their user to clarify.",
)


def fig_loneliness(spec: DataSpec) -> Task:
    """Task from a folder with `train_set` and `dev_set` as the hub ships it, or from any table with its columns.

    Raises InputError for columns that are absent or hold something else, and for too few rows.
    """
    return prepared(spec, recipe="fig_loneliness", groups=GROUPS, build=_examples, notes=NOTES)


def _examples(table: Table, spec: DataSpec) -> Examples:
    ours = _published_names(table)
    require_columns(ours, names=["text", *(group.name for group in GROUPS)])
    unique_ids(ours, names=["unique_id"])
    unique_ids(ours, names=["post_id"])
    ours = profiled(ours)
    fields = [votes(ours, column=group.name, classes=group.labels) for group in GROUPS]
    lonely = _lonely(fields[0], table=ours)
    parts = [_shares(field) for field in fields]
    known = [np.ones(len(lonely), bool), *(lonely & (field.sum(axis=1) > 0) for field in fields[1:])]
    masks = [np.repeat(k[:, None], part.shape[1], axis=1) for k, part in zip(known, parts, strict=True)]
    return examples_of(
        ours,
        targets=np.concatenate(parts, axis=1),
        masks=np.concatenate(masks, axis=1),
        language=spec.language,
    )


def _published_names(table: Table) -> Table:
    """The published columns under our names, unless the table has ours already."""
    columns = table.frame.columns
    named = {theirs: ours for ours, theirs in PUBLISHED.items() if theirs in columns and ours not in columns}
    return Table(table.frame.rename(named), table.name)


def _shares(field: np.ndarray) -> np.ndarray:
    """Votes as shares of all votes; zeros where there are none."""
    shares: np.ndarray = field / np.maximum(field.sum(axis=1, keepdims=True), 1e-9)
    return shares


def _lonely(field: np.ndarray, *, table: Table) -> np.ndarray:
    """Whether most annotators saw loneliness; InputError where nobody voted."""
    silent = int((field.sum(axis=1) == 0).sum())
    if silent:
        raise InputError(
            f"{table.name}: column lonely: {silent} of {len(field)} rows have no vote. Expected [non-lonely, lonely] "
            "in every row. Remove these rows."
        )
    lonely: np.ndarray = field[:, 1] > field[:, 0]
    return lonely
