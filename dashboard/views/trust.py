"""Trust: how good the forecasts and measures were, what was left out, and what not to use this for.

Not for the numbers themselves: the other pages have them.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import choices, controls, data, shell, skill, skill_charts, surveys, words
from warehouse.limits import MUST_NOT
from warehouse.skill import BASELINE, in_words

METRICS = {
    "f1": "F1", "roc_auc": "ROC AUC", "pr_auc": "PR AUC", "precision": "Precision of hits",
    "recall": "Recall", "base_rate": "Share labelled so", "macro_f1": "Macro F1", "weighted_f1": "Weighted F1",
    "macro_f1_at_thresholds": "Macro F1 at thresholds", "weighted_f1_at_thresholds": "Weighted F1 at thresholds",
    "brier": "Brier score (0 is best)", "calibration_error": "Calibration error (0 is best)",
    "aurc": "Errors left when unsure texts go (0 is best)", "threshold": "Threshold in use (not a grade)",
    "sensitivity": "Sensitivity", "specificity": "Specificity", "accuracy": "Accuracy",
}  # fmt: skip
SURVEYS_ELSEWHERE = (
    "These rows are about the public series and word lists that they name, not about your own data: they show how far "
    "such a signal can be trusted, and how it fails."
)
SURVEYS_MEAN = (
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
    st.header("Are the forecasts worth having?")
    scores = publication.tables["scores"]
    tasks = {name: f"{text}" for name, text in skill.TASKS.items() if skill.judged(scores, task=name)}
    if not tasks:
        shell.empty(publication, table="scores", what="No forecast has been judged yet.")
        return
    task = controls.choice("Which forecasts", name="task", options=tasks)
    board = skill.leaderboard(scores, task=task)
    st.markdown(words.plain(_verdict(skill.shown(scores, task=task, models=publication.models))))
    left, right = st.columns(2)
    with left:
        st.subheader("Error against a flat line")
        st.plotly_chart(
            skill_charts.leaderboard(board), key="leaderboard", config={"displayModeBar": False}, alt="Skill"
        )
    with right:
        st.subheader("Do the ranges hold?")
        usual = choices.usual_model(publication)
        figure = skill_charts.calibration(skill.calibration(scores, task=task), shown=usual)
        st.plotly_chart(figure, key="calibration", config={"displayModeBar": False}, alt="Calibration")
    shell.rows([_board_row(row) for row in board.iter_rows(named=True)], alt="Forecast skill per model")
    st.caption(words.plain(_basis(scores.filter(pl.col("task") == task))))


def _outlook(publication: data.Publication) -> None:
    st.header("Are the chances of an unusual high worth having?")
    scores = publication.tables["scores"]
    rows = [
        _outlook_row(row, text=text)
        for task, text in skill.OUTLOOK.items()
        for row in skill.outlook(scores, task=task).iter_rows(named=True)
    ]
    if not rows:
        shell.empty(publication, table="scores", what="No chance of a high has been judged yet.")
        return
    shell.rows(rows, alt="Chances of a high and alarms on them")
    st.caption(
        "Brier score: the mean squared distance of a chance from what happened; 0 is best, and the base rate's is what "
        "knowing nothing but the past frequency gets. F1 weighs missed highs and false alarms alike, of alarms before "
        "the high only; as many alarms at random, or at equal distances, get the F1 in brackets. Means over series. "
        "Alerts are raised on series with skill of their own only; the Outlook page says which."
    )


def _outlook_row(row: dict[str, Any], *, text: str) -> dict[str, str]:
    def number(name: str) -> str:
        return words.NOTHING if row.get(name) is None else f"{row[name]:.2f}"

    lead = row.get("alarm_lead")
    return {
        "What": text,
        "Brier score": f"{number('brier')} (base rate {number('brier_base')})",
        "Better than the base rate": f"{words.count(row['n_better'])} of {words.count(row['n_series'])} series",
        "F1 of alarms": (
            f"{number('alarm_f1')} (random {number('alarm_f1_random')}, calendar {number('alarm_f1_calendar')})"
        ),
        "Right alarms": words.NOTHING
        if row.get("alarm_precision") is None
        else f"{row['alarm_precision']:.0%}",
        "Highs foreseen": words.NOTHING if row.get("alarm_recall") is None else f"{row['alarm_recall']:.0%}",
        "Median lead": words.NOTHING if lead is None else f"{lead:.0f}",
        "False alarms a month": number("false_alarms_per_month"),
    }


def _choice(publication: data.Publication) -> None:
    st.header("Which model, and why")
    if publication.tables["model_choice"].is_empty():
        shell.empty(
            publication, table="model_choice", what="No model was chosen: every series shows the ensemble."
        )
        return
    rows = choices.table(publication)
    st.markdown(words.plain(choices.summary(publication)))
    with st.container(height=420 if len(rows) > 10 else "content"):
        shell.rows(rows, alt="Which model is shown for each series, and why")
    st.caption(words.plain(choices.RULE))


def _verdict(own: pl.DataFrame) -> str:
    """From the skill of the forecasts shown, one row or none."""
    if own.is_empty():
        return "The forecast shown on these pages has not been judged yet."
    row = own.row(0, named=True)
    return (
        f"The forecast shown on these pages: {in_words(row['relative_wis'])}, over "
        f"{words.plural(row['n_judged'], one='judged forecast', many='judged forecasts')} of "
        f"{words.plural(row['n_series'], one='series', many='series')}."
    )


def _board_row(row: dict[str, Any]) -> dict[str, str]:
    covered = {
        f"{level:.0%} range held": words.NOTHING if row[metric] is None else f"{row[metric]:.0%}"
        for metric, level in skill.COVERAGE.items()
    }
    return {
        "Model": words.model(row["model_id"]),
        "Relative error": _with_range(row, "relative_wis"),
        **covered,
        "Series": words.count(row["n_series"]),
        "Judged": words.count(row["n_judged"]),
        "In words": "the baseline itself" if row["model_id"] == BASELINE else in_words(row["relative_wis"]),
    }


def _basis(scores: pl.DataFrame) -> str:
    truth = max(scores.get_column("truth_issue").to_list())
    pretend = scores.get_column("pseudo_real_time").any()
    text = (
        "Relative error is the weighted interval score divided by the flat line's, averaged geometrically over "
        "series; below 1 is better. In brackets its 95% interval over days of forecasting, where there "
        f"are five. Judged against data issued by {truth:%d %b %Y}."
    )
    if pretend:
        text += " Some past forecasts were made later from data assumed to have been known at the time."
    return text


def _measures(publication: data.Publication) -> None:
    st.header("Do the measures agree with people?")
    quality = publication.tables["measure_quality"]
    if quality.is_empty():
        shell.empty(
            publication, table="measure_quality", what="No measure has been compared with people's labels."
        )
        return
    ordered = quality.sort("scorer", "measure", "lang", "metric")
    with st.container(height=420 if quality.height > 10 else "content"):
        shell.rows([_quality_row(row) for row in ordered.iter_rows(named=True)], alt="Measure quality")
    st.caption(
        "Each row compares one measure with human labels on a public data set; 1 is perfect agreement. A precision "
        "near the share labelled so means that hits tell nothing. Sets that end in reviewed were looked at while "
        "words were chosen: their figures are optimistic."
    )


def _quality_row(row: dict[str, Any]) -> dict[str, str]:
    known = row["low"] is not None and row["high"] is not None
    return {
        "Measure": row["measure"].replace("_", " ").capitalize(),
        "From": row["scorer"].replace("_", " ").capitalize(),
        "Language": words.language(row["lang"]),
        "Data set": row["dataset"],
        "Figure": METRICS.get(row["metric"], row["metric"].replace("_", " ")),
        "Value": f"{row['value']:.2f}",
        "95% interval": f"{row['low']:.2f} to {row['high']:.2f}" if known else words.NOTHING,
        "Posts": words.count(row["n"]),
    }


def _surveys(publication: data.Publication) -> None:
    st.header("Do the signals move with surveys?")
    found = surveys.comparisons(publication.tables["survey_validity"])
    own = found.filter(pl.col("origin") != "shipped")
    if own.is_empty():
        st.info("None of your own signals has been compared with a survey yet. See docs/survey-validity.md.")
    else:
        _survey_rows(own, publication=publication, alt="Your signals and surveys")
    others = found.filter(pl.col("origin") == "shipped")
    if others.height:
        st.subheader("What other signals did elsewhere")
        st.markdown(SURVEYS_ELSEWHERE)
        _survey_rows(others, publication=publication, alt="Other signals and surveys")
    if found.height:
        st.caption(SURVEYS_MEAN)


def _survey_rows(found: pl.DataFrame, *, publication: data.Publication, alt: str) -> None:
    with st.container(height=420 if found.height > 6 else "content"):
        lines = [_survey_row(row, publication=publication) for row in found.iter_rows(named=True)]
        shell.rows(lines, alt=alt)


def _survey_row(row: dict[str, Any], *, publication: data.Publication) -> dict[str, str]:
    place = (
        f", {publication.place(row['geo_type'], row['geo_value'])}" if row["origin"] == "warehouse" else ""
    )
    asked = [row[name] for name in ("item", "group") if row[name] != "all"]
    unit = "weeks" if row["time_type"] == "week" else "days"
    periods = words.NOTHING
    if row["n"] is not None:
        periods = f"{words.count(row['n'])} {unit}, {row['first_day']:%b %Y} to {row['last_day']:%b %Y}"
    return {
        "Signal": publication.label(row["signal"]) + place,
        "Survey": f"{row['survey']}: {', '.join(asked)}" if asked else row["survey"],
        "Periods": periods,
        "Levels, r": _with_range(row, "levels"),
        "Changes, r": _with_range(row, "changes"),
        "Second half, r": _with_range(row, "second"),
        "Second half: survey's own last value, r": _with_range(row, "last_value"),
        "Error against the last value": _with_range(row, "error"),
        "Most that the survey's own error allows": _with_range(row, "ceiling"),
    }


def _with_range(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return words.NOTHING
    known = row[f"{name}_low"] is not None and row[f"{name}_high"] is not None
    return f"{row[name]:.2f}" + (f" ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})" if known else "")


def _revisions(publication: data.Publication) -> None:
    st.header("How much do numbers change later?")
    changes = publication.tables["revisions"]
    if changes.is_empty():
        shell.empty(publication, table="revisions", what="No number has been issued on its own night yet.")
        return
    totals = changes.group_by("geo_type", "time_type", maintain_order=True).agg(
        pl.col("n_cells", "n_revised").sum(),
        mean=(pl.col("mean_change") * pl.col("n_revised")).sum() / pl.col("n_revised").sum(),
        largest=pl.col("largest_change").max(),
        last=pl.col("last_after_days").max(),
    )
    shell.rows([_revision_row(row) for row in totals.iter_rows(named=True)], alt="Revisions")
    st.caption(
        "All signals of the last year that were first issued by a real night: the first number against the newest. "
        "Each signal's own page has its figures."
    )


def _revision_row(row: dict[str, Any]) -> dict[str, str]:
    changed = row["n_revised"] > 0
    return {
        "Level": words.LEVELS.get(row["geo_type"], row["geo_type"]),
        "By": row["time_type"],
        "Numbers": words.count(row["n_cells"]),
        "Changed later": f"{row['n_revised'] / row['n_cells']:.1%}",
        "Mean change": f"{row['mean']:.4f}" if changed else words.NOTHING,
        "Largest change": f"{row['largest']:.4f}" if changed else words.NOTHING,
        "Last change after": words.plural(row["last"], one="day", many="days") if changed else words.NOTHING,
    }


def _accounting(publication: data.Publication) -> None:
    st.header("What was left out, and why")
    accounting = publication.tables["accounting"]
    if accounting.is_empty():
        shell.empty(publication, table="accounting", what="No counts were published.")
        return
    newest = accounting.filter(pl.col("issue") == pl.col("issue").max())
    for stage, title in words.STAGES.items():
        rows = newest.filter(pl.col("stage") == stage)
        if rows.height:
            st.subheader(title)
            shell.rows(_accounting_rows(rows), alt=title)
    st.caption(f"As counted for issue {newest.get_column('issue')[0]:%d %b %Y}.")


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
        "Of": row["subject"].replace("_", " "),
        "What": words.reason(row["reason"]),
        "Number": words.count(row["n"]),
        "Share": f"{share:.1%}",
    }


def _limits() -> None:
    st.header("What this must not be used for")
    st.markdown("\n".join(f"- {words.plain(line)}" for line in MUST_NOT))


if __name__ == "__main__":
    shell.page("Trust", body=body)
