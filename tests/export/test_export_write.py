from __future__ import annotations

import codecs
import csv
import datetime as dt
import json
from pathlib import Path
from typing import Literal

import polars as pl
import publication as made_up
import pytest

from flows.export import ExportOptions, check_export, export_publication
from flows.export.columns import DICTIONARY, FILES, HUB_COLUMNS
from flows.summary import summarise
from warehouse.errors import ContractError, InputError, UsageError
from warehouse.publish import current
from warehouse.tables import QUANTILES

HUB = "model-output/affectcast-main/2024-06-02-affectcast-main.csv"
PARQUET = HUB.replace(".csv", ".parquet")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_export_passes_its_own_check(exported: Path) -> None:
    assert check_export(exported) == []


def test_the_forecast_file_has_the_hub_columns_and_every_level(exported: Path) -> None:
    rows = _rows(exported / HUB)
    assert list(rows[0]) == list(HUB_COLUMNS)
    assert {float(row["output_type_id"]) for row in rows} == set(QUANTILES)
    assert {row["location"] for row in rows} == {"all", "us", "us-ca", "us-ny", "us-tx"}


def test_daily_and_weekly_are_separate_targets_with_their_own_steps(exported: Path) -> None:
    rows = _rows(exported / HUB)
    for target, days in (("daily lexicon_joy_share", 1), ("weekly lexicon_joy_share", 7)):
        row = next(row for row in rows if row["target"] == target and row["horizon"] == "2")
        gap = dt.date.fromisoformat(row["target_end_date"]) - dt.date.fromisoformat(row["reference_date"])
        assert gap.days == 2 * days


def test_the_forecast_values_are_those_published(exported: Path) -> None:
    published = made_up.frames()["forecasts"].filter(pl.col("model_id") == "ensemble")
    wanted = published.with_columns(pl.col("geo_type", "time_type").cast(pl.String)).row(1234, named=True)
    prefix = {"day": "daily", "week": "weekly"}[wanted["time_type"]]
    found = [
        float(row["value"])
        for row in _rows(exported / HUB)
        if row["target"] == f"{prefix} {wanted['target']}"
        and row["location"] == wanted["location"]
        and row["horizon"] == str(wanted["horizon"])
        and float(row["output_type_id"]) == wanted["output_type_id"]
    ]
    assert found == [pytest.approx(wanted["value"], abs=1e-8)]


def test_another_population_is_another_target(tmp_path: Path) -> None:
    tables = made_up.frames()
    slices = tables["forecasts"].with_columns(population=pl.lit("lang=es"))
    both = tables | {"forecasts": pl.concat([tables["forecasts"], slices])}
    made_up.write(tmp_path / "published", tables=both)
    export_publication(tmp_path / "published", issue=None, to=tmp_path / "out")
    targets = {row["target"] for row in _rows(tmp_path / "out" / "targets.csv")}
    assert {"daily lexicon_joy_share", "daily lexicon_joy_share lang=es"} <= targets


def test_the_summary_says_what_was_seen_last_and_how_good_forecasts_were(exported: Path) -> None:
    rows = _rows(exported / "policy_summary.csv")
    row = next(
        row
        for row in rows
        if (row["location"], row["signal"], row["time_type"], row["horizon"])
        == ("us-ca", "lexicon_joy_share", "week", "1")
    )
    assert row["location_name"] == "California"
    assert row["signal_label"] == "Joy (words)"
    assert row["last_observed_date"] == "2024-06-02"
    assert int(row["last_observed_n"]) > 0
    assert row["skill"] == "no better than a flat line"
    assert float(row["relative_wis"]) >= 1
    assert row["q0.5_rounded"] == str(round(float(row["q0.5"]), 3))
    levels = [float(row[f"q{level}"]) for level in ("0.025", "0.25", "0.5", "0.75", "0.975")]
    assert levels == sorted(levels)


def test_withheld_cells_stay_empty_with_their_reason(exported: Path) -> None:
    rows = [
        r for r in _rows(exported / "observed.csv") if r["location"] == "us-wy" and r["time_type"] == "day"
    ]
    assert {
        (r["value"], r["se"], r["sample_size"], r["missing_value"]) for r in rows if r["value"] == ""
    } == {("", "", "", "3")}


def test_every_column_of_every_file_is_in_the_dictionary_and_nothing_else_is(exported: Path) -> None:
    listed = {(row["file"], row["column"]) for row in _rows(exported / "data_dictionary.csv")}
    written = {(name, column) for name in (*FILES, DICTIONARY) for column in _header(exported / name)}
    written |= {(name, "") for name in (*FILES, DICTIONARY, "model-output", "briefs", "export.json")}
    written |= {("model-output", column) for column in _header(exported / HUB)}
    assert listed == written
    assert all(row["meaning"] for row in _rows(exported / "data_dictionary.csv"))
    there = {path.relative_to(exported).parts[0] for path in exported.rglob("*")}
    assert {file for file, _ in listed} == there


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def test_the_same_publication_gives_the_same_bytes_and_replaces_the_old_export(
    published: Path, exported: Path, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    export_publication(published, issue=None, to=to)
    (to / "stale.txt").write_text("left over")
    export_publication(published, issue=made_up.ISSUE, to=to)
    assert _contents(to) == _contents(exported)
    assert list(tmp_path.iterdir()) == [to]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_cell_starts_a_formula(start: str, tmp_path: Path) -> None:
    tables = made_up.frames()
    places = tables["places"].with_columns(
        label=pl.lit(start + 'HYPERLINK("http://evil.example")\nsecond line')
    )
    alerts = tables["alerts"].with_columns(message=pl.lit(start + "1+1"))
    made_up.write(tmp_path / "published", tables=tables | {"places": places, "alerts": alerts})
    export_publication(tmp_path / "published", issue=None, to=tmp_path / "out")
    for name in ("policy_summary.csv", "observed.csv", "alerts.csv"):
        for row in _rows(tmp_path / "out" / name):
            # White space goes before anything is judged, so that what follows it cannot hide.
            assert row["location_name"].startswith("HYPERLINK" if start.isspace() else "'")
            assert "\n" not in row["location_name"]
    message = _rows(tmp_path / "out" / "alerts.csv")[0]["message"]
    assert message == ("1+1" if start.isspace() else f"'{start}1+1")


def test_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    tables = made_up.frames()
    alerts = tables["alerts"].with_columns(observed=pl.lit(-0.5))
    made_up.write(tmp_path / "published", tables=tables | {"alerts": alerts})
    export_publication(tmp_path / "published", issue=None, to=tmp_path / "out")
    assert _rows(tmp_path / "out" / "alerts.csv")[0]["observed"] == "-0.5"


@pytest.mark.parametrize(
    "options", [{"emptied": ("forecasts",)}, {"leave_out": ("forecasts", "scores", "alerts")}]
)
def test_nothing_to_forecast_is_said_and_files_have_headings_only(
    options: dict[str, tuple[str, ...]], exported: Path, tmp_path: Path
) -> None:
    made_up.build(tmp_path / "published", **options)
    receipt = export_publication(tmp_path / "published", issue=None, to=tmp_path / "out")
    assert "nothing to forecast" in receipt.notes[0]
    path = tmp_path / "out/model-output/affectcast-main/2024-06-03-affectcast-main.csv"
    assert path.read_text() == ",".join(HUB_COLUMNS) + "\n"
    assert pl.read_parquet(path.with_suffix(".parquet")).schema == pl.read_parquet(exported / PARQUET).schema
    assert _rows(tmp_path / "out" / "policy_summary.csv") == []


def test_without_an_ensemble_the_other_model_goes_under_its_own_name(tmp_path: Path) -> None:
    tables = made_up.frames()
    kept = tables["forecasts"].filter(pl.col("model_id").is_in(["flat_line", "nhits"]))
    nothing_chosen = {"forecasts": kept, "model_choice": tables["model_choice"].head(0)}
    made_up.write(tmp_path / "published", tables=tables | nothing_chosen)
    receipt = export_publication(tmp_path / "published", issue=None, to=tmp_path / "out")
    assert receipt.model == "nhits"
    assert any(name.startswith("model-output/affectcast-nhits/") for name in receipt.files)
    assert "nhits" in receipt.notes[0]


def test_a_publication_that_chose_nothing_exports_the_ensemble_under_its_name(tmp_path: Path) -> None:
    made_up.build(tmp_path / "published", leave_out=("model_choice",))
    receipt = export_publication(tmp_path / "published", issue=None, to=tmp_path / "out")
    assert (receipt.model, receipt.notes) == ("ensemble", ())
    rows = _rows(tmp_path / "out" / "policy_summary.csv")
    assert {(row["model"], row["model_since"], row["model_reason"]) for row in rows} == {("ensemble", "", "")}


def test_each_series_is_exported_by_the_model_chosen_for_it(exported: Path, published: Path) -> None:
    rows = _rows(exported / "policy_summary.csv")
    chosen = [row for row in rows if row["model"] != "ensemble"]
    assert {(r["signal"], r["location"], r["time_type"]) for r in chosen} == {
        ("lexicon_joy_share", "us-ca", "day")
    }
    assert {(r["model"], r["model_since"], r["model_reason"]) for r in chosen} == {
        ("auto_ets", "2024-06-02", "better")
    }
    assert len(chosen) == 14
    values = [
        float(row["value"])
        for row in _rows(exported / HUB)
        if (row["target"], row["location"], row["horizon"]) == ("daily lexicon_joy_share", "us-ca", "1")
    ]
    wanted = made_up.frames()["forecasts"].filter(
        pl.col("model_id") == "auto_ets",
        pl.col("target") == "lexicon_joy_share",
        pl.col("location") == "us-ca",
        pl.col("time_type") == "day",
        pl.col("horizon") == 1,
    )
    assert values == pytest.approx(wanted["value"].to_list(), abs=1e-8)
    notes = json.loads((exported / "export.json").read_text())["notes"]
    assert notes[0].startswith("1 of 50 series are forecast by another model than the ensemble (auto_ets)")


def test_the_summary_of_a_night_is_about_the_forecasts_that_are_shown(published: Path) -> None:
    lines = summarise(current(published), dashboard="affectcast dashboard")
    (line,) = [line for line in lines if line.startswith("Forecasts:")]
    assert "over 24 series" in line
    assert line.endswith("1 of 50 series use another model than the ensemble.")


def test_an_older_forecast_is_left_out(tmp_path: Path) -> None:
    tables = made_up.frames()
    older = tables["forecasts"].with_columns(
        pl.col("reference_date", "target_end_date") - dt.timedelta(days=7)
    )
    made_up.write(
        tmp_path / "published", tables=tables | {"forecasts": pl.concat([tables["forecasts"], older])}
    )
    receipt = export_publication(tmp_path / "published", issue=None, to=tmp_path / "out")
    assert [name for name in receipt.files if name.startswith("model-output")] == [HUB, PARQUET]


def test_a_forecast_that_breaks_a_rule_is_refused_and_the_old_export_stays(
    published: Path, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    export_publication(published, issue=None, to=to)
    before = _contents(to)
    tables = made_up.frames()
    broken = tables["forecasts"].with_columns(value=pl.lit(1.5))
    made_up.write(tmp_path / "published", tables=tables | {"forecasts": broken})
    with pytest.raises(ContractError, match="outside 0 to 1"):
        export_publication(tmp_path / "published", issue=None, to=to)
    assert _contents(to) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "published"]


def test_a_folder_with_other_files_is_not_touched(published: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="not an export"):
        export_publication(published, issue=None, to=tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("team", ["", "a-b", "../up", "a b"])
def test_a_team_name_must_fit_in_a_file_name(team: str, published: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="team"):
        export_publication(published, issue=None, to=tmp_path / "out", options=ExportOptions(team=team))


def test_an_issue_that_is_not_there_is_named_with_those_that_are(published: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="It holds: 2024-06-03"):
        export_publication(published, issue=dt.date(2020, 1, 1), to=tmp_path / "out")
    with pytest.raises(InputError, match="nothing is published"):
        export_publication(tmp_path / "nowhere", issue=None, to=tmp_path / "out")


def test_the_parquet_file_says_what_the_csv_file_says_with_the_types_of_a_hub(exported: Path) -> None:
    table = pl.read_parquet(exported / PARQUET)
    types = [pl.Date, pl.String, pl.Int32, pl.Date, pl.String, pl.String, pl.Float64, pl.Float64]
    assert table.dtypes == types
    assert table.columns == list(HUB_COLUMNS)
    text = pl.read_csv(exported / HUB, schema=table.schema)
    assert text.equals(table)


@pytest.mark.parametrize(
    ("forecasts", "kept"), [("csv", [HUB]), ("parquet", [PARQUET]), ("both", [HUB, PARQUET])]
)
def test_the_forecasts_are_written_in_the_formats_asked_for(
    forecasts: Literal["csv", "parquet", "both"], kept: list[str], published: Path, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    export_publication(published, issue=None, to=to, options=ExportOptions(forecasts=forecasts))
    assert sorted(p.relative_to(to).as_posix() for p in (to / "model-output").rglob("*.*")) == kept
    assert check_export(to) == []


def test_with_a_byte_order_mark_only_the_first_three_bytes_of_csv_files_differ(
    published: Path, exported: Path, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    export_publication(published, issue=None, to=to, options=ExportOptions(bom=True))
    plain, marked = _contents(exported), _contents(to)
    assert plain.keys() == marked.keys()
    for name, content in marked.items():
        assert content == (codecs.BOM_UTF8 if name.endswith(".csv") else b"") + plain[name], name
    assert check_export(to) == []


def test_names_outside_ascii_survive(tmp_path: Path) -> None:
    tables = made_up.frames()
    places = tables["places"].with_columns(label=pl.lit("São Tomé, 北京, Ñuñoa"))
    made_up.write(tmp_path / "published", tables=tables | {"places": places})
    for bom in (False, True):
        to = tmp_path / f"out_{bom}"
        export_publication(tmp_path / "published", issue=None, to=to, options=ExportOptions(bom=bom))
        assert {row["location_name"] for row in _rows(to / "observed.csv")} == {"São Tomé, 北京, Ñuñoa"}
        assert check_export(to) == []


def test_a_publication_with_hostile_names_is_exported_and_passes(tmp_path: Path) -> None:
    tables = made_up.frames(nasty=True)
    hostile = 'x onload=1 <script src="a">1</script> &lt; " \' \u202e\x00'
    labels = tables["signal_catalogue"].with_columns(label_en=pl.lit(hostile), label_es=pl.lit(hostile))
    made_up.write(tmp_path / "published", tables=tables | {"signal_catalogue": labels})
    export_publication(tmp_path / "published", issue=None, to=tmp_path / "out")
    assert check_export(tmp_path / "out") == []
    assert (tmp_path / "out" / "briefs" / "us-zz.html").is_file()
