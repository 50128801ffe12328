"""The timelines page: what can be compared, how it is drawn, and earlier issues beside the newest."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import itertools
import json
import os
import shutil
import sys
from pathlib import Path

import polars as pl
import publication as made_up
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import comparison, data, shell, time_heat, timeline_charts, vintages
from warehouse.errors import InputError

VIEW = Path(shell.__file__).parent / "views" / "timelines.py"
ANXIETY, JOY = made_up.signal("lexicon", "anxiety"), made_up.signal("lexicon", "joy")
EARLIER = made_up.ISSUE - dt.timedelta(days=7)
CALIFORNIA = data.Series(signal=ANXIETY, geo_type="region", geo_value="us-ca")


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    """The made-up tables with the same mood of posts passed on, a mood in another unit, and a crisis of two stages."""
    found = made_up.frames()
    signals, catalogue, events = found["signals"], found["signal_catalogue"], found["events"]
    amplified = signals.filter(pl.col("signal") == ANXIETY).with_columns(
        population=pl.lit("amplified"), value=pl.col("value") * 0.9
    )
    mean = signals.filter(pl.col("signal") == ANXIETY).with_columns(
        signal=pl.lit("lexicon_valence_mean"), value=pl.col("value") * 40
    )
    row = catalogue.filter(pl.col("signal") == ANXIETY).with_columns(
        signal=pl.lit("lexicon_valence_mean"),
        statistic=pl.lit("mean", dtype=catalogue.schema["statistic"]),
        unit=pl.lit("mean score"),
        label_en=pl.lit("Valence (words)"),
    )
    recovery = events.with_columns(
        event_id=pl.lit("e2"),
        start=pl.col("start") + dt.timedelta(days=10),
        end=pl.col("end") + dt.timedelta(days=10),
        stage=pl.lit("recovery", dtype=events.schema["stage"]),
    )
    return found | {
        "signals": pl.concat([signals, amplified, mean]).sort(made_up.PUBLISHED["signals"].key),
        "signal_catalogue": pl.concat([catalogue, row]).sort("signal"),
        "events": pl.concat([events, recovery]),
    }


def _earlier(
    folder: Path, *, signals: pl.DataFrame, version: str = "f" * 16, issue: dt.date = EARLIER
) -> Path:
    home = folder / f"issue={issue}" / f"version={version}"
    home.mkdir(parents=True)
    signals.with_columns(issue=pl.lit(issue)).write_parquet(home / "signals.parquet")
    return home


def _as_known_then(signals: pl.DataFrame) -> pl.DataFrame:
    """Until the earlier issue; one week of California was lower then, another was withheld."""
    day = made_up.LAST_DAY - dt.timedelta(days=14)
    here = (pl.col("geo_value") == "us-ca") & (pl.col("signal") == ANXIETY)
    lower = here & (pl.col("time_value") == day)
    hidden = here & (pl.col("time_value") == day - dt.timedelta(days=7))
    value = pl.when(hidden).then(None).when(lower).then(pl.col("value") - 0.02).otherwise(pl.col("value"))
    return signals.filter(pl.col("time_value") < EARLIER).with_columns(value=value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tables: dict[str, pl.DataFrame]) -> Path:
    """The newest issue and an earlier one; read only."""
    published = made_up.write(tmp_path_factory.mktemp("two_issues"), tables=tables)
    _earlier(published, signals=_as_known_then(tables["signals"]))
    return published


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    return _runner(monkeypatch, folder=folder, state=tmp_path)


def _runner(monkeypatch: pytest.MonkeyPatch, *, folder: Path, state: Path):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys, "argv", ["app.py", "--published", str(folder), "--state", str(state)])

    def run(**parameters: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(VIEW), default_timeout=60)
        for name, value in parameters.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app

    return run


def _text(app: AppTest) -> str:
    parts = [app.subheader, app.markdown, app.caption, app.info, app.warning]
    return "\n".join(element.value for part in parts for element in part).replace("\\", "")


def _rows(app: AppTest, *, column: str) -> list[dict[str, str]]:
    tables = [element.value for element in app.table if column in element.value.columns]
    return [
        {k: v.replace("\\", "") for k, v in row.items()}
        for table in tables
        for row in table.to_dict("records")
    ]


def _figure(app: AppTest) -> dict:  # type: ignore[type-arg]
    return json.loads(app.get("plotly_chart")[0].proto.spec)  # type: ignore[no-any-return]


def _named(app: AppTest) -> list[str]:
    """The names of the lines that are drawn."""
    traces = _figure(app)["data"]
    return [
        trace["name"] for trace in traces if trace["type"] == "scatter" and "lines+markers" in trace["mode"]
    ]


# -------------------------------------------------------------------------------------------- comparing


def test_an_old_link_with_several_places_still_compares_places(run) -> None:  # type: ignore[no-untyped-def]
    app = run(
        signal=ANXIETY, place=["region:us-ca", "region:us-ny"], period="week", estimate="value", span="90"
    )
    assert app.selectbox(key="choice_compare").value == "places"
    assert _named(app) == ["California", "New York"]
    assert [row["Place"] for row in _rows(app, column="Newest")] == ["California", "New York"]
    assert app.subheader[0].value.replace("\\", "") == "Anxiety (words)"


def test_moods_of_one_place_share_a_chart(run) -> None:  # type: ignore[no-untyped-def]
    app = run(compare="moods", signal=[ANXIETY, JOY], place="region:us-ca", period="week")
    assert _named(app) == ["Anxiety (words)", "Joy (words)"]
    assert app.subheader[0].value == "California"
    assert "yaxis4" not in _figure(app)["layout"]
    assert [row["Mood"] for row in _rows(app, column="Newest")] == ["Anxiety (words)", "Joy (words)"]


def test_moods_of_unlike_units_never_share_an_axis(run) -> None:  # type: ignore[no-untyped-def]
    app = run(compare="moods", signal=[ANXIETY, "lexicon_valence_mean"], place="region:us-ca", period="week")
    layout = _figure(app)["layout"]
    assert (layout["yaxis"]["tickformat"], layout["yaxis3"]["tickformat"]) == (".1%", ".3f")
    assert "different units" in _text(app)
    heat = run(compare="moods", signal=[ANXIETY, "lexicon_valence_mean"], layout="heat", colour="level")
    assert "coloured against its own mean" in _text(heat)


def test_a_link_with_several_moods_compares_moods_without_saying_so(run) -> None:  # type: ignore[no-untyped-def]
    app = run(signal=[ANXIETY, JOY])
    assert app.selectbox(key="choice_compare").value == "moods"


def test_own_words_and_posts_passed_on_beside_each_other(run) -> None:  # type: ignore[no-untyped-def]
    app = run(compare="populations", signal=ANXIETY, place="region:us-ca", population=["all", "amplified"])
    assert [row["Whose"].split()[0] for row in _rows(app, column="Newest")] == ["Everyone,", "Passed"]
    assert app.subheader[0].value.replace("\\", "") == "Anxiety (words) in California"


def test_two_estimates_of_one_series_and_whose_error_is_shown(run) -> None:  # type: ignore[no-untyped-def]
    app = run(compare="estimates", signal=ANXIETY, estimate=["value", "value_unweighted"])
    assert _named(app) == ["One person, one vote", "Without demographic weights"]
    assert "the error of the weighted one" in _text(app)


def test_bad_values_of_every_new_parameter_fall_back_with_a_note(run) -> None:  # type: ignore[no-untyped-def]
    bad = "<script>"
    app = run(
        compare=bad, layout=bad, known="2024-13-99", signal=bad, place=bad, population=bad, estimate=bad
    )
    notes = [note.value for note in app.info if "is not available here" in note.value]
    assert len(notes) == 7
    assert not any(bad in note for note in notes)
    assert "is not available here" in _text(run(layout="heat", colour=bad))


# ---------------------------------------------------------------------------------------------- layouts


def test_a_panel_each_with_people_beneath_and_own_or_same_scale(run) -> None:  # type: ignore[no-untyped-def]
    chosen = {
        "layout": "panels",
        "signal": ANXIETY,
        "place": ["region:us-ca", "region:us-tx"],
        "period": "week",
    }
    own, same = (_figure(run(axis=axis, **chosen)) for axis in ("own", "shared"))
    assert own["layout"]["yaxis"]["range"] != own["layout"]["yaxis3"]["range"]
    assert same["layout"]["yaxis"]["range"] == same["layout"]["yaxis3"]["range"]
    bars = [trace for trace in own["data"] if trace["type"] == "bar"]
    assert [bar["yaxis"] for bar in bars] == ["y2", "y4"]


def _line(
    values: list[float | None], *, codes: list[int] | None = None, name: str = "x"
) -> timeline_charts.Line:
    days = [dt.date(2024, 1, 7) + dt.timedelta(days=7 * k) for k in range(len(values))]
    frame = pl.DataFrame(
        {
            "time_value": days,
            "value": values,
            "se": [None if value is None else 0.01 for value in values],
            "sample_size": [None if value is None else 200 for value in values],
            "missing_value": codes or [0] * len(values),
            "issue": [days[-1]] * len(values),
        }
    )
    return timeline_charts.Line(name=name, frame=frame)


def test_the_heat_map_over_time_tells_distance_from_the_own_mean_and_marks_what_is_missing() -> None:
    line = _line([0.10, 0.12, None, 0.14, None], codes=[0, 0, 3, 0, 5])
    figure = time_heat.over_time([line], relative=True)
    heat, unknown = figure.data
    assert [z if z is None else round(z, 6) for z in heat.z[0]] == [-2.0, 0.0, None, 2.0, None]
    assert (
        heat.customdata[0][0]
        == "10.0% ± 2.0 points, n = 200, issued 2024-02-04<br>-2.0 SEs from the mean of the row"
    )
    assert list(unknown.z[0]) == [None, None, 1.0, None, 0.0]
    assert list(unknown.text[0]) == ["", "", "×", "", "·"]
    assert unknown.customdata[0][2] == "suppressed: too few people"
    assert time_heat.over_time([line], relative=False).data[0].z[0][0] == 0.10


def test_rows_of_the_heat_map_that_differ_in_days_and_units_share_their_columns() -> None:
    early, late = _line([0.1, 0.2], name="early"), _line([None, 3.0, 4.0], codes=[3, 0, 0], name="late")
    late = dataclasses.replace(late, statistic="mean")
    heat = time_heat.over_time([early, late], relative=True).data[0]
    assert len(heat.x) == 3
    assert [len(row) for row in heat.z] == [3, 3]
    assert (heat.z[0][2], heat.z[1][0]) == (None, None)
    assert heat.customdata[1][1].startswith("3.000 ± 0.020, n = 200")


def test_labels_of_events_never_overlap_in_a_narrow_window() -> None:
    first, last = dt.date(2024, 1, 1), dt.date(2024, 12, 31)
    wanted = [(first + dt.timedelta(days=9 * k), f"Event number {k} of many", "") for k in range(40)]
    placed = timeline_charts.labels(wanted, days=(first, last))
    spans: dict[int, list[tuple[float, float]]] = {}
    for label in placed:
        at = timeline_charts.NARROW * (label.day - first).days / (last - first).days
        width = timeline_charts.LETTER * len(label.text)
        spans.setdefault(label.lane, []).append(
            (at, at + width) if label.anchor == "left" else (at - width, at)
        )
    assert max(spans) < timeline_charts.MOST_LANES
    for row in spans.values():
        ordered = sorted(row)
        assert all(left[1] < right[0] for left, right in itertools.pairwise(ordered))
        assert ordered[-1][1] <= timeline_charts.NARROW
    assert timeline_charts.labels(wanted, days=None) == []


def test_crisis_stages_are_named_on_the_chart_and_in_the_list(run) -> None:  # type: ignore[no-untyped-def]
    app = run(signal=ANXIETY, place="region:us-ca", period="week", span="all")
    texts = [note["text"] for note in _figure(app)["layout"]["annotations"]]
    assert "Wildfire season opens (response)" in texts
    assert "Wildfire season opens (recovery)" in texts
    assert [row["Stage"] for row in _rows(app, column="Stage")] == ["Response", "Recovery"]
    elsewhere = run(signal=ANXIETY, place="region:us-ny", period="week", span="all")
    assert not _rows(elsewhere, column="Stage")


# ---------------------------------------------------------------------------------------- earlier issues


def test_what_was_known_then_is_drawn_and_what_changed_is_told(run) -> None:  # type: ignore[no-untyped-def]
    app = run(signal=ANXIETY, place="region:us-ca", period="week", known=EARLIER.isoformat())
    assert _named(app) == ["California, as known on 27 May 2024", "California"]
    text = _text(app)
    assert "Of 28 numbers known on 27 May 2024, 1 has changed since" in text
    assert "in the period ending 19 May 2024, by +2.0 points" in text
    assert "1 that was withheld is shown now. 1 period is new." in text


def test_without_an_earlier_issue_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch, published: Path, tmp_path: Path
) -> None:
    app = _runner(monkeypatch, folder=published, state=tmp_path)(known="2024-01-01")
    assert app.selectbox(key="choice_known").options == ["Newest only: no earlier issue is held"]
    assert "is not available here" in _text(app)


def test_a_damaged_earlier_issue_is_a_note(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "published")
    next(copy.glob(f"issue={EARLIER}/*/signals.parquet")).write_bytes(b"PAR1 no")
    app = _runner(monkeypatch, folder=copy, state=tmp_path)(signal=ANXIETY, known=EARLIER.isoformat())
    assert "Issue 27 May 2024 cannot be read" in _text(app)
    assert "affectcast publish --as-of 2024-05-27" in _text(app)
    assert len(_named(app)) == 1


def test_no_spreadsheet_runs_a_name_in_the_table_of_numbers(
    tmp_path: Path, tables: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = pl.col("geo_value") == "us-ca"
    named = tables["places"].with_columns(label=pl.when(here).then(pl.lit("=1+1")).otherwise("label"))
    published = made_up.write(tmp_path / "published", tables=tables | {"places": named})
    run = _runner(monkeypatch, folder=published, state=tmp_path)
    table = run(signal=ANXIETY, place="region:us-ca").dataframe[0].value
    assert set(table.iloc[:, 0]) == {"'=1+1"}


def test_the_later_version_of_an_earlier_issue_counts(
    tmp_path: Path, tables: dict[str, pl.DataFrame]
) -> None:
    signals = tables["signals"].head(3)
    for age, version in ((10, "b" * 16), (5, "a" * 16)):
        home = _earlier(tmp_path, signals=signals, version=version)
        os.utime(home, (made_up.DAYS * 1e6 - age, made_up.DAYS * 1e6 - age))
    (found,) = vintages.held(tmp_path, before=made_up.ISSUE)
    assert (found.version, found.versions) == ("a" * 16, 2)
    assert vintages.held(tmp_path, before=EARLIER) == []


def test_folders_that_are_no_issue_and_ways_out_of_the_folder_are_passed_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = tmp_path / "published"
    (inside / "issue=soon" / "version=1").mkdir(parents=True)
    (inside / "issue=2024-01-01").mkdir()
    (inside / "issue=2024-01-02").mkdir()
    (inside / "issue=2024-01-02" / "version=x").symlink_to(outside)
    assert vintages.held(inside, before=made_up.ISSUE) == []
    assert vintages.held(tmp_path / "nowhere", before=made_up.ISSUE) == []


@pytest.mark.parametrize("damage", ["missing", "a column less", "cut off"])
def test_a_file_of_an_earlier_issue_that_cannot_be_read_is_an_input_error(
    damage: str, tmp_path: Path, tables: dict[str, pl.DataFrame]
) -> None:
    home = _earlier(tmp_path, signals=tables["signals"].head(50))
    file = home / "signals.parquet"
    if damage == "missing":
        file.unlink()
    elif damage == "cut off":
        file.write_bytes(file.read_bytes()[:-200])
    else:
        pl.read_parquet(file).drop("value").write_parquet(file)
    item = vintages.Held(issue=EARLIER, version="x", folder=home)
    with pytest.raises(InputError, match="cannot be read"):
        vintages.past(item, series=CALIFORNIA)


def _frame(values: list[float | None]) -> pl.DataFrame:
    days = [dt.date(2024, 1, 7) + dt.timedelta(days=7 * k) for k in range(len(values))]
    return pl.DataFrame({"time_value": days, "value": values}, schema_overrides={"value": pl.Float64})


def test_revisions_count_changed_opened_hidden_and_new_numbers() -> None:
    then, now = _frame([0.1, 0.2, None, 0.3]), _frame([0.1, 0.25, 0.1, None, 0.4])
    found = vintages.revised(then, now=now)
    assert (found.known, found.changed, found.opened, found.hidden, found.new) == (3, 1, 1, 1, 1)
    assert found.largest == (dt.date(2024, 1, 14), 0.2, 0.25)
    nothing = vintages.revised(then.head(0), now=now)
    assert "no number of this selection" in vintages.told(nothing, issue=EARLIER, statistic="share")


# --------------------------------------------------------------------------------------------- download


def test_the_download_holds_what_is_shown_with_its_error_people_issue_and_reliability(folder: Path) -> None:
    publication = data.load(data.current(folder))
    shown = [comparison.Shown(series=CALIFORNIA)]
    frame = data.timeline(publication, series=CALIFORNIA).tail(3)
    then = frame.head(1)
    line = timeline_charts.Line(name="x", frame=frame, then=then)
    told = comparison.csv([line], shown=shown, issue=made_up.ISSUE, then=EARLIER)
    rows = pl.read_csv(io.BytesIO(told))
    assert rows["value"].to_list() == pytest.approx([*frame["value"], *then["value"]], abs=1e-6)
    assert rows["known_on"].to_list() == ["2024-06-03"] * 3 + ["2024-05-27"]
    for name in ("se", "sample_size", "n_posts", "reliability", "issue"):
        assert rows[name].null_count() == 0, name


def test_a_downloaded_text_is_no_formula(opened: data.Publication) -> None:
    series = data.Series(signal=ANXIETY, geo_type="region", geo_value="=1+1")
    frame = data.timeline(opened, series=CALIFORNIA).tail(1)
    line = timeline_charts.Line(name="x", frame=frame)
    told = comparison.csv([line], shown=[comparison.Shown(series=series)], issue=made_up.ISSUE, then=None)
    assert b"'=1+1" in told
    assert b",=1+1" not in told
