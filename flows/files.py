"""Plain tables in and out for the file commands: CSV, JSON lines and Parquet, also gzipped or zstd.

Nothing here knows a warehouse or an orchestrator. Not for posts on their way into the warehouse: intake
reads those line by line and quarantines; a file command wants a table that is whole.
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import polars as pl
import zstandard

from warehouse.errors import InputError, UsageError

_FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet",
    ".pq": "parquet",
}  # fmt: skip


def read_table(path: Path, *, columns: dict[str, str] | None = None) -> pl.DataFrame:
    """The whole table, columns renamed by `columns` (our name → the file's). CSV cells stay text.

    Raises `InputError` naming the file, what was expected and what to do.
    """
    data = _decompressed(path)
    frame = _parse(data, path=path, kind=table_format(path))
    return rename(frame, columns=columns or {}, path=path)


def rename(frame: pl.DataFrame, *, columns: dict[str, str], path: Path) -> pl.DataFrame:
    """Give the named columns our names; `InputError` where one is absent."""
    absent = [column for column in columns.values() if column not in frame.columns]
    if absent:
        raise InputError(f"{path}: no column {', '.join(absent)}. Found: {', '.join(frame.columns)}.")
    clash = [name for name, column in columns.items() if name in frame.columns and name != column]
    return frame.drop(clash).rename({column: name for name, column in columns.items()})


def require(frame: pl.DataFrame, *, names: list[str], path: Path) -> None:
    """`InputError` unless all of the columns are there."""
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise InputError(
            f"{path}: missing columns: {', '.join(absent)}. Found: {', '.join(frame.columns)}. "
            "Use --columns NAME=COLUMN to say which of yours they are."
        )
    nested = [
        name for name in ("text", "author", "created_at") if name in names and frame.schema[name].is_nested()
    ]
    if nested:
        raise InputError(
            f"{path}: {', '.join(nested)} hold lists or objects. Expected one value per row. Take the value out first."
        )


def numbers(frame: pl.DataFrame, *, names: list[str], path: Path) -> pl.DataFrame:
    """Text cells of these columns, where they exist, as Float64; empty, NA and NaN become null.

    `InputError` counts the cells that are something else and says where the first one stands.
    """
    present = [name for name in names if name in frame.columns and frame.schema[name] == pl.String]
    blank = pl.col(present).str.strip_chars().str.to_lowercase().is_in(["", "na", "nan", "null", "none"])
    texts = frame.with_columns(pl.when(~blank).then(pl.col(present).str.strip_chars())) if present else frame
    parsed = texts.with_columns(pl.col(name).cast(pl.Float64, strict=False) for name in present)
    for name in present:
        wrong = (texts[name].is_not_null() & parsed[name].is_null()).arg_true()
        if wrong.len():
            raise InputError(
                f"{path}: column {name}: {wrong.len()} of {frame.height} cells are not numbers, the first in row "
                f"{wrong[0] + 1}. Expected digits with a decimal point, or an empty cell."
            )
    return parsed


def parse_columns(text: str | None) -> dict[str, str]:
    """`text=body,author=user` → a mapping; `UsageError` for anything else."""
    return parse_pairs(text, option="--columns", form="NAME=COLUMN,NAME=COLUMN")


def parse_pairs(text: str | None, *, option: str, form: str) -> dict[str, str]:
    """`a=b,c=d` → a mapping; `UsageError` for anything else, a name that is given twice included."""
    pairs = [part.split("=", 1) for part in (text or "").split(",") if part.strip()]
    names = [pair[0].strip() for pair in pairs]
    if any(len(pair) != 2 or not pair[0].strip() or not pair[1].strip() for pair in pairs):
        raise UsageError(f"{option}: expected {form}; got '{text}'.")
    if len(set(names)) < len(names):
        raise UsageError(f"{option}: a name is given twice in '{text}'. Expected {form}, each name once.")
    return {name.strip(): value.strip() for name, value in pairs}


def table_format(path: Path) -> str:
    """csv, tsv, jsonl or parquet, by the file's name."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in {".gz", ".zst"}]
    kind = _FORMATS.get(suffixes[-1]) if suffixes else None
    if kind is None:
        raise InputError(
            f"{path}: cannot tell the format from the name. Expected .csv, .tsv, .jsonl or .parquet."
        )
    return kind


def beside(path: Path, *, what: str) -> Path:
    """A second table that belongs to this one, in the same format: scores.csv.gz → scores.costs.csv.gz."""
    packed = path.suffix if path.suffix.lower() in {".gz", ".zst"} else ""
    plain = path.with_name(path.name.removesuffix(packed))
    return plain.with_name(f"{plain.stem}.{what}{plain.suffix}{packed}")


def _decompressed(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".gz":
            return gzip.decompress(data)
        if path.suffix.lower() == ".zst":
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise InputError(
            f"{path}: the compressed data is damaged or cut short. Get the file again."
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    return data


def _parse(data: bytes, *, path: Path, kind: str) -> pl.DataFrame:
    if not data.strip():
        raise InputError(f"{path}: is empty. Expected a table with a header and rows.")
    try:
        if kind == "parquet":
            return pl.read_parquet(io.BytesIO(data))
        if kind == "jsonl":
            return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
        return pl.read_csv(io.BytesIO(data), separator="\t" if kind == "tsv" else ",", infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: is not a readable {kind} table in UTF-8 ({type(error).__name__}). Every row needs the "
            "same columns; check delimiter, quotes and encoding."
        ) from error


def write_table(frame: pl.DataFrame, *, path: Path) -> None:
    """Write by the name's format; lists become JSON text in CSV. The file appears whole or not at all."""
    kind = table_format(path)
    buffer = io.BytesIO()
    if kind == "parquet":
        frame.write_parquet(buffer)
    elif kind == "jsonl":
        frame.write_ndjson(buffer)
    else:
        flat = frame.with_columns(
            _json_text(name) for name, dtype in frame.schema.items() if dtype.is_nested()
        )
        flat.write_csv(buffer, separator="\t" if kind == "tsv" else ",")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(_compressed(buffer.getvalue(), path=path))
    fresh.replace(path)


def _json_text(name: str) -> pl.Expr:
    wrapped = pl.struct(pl.col(name)).struct.json_encode()
    return wrapped.str.strip_prefix('{"' + name + '":').str.strip_suffix("}").alias(name)


def _compressed(data: bytes, *, path: Path) -> bytes:
    if path.suffix.lower() == ".gz":
        return gzip.compress(data, mtime=0)
    if path.suffix.lower() == ".zst":
        return zstandard.compress(data)
    return data
