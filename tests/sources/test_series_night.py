"""Nights with series that others made beside posts: the whole path, rerun, backfill, commands, pages."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import dashboard
from flows import stages
from flows.cli.app import app
from flows.nightly import Night, run_backfill, run_nightly
from flows.stages import Run
from flows.summary import summarise
from warehouse.config import Config, parse_config
from warehouse.errors import ConfigError
from warehouse.store import open_store
from warehouse.tables import TABLES

ISSUE = dt.date(2024, 3, 12)
VIEWS = Path(str(dashboard.__file__)).parent / "views"
SERIES = ("survey", "search", "panel")
WEEKS, DAYS = 30, 60


def write_inputs(folder: Path) -> None:
    """Posts of a few people, a weekly survey that jumps in its newest week, a daily index without people or error, and
    a daily panel."""
    posts = ["text,created_at,author"]
    posts += [
        f"I feel so lonely and sad tonight,{ISSUE - dt.timedelta(days=2)}T10:00:00Z,a{k}" for k in range(60)
    ]
    (folder / "posts.csv").write_text("\n".join(posts) + "\n", encoding="utf-8")
    weeks = ["week,share,err,people,where,out"]
    for k in range(WEEKS):
        sunday = dt.date(2024, 3, 10) - dt.timedelta(days=7 * k)
        share = 45 if k == 0 else 20 + k % 3
        weeks += [
            f"{sunday},{share},1.3,1000,US,{sunday + dt.timedelta(days=1)}",
            f"{sunday},{share},9,20,US-CA,{sunday + dt.timedelta(days=1)}",
        ]
    weeks.append("2024-03-10,140,1,1000,US-TX,2024-03-11")
    (folder / "survey.csv").write_text("\n".join(weeks) + "\n", encoding="utf-8")
    days = [ISSUE - dt.timedelta(days=k) for k in range(DAYS)]
    lines = ["date,index", *[f"{day},{50 + day.day % 5}" for day in days]]
    (folder / "search.tsv").write_text("\n".join(lines).replace(",", "\t") + "\n", encoding="utf-8")
    pl.DataFrame(
        {"date": days, "share": [0.2 + day.day % 4 / 100 for day in days], "n": [500] * DAYS}
    ).write_parquet(folder / "panel.parquet")


def series(folder: Path) -> list[dict[str, Any]]:
    return [
        {
            "name": "survey", "path": str(folder / "survey.csv"), "scale": 100, "lag_days": 2,
            "columns": {"time_value": "week", "value": "share", "se": "err", "n": "people", "place": "where",
                        "published": "out"},
            "label_en": "Lonely, survey", "label_es": "Soledad, encuesta", "direction": "higher_is_worse",
            "maker": "The *bureau*", "licence": "CC BY 4.0",
        },
        {
            "name": "search", "path": str(folder / "search.tsv"), "scale": 100, "time_type": "day", "lag_days": 1,
            "columns": {"time_value": "date", "value": "index"}, "statistic": "mean", "unit": "index of searches",
            "label_en": "Searches", "label_es": "Búsquedas",
        },
        {
            "name": "panel", "path": str(folder / "panel.parquet"), "time_type": "day", "lag_days": 1,
            "columns": {"time_value": "date", "value": "share", "n": "n"}, "geo_type": "nation", "geo_value": "US",
            "label_en": "Panel", "label_es": "Panel", "direction": "higher_is_worse",
        },
    ]  # fmt: skip


def configured(folder: Path, **overrides: Any) -> Config:
    body = {
        "run": {"as_of": str(ISSUE)},
        "paths": {name: str(folder / name) for name in ("published", "exports", "lexicons")}
        | {"warehouse": str(folder / "w.duckdb")},
        "sources": [
            {
                "name": "posts",
                "path": str(folder / "posts.csv"),
                "columns": {"author": "author"},
                "lang": "en",
            }
        ],
        "series": series(folder),
        "score": {"scorers": ["lexicon"]},
        "forecast": {"models": ["flat_line"], "backtest_origins": 2, "horizon_days": 3, "horizon_weeks": 2},
        "contagion": {"permutations": 100},
        "alerts": {"catch_up_days": 0},
        "words": {"weeks": 1},
    }
    return parse_config(body | overrides, where="test")


def run(config: Config, *, issue: dt.date = ISSUE) -> Night:
    return run_nightly(Run(config=config, issue=issue))


def dumped(config: Config) -> dict[str, pl.DataFrame]:
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        return {name: store.read(table) for name, table in TABLES.items() if name != "core.runs"}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTCAST_SECRET", "a secret of the tests, long enough")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Night]:
    """One night; tests only read it, or run it again."""
    folder = tmp_path_factory.mktemp("night")
    write_inputs(folder)
    config = configured(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFFECTCAST_SECRET", "a secret of the tests, long enough")
        return config, run(config)


def table(night: Night, name: str) -> pl.DataFrame:
    return pl.read_parquet(night.publication.folder / f"{name}.parquet")


def test_series_are_published_beside_signals_made_from_posts(finished: tuple[Config, Night]) -> None:
    _, night = finished
    signals = table(night, "signals")
    ours = signals.filter(pl.col("signal").is_in(SERIES))
    assert 0 < ours.height < signals.height
    assert (
        ours.filter(pl.col("signal") == "survey", pl.col("geo_value") == "US-CA")["value"]
        .drop_nulls()
        .is_empty()
    )
    assert table(night, "signal_catalogue").filter(pl.col("scorer") == "series")[
        "signal"
    ].to_list() == sorted(SERIES)
    accounting = table(night, "accounting").filter(pl.col("subject") == "survey")
    assert dict(accounting.select("reason", "n").iter_rows()) == {
        "published": WEEKS, "suppressed_people_floor": WEEKS, "refused:value_out_of_range": 1,
    }  # fmt: skip
    assert night.problems == []


def test_series_with_people_are_forecast_and_watched_and_others_are_not(
    finished: tuple[Config, Night],
) -> None:
    _, night = finished
    forecasts = table(night, "forecasts").select("target", "time_type").unique().sort("target")
    assert forecasts.rows() == [("panel", "day"), ("survey", "week")]
    alerts = table(night, "alerts")
    assert ("survey", "US") in alerts.select("signal", "location").rows()
    assert not {"search", "panel"} & set(alerts["signal"])
    for name in ("word_shifts", "term_weeks", "measure_quality", "data_quality", "breaks"):
        frame = table(night, name)
        column = "signal" if "signal" in frame.columns else "scorer"
        assert not set(frame[column]) & {*SERIES, "series"}, name


@pytest.mark.parametrize(
    ("stage", "maker"),
    [
        (stages.forecast, "forecasting.forecast.forecast_signals"),
        (stages.alerts, "forecasting.alerts.nightly.detect_since"),
    ],
)
def test_forecasts_and_alerts_use_the_lag_that_history_was_loaded_with(
    finished: tuple[Config, Night], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Any, maker: str
) -> None:
    config, _ = finished
    shutil.copytree(config.paths.warehouse.parent, tmp_path, dirs_exist_ok=True)
    lowered = configured(tmp_path, series=[one | {"lag_days": 0} for one in series(tmp_path)])
    asked: list[dict[str, int]] = []

    def stop(*given: Any, **named: Any) -> None:
        asked.append(named["lags"] if "lags" in named else given[0].lags)
        raise KeyboardInterrupt

    monkeypatch.setattr(maker, stop)
    with pytest.raises(KeyboardInterrupt):
        stage(Run(config=lowered, issue=ISSUE))
    assert asked == [{"survey": 2, "search": 1, "panel": 1}]


def test_the_summary_says_what_a_share_is_of(finished: tuple[Config, Night], tmp_path: Path) -> None:
    _, night = finished
    folder = tmp_path / "published"
    shutil.copytree(night.publication.folder, folder)

    def line() -> str:
        lines = summarise(replace(night.publication, folder=folder), dashboard="x")
        return next(line for line in lines if line.startswith("Lonely, survey"))

    assert "45.0% of people in the week to 2024-03-10" in line()
    catalogue = table(night, "signal_catalogue").with_columns(unit=pl.lit("share of households"))
    catalogue.write_parquet(folder / "signal_catalogue.parquet")
    assert "45.0% (share of households) in the week to 2024-03-10" in line()


def test_a_series_shows_no_day_of_posts_that_is_not_shown_by_posts(finished: tuple[Config, Night]) -> None:
    _, night = finished
    shown = table(night, "signals").filter(
        pl.col("time_type") == "day", pl.col("value").is_not_null(), ~pl.col("signal").is_in(SERIES)
    )
    described = table(night, "data_quality").select("geo_type", "geo_value", "time_value").unique()
    places = shown.select("geo_type", "geo_value", "time_value").unique()
    assert described.join(places, on=described.columns, how="anti").is_empty()


def test_a_series_has_a_page_in_every_language_that_says_whose_numbers_they_are(
    finished: tuple[Config, Night],
) -> None:
    _, night = finished
    pages = table(night, "signal_pages").filter(pl.col("signal").is_in(SERIES))
    told = {(signal, language): page for signal, language, page in pages.iter_rows()}
    assert len(told) == 2 * len(SERIES)
    assert "# Lonely, survey" in told["survey", "en"]
    assert r"Made by: The \*bureau\*." in told["survey", "en"]
    assert "CC BY 4.0." in told["survey", "en"]
    assert "the error that its makers state" in told["survey", "en"]
    assert "Nations, by week: 13 of 13 cells" in told["survey", "en"]
    assert "# Soledad, encuesta" in told["survey", "es"]
    assert "Autores: The" in told["survey", "es"]
    assert "in index of searches" in told["search", "en"]
    assert "states no error" in told["search", "en"]
    assert "Made by: not stated." in told["search", "en"]
    for signal in SERIES:
        english, spanish = (
            {line for line in told[signal, language].splitlines() if line.startswith(("#", "* "))}
            for language in ("en", "es")
        )
        assert english & spanish <= {"## Error", "# Panel"}


def test_the_same_night_again_also_after_a_kill_changes_nothing(
    finished: tuple[Config, Night], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, night = finished
    before = dumped(config)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("flows.stages.release_series", killed)
        with pytest.raises(KeyboardInterrupt):
            run(config)
    again = run(config)
    assert again.publication == night.publication
    after = dumped(config)
    assert [name for name in before if not before[name].equals(after[name])] == []


def test_a_bad_file_is_told_and_posts_give_the_same_numbers_as_with_good_series(
    finished: tuple[Config, Night], tmp_path: Path
) -> None:
    _, good = finished
    write_inputs(tmp_path)
    (tmp_path / "survey.csv").write_bytes(b"")
    bad = run(configured(tmp_path, series=series(tmp_path)[:1]))
    (problem,) = bad.problems
    assert "is empty" in problem
    for name in ("signals", "forecasts", "data_quality", "breaks", "word_shifts"):
        with_series = table(good, name)
        column = next((name for name in ("signal", "target") if name in with_series.columns), None)
        if column:
            with_series = with_series.filter(~pl.col(column).is_in(SERIES))
        assert with_series.equals(table(bad, name)), name


@pytest.mark.parametrize("name", ["overview", "timelines", "outlook", "signals", "trust", "alerts"])
@pytest.mark.parametrize("signal", ["survey", "search"])
def test_views_show_series_also_without_people_or_error(
    finished: tuple[Config, Night], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, signal: str
) -> None:
    config, _ = finished
    published, place = str(config.paths.published), "all:all" if signal == "search" else "nation:US"
    monkeypatch.setattr(sys, "argv", ["app.py", "--published", published, "--state", str(tmp_path)])
    view = AppTest.from_file(str(VIEWS / f"{name}.py"), default_timeout=60)
    for parameter, value in {"signal": signal, "place": place}.items():
        view.query_params[parameter] = value
    view.run()
    assert not view.exception
    # What is not forecast is no choice of the outlook.
    if name == "timelines" or (name, signal) == ("outlook", "survey"):
        chosen = [str(box.value) for box in (*view.selectbox, *view.multiselect)]
        assert any(signal in value for value in chosen)


def test_a_backfill_makes_each_issue_of_what_was_published_by_then(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    rows = [
        "week,share,err,people,where,out",
        "2024-03-03,20,1,1000,US,2024-03-09",
        "2024-03-03,30,1,1000,US,2024-03-11",
    ]
    (tmp_path / "survey.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    config = configured(tmp_path, series=[series(tmp_path)[0] | {"lag_days": 7}])
    backfill = Run(config=config, issue=dt.date(2024, 3, 11), command="backfill")
    night = run_backfill(backfill, first=dt.date(2024, 3, 10), last=dt.date(2024, 3, 11))
    issued = dumped(config)["out.signals"].filter(pl.col("signal") == "survey")
    # What came later than the lag is not what history before the first issue may be taken to have known.
    assert issued.select("issue", "value", "vintage").rows() == [
        (dt.date(2024, 3, 10), 0.2, "assumed"),
        (dt.date(2024, 3, 11), 0.3, "real"),
    ]
    shown = table(night, "signals").filter(pl.col("signal") == "survey")
    assert shown["value"].to_list() == [0.3]


def test_other_settings_make_signals_of_posts_anew_and_leave_series_as_they_are(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    later = configured(tmp_path, signals={"minimum_days_of_seven": 1})
    for config, issue in ((configured(tmp_path), ISSUE), (later, ISSUE + dt.timedelta(days=1))):
        for stage in (stages.ingest, stages.score, stages.build_signals):
            stage(Run(config=config, issue=issue))
    signals = dumped(later)["out.signals"].filter(pl.col("issue") > ISSUE)
    assert signals.filter(pl.col("signal").is_in(SERIES)).select("signal", "time_value").rows() == [
        ("panel", ISSUE), ("search", ISSUE),
    ]  # fmt: skip
    assert signals.filter(pl.col("signal").str.ends_with("_7dav")).height > 0


def test_a_night_of_series_alone_has_no_need_of_posts(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    night = run(configured(tmp_path, sources=[], series=series(tmp_path)[:1]))
    assert table(night, "signals")["signal"].unique().to_list() == ["survey"]
    assert table(night, "forecasts")["target"].unique().to_list() == ["survey"]


def test_a_name_or_place_that_cannot_be_is_refused_before_the_night(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    first, *_ = series(tmp_path)
    with pytest.raises(ConfigError, match="a scorer makes a signal"):
        run(configured(tmp_path, series=[first | {"name": "lexicon_loneliness_share"}]))
    assert not (tmp_path / "w.duckdb").exists()


def to_toml(folder: Path) -> Path:
    lines = ["[paths]", f'warehouse = "{folder}/w.duckdb"']
    for one in series(folder):
        columns = one.pop("columns")
        lines += ["[[series]]", *[f"{name} = {json.dumps(value)}" for name, value in one.items()]]
        lines += ["[series.columns]", *[f"{name} = {json.dumps(value)}" for name, value in columns.items()]]
    path = folder / "my.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_sources_list_and_check_tell_of_series(tmp_path: Path, finished: tuple[Config, Night]) -> None:
    write_inputs(tmp_path)
    path = to_toml(tmp_path)
    listed = CliRunner().invoke(app, ["sources", "list", "--config", str(path)]).stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [[name, "series"] for name in SERIES]

    def checked(config: Path) -> tuple[int, dict[str, dict[str, Any]]]:
        result = CliRunner().invoke(app, ["sources", "check", "--json", "--config", str(config)])
        return result.exit_code, {state["source"]: state for state in json.loads(result.stdout)}

    code, states = checked(path)
    assert (code, states["survey"]["level"], states["panel"]["level"]) == (0, "warning", "ok")
    assert (
        states["survey"]["says"]
        == f"1 files with {2 * WEEKS + 1} rows, {2 * WEEKS} usable, the newest of 2024-03-10"
    )
    assert states["survey"]["read"] == ["refused: value out of range: 1", "nothing was read yet"]
    night_folder = finished[0].paths.warehouse.parent
    _, after = checked(to_toml(night_folder))
    assert after["panel"]["read"] == [f"{DAYS - 1} numbers issued"]
    assert after["panel"]["last_run"] == str(ISSUE)
    (tmp_path / "survey.csv").unlink()
    code, states = checked(path)
    assert (code, states["survey"]["level"]) == (1, "problem")
    assert "no file matches" in states["survey"]["says"]
