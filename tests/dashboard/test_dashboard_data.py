from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import shutil
import sys
from pathlib import Path

import polars as pl
import publication as made_up
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import cards, data, skill, weekly
from warehouse.errors import ContractError, InputError
from warehouse.skill import relative_wis
from warehouse.tables import PUBLISHED


def test_every_table_of_the_fixture_keeps_its_contract_and_is_loaded_as_text(
    opened: data.Publication,
) -> None:
    assert set(opened.tables) == set(PUBLISHED)
    for frame in opened.tables.values():
        assert not any(isinstance(kind, (pl.Enum, pl.Categorical)) for kind in frame.schema.values())


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="affectcast demo"):
        data.current(tmp_path)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"issue": "soon", "version": "1", "path": "x"}', "\x00"])
def test_a_damaged_pointer_is_an_input_error(tmp_path: Path, body: str) -> None:
    (tmp_path / "current.json").write_text(body)
    with pytest.raises(InputError, match="affectcast publish"):
        data.current(tmp_path)


@pytest.mark.parametrize("path", ["..", "../..", "/etc", "issue=2024-06-03/version=gone"])
def test_a_pointer_out_of_the_folder_or_to_nothing_is_refused(tmp_path: Path, path: str) -> None:
    pointer = {"issue": "2024-06-03", "version": "1", "path": path}
    (tmp_path / "current.json").write_text(json.dumps(pointer))
    with pytest.raises(InputError):
        data.current(tmp_path)


def test_a_table_that_is_absent_is_empty_and_named(tmp_path: Path) -> None:
    made_up.build(tmp_path, leave_out=("alerts", "signals"))
    found = data.load(data.current(tmp_path))
    assert set(found.absent) == {"alerts", "signals"}
    assert found.tables["alerts"].is_empty()
    assert found.signals.collect().is_empty()
    assert weekly.changes(found).is_empty()
    assert data.inventory(found).is_empty()


def test_a_table_without_a_column_is_named_with_it(tmp_path: Path) -> None:
    tables = made_up.frames()
    made_up.write(tmp_path, tables=tables | {"alerts": tables["alerts"].drop("severity")})
    with pytest.raises(ContractError, match=r"alerts.parquet has no column severity"):
        data.load(data.current(tmp_path))


@pytest.mark.parametrize("name", ["signals", "alerts"])
def test_a_damaged_table_is_an_input_error_that_names_it(published: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(published, tmp_path / "copy")
    opened, file = data.load(data.current(copy)), data.current(copy).folder / f"{name}.parquet"
    opened.tables.check()
    sound = file.read_bytes()
    for damaged in (b"", b"garbage", sound[:-20], b"PAR1" + b"x" * (len(sound) - 1000) + sound[-996:]):
        file.unlink()
        file.write_bytes(damaged)
        with pytest.raises(InputError, match=f"{name}.parquet is damaged"):
            opened.tables.check()
    with pytest.raises(InputError, match=f"{name}.parquet is damaged"):
        data.load(data.current(copy)).tables[name]
    file.unlink()
    with pytest.raises(InputError, match=f"{name}.parquet is damaged"):
        opened.tables.check()


@pytest.mark.parametrize("goes", [True, False])
def test_a_page_whose_files_go_while_it_is_drawn_says_so_and_a_mistake_is_no_damage(
    goes: bool, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(published, tmp_path / "copy")
    monkeypatch.setattr(sys, "argv", ["app.py", "--published", str(copy), "--state", str(tmp_path)])
    if goes:
        body = "shutil.rmtree(publication.pointer.folder); publication.signals.collect()"
    else:
        body = "publication.signals.select('no_such_column').collect()"
    script = "import shutil\nfrom dashboard import shell\n\ndef body(publication):\n    "
    app = AppTest.from_string(f"{script}{body}\n\nshell.page('Overview', body=body)\n", default_timeout=60)
    app.run()
    assert len(app.exception) == (0 if goes else 1)
    assert ["gone or damaged" in error.value for error in app.error] == ([True] if goes else [])
    assert any("988" in caption.value for caption in app.caption) == goes


def test_enums_as_categories_are_normalised(tmp_path: Path) -> None:
    tables = made_up.frames()
    categories = tables["alerts"].with_columns(pl.col("kind").cast(pl.String).cast(pl.Categorical))
    made_up.write(tmp_path, tables=tables | {"alerts": categories})
    assert data.load(data.current(tmp_path)).tables["alerts"].schema["kind"] == pl.String


def test_weekly_change_is_the_difference_and_its_error_adds_both_weeks(opened: data.Publication) -> None:
    changes = weekly.changes(opened)
    row = changes.filter(pl.col("signal") == "lexicon_joy_share", pl.col("geo_value") == "us-ca").row(
        0, named=True
    )
    series = data.Series(signal="lexicon_joy_share", geo_type="region", geo_value="us-ca")
    before, now = data.timeline(opened, series=series).tail(2).to_dicts()
    assert row["change"] == pytest.approx(now["value"] - before["value"])
    error = math.sqrt(now["se"] ** 2 + before["se"] ** 2)
    assert row["change_se"] == pytest.approx(error)
    assert row["z"] == pytest.approx((now["value"] - before["value"]) / error)


def test_weekly_changes_keep_withheld_cells_without_numbers(opened: data.Publication) -> None:
    withheld = weekly.changes(opened).filter(pl.col("geo_value") == "us-wy")
    assert withheld.height == len(made_up.MEASURES)
    assert withheld.get_column("z").null_count() == withheld.height


def test_headlines_are_unsmoothed_shares(opened: data.Publication) -> None:
    names = weekly.headline_signals(opened)
    assert len(names) == len(made_up.MEASURES)
    assert not any(name.endswith("_7dav") for name in names)


def test_weekly_is_the_default_where_days_are_patchy(opened: data.Publication) -> None:
    inventory = data.inventory(opened)
    dense = data.Series(signal="lexicon_joy_share", geo_type="region", geo_value="us-ca")
    patchy = data.Series(signal="lexicon_joy_share", geo_type="region", geo_value="us-wy")
    assert data.default_time_type(inventory, series=dense) == "day"
    assert data.default_time_type(inventory, series=patchy) == "week"


def test_most_moved_keeps_every_place_of_the_signals_it_keeps(opened: data.Publication) -> None:
    changes = weekly.changes(opened)
    moved = weekly.most_moved(changes, most=2)
    assert moved.get_column("signal").n_unique() == 2
    assert moved.height == 2 * len(made_up.PLACES)
    top = changes.sort(pl.col("z").abs(), descending=True, nulls_last=True).get_column("signal")[0]
    assert top in moved.get_column("signal").to_list()


def test_two_places_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    tables = made_up.frames()
    twins = tables["places"].with_columns(
        label=pl.when(pl.col("geo_value").is_in(["us-ca", "us-ny"]))
        .then(pl.lit("Springfield"))
        .otherwise("label")
    )
    made_up.write(tmp_path, tables=tables | {"places": twins})
    found = data.load(data.current(tmp_path))
    assert found.place("region", "us-ca") == "Springfield (region:us-ca)"
    assert found.place("region", "us-tx") == "Texas"
    cells = cards.heat_cells(weekly.changes(found), publication=found)
    assert cells.get_column("place").n_unique() == len(made_up.PLACES)


def test_an_older_forecast_is_not_shown(tmp_path: Path) -> None:
    tables = made_up.frames()
    newest = tables["forecasts"]
    older = newest.with_columns(
        pl.col("reference_date") - dt.timedelta(days=7), pl.col("target_end_date") - dt.timedelta(days=7)
    )
    made_up.write(tmp_path, tables=tables | {"forecasts": pl.concat([newest, older])})
    series = data.Series(signal=made_up.signal("lexicon", "joy"))
    rows = data.forecast_of(data.load(data.current(tmp_path)), series=series)
    assert rows.get_column("reference_date").unique().to_list() == [made_up.LAST_DAY]


JOY = data.Series(
    signal=made_up.signal("lexicon", "joy"), geo_type="region", geo_value="us-ca", time_type="day"
)


def test_the_chosen_model_is_shown_and_only_for_its_series(opened: data.Publication) -> None:
    assert data.shown_model(opened, series=JOY) == "auto_ets"
    assert data.forecast_of(opened, series=JOY)["model_id"].unique().to_list() == ["auto_ets"]
    weekly = dataclasses.replace(JOY, time_type="week")
    assert data.shown_model(opened, series=weekly) == "ensemble"
    assert data.forecast_of(opened, series=weekly)["model_id"].unique().to_list() == ["ensemble"]
    nowhere = dataclasses.replace(JOY, geo_value="us-wy")
    assert data.shown_model(opened, series=nowhere) is None
    assert data.forecast_of(opened, series=nowhere).is_empty()


@pytest.mark.parametrize("options", [{"leave_out": ("model_choice",)}, {"emptied": ("model_choice",)}])
def test_a_series_without_a_choice_shows_the_ensemble(
    options: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    found = data.load(data.current(made_up.build(tmp_path, **options)))
    assert data.shown_model(found, series=JOY) == "ensemble"
    assert data.choice_of(found, series=JOY) is None


def test_without_an_ensemble_any_other_model_than_the_baseline_is_shown(tmp_path: Path) -> None:
    tables = made_up.frames()
    for models, wanted in ((["flat_line", "nhits"], "nhits"), (["flat_line"], "flat_line"), ([], None)):
        kept = tables["forecasts"].filter(pl.col("model_id").is_in(models))
        made_up.write(tmp_path, tables=tables | {"forecasts": kept}, version="-".join(models) or "none")
        assert data.shown_model(data.load(data.current(tmp_path)), series=JOY) == wanted


def test_skill_of_what_is_shown_takes_each_series_by_its_model(opened: data.Publication) -> None:
    own = skill.shown(opened.tables["scores"], task="nightly_day", models=opened.models)
    ratios = [
        skill.skill_of(
            data.series_skill(opened), task="nightly_day", model_id=model,
            key=(signal, "all", kind, place),
        )
        for signal, kind, place, time_type, model in opened.models.select(
            "target", "geo_type", "location", "time_type", "model_id"
        ).iter_rows()
        if time_type == "day"
    ]  # fmt: skip
    known = [ratio for ratio in ratios if ratio is not None]
    assert own["relative_wis"][0] == pytest.approx(math.exp(sum(map(math.log, known)) / len(known)))
    assert own["n_series"][0] == len(known) == 12


def test_relative_wis_is_the_ratio_of_means_on_shared_steps(opened: data.Publication) -> None:
    scores = opened.tables["scores"]
    key = ("lexicon_anxiety_share", "all", "region", "us-ca")
    rows = scores.filter(
        pl.col("task") == "nightly_week",
        pl.col("metric") == "wis",
        pl.col("target") == key[0],
        pl.col("location") == key[3],
    )
    mean = {name: rows.filter(pl.col("model_id") == name)["value"].mean() for name in ("nhits", "flat_line")}
    known = data.series_skill(opened)
    found = skill.skill_of(known, task="nightly_week", model_id="nhits", key=key)
    assert found == pytest.approx(mean["nhits"] / mean["flat_line"])
    assert skill.skill_of(known, task="nightly_week", model_id="flat_line", key=key) == pytest.approx(1)
    assert skill.skill_of(known, task="nightly_week", model_id="unheard_of", key=key) is None


def test_leaderboard_is_a_geometric_mean_over_series_best_first(opened: data.Publication) -> None:
    board = skill.leaderboard(opened.tables["scores"], task="nightly_day")
    assert board["relative_wis"].is_sorted()
    per_series = relative_wis(opened.tables["scores"].filter(pl.col("task") == "nightly_day"))
    own = per_series.filter(pl.col("model_id") == "ensemble")["relative_wis"].to_list()
    wanted = math.exp(sum(map(math.log, own)) / len(own))
    assert board.filter(pl.col("model_id") == "ensemble")["relative_wis"][0] == pytest.approx(wanted)


def test_calibration_is_the_mean_of_the_coverage_rows(opened: data.Publication) -> None:
    scores = opened.tables["scores"]
    line = skill.calibration(scores, task="nightly_day").filter(pl.col("model_id") == "nhits")
    rows = scores.filter(
        pl.col("model_id") == "nhits", pl.col("metric") == "coverage_80", pl.col("task") == "nightly_day"
    )
    assert line["nominal"].to_list() == [0.5, 0.8, 0.9, 0.95]
    assert line.row(1, named=True)["observed"] == pytest.approx(rows["value"].mean())
    assert line.row(1, named=True)["n"] == rows.height


def test_no_scores_give_no_skill() -> None:
    nothing = PUBLISHED["scores"].schema.create_empty()
    assert skill.leaderboard(nothing, task="nightly_day").is_empty()
    assert skill.calibration(nothing, task="nightly_day").is_empty()
