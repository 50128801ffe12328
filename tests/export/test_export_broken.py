"""A sound export, broken in one drawn way, is always found out; unbroken it passes in every format."""

from __future__ import annotations

import codecs
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import polars as pl
import publication as made_up
import pytest
from export_worlds import small_tables
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from flows.export import ExportOptions, check_export, export_publication

HUB = "model-output/affectcast-main/2024-06-02-affectcast-main"
FORMATS: tuple[tuple[str, Literal["csv", "parquet"], bool], ...] = (
    ("plain", "csv", False),
    ("marked", "csv", True),
    ("parquet", "parquet", False),
)
LEVELS, ROWS = 23, 69
Break = Callable[[pl.DataFrame, int, int], pl.DataFrame]
drawn = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small export per format, and one with both; read only."""
    root = tmp_path_factory.mktemp("sound")
    published = made_up.write(root / "published", tables=small_tables())
    for name, kind, bom in FORMATS:
        options = ExportOptions(forecasts=kind, bom=bom)
        export_publication(published, issue=None, to=root / name, options=options)
    export_publication(published, issue=None, to=root / "both")
    return {name: root / name for name in ("plain", "marked", "parquet", "both")}


@pytest.mark.parametrize("name", ["plain", "marked", "parquet", "both"])
def test_an_unbroken_export_passes(name: str, sound: dict[str, Path]) -> None:
    assert check_export(sound[name]) == []


# ------------------------------------------------------------------------------------- broken tables


def _put(frame: pl.DataFrame, column: str, at: int, value: object) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == at
    new = pl.lit(value, dtype=frame.schema[column])
    return frame.with_columns(pl.when(here).then(new).otherwise(pl.col(column)).alias(column))


def _drop_column(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return frame.drop(frame.columns[at % frame.width])


def _rename_column(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    name = frame.columns[at % frame.width]
    return frame.rename({name: name.upper()})


def _shuffle_quantiles(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    """Swap two values of one task."""
    first = at - at % LEVELS
    one, two = first + at % LEVELS, first + other % LEVELS
    values = frame["value"].to_list()
    assume(values[one] != values[two])
    return _put(_put(frame, "value", one, values[two]), "value", two, values[one])


def _duplicate_row(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return pl.concat([frame[: other + 1], frame[at : at + 1], frame[other + 1 :]])


def _drop_row(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return pl.concat([frame[:at], frame[at + 1 :]])


def _move_date(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    column = ("reference_date", "target_end_date")[other % 2]
    return _put(frame, column, at, frame[column][at] + dt.timedelta(days=1 + other))


def _blank_location(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return _put(frame, "location", at, ("", " ")[other % 2])


def _other_location(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return _put(frame, "location", at, "nowhere")


def _out_of_range(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return _put(frame, "value", at, (-0.001, 1.001, float("inf"))[other % 3])


def _missing_level(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return frame.filter(pl.col("output_type_id") != frame["output_type_id"][at])


def _missing_horizon(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return frame.filter(pl.col("horizon") != frame["horizon"][at])


def _missing_cell(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    return _put(frame, frame.columns[other % frame.width], at, None)


def _slightly_other_value(frame: pl.DataFrame, at: int, other: int) -> pl.DataFrame:
    """A median that is not that of the summary."""
    at = at - at % LEVELS + 11
    return _put(frame, "value", at, frame["value"][at] + 1e-8)


BREAKS: dict[str, Break] = {
    "drop column": _drop_column,
    "rename column": _rename_column,
    "shuffle quantiles": _shuffle_quantiles,
    "duplicate row": _duplicate_row,
    "drop row": _drop_row,
    "move date": _move_date,
    "blank location": _blank_location,
    "other location": _other_location,
    "out of range": _out_of_range,
    "missing level": _missing_level,
    "missing horizon": _missing_horizon,
    "missing cell": _missing_cell,
    "other value": _slightly_other_value,
}


def _read(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, try_parse_dates=True)


def _write(frame: pl.DataFrame, path: Path, *, bom: bool) -> None:
    if path.suffix == ".parquet":
        return frame.write_parquet(path)
    path.write_bytes((codecs.BOM_UTF8 if bom else b"") + frame.write_csv().encode())
    return None


def _copy(sound: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(sound, to)
    return to


@drawn
@given(
    kind=st.sampled_from(sorted(BREAKS)),
    form=st.sampled_from(FORMATS),
    at=st.integers(0, ROWS - 1),
    other=st.integers(0, ROWS - 1),
)
def test_a_broken_forecast_file_is_found_and_named(
    kind: str,
    form: tuple[str, Literal["csv", "parquet"], bool],
    at: int,
    other: int,
    sound: dict[str, Path],
    tmp_path: Path,
) -> None:
    name, ending, bom = form
    folder = _copy(sound[name], tmp_path / "broken")
    path = folder / f"{HUB}.{ending}"
    _write(BREAKS[kind](_read(path), at, other), path, bom=bom)
    problems = check_export(folder)
    assert any(f"{HUB}.{ending}" in problem for problem in problems)


@drawn
@given(
    kind=st.sampled_from(sorted(BREAKS)),
    ending=st.sampled_from(["csv", "parquet"]),
    at=st.integers(0, ROWS - 1),
    other=st.integers(0, ROWS - 1),
)
def test_of_two_formats_the_broken_one_is_found(
    kind: str, ending: str, at: int, other: int, sound: dict[str, Path], tmp_path: Path
) -> None:
    folder = _copy(sound["both"], tmp_path / "broken")
    path = folder / f"{HUB}.{ending}"
    _write(BREAKS[kind](_read(path), at, other), path, bom=False)
    assert check_export(folder) != []


@drawn
@given(at=st.integers(0, ROWS - 1))
def test_formats_that_differ_in_one_value_are_named_with_line_and_row(
    at: int, sound: dict[str, Path], tmp_path: Path
) -> None:
    # A quantile between the wide levels, so that only the other format can tell.
    at = at - at % LEVELS + 7
    folder = _copy(sound["both"], tmp_path / "broken")
    path = folder / f"{HUB}.parquet"
    frame = _read(path)
    _write(_put(frame, "value", at, frame["value"][at] + 1e-8), path, bom=False)
    assert check_export(folder) == [
        f"{HUB}.csv: line {at + 2}: the Parquet file does not say the same.",
        f"{HUB}.parquet: row {at + 1}: the CSV file does not say the same.",
    ]


# -------------------------------------------------------------------------------------- broken bytes


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@drawn
@given(data=st.data(), name=st.sampled_from(["plain", "marked", "both"]))
def test_any_file_cut_off_anywhere_is_found(
    data: st.DataObject, name: str, sound: dict[str, Path], tmp_path: Path
) -> None:
    folder = _copy(sound[name], tmp_path / "broken")
    file = data.draw(st.sampled_from(_files(folder)))
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    assert any(file in problem for problem in check_export(folder))


@drawn
@given(data=st.data())
def test_whole_lines_that_are_missing_from_a_table_are_found(
    data: st.DataObject, sound: dict[str, Path], tmp_path: Path
) -> None:
    folder = _copy(sound["plain"], tmp_path / "broken")
    file = data.draw(st.sampled_from([name for name in _files(folder) if name.endswith(".csv")]))
    lines = (folder / file).read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(1, len(lines) - 1))
    (folder / file).write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
    assert any(file in problem for problem in check_export(folder))


@drawn
@given(data=st.data(), encoding=st.sampled_from(["utf-16", "utf-32", "a stray byte"]))
def test_a_text_file_in_another_encoding_is_found(
    data: st.DataObject, encoding: str, sound: dict[str, Path], tmp_path: Path
) -> None:
    folder = _copy(sound["plain"], tmp_path / "broken")
    file = data.draw(st.sampled_from(_files(folder)))
    text = (folder / file).read_text(encoding="utf-8")
    at = data.draw(st.integers(0, len(text) - 1))
    stray = text[:at].encode() + b"\xe9" + text[at:].encode()
    (folder / file).write_bytes(stray if encoding == "a stray byte" else text.encode(encoding))
    problems = check_export(folder)
    assert any(file in problem for problem in problems)
    if encoding == "a stray byte" and file.endswith(".csv"):
        line = text.count("\n", 0, at) + 1
        assert f"{file}: line {line}: is not UTF-8 text." in problems


@drawn
@given(
    team=st.sampled_from(["affectcast-main", "affectcast-other", "affectcast", "a-b-c"]),
    date=st.dates(dt.date(2024, 5, 30), dt.date(2024, 6, 5)),
    ending=st.sampled_from(["csv", "txt", "parquet"]),
    folder_name=st.sampled_from(["affectcast-main", "affectcast-other", "main", "deep/affectcast-main"]),
)
def test_a_forecast_file_under_any_other_name_is_found(
    team: str, date: dt.date, ending: str, folder_name: str, sound: dict[str, Path], tmp_path: Path
) -> None:
    target = f"model-output/{folder_name}/{date}-{team}.{ending}"
    assume(target != f"{HUB}.csv")
    folder = _copy(sound["plain"], tmp_path / "broken")
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    (folder / f"{HUB}.csv").rename(folder / target)
    assert any(target in problem for problem in check_export(folder))


@drawn
@given(
    active=st.sampled_from(
        [
            "<script>x</script>",
            '<img src="http://x/y.png">',
            '<p onclick="x">',
            '<link href="x.css">',
            "<iframe>",
        ]
    ),
    data=st.data(),
)
def test_a_brief_that_would_run_or_load_something_is_found(
    active: str, data: st.DataObject, sound: dict[str, Path], tmp_path: Path
) -> None:
    folder = _copy(sound["plain"], tmp_path / "broken")
    file = data.draw(st.sampled_from(sorted((folder / "briefs").iterdir())))
    lines = file.read_text(encoding="utf-8").splitlines()
    at = data.draw(st.integers(1, len(lines) - 1))
    file.write_text("\n".join([*lines[:at], active, *lines[at:]]) + "\n", encoding="utf-8")
    name = f"briefs/{file.name}"
    assert check_export(folder) == [f"{name}: line {at + 1}: would run something or load it from elsewhere."]


def test_a_stray_brief_and_a_missing_one_are_found(sound: dict[str, Path], tmp_path: Path) -> None:
    folder = _copy(sound["plain"], tmp_path / "broken")
    (folder / "briefs" / "us.html").rename(folder / "briefs" / "xx.html")
    assert check_export(folder) == [
        "briefs/xx.html: is not a brief that export.json names.",
        "briefs/us.html: is missing or is not UTF-8 text.",
    ]


def test_at_most_five_lines_are_named(sound: dict[str, Path], tmp_path: Path) -> None:
    folder = _copy(sound["plain"], tmp_path / "broken")
    path = folder / f"{HUB}.csv"
    _write(_read(path).with_columns(output_type=pl.lit("mean")), path, bom=False)
    assert check_export(folder) == [
        f"{HUB}.csv: line 2, 3, 4, 5, 6 and {ROWS - 5} more: output_type is not quantile."
    ]
