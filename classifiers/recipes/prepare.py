"""The path every recipe's tables take to a task: splits, examples, the checks that stop a useless training.

Not for columns, which are each recipe's own.
"""

from collections.abc import Callable, Sequence

from classifiers.recipes.examples import (
    Examples,
    Group,
    Pooling,
    Task,
    check_both_classes,
    check_rows,
    joined_examples,
    measures_of,
)
from classifiers.recipes.options import DataSpec
from classifiers.recipes.split import Split, apart, split
from classifiers.recipes.tables import Table, read_splits

Build = Callable[[Table, DataSpec], Examples]
GIVEN = "as given"


def prepared(
    spec: DataSpec,
    *,
    recipe: str,
    groups: Sequence[Group],
    build: Build,
    notes: Sequence[str] = (),
    pooling: Pooling = "mean",
) -> Task:
    """Read the splits, turn each into examples with `build`, hold out validation rows where none are given."""
    tables = read_splits(spec.path, read=spec.read, columns=spec.columns)
    return from_tables(
        tables, spec=spec, recipe=recipe, groups=groups, build=build, notes=notes, pooling=pooling
    )


def from_tables(
    tables: dict[str, Table],
    *,
    spec: DataSpec,
    recipe: str,
    groups: Sequence[Group],
    build: Build,
    notes: Sequence[str] = (),
    pooling: Pooling = "mean",
) -> Task:
    """The same from tables that were read already.

    Raises InputError for too few rows and for labels that apply to none or to all of them.
    """
    measures_of(groups)
    where = spec.path.name
    parts = {name: build(table, spec) for name, table in tables.items()}
    whole = joined_examples(list(parts.values()))
    check_rows(len(whole), where=where)
    check_both_classes(whole, groups=groups, where=where)
    found = _split(parts, spec=spec, where=where)
    check_both_classes(found.train, groups=groups, where=f"{where}, training rows")
    return Task(
        recipe=recipe,
        groups=tuple(groups),
        train=found.train,
        validation=found.validation,
        data=facts(tables, split=found),
        pooling=pooling,
        notes=tuple(notes),
    )


def facts(tables: dict[str, Table], *, split: Split) -> dict[str, object]:
    """Names and counts for the card; nothing of the rows."""
    return {
        "files": sorted({table.name for table in tables.values()}),
        "split": split.how,
        "train_rows": len(split.train),
        "validation_rows": len(split.validation),
        "dropped": split.dropped,
    }


def _split(parts: dict[str, Examples], *, spec: DataSpec, where: str) -> Split:
    if "validation" in parts:
        return apart(parts["train"], validation=parts["validation"], how=GIVEN, where=where)
    whole = parts["all"] if "all" in parts else parts["train"]
    return split(whole, seed=spec.seed, where=where)
