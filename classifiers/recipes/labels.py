"""Any table with a text and labels, in any languages; MultiWD's wellness dimensions and LEIA's emotions in particular.

Not for votes or sentences within posts; `fig_loneliness` and `redsm5` take those.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from classifiers.recipes.columns import examples_of, known_labels, label_lists, multi_hot, slug, yes_no
from classifiers.recipes.examples import Examples, Group, Task
from classifiers.recipes.options import DataSpec
from classifiers.recipes.prepare import from_tables
from classifiers.recipes.tables import Table, profiled, read_splits, require_columns, unique_ids
from warehouse.errors import InputError, UsageError

WELLNESS = ("spiritual", "physical", "intellectual", "social", "vocational", "emotional")
WRITER_EMOTIONS = ("happiness", "affection", "sadness", "anger", "fear")
MIN_PER_LABEL = 10
GROUP_NAME = "label"


def labels(spec: DataSpec) -> Task:
    """Multi-label sigmoid, or with `exclusive` one-of softmax, from columns `text` and `labels`.

    Raises InputError for null cells, labels of fewer than ten rows and rows without exactly one exclusive label.
    """
    tables = _read(spec, names=["text", "labels"])
    found = Counter(
        slug(name) for table in tables.values() for row in label_lists(table) for name in set(row)
    )
    chosen = tuple(slug(name) for name in spec.labels) or tuple(sorted(found))
    _check_counts(found, chosen=chosen, where=spec.path.name)
    group = _exclusive_group(chosen, spec=spec) if spec.exclusive else Group(GROUP_NAME, chosen, "sigmoid")
    ignored = {name: n for name, n in sorted(found.items()) if name not in chosen}
    notes = (
        (f"Not learnt: {', '.join(f'{name} ({n} rows)' for name, n in ignored.items())}.",) if ignored else ()
    )

    def build(table: Table, spec: DataSpec) -> Examples:
        rows = [[name for name in map(slug, row) if name in chosen] for row in label_lists(table)]
        return _examples(table, rows=rows, group=group, spec=spec)

    return from_tables(tables, spec=spec, recipe="labels", groups=(group,), build=build, notes=notes)


def multiwd(spec: DataSpec) -> Task:
    """MultiWD (Sathvik & Garg 2023): six wellness dimensions as 0/1 columns, or as a column of labels.

    The measures are `wellness_<dimension>`. Raises InputError for other labels and absent columns.
    """
    group = Group("wellness", tuple(f"wellness_{name}" for name in WELLNESS), "sigmoid")
    tables = _read(spec, names=["text"])

    def build(table: Table, spec: DataSpec) -> Examples:
        if "labels" in table.frame.columns:
            bare = [[slug(name).removeprefix("wellness_") for name in row] for row in label_lists(table)]
            rows = known_labels(bare, expected=WELLNESS, where=f"{table.name}: column labels")
            targets = multi_hot(rows, names=WELLNESS)
        else:
            targets = _dimension_columns(table)
        return examples_of(table, targets=targets, masks=np.ones_like(targets), language=spec.language)

    return from_tables(tables, spec=spec, recipe="multiwd", groups=(group,), build=build)


def leia(spec: DataSpec) -> Task:
    """Posts whose writers chose one of five emotions (Aroyehun et al. 2023): columns `text` and `label` or `labels`.

    Raises InputError for other labels, and for rows without exactly one.
    """
    group = Group("emotion", WRITER_EMOTIONS, "softmax")
    tables = {name: _one_label(table) for name, table in _read(spec, names=["text"]).items()}

    def build(table: Table, spec: DataSpec) -> Examples:
        where = f"{table.name}: column labels"
        rows = known_labels(label_lists(table), expected=WRITER_EMOTIONS, where=where)
        return _examples(table, rows=rows, group=group, spec=spec)

    return from_tables(tables, spec=spec, recipe="leia", groups=(group,), build=build, notes=(LEIA_NOTE,))


LEIA_NOTE = "The labels are the writers' own: what they said they felt, not what a reader sees in the text."


def _read(spec: DataSpec, *, names: list[str]) -> dict[str, Table]:
    tables = read_splits(spec.path, read=spec.read, columns=spec.columns)
    for table in tables.values():
        require_columns(table, names=names)
        unique_ids(
            table, names=["post_id", *(["sentence_id"] if "sentence_id" in table.frame.columns else [])]
        )
    return {name: profiled(table) for name, table in tables.items()}


def _one_label(table: Table) -> Table:
    """The table with its column `label`, if that is what it has, under the name `labels`."""
    if "label" in table.frame.columns and "labels" not in table.frame.columns:
        table = Table(table.frame.rename({"label": "labels"}), table.name)
    require_columns(table, names=["text", "labels"])
    return table


def _examples(table: Table, *, rows: list[list[str]], group: Group, spec: DataSpec) -> Examples:
    targets = multi_hot(rows, names=group.labels)
    if group.activation == "softmax":
        wrong = int((targets.sum(axis=1) != 1).sum())
        if wrong:
            raise InputError(
                f"{table.name}: {wrong} of {len(rows)} rows do not have exactly one of {', '.join(group.labels)}. "
                "Remove these rows, or learn the labels independently of each other."
            )
    return examples_of(table, targets=targets, masks=np.ones_like(targets), language=spec.language)


def _check_counts(found: Counter[str], *, chosen: tuple[str, ...], where: str) -> None:
    if not chosen:
        raise InputError(f"{where}: no row has a label. Expected labels in the column labels.")
    unknown = [name for name in chosen if name not in found]
    rare = [f"{name} ({found[name]})" for name in chosen if name in found and found[name] < MIN_PER_LABEL]
    if unknown:
        raise InputError(
            f"{where}: no row has the labels {', '.join(unknown)}. Found: {', '.join(sorted(found))}. Correct --labels."
        )
    if rare:
        enough = ",".join(name for name in chosen if found[name] >= MIN_PER_LABEL) or "none"
        raise InputError(
            f"{where}: labels with fewer than {MIN_PER_LABEL} rows: {', '.join(rare)}. Add rows, or leave them out: "
            f"--labels {enough}"
        )


def _exclusive_group(chosen: tuple[str, ...], *, spec: DataSpec) -> Group:
    """A group of exclusive labels; of two, the last is the yes of a question that bears its name."""
    if len(chosen) != 2:
        return Group(GROUP_NAME, chosen, "softmax")
    if not spec.labels:
        raise UsageError(
            "two exclusive labels are a yes/no question: name the yes last, as --labels "
            f"{chosen[0]},{chosen[1]} or --labels {chosen[1]},{chosen[0]}"
        )
    return Group(chosen[-1], chosen, "softmax")


def _dimension_columns(table: Table) -> np.ndarray:
    """The six 0/1 columns, whatever the case of their names."""
    by_slug = {slug(name).removeprefix("wellness_"): name for name in table.frame.columns}
    renamed = replace(
        table, frame=table.frame.rename({by_slug[name]: name for name in WELLNESS if name in by_slug})
    )
    require_columns(renamed, names=["text", *WELLNESS])
    return yes_no(renamed, names=WELLNESS)
