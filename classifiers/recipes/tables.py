"""Find and read a recipe's files: a single table, a folder of splits, or a data set that was saved as Arrow files.

Not for what the columns mean. Files of test rows are not opened.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from classifiers.profiles import profile_text
from warehouse.errors import InputError

Reader = Callable[[Path], pl.DataFrame]
SPLITS = {
    "train": ("train", "train_set", "training"),
    "validation": ("validation", "validation_set", "valid", "val", "dev", "dev_set"),
    "test": ("test", "test_set"),
}
_SPLIT_OF = {name: split for split, names in SPLITS.items() for name in names}
TABLE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq")


@dataclass(frozen=True)
class Table:
    """One table and the name to call it by in messages and cards, which is never a whole path."""

    frame: pl.DataFrame
    name: str


def read_splits(path: Path, *, read: Reader, columns: Mapping[str, str]) -> dict[str, Table]:
    """Tables by split: `train` and, where there is one, `validation`; a single table may be `all`.

    `path` is a file, a folder of files or folders named after their split, or a folder saved by the `datasets` library.
    A column `split` in a single table is obeyed; its test rows are dropped. `columns`: our name → the file's.

    Raises InputError where nothing is found or cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder. Check --data.")
    if path.is_dir() and not _is_saved(path):
        return {
            split: named(Table(read_one(part, read=read), f"{path.name}/{part.name}"), columns=columns)
            for split, part in _parts(path).items()
        }
    return _by_column(named(Table(read_one(path, read=read), path.name), columns=columns))


def read_one(path: Path, *, read: Reader) -> pl.DataFrame:
    """A saved data set's folder, an .arrow file, or any table that `read` knows."""
    if path.is_dir():
        return _read_saved(path)
    return _read_arrow(path) if path.suffix == ".arrow" else read(path)


def named(table: Table, *, columns: Mapping[str, str]) -> Table:
    """The table with our column names; InputError where a column that was named is absent."""
    frame = table.frame
    absent = [column for column in columns.values() if column not in frame.columns]
    if absent:
        raise InputError(
            f"{table.name}: no column {', '.join(absent)}. Found: {', '.join(frame.columns)}. Correct --columns."
        )
    clash = [name for name, column in columns.items() if name in frame.columns and name != column]
    return Table(frame.drop(clash).rename({column: name for name, column in columns.items()}), table.name)


def require_columns(table: Table, *, names: Sequence[str]) -> None:
    """InputError that says which columns were expected and which were found."""
    absent = [name for name in names if name not in table.frame.columns]
    if absent:
        raise InputError(
            f"{table.name}: missing columns: {', '.join(absent)}. Expected: {', '.join(names)}. Found: "
            f"{', '.join(table.frame.columns)}. Use --columns NAME=COLUMN to say which of yours they are."
        )
    if table.frame.is_empty():
        raise InputError(f"{table.name}: no rows. Expected a table of labelled posts; check the file.")


def profiled(table: Table, *, text: str = "text") -> Table:
    """The table with its text column in the profile the model will read.

    Raises InputError for a column that is not text, and for rows without any.
    """
    if table.frame.schema[text] != pl.String:
        raise InputError(
            f"{table.name}: column {text} is {table.frame.schema[text]}; expected text. Name another with --columns."
        )
    frame = table.frame.with_columns(profile_text(pl.col(text)))
    bad = frame.select((pl.col(text).fill_null("").str.len_chars() == 0).sum()).item()
    if bad:
        raise InputError(
            f"{table.name}: {bad} of {frame.height} rows have no text in column {text}. Expected text in every row. "
            "Remove these rows, or fill them in."
        )
    return Table(frame, table.name)


def unique_ids(table: Table, *, names: Sequence[str]) -> None:
    """InputError where the ids repeat; rows without an id are left alone."""
    present = [name for name in names if name in table.frame.columns]
    if len(present) < len(names) or not names:
        return
    ids = table.frame.select(present).drop_nulls()
    repeated = ids.height - ids.n_unique()
    if repeated:
        raise InputError(
            f"{table.name}: {repeated} of {ids.height} rows repeat their {', '.join(names)}. Expected each once. "
            "Remove the repeats, or drop the column if it is not an id."
        )


def _parts(folder: Path) -> dict[str, Path]:
    """The file or folder of each split but test."""
    found: dict[str, Path] = {}
    for entry in sorted(folder.iterdir()):
        split = _SPLIT_OF.get(entry.name.split(".")[0].lower())
        usable = _is_saved(entry) if entry.is_dir() else _is_table(entry)
        if split in (None, "test") or not usable:
            continue
        if split in found:
            raise InputError(
                f"{folder.name}: both {found[split].name} and {entry.name} are {split}. Keep one."
            )
        found[str(split)] = entry
    if "train" not in found:
        names = ", ".join(sorted(entry.name for entry in folder.iterdir())) or "nothing"
        raise InputError(
            f"{folder}: no training part. Expected one of {', '.join(SPLITS['train'])} as a table or a saved data "
            f"set; found: {names}. Name the file itself with --data, or rename it."
        )
    return found


def _is_table(path: Path) -> bool:
    return any(suffix.lower() in (*TABLE_ENDINGS, ".arrow") for suffix in path.suffixes)


def _is_saved(folder: Path) -> bool:
    return (folder / "state.json").is_file() or any(folder.glob("*.arrow"))


def _by_column(table: Table) -> dict[str, Table]:
    if "split" not in table.frame.columns:
        return {"all": table}
    split = pl.col("split").cast(pl.String).str.to_lowercase().replace_strict(_SPLIT_OF, default=None)
    frame = table.frame.with_columns(split=split)
    unknown = frame["split"].null_count()
    if unknown:
        raise InputError(
            f"{table.name}: column split: {unknown} of {frame.height} rows are none of {', '.join(_SPLIT_OF)}. "
            "Correct the column, or drop it."
        )
    kinds = [kind for kind in ("train", "validation") if (frame["split"] == kind).any()]
    return {kind: Table(frame.filter(pl.col("split") == kind), table.name) for kind in kinds}


def _read_saved(folder: Path) -> pl.DataFrame:
    """A folder written by `Dataset.save_to_disk`: the files named in its state, in that order, or all of them."""
    state = folder / "state.json"
    files = sorted(folder.glob("*.arrow"))
    if state.is_file():
        described = _json(state)
        if described.get("_indices_data_files") or described.get("_indices_files"):
            raise InputError(
                f"{folder.name}: the data set is a selection of another. Flatten its indices and save it again."
            )
        files = [folder / str(item["filename"]) for item in described.get("_data_files", [])] or files
    absent = [file.name for file in files if not file.is_file()]
    if absent or not files:
        raise InputError(f"{folder}: missing {', '.join(absent) or 'Arrow files'}. Get the data set again.")
    return pl.concat([_read_arrow(file) for file in files], how="vertical_relaxed")


def _json(path: Path) -> dict[str, list[dict[str, str]]]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not readable JSON. Get the data set again.") from error


def _read_arrow(path: Path) -> pl.DataFrame:
    """An Arrow file in the stream or the file format; InputError for anything else, such as a large-file pointer."""
    import pyarrow as pa
    from pyarrow import ipc

    data = pa.py_buffer(path.read_bytes())
    for opened in (ipc.open_stream, ipc.open_file):
        try:
            found = pl.from_arrow(opened(data).read_all())
        except pa.ArrowInvalid:
            continue
        if isinstance(found, pl.DataFrame):
            return found
    raise InputError(
        f"{path}: is not an Arrow table. If the folder was cloned without large files, fetch them (git lfs pull)."
    )
