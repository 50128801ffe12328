"""A survey and a signal from files or a warehouse: what is read, aligned, refused, kept and published."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from night_support import affectcast
from typer.testing import CliRunner

from flows.cli.app import app
from flows.evaluation.survey import SurveySpec, own_columns, read_signal, read_survey
from flows.evaluation.survey_grid import align
from flows.evaluation.survey_results import (
    KEPT_NAME,
    SHIPPED,
    TABLE,
    Compared,
    as_rows,
    keep_results,
    published_rows,
    read_results,
    report,
)
from flows.evaluation.survey_run import StoredSignal, SurveyRequest, compare
from forecasting.validity import Spec, assess
from warehouse.config import Config, parse_config
from warehouse.errors import AffectcastError, InputError, UsageError
from warehouse.store import check, open_store
from warehouse.tables import TABLES

START = dt.date(2023, 1, 5)  # a Thursday
THURSDAY, SUNDAY = 3, 6
DAYS = [START + dt.timedelta(days=k) for k in range(-60, 400)]
WEEKLY = SurveySpec(ends=THURSDAY)
DRAWN = settings(derandomize=True, deadline=None, max_examples=30)


def mood(seed: int = 3) -> np.ndarray[Any, np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    return 0.3 + 0.002 * np.cumsum(rng.standard_normal(len(DAYS)))


def signal_frame(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"time_value": DAYS, "value": mood()} | columns)


def survey_frame(weeks: int = 40, **columns: Any) -> pl.DataFrame:
    """Percent of the week that ends on each date, and noise."""
    ends = [START + dt.timedelta(days=7 * k) for k in range(weeks)]
    by_day = dict(zip(DAYS, mood(), strict=True))
    truth = [np.mean([by_day[end - dt.timedelta(days=back)] for back in range(7)]) for end in ends]
    noise = np.random.default_rng(8).normal(0, 0.01, weeks)
    values = [round(100 * (t + e), 2) for t, e in zip(truth, noise, strict=True)]
    return pl.DataFrame({"time_value": ends, "value": values, "n": [2000] * weeks} | columns)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    survey, signal = tmp_path / "panel.csv", tmp_path / "posts.csv"
    survey_frame().write_csv(survey)
    signal_frame().write_csv(signal)
    return survey, signal


def written(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_csv(path)
    return path


def run(*arguments: str) -> BaseException | None:
    """The command in this process; what it raised."""
    return CliRunner().invoke(app, ["evaluate", *arguments]).exception


# ------------------------------------------------------------------------------------------- reading


def test_percent_and_share_are_the_same_survey(tmp_path: Path) -> None:
    percent = read_survey(written(survey_frame(), tmp_path / "a.csv"), columns={}, spec=WEEKLY)
    shares = survey_frame().with_columns(pl.col("value") / 100)
    share = read_survey(written(shares, tmp_path / "b.csv"), columns={}, spec=WEEKLY)
    assert percent.rows["value"].to_list() == pytest.approx(share.rows["value"].to_list())
    assert "read as percent" in percent.notes[0]
    assert "read as share" in share.notes[0]
    first = percent.rows.row(0, named=True)
    assert first["variance"] == pytest.approx(first["value"] * (1 - first["value"]) / 2000)


def test_the_error_comes_from_se_where_it_is_there_and_rounding_adds_to_it(tmp_path: Path) -> None:
    frame = survey_frame().with_columns(pl.col("value").round(0), pl.lit(1.5).alias("se"))
    read = read_survey(written(frame, tmp_path / "a.csv"), columns={}, spec=WEEKLY)
    assert read.rows["variance"].to_list() == pytest.approx([0.015**2 + 0.01**2 / 12] * 40)
    assert any("rounded to 1 %" in note for note in read.notes)
    wide = replace(WEEKLY, design_effect=2.0)
    counted = read_survey(written(frame.drop("se"), tmp_path / "b.csv"), columns={}, spec=wide)
    first = counted.rows.row(0, named=True)
    assert first["variance"] == pytest.approx(2 * first["value"] * (1 - first["value"]) / 2000 + 0.01**2 / 12)


def test_columns_of_both_files_are_told_apart() -> None:
    given = {"time_value": "date", "survey.value": "pct", "signal.value": "fear", "survey.item": "mood"}
    assert own_columns(given, file="survey") == {"time_value": "date", "value": "pct", "item": "mood"}
    assert own_columns(given, file="signal") == {"time_value": "date", "value": "fear"}
    with pytest.raises(UsageError, match=r"posts\.value: expected survey\.NAME"):
        own_columns({"posts.value": "x"}, file="survey")


def test_one_item_and_one_group_are_chosen_never_mixed(tmp_path: Path) -> None:
    items = pl.concat(
        survey_frame(item=[name] * 40, group=[group] * 40).with_columns(pl.col("value") + shift)
        for name, group, shift in (
            ("Sad", "all", 0),
            ("Sad", "women", 1),
            ("Happy", "all", 2),
            ("Happy", "women", 3),
        )
    )
    path = written(items, tmp_path / "panel.csv")
    chosen = read_survey(path, columns={}, spec=replace(WEEKLY, item="Happy", group="women"))
    assert chosen.rows["value"].to_list() == pytest.approx(((survey_frame()["value"] + 3) / 100).to_list())
    with pytest.raises(UsageError, match=r"2 values of item. Choose one with --item: Happy, Sad"):
        read_survey(path, columns={}, spec=WEEKLY)
    with pytest.raises(UsageError, match=r"2 values of group. Choose one with --survey-group"):
        read_survey(path, columns={}, spec=replace(WEEKLY, item="Sad"))
    with pytest.raises(UsageError, match=r"no item 'Angry'\. It has: Happy, Sad"):
        read_survey(path, columns={}, spec=replace(WEEKLY, item="Angry"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"value": ["30"] * 39 + ["many"]}, "column value: 1 of 40 cells are not numbers"),
        (
            {"value": [30.0] * 39 + [130.0]},
            r"column value: 1 of 40 rows are wrong. Expected values from 0 to 100",
        ),
        ({"value": [30.0] * 39 + [-1.0]}, "column value: 1 of 40 rows are wrong"),
        ({"value": [None] * 40}, "column value is empty in all 40 rows"),
        ({"n": [0] * 40}, "column n: 40 of 40 rows are wrong"),
        ({"se": [-1.0] * 40}, "column se: 40 of 40 rows are wrong"),
        ({"time_value": ["5 January"] * 40}, "40 of 40 rows have no date, the first in row 1"),
        ({"time_value": [START] * 40}, "39 of 40 rows repeat a date"),
        ({"time_value": [START + dt.timedelta(days=30 * k) for k in range(40)]}, "Expected daily or weekly"),
    ],
)
def test_a_wrong_survey_is_refused_with_the_reason(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    frame = survey_frame().with_columns(
        pl.Series(name, values, strict=False) for name, values in change.items()
    )
    with pytest.raises(InputError, match=says):
        read_survey(written(frame, tmp_path / "panel.csv"), columns={}, spec=WEEKLY)


def test_a_weekly_survey_must_say_which_days_its_date_stands_for(files: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match=r"--survey-ends WEEKDAY.*--fieldwork FROM:TO"):
        read_survey(files[0], columns={}, spec=SurveySpec())
    with pytest.raises(UsageError, match="give one of them"):
        read_survey(files[0], columns={}, spec=replace(WEEKLY, fieldwork=(-6, 0)))


def test_a_date_inside_the_week_means_the_same_week(tmp_path: Path) -> None:
    on_monday = survey_frame().with_columns(pl.col("time_value") - pl.duration(days=3))
    ends = [
        read_survey(written(frame, tmp_path / "a.csv"), columns={}, spec=WEEKLY).rows["end"].to_list()
        for frame in (survey_frame(), on_monday)
    ]
    assert ends[0] == ends[1] == [START + dt.timedelta(days=7 * k) for k in range(40)]
    by_fieldwork = read_survey(tmp_path / "a.csv", columns={}, spec=SurveySpec(fieldwork=(-3, 3)))
    assert by_fieldwork.rows["end"].to_list() == ends[0]
    # Thursdays and, late in the year, also Tuesdays: two surveys in the same week.
    late = survey_frame().tail(5).with_columns(pl.col("time_value") - pl.duration(days=2))
    twice = pl.concat([survey_frame(), late])
    with pytest.raises(InputError, match="5 surveys share a week that ends on Thursday"):
        read_survey(written(twice, tmp_path / "b.csv"), columns={}, spec=WEEKLY)


def test_days_of_a_survey_are_pooled_by_their_size_and_thin_weeks_are_gaps(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    days = [START + dt.timedelta(days=k) for k in range(-6, 78)]
    values, sizes = rng.uniform(0.2, 0.4, 84), rng.integers(50, 900, 84)
    frame = pl.DataFrame({"time_value": days, "value": values, "n": sizes, "se": values / 9})
    absent = {15, 18, 44}  # two days of the third week, one of the seventh
    path = written(frame.filter(~pl.Series([k in absent for k in range(84)])), tmp_path / "daily.csv")
    read = read_survey(path, columns={}, spec=SurveySpec(ends=THURSDAY, every="week"))
    assert read.rows["end"].to_list() == [START + dt.timedelta(days=7 * k) for k in range(12)]
    for week in range(12):
        own = [k for k in range(7 * week, 7 * week + 7) if k not in absent]
        row, total = read.rows.row(week, named=True), sum(int(sizes[k]) for k in own)
        if len(own) < 6:
            assert row["value"] is None
        else:
            assert row["value"] == pytest.approx(sum(values[k] * sizes[k] for k in own) / total)
            variance = sum((sizes[k] * values[k] / 9) ** 2 for k in own) / total**2
            assert row["variance"] == pytest.approx(variance)
    with pytest.raises(UsageError, match="--survey-ends WEEKDAY"):
        read_survey(path, columns={}, spec=SurveySpec(every="week"))


# ------------------------------------------------------------------------------------------- alignment


@DRAWN
@given(st.integers(-8, 8), st.integers(1, 9), st.sets(st.integers(0, 459), max_size=120), st.booleans())
def test_each_window_is_the_mean_of_its_days_and_gaps_stay(
    last: int, length: int, lost: set[int], sized: bool
) -> None:
    sizes = np.random.default_rng(1).integers(1, 500, len(DAYS)).astype(float)
    frame = signal_frame(n=sizes if sized else pl.Series([None] * len(DAYS), dtype=pl.Float64))
    kept = frame.filter(~pl.Series([k in lost for k in range(len(DAYS))]))
    by_day = {row[0]: (row[1], row[2] if sized else 1.0) for row in kept.iter_rows()}
    survey = _survey(fieldwork=(last - length + 1, last))
    pair = align(survey, kept, reach=2).pair
    for k, found in enumerate(pair.signal.tolist()):
        end = START + dt.timedelta(days=last + 7 * (k - 2))
        own = [by_day[d] for d in (end - dt.timedelta(days=b) for b in range(length)) if d in by_day]
        if len(own) < 0.8 * length:
            assert math.isnan(found)
        else:
            assert found == pytest.approx(sum(v * w for v, w in own) / sum(w for _, w in own))
    assert [day - START for day in pair.days] == [dt.timedelta(days=last + 7 * k) for k in range(40)]


def _survey(*, fieldwork: tuple[int, int] | None = None, frame: pl.DataFrame | None = None) -> Any:
    """Read through a file, as always."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = written(survey_frame() if frame is None else frame, Path(folder) / "panel.csv")
        spec = SurveySpec(fieldwork=fieldwork) if fieldwork else WEEKLY
        return read_survey(path, columns={}, spec=spec)


def test_nothing_after_a_survey_week_is_used_for_it() -> None:
    day = START + dt.timedelta(days=7 * 20)
    later = pl.when(pl.col("time_value") > day).then(0.9).otherwise(pl.col("value"))
    plain, changed = (
        align(_survey(), frame.with_columns(n=pl.lit(None, pl.Float64)), reach=3).pair
        for frame in (signal_frame(), signal_frame().with_columns(value=later))
    )
    for lag in (0, 1, 3):
        assert np.array_equal(plain.at(lag)[:21], changed.at(lag)[:21])
    assert not np.isclose(plain.at(0)[21], changed.at(0)[21])


def test_a_week_without_a_survey_stays_a_gap() -> None:
    frame = survey_frame().filter(pl.col("time_value") != START + dt.timedelta(days=7 * 5))
    aligned = align(_survey(frame=frame), signal_frame(n=pl.Series([None] * len(DAYS), dtype=pl.Float64)))
    assert np.flatnonzero(np.isnan(aligned.pair.survey)).tolist() == [5]
    assert any("1 without a survey" in note for note in aligned.notes)


def test_a_weekly_signal_is_taken_from_the_last_week_that_had_ended(tmp_path: Path) -> None:
    sundays = [START + dt.timedelta(days=3 + 7 * k) for k in range(-8, 45)]
    weekly = pl.DataFrame({"time_value": sundays, "value": np.arange(53.0), "n": [None] * 53})
    weekly = weekly.with_columns(pl.col("n").cast(pl.Float64)).filter(pl.col("time_value") != sundays[20])
    aligned = align(_survey(), weekly, reach=2)
    for k, found in enumerate(aligned.pair.at(0).tolist()):
        end = START + dt.timedelta(days=7 * k)
        ended = [
            v
            for d, v in weekly.select("time_value", "value").iter_rows()
            if end - dt.timedelta(days=6) <= d <= end
        ]
        assert found == ended[0] if ended else math.isnan(found)
    assert np.isnan(aligned.pair.at(0)).sum() == 1
    assert any("end 4 days before" in note for note in aligned.notes)
    with pytest.raises(InputError, match="the survey's window is not a week"):
        align(_survey(fieldwork=(-1, 0)), weekly)


def test_a_week_that_ends_with_the_surveys_is_that_weeks() -> None:
    ends = [START + dt.timedelta(days=7 * k) for k in range(-4, 44)]
    weekly = pl.DataFrame(
        {"time_value": ends, "value": np.arange(48.0), "n": pl.Series([None] * 48, dtype=pl.Float64)}
    )
    aligned = align(_survey(), weekly)
    assert aligned.pair.at(0).tolist() == list(np.arange(4.0, 44.0))
    assert any("end 0 days before" in note for note in aligned.notes)


def test_spans_that_never_meet_are_refused_with_both_spans() -> None:
    past = signal_frame(n=pl.Series([None] * len(DAYS), dtype=pl.Float64))
    past = past.with_columns(pl.col("time_value") - pl.duration(days=3000))
    with pytest.raises(InputError, match=r"2023-01-05 to 2023-10-05.*no period in common"):
        align(_survey(), past)


# ------------------------------------------------------------------------------------------- the command


def test_the_command_reports_writes_and_keeps_and_the_kept_are_published(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    survey, signal = files
    config = tmp_path / "my.toml"
    config.write_text(f'[paths]\nlexicons = "{tmp_path / "added"}"\n')
    ran = affectcast(
        "evaluate", "--survey", str(survey), "--signal-file", str(signal), "--signal", "fear", "--survey-ends",
        "Thursday", "--dataset", "panel", "--out", "figures.csv", "--keep", "--config", str(config), cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "fear against panel" in ran.stdout
    assert "all, levels, 2023-01-05 to 2023-10-05" in ran.stdout
    assert "second part, changes" in ran.stdout
    assert "the seven days that end on the Thursday" in ran.stderr
    rows = pl.read_csv(tmp_path / "figures.csv")
    found = rows.filter(statistic="pearson", part="all", of="level").row(0, named=True)
    assert found["value"] > 0.6
    assert found["n"] == 40
    by_lag = rows.filter(statistic="pearson_by_lag", of="level")
    assert sorted(by_lag["lag"]) == list(range(-4, 5))
    kept = published_rows(tmp_path / "added").filter(survey="panel")
    assert kept["origin"].unique().to_list() == ["file"]
    assert kept.height == rows.filter(pl.col("statistic") != "pearson_by_lag").height
    assert check(TABLE, kept).height == kept.height


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ([], UsageError, "--data FILE to judge a scorer, or --survey FILE"),
        (["--survey", "S", "--data", "S"], UsageError, "one of the two"),
        (["--survey", "S", "--survey-ends", "monday"], UsageError, "--survey needs a signal"),
        (["--survey", "S", "--signal-file", "P", "--scorer", "emotion"], UsageError, "--scorer: not with --survey"),
        (["--data", "S", "--fieldwork=-6:0"], UsageError, "--fieldwork: not with --data"),
        (["--survey", "S", "--signal-file", "P", "--survey-ends", "someday"], UsageError, "one of monday"),
        (["--survey", "S", "--signal-file", "P", "--fieldwork=0"], UsageError, "expected FROM:TO"),
        (["--survey", "S", "--signal-file", "P", "--fieldwork=3:1"], UsageError, "FROM no later than TO"),
        (["--survey", "S", "--signal-file", "P", "--geo-value", "x"], UsageError, "only for a signal of the warehouse"),
        (["--survey", "S", "--signal-file", "P", "--columns", "text=body"], UsageError, "no column of a survey"),
        (["--survey", "S", "--signal-file", "P", "--survey-ends", "thursday", "--split", "2029-01-01"], InputError,
         "leaves one part empty"),
        (["--survey", "S", "--signal-file", "P", "--survey-ends", "thursday", "--columns", "value=pct",
          "--survey-unit", "share"], InputError, "because they are read as share"),
        (["--survey", "S", "--signal", "fear", "--survey-ends", "thursday"], InputError, "no such warehouse"),
        (["--survey", "absent.csv", "--signal-file", "P"], InputError, "no such file"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(
    files: tuple[Path, Path], tmp_path: Path, arguments: list[str], error: type[AffectcastError], says: str
) -> None:
    config = tmp_path / "empty.toml"
    config.write_text(f'[paths]\nwarehouse = "{tmp_path / "none.duckdb"}"\n')
    names = {"S": str(files[0]), "P": str(files[1])}
    raised = run(*[names.get(part, part) for part in arguments], "--config", str(config))
    assert isinstance(raised, error), raised
    assert says in raised.message


# ------------------------------------------------------------------------------------------- a stored signal


def stored(config: Config, *, every: int = 1) -> None:
    """`out.signals` with days (each `every`-th), a first issue that was wrong, and weeks."""
    rows = []
    by_day = dict(zip(DAYS, mood(), strict=True))
    for number, (day, value) in enumerate(list(by_day.items())[::every]):
        wrong = 0.3 * (number % 3)
        issues = ((DAYS[-1], wrong), (dt.date(2024, 6, 1), 0.0))
        rows += [("day", day, issue, value + error, 300) for issue, error in issues]
    for sunday in [day for day in DAYS[6:] if day.weekday() == SUNDAY]:
        week = [by_day[sunday - dt.timedelta(days=back)] for back in range(7)]
        rows.append(("week", sunday, dt.date(2024, 6, 1), float(np.mean(week)), 900))
    frame = pl.DataFrame(
        rows, schema=["time_type", "time_value", "issue", "value", "sample_size"], orient="row"
    )
    table = TABLES["out.signals"]
    base = {
        "signal": "lexicon_fear_share", "population": "all", "geo_type": "nation", "geo_value": "gb",
        "reliability": "high", "missing_value": 0, "vintage": "real", "people_unknown": False,
    }  # fmt: skip
    defaults = [
        pl.lit(base.get(name, 0 if name.startswith("missing") else None)).alias(name)
        for name in table.columns
        if name not in frame.columns
    ]
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        store.append(table, frame.with_columns(defaults).select(table.columns), run_id="test")


def request(survey: Path, **values: Any) -> SurveyRequest:
    signal = StoredSignal(signal="lexicon_fear_share", geo_type="nation", geo_value="gb")
    plain: dict[str, Any] = {"survey": survey, "name": "panel", "reading": WEEKLY, "spec": Spec(resamples=50)}
    return SurveyRequest(**(plain | {"stored": signal} | values))


@pytest.mark.parametrize(("every", "kind"), [(1, "days"), (2, "weeks")])
def test_a_stored_signal_is_its_newest_issue_by_day_or_where_days_are_few_by_week(
    files: tuple[Path, Path], tmp_path: Path, every: int, kind: str
) -> None:
    config = parse_config({"paths": {"warehouse": str(tmp_path / "w.duckdb")}}, where="test")
    stored(config, every=every)
    found = compare(request(files[0]), config=config)
    row = found.rows.filter(statistic="pearson", part="all", of="level").row(0, named=True)
    assert (row["origin"], row["signal"], row["geo_value"]) == ("warehouse", "lexicon_fear_share", "gb")
    assert any(f"published {kind}" in note for note in found.notes)
    if kind == "days":
        from_file = compare(request(files[0], stored=None, signal_file=files[1]), config=config)
        same = from_file.rows.filter(statistic="pearson", part="all", of="level")["value"][0]
        assert row["value"] == pytest.approx(same)
    absent = StoredSignal(signal="lexicon_fear_share")
    with pytest.raises(
        UsageError, match=r"no published value of signal .* Signals there: lexicon_fear_share"
    ):
        compare(request(files[0], stored=absent), config=config)


# ------------------------------------------------------------------------------------------- kept and shipped


def test_a_comparison_that_is_kept_again_replaces_the_whole_of_the_earlier_one(tmp_path: Path) -> None:
    def rows(weeks: int, name: str = "panel") -> pl.DataFrame:
        unsized = signal_frame(n=pl.Series([None] * len(DAYS), dtype=pl.Float64))
        pair = align(_survey(frame=survey_frame(weeks)), unsized).pair
        compared = Compared(survey=name, signal="fear")
        return as_rows(assess(pair, spec=Spec(resamples=20)), compared=compared, time_type="week")

    long, short, other = rows(40), rows(15), rows(30, "other")
    assert short.height < long.height
    for kept in (long, other, short):
        path = keep_results(kept, folder=tmp_path)
    read = read_results(path)
    assert read.height == short.height + other.height
    assert read.filter(survey="panel")["value"].to_list() == pytest.approx(
        short.sort(TABLE.key)["value"].to_list(), abs=1e-4
    )
    path.write_text("survey,value\na,1\n")
    with pytest.raises(InputError, match=f"{KEPT_NAME}: has the columns survey, value"):
        published_rows(tmp_path)


def test_the_shipped_results_are_aggregates_by_the_contract_and_marked_as_such(tmp_path: Path) -> None:
    shipped = published_rows(tmp_path / "nothing")
    assert shipped.height > 0
    assert check(TABLE, shipped).height == shipped.height == read_results(SHIPPED).height
    assert shipped["origin"].unique().to_list() == ["shipped"]
    assert "\n".join(report(shipped.filter(signal=shipped["signal"][0], item=shipped["item"][0])))


def test_a_night_publishes_the_shipped_results(finished: Config) -> None:
    (path,) = finished.paths.published.glob("issue=*/version=*/survey_validity.parquet")
    published = pl.read_parquet(path)
    assert published.height == read_results(SHIPPED).height
    assert published["origin"].unique().to_list() == ["shipped"]


@pytest.mark.real_data
def test_the_british_year_gives_what_is_shipped_and_what_others_found(real_data: Path) -> None:
    columns = {"time_value": "date", "value": "pct", "n": "unweighted_base", "item": "mood", "group": "group"}
    shipped = read_results(SHIPPED)
    for column, name, item, reported in (
        ("mnjoy", "joy, classifier", "Happy", 0.66),
        ("mnfear", "fear, classifier", "Scared", None),
    ):
        spec = SurveySpec(item=item, group="All adults", ends=THURSDAY)
        survey = read_survey(
            real_data / "series" / "survey_mood_gb_weekly.csv.gz", columns=columns, spec=spec
        )
        own = {"time_value": "date", "value": column}
        # The column n counts texts that were scored, the same number every day.
        signal = read_signal(real_data / "series" / "twitter_emotion_gb_daily.csv.gz", columns=own)
        pair = align(survey, signal.with_columns(n=pl.lit(None, pl.Float64))).pair
        r = float(np.corrcoef(pair.survey, pair.at(0))[0, 1])
        same = shipped.filter(
            signal=f"UK Twitter, {name}", item=item, statistic="pearson", part="all", of="level"
        )
        assert r == pytest.approx(same["value"][0], abs=1e-4)
        if reported is not None:
            assert r == pytest.approx(reported, abs=0.01)
