"""Trust: how good the forecasts and measures were, what was left out, and what not to use this for.

Not for the numbers themselves: the other pages have them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

from dashboard import choices, controls, data, glossary, shell, skill, skill_charts, surveys, words
from warehouse.limits import MUST_NOT
from warehouse.skill import BASELINE
from warehouse.translation import mark, month, number, percent, t, tn

METRICS = {
    "f1": mark("F1"), "roc_auc": mark("ROC AUC"), "pr_auc": mark("PR AUC"), "precision": mark("Precision of hits"),
    "recall": mark("Recall"), "base_rate": mark("Share labelled so"), "macro_f1": mark("Macro F1"),
    "weighted_f1": mark("Weighted F1"), "macro_f1_at_thresholds": mark("Macro F1 at thresholds"),
    "weighted_f1_at_thresholds": mark("Weighted F1 at thresholds"), "brier": mark("Brier score (0 is best)"),
    "calibration_error": mark("Calibration error (0 is best)"),
    "aurc": mark("Errors left when unsure texts go (0 is best)"),
    "threshold": mark("Threshold in use (not a grade)"), "sensitivity": mark("Sensitivity"),
    "specificity": mark("Specificity"), "accuracy": mark("Accuracy"),
}  # fmt: skip
SURVEYS_ELSEWHERE = mark(
    "These rows are about the public series and word lists that they name, not about your own data: they show how far "
    "such a signal can be trusted, and how it fails."
)
SURVEYS_MEAN = mark(
    "r is Pearson's correlation with the survey in the same period, in brackets its 95% interval, which knows that "
    "neighbouring periods resemble each other. Error against the last value: above 1, repeating the last survey would "
    "have been the better guess. Moving together for a year does not make the level right, nor a ranking of places "
    "or groups."
)


def body(publication: data.Publication) -> None:
    """Forecast skill, measure quality, accounting, limits."""
    _skill(publication)
    _choice(publication)
    _outlook(publication)
    _measures(publication)
    _surveys(publication)
    _revisions(publication)
    _accounting(publication)
    _limits()


def _skill(publication: data.Publication) -> None:
    st.header(t("Are the forecasts worth having?"))
    known = data.series_skill(publication)
    tasks = {name: t(skill.TASKS[name]) for name in skill.TASKS if skill.judged(known, task=name)}
    if not tasks:
        shell.empty(publication, table="scores", what=t("No forecast has been judged yet."))
        return
    task = controls.choice(t("Which forecasts"), name="task", options=tasks)
    judged = publication.once(f"judged {task}", lambda: _judged(publication, task=task))
    st.markdown(words.plain(_verdict(judged.shown)))
    left, right = st.columns(2)
    with left:
        st.subheader(t("Error against a flat line"), help=glossary.help_of("relative_error"))
        st.plotly_chart(
            skill_charts.leaderboard(judged.board),
            key="leaderboard",
            config={"displayModeBar": False},
            alt=t("Skill"),
        )
    with right:
        st.subheader(t("Do the ranges hold?"), help=glossary.help_of("coverage"))
        usual = choices.usual_model(publication)
        figure = skill_charts.calibration(judged.calibration, shown=usual)
        st.plotly_chart(figure, key="calibration", config={"displayModeBar": False}, alt=t("Calibration"))
    shell.rows(
        [_board_row(row) for row in judged.board.iter_rows(named=True)], alt=t("Forecast skill per model")
    )
    st.caption(words.plain(_basis(judged)))


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A task's forecasts against what happened: much to compute, and the same for everybody who looks."""

    board: pl.DataFrame
    shown: pl.DataFrame
    calibration: pl.DataFrame
    truth: dt.date
    pretend: bool


def _judged(publication: data.Publication, *, task: str) -> _Judged:
    scores = publication.tables.scan("scores").filter(pl.col("task") == task).collect()
    return _Judged(
        board=skill.leaderboard(scores, task=task),
        shown=skill.shown(scores, task=task, models=publication.models),
        calibration=skill.calibration(scores, task=task),
        truth=max(scores.get_column("truth_issue").to_list()),
        pretend=bool(scores.get_column("pseudo_real_time").any()),
    )


def _outlook(publication: data.Publication) -> None:
    st.header(t("Are the chances of an unusual high worth having?"))
    rows = [
        _outlook_row(row, text=t(skill.OUTLOOK[task]))
        for task in skill.OUTLOOK
        for row in _outlook_scores(publication, task=task).iter_rows(named=True)
    ]
    if not rows:
        shell.empty(publication, table="scores", what=t("No chance of a high has been judged yet."))
        return
    shell.rows(rows, alt=t("Chances of a high and alarms on them"))
    st.caption(
        t(
            "Brier score: the mean squared distance of a chance from what happened; 0 is best, and the base rate's is "
            "what knowing nothing but the past frequency gets. F1 weighs missed highs and false alarms alike, of "
            "alarms before the high only; as many alarms at random, or at equal distances, get the F1 in brackets. "
            "Means over series. Alerts are raised on series with skill of their own only; the Outlook page says which."
        )
    )


def _outlook_scores(publication: data.Publication, *, task: str) -> pl.DataFrame:
    found = publication.tables.scan("scores").filter(pl.col("task") == task)
    return publication.once(f"outlook {task}", lambda: skill.outlook(found.collect(), task=task))


def _outlook_row(row: dict[str, Any], *, text: str) -> dict[str, str]:
    def told(name: str, *, decimals: int = 2) -> str:
        return words.NOTHING if row.get(name) is None else number(row[name], decimals=decimals)

    def share(name: str) -> str:
        return words.NOTHING if row.get(name) is None else percent(row[name], decimals=0)

    return {
        t("What"): text,
        t("Brier score"): t("{score} (base rate {base})", score=told("brier"), base=told("brier_base")),
        t("Better than the base rate"): tn(
            "{better} of {n} series", "{better} of {n} series", n=row["n_series"], better=row["n_better"]
        ),
        t("F1 of alarms"): t(
            "{f1} (random {random}, calendar {calendar})",
            f1=told("alarm_f1"),
            random=told("alarm_f1_random"),
            calendar=told("alarm_f1_calendar"),
        ),
        t("Right alarms"): share("alarm_precision"),
        t("Highs foreseen"): share("alarm_recall"),
        t("Median lead"): told("alarm_lead", decimals=0),
        t("False alarms a month"): told("false_alarms_per_month"),
    }


def _choice(publication: data.Publication) -> None:
    st.header(t("Which model, and why"))
    if publication.tables["model_choice"].is_empty():
        what = t("No model was chosen: every series shows the ensemble.")
        shell.empty(publication, table="model_choice", what=what)
        return
    rows = choices.table(publication)
    st.markdown(words.plain(choices.summary(publication)))
    with st.container(height=420 if len(rows) > 10 else "content"):
        shell.rows(rows, alt=t("Which model is shown for each series, and why"))
    st.caption(words.plain(choices.rule()))


def _verdict(own: pl.DataFrame) -> str:
    """From the skill of the forecasts shown, one row or none."""
    if own.is_empty():
        return t("The forecast shown on these pages has not been judged yet.")
    row = own.row(0, named=True)
    return tn(
        "The forecast shown on these pages: {skill}, over {n} judged forecast of {series} series.",
        "The forecast shown on these pages: {skill}, over {n} judged forecasts of {series} series.",
        n=row["n_judged"],
        skill=words.skill(row["relative_wis"]),
        series=row["n_series"],
    )


def _board_row(row: dict[str, Any]) -> dict[str, str]:
    covered = {
        t("{level} range held", level=percent(level, decimals=0)): words.NOTHING
        if row[metric] is None
        else percent(row[metric], decimals=0)
        for metric, level in skill.COVERAGE.items()
    }
    return {
        t("Model"): words.model(row["model_id"]),
        t("Relative error"): _with_range(row, "relative_wis"),
        **covered,
        t("Series"): words.count(row["n_series"]),
        t("Judged"): words.count(row["n_judged"]),
        t("In words"): t("the baseline itself")
        if row["model_id"] == BASELINE
        else words.skill(row["relative_wis"]),
    }


def _basis(judged: _Judged) -> str:
    text = t(
        "Relative error is the weighted interval score divided by the flat line's, averaged geometrically over "
        "series; below 1 is better. In brackets its 95% interval over days of forecasting, where there are five. "
        "Judged against data issued by {day}.",
        day=judged.truth,
    )
    if not judged.pretend:
        return text
    later = t("Some past forecasts were made later from data assumed to have been known at the time.")
    return f"{text} {later}"


def _measures(publication: data.Publication) -> None:
    st.header(t("Do the measures agree with people?"))
    quality = publication.tables["measure_quality"]
    if quality.is_empty():
        what = t("No measure has been compared with people's labels.")
        shell.empty(publication, table="measure_quality", what=what)
        return
    ordered = quality.sort("scorer", "measure", "lang", "metric")
    with st.container(height=420 if quality.height > 10 else "content"):
        shell.rows([_quality_row(row) for row in ordered.iter_rows(named=True)], alt=t("Measure quality"))
    st.caption(
        t(
            "Each row compares one measure with human labels on a public data set; 1 is perfect agreement. A precision "
            "near the share labelled so means that hits tell nothing. Sets that end in reviewed were looked at while "
            "words were chosen: their figures are optimistic."
        )
    )


def _quality_row(row: dict[str, Any]) -> dict[str, str]:
    known = row["low"] is not None and row["high"] is not None
    scorer, metric = row["scorer"], row["metric"]
    spoken = words.capital(scorer.replace("_", " "))
    return {
        t("Measure"): words.capital(words.measure(row["measure"])),
        t("Scored by"): words.told(words.SCORERS, scorer) if scorer in words.SCORERS else spoken,
        t("Language"): words.language(row["lang"]),
        t("Data set"): row["dataset"],
        t("Figure"): words.told(METRICS, metric) if metric in METRICS else metric.replace("_", " "),
        t("Value"): number(row["value"], decimals=2),
        t("95% interval"): words.between(number(row["low"], decimals=2), number(row["high"], decimals=2))
        if known
        else words.NOTHING,
        t("Posts"): words.count(row["n"]),
    }


def _surveys(publication: data.Publication) -> None:
    st.header(t("Do the signals move with surveys?"))
    found = surveys.comparisons(publication.tables["survey_validity"])
    own = found.filter(pl.col("origin") != "shipped")
    if own.is_empty():
        st.info(
            t("None of your own signals has been compared with a survey yet. See docs/survey-validity.md.")
        )
    else:
        _survey_rows(own, publication=publication, alt=t("Your signals and surveys"))
    others = found.filter(pl.col("origin") == "shipped")
    if others.height:
        st.subheader(t("What other signals did elsewhere"))
        st.markdown(t(SURVEYS_ELSEWHERE))
        _survey_rows(others, publication=publication, alt=t("Other signals and surveys"))
    if found.height:
        st.caption(t(SURVEYS_MEAN))


def _survey_rows(found: pl.DataFrame, *, publication: data.Publication, alt: str) -> None:
    with st.container(height=420 if found.height > 6 else "content"):
        lines = [_survey_row(row, publication=publication) for row in found.iter_rows(named=True)]
        shell.rows(lines, alt=alt)


def _survey_row(row: dict[str, Any], *, publication: data.Publication) -> dict[str, str]:
    place = (
        f", {publication.place(row['geo_type'], row['geo_value'])}" if row["origin"] == "warehouse" else ""
    )
    asked = [row[name] for name in ("item", "group") if row[name] != "all"]
    return {
        t("Signal"): publication.label(row["signal"]) + place,
        t("Survey"): f"{row['survey']}: {', '.join(asked)}" if asked else row["survey"],
        t("Periods"): _periods(row),
        t("Levels, r"): _with_range(row, "levels"),
        t("Changes, r"): _with_range(row, "changes"),
        t("Second half, r"): _with_range(row, "second"),
        t("Second half: survey's own last value, r"): _with_range(row, "last_value"),
        t("Error against the last value"): _with_range(row, "error"),
        t("Most that the survey's own error allows"): _with_range(row, "ceiling"),
    }


def _periods(row: dict[str, Any]) -> str:
    if row["n"] is None:
        return words.NOTHING
    first, last = month(row["first_day"]), month(row["last_day"])
    if row["time_type"] == "week":
        return tn(
            "{n} week, {first} to {last}", "{n} weeks, {first} to {last}", n=row["n"], first=first, last=last
        )
    return tn("{n} day, {first} to {last}", "{n} days, {first} to {last}", n=row["n"], first=first, last=last)


def _with_range(row: dict[str, Any], name: str) -> str:
    return words.with_range(row[name], low=row[f"{name}_low"], high=row[f"{name}_high"])


def _revisions(publication: data.Publication) -> None:
    st.header(t("How much do numbers change later?"))
    changes = publication.tables["revisions"]
    if changes.is_empty():
        shell.empty(publication, table="revisions", what=t("No number has been issued on its own night yet."))
        return
    totals = changes.group_by("geo_type", "time_type", maintain_order=True).agg(
        pl.col("n_cells", "n_revised").sum(),
        mean=(pl.col("mean_change") * pl.col("n_revised")).sum() / pl.col("n_revised").sum(),
        largest=pl.col("largest_change").max(),
        last=pl.col("last_after_days").max(),
    )
    shell.rows([_revision_row(row) for row in totals.iter_rows(named=True)], alt=t("Revisions"))
    st.caption(
        t(
            "All signals of the last year that were first issued by a real night: the first number against the newest. "
            "Each signal's own page has its figures."
        )
    )


def _revision_row(row: dict[str, Any]) -> dict[str, str]:
    changed = row["n_revised"] > 0
    return {
        t("Level"): words.told(words.LEVELS, row["geo_type"]),
        t("By"): words.told(words.PERIODS, row["time_type"]),
        t("Numbers"): words.count(row["n_cells"]),
        t("Changed later"): percent(row["n_revised"] / row["n_cells"]),
        t("Mean change"): number(row["mean"], decimals=4) if changed else words.NOTHING,
        t("Largest change"): number(row["largest"], decimals=4) if changed else words.NOTHING,
        t("Last change after"): words.days(row["last"]) if changed else words.NOTHING,
    }


def _accounting(publication: data.Publication) -> None:
    st.header(t("What was left out, and why"))
    accounting = publication.tables["accounting"]
    if accounting.is_empty():
        shell.empty(publication, table="accounting", what=t("No counts were published."))
        return
    newest = accounting.filter(pl.col("issue") == pl.col("issue").max())
    for stage in words.STAGES:
        title = t(words.STAGES[stage])
        rows = newest.filter(pl.col("stage") == stage)
        if rows.height:
            st.subheader(title)
            shell.rows(_accounting_rows(rows), alt=title)
    st.caption(t("As counted for issue {issue}.", issue=newest.get_column("issue")[0]))


def _accounting_rows(rows: pl.DataFrame) -> list[dict[str, str]]:
    order = {code: index for index, code in enumerate(words.REASONS)}
    rank = (
        pl.col("reason").str.split(":").list.first().replace_strict(order, default=99, return_dtype=pl.Int32)
    )
    ordered = rows.sort(pl.col("subject"), rank, pl.col("reason"))
    total = (
        pl.col("n").max().over("subject")
        if rows["stage"][0] == "intake"
        else pl.col("n").sum().over("subject")
    )
    return [_accounting_row(row) for row in ordered.with_columns(total.alias("total")).iter_rows(named=True)]


def _accounting_row(row: dict[str, Any]) -> dict[str, str]:
    share = row["n"] / row["total"] if row["total"] else 0.0
    return {
        t("Of"): words.told(words.SUBJECTS, row["subject"]).replace("_", " "),
        t("What"): words.reason(row["reason"]),
        t("Number"): words.count(row["n"]),
        t("Share"): percent(share),
    }


def _limits() -> None:
    st.header(t("What this must not be used for"))
    st.markdown("\n".join(f"- {words.plain(t(line))}" for line in MUST_NOT))


if __name__ == "__main__":
    shell.page("Trust", body=body)
