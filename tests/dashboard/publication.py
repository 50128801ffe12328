"""A made-up publication that keeps every contract: the fixture of the dashboard's and the export's tests."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from warehouse.tables import PUBLISHED, QUANTILES

ISSUE = dt.date(2024, 6, 3)
LAST_DAY = dt.date(2024, 6, 2)
VERSION = "0123456789abcdef"
DAYS = 210
HELP_LINE = "If you are struggling, call or text 988 (United States), any time."
PLACES = [
    ("all", "all", None, "All places"),
    ("nation", "us", None, "United States"),
    ("region", "us-ca", "us", "California"),
    ("region", "us-ny", "us", "New York"),
    ("region", "us-tx", "us", "Texas"),
    ("region", "us-wy", "us", "Wyoming"),
]
PEOPLE = {"all": 5200, "us": 4100, "us-ca": 900, "us-ny": 640, "us-tx": 410, "us-wy": 15}
MEASURES = [
    ("lexicon", "anxiety", "Anxiety (words)", 0.12),
    ("lexicon", "anger", "Anger (words)", 0.08),
    ("lexicon", "joy", "Joy (words)", 0.21),
    ("emotion", "fear", "Fear (model)", 0.09),
    ("emotion", "sadness", "Sadness (model)", 0.15),
]
MODELS = {"ensemble": 0.82, "flat_line": 1.0, "seasonal_naive": 1.07, "auto_ets": 0.91, "nhits": 1.15}
NASTY = "<b>Bold</b> [x](http://evil.example) :red[hot] $x^2$ =1+1"
NASTY_PLACE = ("region", "us-zz", "us", NASTY)


def build(
    folder: Path, *, leave_out: tuple[str, ...] = (), emptied: tuple[str, ...] = (), nasty: bool = False
) -> Path:
    """Write a publication under `folder` and return `folder`, as the publisher lays it out."""
    tables = {name: frame for name, frame in frames(nasty=nasty).items() if name not in leave_out}
    tables |= {name: tables[name].head(0) for name in emptied}
    return write(folder, tables=tables)


def write(folder: Path, *, tables: dict[str, pl.DataFrame], version: str = VERSION) -> Path:
    """Write tables as the current version of `folder`."""
    inner = f"issue={ISSUE}/version={version}"
    target = folder / inner
    target.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, frame in tables.items():
        frame.write_parquet(target / f"{name}.parquet")
        digest = hashlib.sha256((target / f"{name}.parquet").read_bytes()).hexdigest()
        entries[name] = {"rows": frame.height, "sha256": digest}
    manifest = {"issue": str(ISSUE), "version": version, "tables": entries, "config_sha256": "0" * 64}
    manifest |= {"demo": True, "help_line": HELP_LINE}
    (target / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    pointer = {"issue": str(ISSUE), "version": version, "path": inner}
    (folder / "current.json").write_text(json.dumps(pointer), encoding="utf-8")
    return folder


def frames(*, nasty: bool = False) -> dict[str, pl.DataFrame]:
    """Every published table, validated against its contract and sorted by key."""
    return dict(_frames(nasty))


@cache
def _frames(nasty: bool) -> dict[str, pl.DataFrame]:
    places = [*PLACES, NASTY_PLACE] if nasty else PLACES
    rows: dict[str, list[dict[str, Any]]] = {
        "signals": _signals(places),
        "signal_catalogue": _catalogue(),
        "forecasts": _forecasts(places),
        "peak_outlook": _peaks(),
        "model_choice": _choices(places),
        "scores": _scores(),
        "alerts": _alerts(nasty=nasty),
        "alert_tests": _alert_tests(),
        "contagion": _contagion(),
        "diffusion": _diffusion(),
        "transitions": _transitions(),
        "weak_ties": _weak_ties(),
        "lead_lag": _lead_lag(),
        "growth": _growth(),
        "events": _events(nasty=nasty),
        "measure_quality": _quality(),
        "survey_validity": _surveys(),
        "event_effects": _effects(),
        "event_tests": _event_tests(),
        "breaks": _breaks(),
        "word_shifts": _word_shifts(),
        "term_weeks": _term_weeks(),
        "revisions": _revisions(),
        "signal_pages": _pages(),
        "accounting": _accounting(),
        "places": [
            dict(zip(("geo_type", "geo_value", "parent", "label"), place, strict=True)) for place in places
        ],
    }
    return {name: _table(name, rows=rows.get(name, [])) for name in PUBLISHED}


def _word_shifts() -> list[dict[str, Any]]:
    """Ten words of anxiety in the nation, and all others together."""
    base = {
        "signal": signal("lexicon", "anxiety"), "geo_type": "nation", "geo_value": "us", "lexicon": "affect_en",
        "window_start": LAST_DAY - dt.timedelta(days=6), "window_end": LAST_DAY, "negated": False,
        "reference_start": LAST_DAY - dt.timedelta(days=34), "reference_end": LAST_DAY - dt.timedelta(days=7),
    }  # fmt: skip
    named = [
        base | {"term": f"word{n}", "contribution": 0.001 * n, "share_before": 0.01, "share_after": 0.01 + 0.001 * n,
                "n_people": 50 + 5 * n}
        for n in range(1, 11)
    ]  # fmt: skip
    rest = {
        "term": "(other)",
        "contribution": -0.02,
        "share_before": 0.05,
        "share_after": 0.03,
        "n_people": None,
    }
    return [*named, base | rest]


def _term_weeks() -> list[dict[str, Any]]:
    """Twelve weeks of words of anxiety in the nation, and two in California with the last but one withheld.

    `storm` is used by enough people in the newest week only, `word9` not in every fourth week.
    """
    rows = []
    for place, weeks in ((("nation", "us"), range(12)), (("region", "us-ca"), (0, 2))):
        for back in weeks:
            named = {f"word{n}": 0.005 + 0.0005 * ((n * 3 + back) % 5) for n in range(1, 31)}
            named |= {"storm": 0.02} if back == 0 else {}
            named = {term: share for term, share in named.items() if term != "word9" or back % 4 != 1}
            cell: dict[str, Any] = {
                "signal": signal("lexicon", "anxiety"), "geo_type": place[0], "geo_value": place[1],
                "time_value": LAST_DAY - dt.timedelta(days=7 * back), "issue": ISSUE, "weeks": 1, "step": 0.0005,
            }  # fmt: skip
            rows += [
                cell | {"lexicon": "affect_es" if term == "word3" else "affect_en", "term": term,
                        "share": round(share, 4), "n_people": 60}
                for term, share in named.items()
            ]  # fmt: skip
            rows.append(
                cell
                | {"lexicon": "", "term": "(other)", "share": 0.015 + 0.0025 * (back > 0), "n_people": None}
            )
    return rows


def _revisions() -> list[dict[str, Any]]:
    return [
        {"signal": "lexicon_anxiety_share", "geo_type": "nation", "time_type": "day", "n_cells": 200, "n_revised": 7,
         "mean_change": 0.0021, "largest_change": 0.0104, "mean_people_added": 12.5, "last_after_days": 9},
        {"signal": "lexicon_anger_share", "geo_type": "nation", "time_type": "week", "n_cells": 30, "n_revised": 0,
         "mean_change": None, "largest_change": None, "mean_people_added": None, "last_after_days": None},
    ]  # fmt: skip


def _pages() -> list[dict[str, Any]]:
    return [
        {
            "signal": row["signal"],
            "language": language,
            "page": f"# {row['signal']}\n\n## {title}\n\n* 1\n",
        }
        for row in _catalogue()
        for language, title in (("en", "What it must not be used for"), ("es", "Para qué no debe usarse"))
    ]


def _table(name: str, *, rows: list[dict[str, Any]]) -> pl.DataFrame:
    table = PUBLISHED[name]
    if not rows:
        return table.schema.create_empty()
    raw = pl.DataFrame(rows, schema=dict.fromkeys(table.columns), infer_schema_length=None)
    return pl.DataFrame(table.schema.validate(raw, cast=True)).sort(table.key)


def signal(scorer: str, measure: str, *, smoothed: bool = False) -> str:
    return f"{scorer}_{measure}_share" + ("_7dav" if smoothed else "")


def _catalogue() -> list[dict[str, Any]]:
    return [
        {
            "signal": signal(scorer, measure, smoothed=smoothed),
            "scorer": scorer,
            "measure": measure,
            "statistic": "share",
            "smoothing": "7dav" if smoothed else "none",
            "unit": "share of people",
            "label_en": f"{label}, 7-day average" if smoothed else label,
            "label_es": label,
            "direction": "higher_is_better" if measure == "joy" else "higher_is_worse",
        }
        for scorer, measure, label, _ in MEASURES
        for smoothed in (False, True)
    ]


def level(measure_index: int, *, day: int, place: str) -> float:
    """The true curve: a slow wave, a weekly rhythm and a late rise of anxiety in California."""
    base = MEASURES[measure_index][3]
    wave = 0.12 * math.sin(day / 23 + measure_index) + 0.03 * math.sin(day * 2 * math.pi / 7)
    rise = 0.4 if measure_index == 0 and place == "us-ca" and day > DAYS - 9 else 0.0
    return base * (1 + wave + rise)


def _signals(places: list[tuple[str, str, str | None, str]]) -> list[dict[str, Any]]:
    rng = np.random.default_rng(7)
    rows = []
    for index, (scorer, measure, _, _) in enumerate(MEASURES):
        for kind, value, _, _ in places:
            for time_type, step in (("day", 1), ("week", 7)):
                for back in range(0, DAYS, step):
                    people = PEOPLE.get(value, 300) * (3 if time_type == "week" else 1)
                    people = round(people * rng.uniform(0.8, 1.1) / 5) * 5
                    truth = level(index, day=DAYS - back, place=value)
                    for smoothed in (False, True) if time_type == "day" else (False,):
                        cell = {"signal": signal(scorer, measure, smoothed=smoothed), "geo_type": kind}
                        cell |= {"geo_value": value, "time_type": time_type}
                        cell |= {"time_value": LAST_DAY - dt.timedelta(days=back)}
                        rows.append(_cell(cell, truth=truth, people=people * (4 if smoothed else 1), rng=rng))
    return rows


def _cell(cell: dict[str, Any], *, truth: float, people: int, rng: np.random.Generator) -> dict[str, Any]:
    fixed = {"population": "all", "issue": ISSUE, "vintage": "real", "people_unknown": False}
    fixed |= {"value_corrected": None, "corrected_se": None}
    if people < 50:
        return (
            cell
            | fixed
            | dict.fromkeys(("value", "se", "sample_size", "n_posts", "value_unweighted"))
            | {
                "reliability": "suppressed",
                "missing_value": 3,
                "missing_se": 3,
                "missing_sample_size": 3,
            }
        )
    error = math.sqrt(truth * (1 - truth) / people)
    value = float(np.clip(rng.normal(truth, error), 0, 1))
    return (
        cell
        | fixed
        | {
            "value": value,
            "se": error,
            "sample_size": people,
            "n_posts": people * 2,
            "value_unweighted": min(1.0, value * 1.05),
            "reliability": "high" if people >= 200 else "moderate",
            "missing_value": 0,
            "missing_se": 0,
            "missing_sample_size": 0,
        }
    )


def _forecasts(places: list[tuple[str, str, str | None, str]]) -> list[dict[str, Any]]:
    # 23 standard normal quantiles, from the error function's inverse by bisection-free lookup.
    from statistics import NormalDist

    normal = NormalDist()
    rows = []
    for index, (scorer, measure, _, base) in enumerate(MEASURES):
        for kind, value, _, _ in places:
            if PEOPLE.get(value, 300) < 50:
                continue
            for time_type, step, last in (("day", 1, 14), ("week", 7, 4)):
                for model_id in MODELS:
                    for horizon in range(1, last + 1):
                        middle = level(index, day=DAYS, place=value) if model_id == "ensemble" else base
                        spread = 0.08 * base * math.sqrt(1 + 0.3 * horizon)
                        for q in QUANTILES:
                            rows.append(
                                {
                                    "model_id": model_id,
                                    "reference_date": LAST_DAY,
                                    "target": signal(scorer, measure),
                                    "population": "all",
                                    "geo_type": kind,
                                    "location": value,
                                    "time_type": time_type,
                                    "horizon": horizon,
                                    "output_type": "quantile",
                                    "output_type_id": q,
                                    "target_end_date": LAST_DAY + dt.timedelta(days=step * horizon),
                                    "value": max(0.0, middle + spread * normal.inv_cdf(q)),
                                    "is_fallback": False,
                                    "limited_history": value == "us-tx",
                                }
                            )
    return rows


def _peaks() -> list[dict[str, Any]]:
    return [
        {
            "model_id": "ensemble",
            "reference_date": LAST_DAY,
            "target": signal("lexicon", "anxiety"),
            "population": "all",
            "geo_type": kind,
            "location": value,
            "horizon_days": days,
            "probability": 0.05 * days,
            "expected_first_day": LAST_DAY + dt.timedelta(days=3) if days > 3 else None,
            "threshold": 0.15,
            "baseline_probability": 0.02 * days,
            "time_type": "day",
            "skill": "yes" if kind == "all" else "no",
            "alarm_days": 7,
            "alarm_from": 0.3,
            "past_precision": 0.5,
            "n_onsets": 8,
        }
        for kind, value, _, _ in PLACES[:4]
        for days in (3, 7, 14)
    ]


def _choices(places: list[tuple[str, str, str | None, str]]) -> list[dict[str, Any]]:
    """The ensemble everywhere but for AutoETS on daily joy in California, and nothing judged in Texas."""
    rows = []
    for scorer, measure, _, _ in MEASURES:
        for kind, value, _, _ in places:
            if PEOPLE.get(value, 300) < 50:
                continue
            for time_type in ("day", "week"):
                row = {
                    "issue": ISSUE, "target": signal(scorer, measure), "population": "all", "geo_type": kind,
                    "location": value, "time_type": time_type, "reference_date": LAST_DAY, "model_id": "ensemble",
                    "since": LAST_DAY - dt.timedelta(days=30), "reason": "kept", "relative_wis": 0.82, "n_origins": 6,
                    "runner_up": "auto_ets", "runner_up_relative_wis": 0.91,
                }  # fmt: skip
                if (measure, value, time_type) == ("joy", "us-ca", "day"):
                    row |= {
                        "model_id": "auto_ets",
                        "since": LAST_DAY,
                        "reason": "better",
                        "relative_wis": 0.91,
                    }
                    row |= {"runner_up": "ensemble", "runner_up_relative_wis": 1.07}
                if value == "us-tx":
                    row |= {"reason": "default", "relative_wis": None, "n_origins": 0, "runner_up": None}
                    row |= {"runner_up_relative_wis": None}
                rows.append(row)
    return rows


def _scores() -> list[dict[str, Any]]:
    rng = np.random.default_rng(11)
    rows = []
    inside = {"coverage_50": 0.47, "coverage_80": 0.77, "coverage_90": 0.88, "coverage_95": 0.93}
    for index, (scorer, measure, _, base) in enumerate(MEASURES[:3]):
        for kind, value, _, _ in PLACES[:4]:
            for task, step, last in (("nightly_day", 1, 7), ("nightly_week", 7, 4)):
                for origin in range(6):
                    for horizon in range(1, last + 1):
                        hardness = base * 0.02 * rng.uniform(0.5, 1.5)
                        for model_id, factor in MODELS.items():
                            worse = 1.3 if index == 2 and model_id == "ensemble" else 1.0
                            row = {
                                "model_id": model_id,
                                "task": task,
                                "reference_date": LAST_DAY - dt.timedelta(days=step * (origin + last + 1)),
                                "target": signal(scorer, measure),
                                "population": "all",
                                "geo_type": kind,
                                "location": value,
                                "horizon": horizon,
                                "truth_issue": ISSUE,
                                "n_train": 120,
                                "task_hash": "task",
                                "pseudo_real_time": True,
                                "data_fingerprint": "data",
                                "trained_through": None,
                            }
                            wis = hardness * factor * worse
                            rows += [
                                row | {"metric": "wis", "value": wis},
                                row | {"metric": "ae", "value": wis * 1.3},
                            ]
                            rows += [
                                row | {"metric": name, "value": float(rng.random() < share / factor)}
                                for name, share in inside.items()
                            ]
    return rows + _outlook_scores()


def _outlook_scores() -> list[dict[str, Any]]:
    told = {
        "brier": 0.12, "brier_base": 0.16, "alarm_f1": 0.5, "alarm_f1_random": 0.2, "alarm_f1_calendar": 0.25,
        "alarm_precision": 0.4, "alarm_recall": 0.7, "alarm_lead": 3.0, "false_alarms_per_month": 0.8,
    }  # fmt: skip
    return [
        {
            "model_id": "dynamics", "task": "outlook_day", "reference_date": LAST_DAY,
            "target": signal("lexicon", "anxiety"), "population": "all", "geo_type": kind, "location": value,
            "horizon": 7, "truth_issue": ISSUE, "n_train": 400, "task_hash": "task", "pseudo_real_time": True,
            "data_fingerprint": "data", "trained_through": LAST_DAY, "metric": metric, "value": number,
        }
        for kind, value, _, _ in PLACES[:4]
        for metric, number in told.items()
    ]  # fmt: skip


def _alerts(*, nasty: bool) -> list[dict[str, Any]]:
    base = {
        "population": "all",
        "issue": ISSUE,
        "time_type": "day",
        "time_value": LAST_DAY,
        "detector": "count_model",
        "since": LAST_DAY - dt.timedelta(days=2),
    }
    base |= {
        "p_value": 0.0004,
        "q_value": 0.008,
        "lead_days": None,
        "past_precision": 0.71,
        "status": "open",
        "ended": None,
        "forecast_p": None,
        "forecast_issued": None,
    }
    first = base | {
        "alert_id": "a1",
        "group_id": "a1",
        "kind": "prevalence_high",
        "signal": signal("lexicon", "anxiety"),
        "geo_type": "region",
        "location": "us-ca",
        "forecast_p": 0.03,
        "forecast_issued": LAST_DAY - dt.timedelta(days=7),
        "observed": 0.168,
        "expected": 0.121,
        "threshold": 0.15,
        "sample_size": 905,
        "severity": "high",
        "message": NASTY if nasty else "Anxiety in California are higher than expected for this day.",
    }
    second = first | {
        "alert_id": "a2",
        "kind": "forecast_high",
        "geo_type": "nation",
        "location": "us",
        "severity": "medium",
        "lead_days": 5,
        "past_precision": None,
        "time_value": LAST_DAY - dt.timedelta(days=2),
        "since": LAST_DAY - dt.timedelta(days=2),
        "group_id": "a1",
        "message": "Anxiety in the United States may become unusually high within a week.",
    }
    third = first | {
        "alert_id": "a3",
        "group_id": "a3",
        "kind": "data_break",
        "signal": signal("emotion", "fear"),
        "severity": "low",
        "status": "resolved",
        "ended": ISSUE - dt.timedelta(days=30),
        "observed": None,
        "expected": None,
        "threshold": None,
        "time_value": LAST_DAY - dt.timedelta(days=40),
        "since": LAST_DAY - dt.timedelta(days=40),
        "message": "The number of posts changed suddenly; this is not a change of mood.",
    }
    return [first, second, third]


def _alert_tests() -> list[dict[str, Any]]:
    base = {"issue": ISSUE, "alpha": 0.01, "false_discovery_rate": 0.05, "budget_per_week": 2.0}
    return [
        base | {"kind": "prevalence_high", "n_tests": 40, "expected_false_per_week": 1.2, "opened": 1},
        base | {"kind": "prevalence_rise", "n_tests": 40, "expected_false_per_week": 0.8, "opened": 0},
    ]


WINDOW = {"window_start": ISSUE - dt.timedelta(days=89), "window_end": ISSUE}


def _contagion() -> list[dict[str, Any]]:
    """Three windows a week apart: anger found and ever clearer, joy not found, fear with too few people."""
    blank = dict.fromkeys(PUBLISHED["contagion"].columns)
    rows = []
    for weeks in range(3):
        end = ISSUE - dt.timedelta(days=7 * weeks)
        where = {"population": "all", "geo_type": "all", "location": "all", "window_end": end}
        where |= {"window_start": end - dt.timedelta(days=89)}
        for measure, ratio in (("anger", 1.42 - 0.1 * weeks), ("joy", 1.04)):
            for tie_bin, factor, edges, people in (
                ("all", 1.0, 8200, 1450),
                ("strong", 0.93, 4100, 900),
                ("weak", 1.08, 4100, 1210),
            ):
                known = {"measure": measure, "tie_bin": tie_bin, "n_edges": edges, "n_people": people}
                known |= {"null_rate": 0.17, "follow_rate": 0.17 * ratio * factor, "ratio": ratio * factor}
                known |= {"ratio_low": ratio * factor * 0.87, "ratio_high": ratio * factor * 1.15}
                known |= {"parts_above": 3 if measure == "anger" else 2, "mean_tie_strength": 0.08}
                known |= (
                    {"p_value": 0.002, "q_value": 0.006}
                    if measure == "anger"
                    else {"p_value": 0.2, "q_value": 0.24}
                )
                known |= {"velocity": 0.012, "coverage": 0.41}
                if tie_bin == "all" and measure == "anger":
                    known |= {"branching_ratio": 0.31, "branching_low": 0.18, "branching_high": 0.44}
                elif tie_bin == "all":
                    known |= {"branching_reason": "not told apart from a level that drifts from day to day"}
                rows.append(blank | where | known)
        hidden = {"measure": "fear", "n_edges": 40, "branching_reason": "fewer than 200 events"}
        rows += [blank | where | hidden | {"tie_bin": name} for name in ("all", "strong", "weak")]
    return rows


def _diffusion() -> list[dict[str, Any]]:
    names = {"as it is": 1.0, "catching halved": 0.35, "passed on two steps later": 1.0}
    names |= {"without the weakest 10 % of ties": 0.9}
    rows = []
    for scenario, factor in names.items():
        for alpha, reached in ((-1.0, 0.69), (0.0, 0.66), (1.0, 0.31)):
            coverage, speed = reached * factor, 0.04 * reached * factor / (3 if "later" in scenario else 1)
            rows.append(
                WINDOW
                | {"scenario": scenario, "alpha": alpha, "replicates": 20, "n_people": 1450, "n_ties": 6300}
                | {"coverage": coverage, "coverage_low": coverage * 0.9, "coverage_high": coverage * 1.06}
                | {"velocity": speed, "velocity_low": speed * 0.8, "velocity_high": speed * 1.3}
            )
    return rows


def _transitions() -> list[dict[str, Any]]:
    """From joy to anger too few people, and from joy to joy hidden with it."""
    counts = {("anger", "anger"): 410, ("anger", "joy"): 90, ("anger", "none"): 900, ("joy", "none"): 2100,
              ("none", "anger"): 880, ("none", "joy"): 2050, ("none", "none"): 9300}  # fmt: skip
    hidden = {("joy", "anger"): "people_floor", ("joy", "joy"): "complementary"}
    rows = []
    for start in ("anger", "joy", "none"):
        # What is hidden is part of the total, as in a real publication.
        total = sum(n for (origin, _), n in counts.items() if origin == start) + (
            300 if start == "joy" else 0
        )
        for end in ("anger", "joy", "none"):
            n = counts.get((start, end))
            numbers = {"n_transitions": n, "n_people": n and min(n, 1450), "share": n and n / total}
            rows.append(
                WINDOW
                | numbers
                | {"from_state": start, "to_state": end, "suppressed": hidden.get((start, end))}
            )
    return rows


def _weak_ties() -> list[dict[str, Any]]:
    return [
        WINDOW
        | {"first": "anger", "second": "joy", "mean_first": 0.092, "mean_second": 0.071, "difference": 0.021}
        | {"p_value": 0.88, "n_first": 610, "n_second": 540}
    ]


def _lead_lag() -> list[dict[str, Any]]:
    base = WINDOW | {
        "signal": signal("lexicon", "anxiety"),
        "geo_type": "region",
        "n_days": 90,
        "sample_size": 410,
    }
    return [
        base | {"leader": a, "follower": b, "lag": lag, "correlation": r, "p_value": p, "q_value": q}
        for a, b, lag, r, p, q in (
            ("us-ca", "us-ny", 2, 0.41, 0.001, 0.012), ("us-ny", "us-tx", 5, 0.14, 0.3, 0.45)
        )
    ]  # fmt: skip


def _growth() -> list[dict[str, Any]]:
    base = WINDOW | {
        "population": "all",
        "geo_type": "region",
        "n_days": 28,
        "sample_size": 640,
        "reason": None,
    }
    rate = ("rate", "rate_low", "rate_high")
    return [
        base | dict(zip(rate, (0.031, 0.012, 0.05), strict=True))
        | {"signal": signal("lexicon", "anxiety"), "location": "us-ca", "verdict": "growing", "sustained_days": 6},
        base | dict(zip(rate, (-0.002, -0.011, 0.007), strict=True))
        | {"signal": signal("lexicon", "joy"), "location": "us-ny", "verdict": "steady", "sustained_days": 0},
        base | dict.fromkeys(rate)
        | {"signal": signal("lexicon", "anger"), "location": "us-tx", "verdict": "unknown", "sustained_days": 0,
           "reason": "too_few_days", "n_days": 9},
    ]  # fmt: skip


def _events(*, nasty: bool) -> list[dict[str, Any]]:
    start = LAST_DAY - dt.timedelta(days=60)
    return [
        {
            "event_id": "e1",
            "name": NASTY if nasty else "Wildfire season opens",
            "start": start,
            "end": start + dt.timedelta(days=9),
            "location": "us-ca",
            "stage": "response",
        }
    ]


def _effects() -> list[dict[str, Any]]:
    base = {
        "event_id": "e1", "signal": signal("lexicon", "anxiety"), "geo_type": "region", "issue": ISSUE,
        "n_before": 26, "n_after": 7, "n_placebo": 80,
    }  # fmt: skip
    known = {"location": "us-ca", "before": 0.12, "after": 0.15, "effect": 0.03, "low": 0.01, "high": 0.05,
             "p_value": 0.012, "sample_size": 880, "reason": None}  # fmt: skip
    unknown = dict.fromkeys(("before", "after", "effect", "low", "high", "p_value", "sample_size"))
    return [
        base | known,
        base | unknown | {"location": "us-ny", "n_before": 3, "reason": "too_few_days_before"},
    ]


def _event_tests() -> list[dict[str, Any]]:
    return [
        {"signal": signal("lexicon", "anxiety"), "geo_type": "region", "location": "us-ca",
         "question": "any_direction", "issue": ISSUE, "n_events": 6, "n_shifts": 209, "statistic": 0.2, "usual": 0.1,
         "p_value": 0.4, "q_value": 0.61, "reason": None}
    ]  # fmt: skip


def _breaks() -> list[dict[str, Any]]:
    """Longer posts everywhere 40 days ago, which moved the signals of two scorers."""
    onset = LAST_DAY - dt.timedelta(days=40)
    fixed = {
        "population": "all",
        "geo_type": "all",
        "geo_value": "all",
        "onset": onset,
        "detected": onset + dt.timedelta(days=5),
        "issue": onset + dt.timedelta(days=6),
        "statistic": 5.1,
        "threshold": 4.0,
        "platform_wide": False,
        "evidence": "level up by 5.1 errors",
    }
    return [
        fixed | {"what": what, "scorer": scorer}
        for what in ("text_length", "several_signals")
        for scorer in ("emotion", "lexicon")
    ]


def _quality() -> list[dict[str, Any]]:
    return [
        {
            "scorer": "emotion",
            "measure": measure,
            "lang": lang,
            "dataset": "GoEmotions" if lang == "en" else "EmoEvent",
            "metric": "f1",
            "value": 0.61,
            "low": 0.58,
            "high": 0.64,
            "n": 1200,
            "scorer_version": "1",
        }
        for measure in ("fear", "sadness")
        for lang in ("en", "es")
    ]


def _surveys() -> list[dict[str, Any]]:
    """An own signal that does worse than the last survey, and a shipped comparison."""
    about = {
        "survey": "National panel", "item": "Anxious", "group": "all", "signal": signal("lexicon", "anxiety"),
        "origin": "warehouse", "population": "all", "geo_type": "region", "geo_value": "us-ca", "time_type": "week",
    }  # fmt: skip
    other = {
        "signal": "Elsewhere's posts, words of fear",
        "origin": "shipped",
        "geo_type": "none",
        "geo_value": "none",
    }
    figures = {
        ("all", "level", "pearson"): (0.64, 0.31, 0.84), ("all", "change", "pearson"): (0.22, -0.1, 0.5),
        ("all", "level", "noise_ceiling"): (0.91, 0.8, 0.95), ("second", "level", "pearson"): (0.41, 0.02, 0.69),
        ("second", "level", "last_value"): (0.77, 0.4, 0.92),
        ("second", "level", "error_against_last_value"): (1.35, 1.02, 1.8),
    }  # fmt: skip
    span = {"lag": 0, "n": 52, "first_day": ISSUE - dt.timedelta(days=357), "last_day": ISSUE}
    return [
        row
        | span
        | {"part": part, "of": of, "statistic": statistic, "value": value, "low": low, "high": high}
        for row in (about, about | other)
        for (part, of, statistic), (value, low, high) in figures.items()
    ]


def _accounting() -> list[dict[str, Any]]:
    counts = [
        ("intake", "reddit", "received", 12000),
        ("intake", "reddit", "posts", 11000),
        ("intake", "reddit", "duplicates", 700),
        ("intake", "reddit", "quarantined", 300),
        ("intake", "reddit", "quarantined:bad_date", 180),
        ("intake", "reddit", "quarantined:no_text", 120),
        ("score", "lexicon", "scored", 10400),
        ("score", "lexicon", "language_not_supported", 500),
        ("score", "lexicon", "no_text", 100),
        ("publish", "signals", "published", 8000),
        ("publish", "signals", "suppressed_people_floor", 1300),
        ("publish", "signals", "suppressed_numerator", 90),
        ("publish", "signals", "suppressed_complementary", 40),
    ]
    return [
        {"issue": ISSUE, "stage": stage, "subject": subject, "reason": reason, "n": n}
        for stage, subject, reason, n in counts
    ]


if __name__ == "__main__":
    import sys

    build(Path(sys.argv[1]), nasty="--nasty" in sys.argv)
