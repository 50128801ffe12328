"""Every column of every exported file and what it means. Not for values.

The data dictionary is written from these, and the check compares the files with them.
"""

from __future__ import annotations

HUB_COLUMNS = {
    "reference_date": "last day the forecast could know",
    "target": "`daily` or `weekly`, the signal, and the population where it is not everyone",
    "horizon": "periods ahead: days for daily targets, weeks for weekly ones",
    "target_end_date": "the day, or last day of the week, that is forecast",
    "location": "place code: all, a country (US) or a region (US-CA)",
    "output_type": "always quantile",
    "output_type_id": "quantile level, one of 23",
    "value": "the quantile, in the target's unit (targets.csv)",
}
WIDE_LEVELS = ("0.025", "0.25", "0.5", "0.75", "0.975")
TARGET_COLUMNS = {
    "target": "name used in the forecast files",
    "signal": "name used in the observed series and alerts",
    "signal_label": "what the signal is, in words",
    "population": "whose posts: all, or one group",
    "time_type": "day or week",
    "statistic": "share, mean or count; shares and means lie between 0 and 1",
    "unit": "unit of the values",
}
SUMMARY_COLUMNS = {
    "location_name": "place in words",
    "location": HUB_COLUMNS["location"],
    "signal_label": "signal in words",
    "signal": "signal name",
    "population": TARGET_COLUMNS["population"],
    "time_type": TARGET_COLUMNS["time_type"],
    "model": "model that made the forecast, chosen every night for each series",
    "reference_date": HUB_COLUMNS["reference_date"],
    "horizon": HUB_COLUMNS["horizon"],
    "target_end_date": HUB_COLUMNS["target_end_date"],
    **{f"q{level}": f"forecast quantile {level}" for level in WIDE_LEVELS},
    **{
        f"q{level}_rounded": f"forecast quantile {level} to three decimals (0.123 is 12.3%)"
        for level in WIDE_LEVELS
    },
    "last_observed_date": "newest period with a published value",
    "last_observed_value": "that value",
    "last_observed_se": "its standard error",
    "last_observed_n": "people behind it, rounded to five",
    "last_observed_issue": "day that value was issued",
    "relative_wis": "mean interval score of past forecasts over that of a flat line; below 1 is better",
    "skill": "the same in words",
    "is_fallback": "true where no model could be fitted and a flat line stands in",
    "limited_history": "true where the past is too short for the ranges to be trusted",
    "model_since": "reference date from which that model was chosen without interruption; empty where nobody chose",
    "model_reason": "why that model: default, kept, better, returned or fallback (docs/forecasting.md)",
}
OBSERVED_COLUMNS = {
    "location_name": "place in words",
    "location": HUB_COLUMNS["location"],
    "geo_type": "all, nation or region",
    "signal_label": "signal in words",
    "signal": "signal name",
    "population": TARGET_COLUMNS["population"],
    "time_type": TARGET_COLUMNS["time_type"],
    "time_value": "the day, or last day of the week, described",
    "issue": "day the number was issued",
    "value": "published value; empty where withheld or missing",
    "se": "standard error",
    "sample_size": "people, rounded to five",
    "value_unweighted": "the value without weights by region, age or sex; equal to value where none are configured",
    "value_corrected": "the value corrected for the scorer's error rates, if they hold here; empty where unknown",
    "corrected_se": "standard error of the corrected value",
    "reliability": "high, moderate, low or suppressed",
    "missing_value": "0 present, 1 not applicable, 2 not measured here, 3 withheld, 4 deleted, 5 other",
}
ALERT_COLUMNS = {
    "location_name": "place in words",
    "location": HUB_COLUMNS["location"],
    "signal_label": "signal in words",
    "alert_id": "stable name of the alert",
    "group_id": "the story it is part of: alerts that began together here or in places that hold each other",
    "kind": "what kind of alert",
    "signal": "signal name",
    "population": TARGET_COLUMNS["population"],
    "geo_type": "all, nation or region",
    "time_type": TARGET_COLUMNS["time_type"],
    "time_value": "the newest period the alert is about",
    "since": "first period of the episode",
    "issue": "day the alert was issued",
    "detector": "method that raised it",
    "observed": "observed or forecast value",
    "expected": "value expected from the past",
    "threshold": "value above which it is an alert",
    "sample_size": "people behind the observed value, rounded to five",
    "p_value": "chance of such a value if nothing had changed",
    "q_value": "share of false alarms expected among alerts this strong",
    "severity": "low, medium or high",
    "lead_days": "days of warning, for forecasts",
    "past_precision": "share of past alerts of this detector on this signal that were right",
    "forecast_p": "chance of such a value or a higher one in the forecast issued a week or more before",
    "forecast_issued": "reference date of that forecast",
    "status": "open, acknowledged or resolved",
    "ended": "issue in which it was over by itself; empty while it lasts",
    "message": "the alert in words",
}
FILES = {
    "targets.csv": TARGET_COLUMNS,
    "policy_summary.csv": SUMMARY_COLUMNS,
    "observed.csv": OBSERVED_COLUMNS,
    "alerts.csv": ALERT_COLUMNS,
}
DICTIONARY = "data_dictionary.csv"
DICTIONARY_COLUMNS = {
    "file": "file of this folder; model-output is every forecast file, CSV or Parquet",
    "column": "column of that file; empty: the file as a whole",
    "meaning": "what it holds",
}
RECEIPT = "export.json"
BRIEFS = "briefs"
# What each file is for.
PURPOSES = {
    "model-output": "forecasts of every place and signal in the hubverse format, for hubs and for scoring",
    "targets.csv": "what each target of the forecast files is: signal, population, unit",
    "policy_summary.csv": "one row per place, signal and horizon: forecast, newest value and past skill in words",
    "observed.csv": "every published value with its error, people and day of issue, and the reason for every gap",
    "alerts.csv": "the published alerts with their evidence",
    DICTIONARY: "what every column of every file means",
    BRIEFS: "one page per place for reading and printing: newest values, outlook, alerts and limits",
    RECEIPT: "issue, version, model, language of the briefs, rows of every table, names of the briefs, notes",
}
PREFIX = {"day": "daily", "week": "weekly"}
DAYS = {"daily": 1, "weekly": 7}
