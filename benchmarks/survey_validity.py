"""Signals against surveys, and how far the statistics can be trusted; writes what a run publishes and a page.

Surveys and signals are not part of the project: name the folder that holds them. Of the shipped rows, none is about
a user's own data. Simulated: coverage of the intervals on first-order autoregressions, false positives of the lag scan.
Run: python benchmarks/survey_validity.py FOLDER [--skip-simulations]
"""

import argparse
import datetime as dt
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from scipy.signal import lfilter

from flows.evaluation.survey import SurveySpec, read_signal, read_survey
from flows.evaluation.survey_grid import align
from flows.evaluation.survey_results import SHIPPED, Compared, as_rows, write_results
from flows.files import read_table
from flows.scorers import make_scorer
from forecasting.validity import Spec, assess
from forecasting.validity.agreement import correlation
from forecasting.validity.scan import Chance, scan
from warehouse.errors import InputError

PAGE = Path(__file__).parent / "results" / "survey_validity.md"
THURSDAY, SUNDAY = 3, 6
REPEATS = 500
GB = (
    ("fear, classifier", "mnfear", "Scared"), ("joy, classifier", "mnjoy", "Happy"),
    ("sadness, classifier", "mnsadness", "Sad"), ("anxiety words", "tweets_anxiety", "Scared"),
    ("sadness words", "tweets_sadness", "Sad"), ("anxiety words", "tweets_anxiety", "Stressed"),
    ("stress words", "tweets_stressed", "Stressed"), ("loneliness words", "tweets_lonely", "Lonely"),
)  # fmt: skip
# What others report for the whole year, for the first four pairs.
KNOWN = {("fear, classifier", "Scared"): 0.60, ("joy, classifier", "Happy"): 0.66,
         ("sadness, classifier", "Sad"): 0.60, ("anxiety words", "Scared"): 0.73}  # fmt: skip
# The weeks in which fear rose and fell again.
CRISIS = (dt.date(2020, 3, 12), dt.date(2020, 4, 30))
STATES = ("New South Wales", "Queensland", "Australian Capital Territory", "Northern Territory")


@dataclass(kw_only=True)
class Made:
    """Everything that the page and the shipped file need."""

    rows: list[pl.DataFrame] = field(default_factory=list)
    control: list[pl.DataFrame] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    windows: list[dict[str, object]] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skip-simulations", action="store_true")
    options = parser.parse_args()
    made = Made()
    with tempfile.TemporaryDirectory() as scratch:
        britain(options.folder, made=made, scratch=Path(scratch))
        australia(options.folder, made=made, scratch=Path(scratch))
    write_results(pl.concat(made.rows), path=SHIPPED)
    write_page(made, simulated=None if options.skip_simulations else simulations())


# ------------------------------------------------------------------------------------------- the runs


def britain(folder: Path, *, made: Made, scratch: Path) -> None:
    """A year of weekly mood against the UK's Twitter, in the seven days that end on the survey's Thursday."""
    survey_file = folder / "series" / "survey_mood_gb_weekly.csv.gz"
    columns = {"time_value": "date", "value": "pct", "n": "unweighted_base", "item": "mood", "group": "group"}
    daily = read_table(folder / "series" / "twitter_emotion_gb_daily.csv.gz")
    for name, column, mood in GB:
        number = pl.col(column).cast(pl.Float64)
        value = number / pl.col("tweets_total").cast(pl.Float64) if column.startswith("tweets_") else number
        path = scratch / "gb.csv"
        daily.select(pl.col("date").alias("time_value"), value.alias("value")).write_csv(path)
        signal = read_signal(path, columns={})
        spec = SurveySpec(item=mood, group="All adults", ends=THURSDAY)
        survey = read_survey(survey_file, columns=columns, spec=spec)
        compared = Compared(survey="British weekly mood survey", item=mood, group="All adults",
                            signal=f"UK Twitter, {name}", origin="shipped")  # fmt: skip
        made.rows.append(judged(survey, signal, compared=compared))
        if (name, mood) in KNOWN:
            r = {
                f"{last:+d}": window_r(survey_file, columns, signal, mood=mood, last=last)
                for last in range(-3, 7)
            }
            calm = window_r(survey_file, columns, signal, mood=mood, calm=True)
            about = {"signal": name, "survey": mood, "reported": KNOWN[name, mood], "calm": calm}
            made.windows.append(about | r)


def window_r(
    path: Path, columns: dict[str, str], signal: pl.DataFrame, *, mood: str, last: int = 0, calm: bool = False
) -> float:
    """r of the levels if the seven days ended `last` days after the survey's date; without the crisis if `calm`."""
    spec = SurveySpec(item=mood, group="All adults", fieldwork=(last - 6, last))
    pair = align(read_survey(path, columns=columns, spec=spec), signal).pair
    both = np.isfinite(pair.survey) & np.isfinite(pair.at(0))
    if calm:
        both &= np.array([not CRISIS[0] <= day <= CRISIS[1] for day in pair.days])
    return float(np.corrcoef(pair.survey[both], pair.at(0)[both])[0, 1])


def judged(survey, signal: pl.DataFrame, *, compared: Compared) -> pl.DataFrame:
    aligned = align(survey, signal)
    return as_rows(assess(aligned.pair, spec=Spec()), compared=compared, time_type=survey.time_type)


def australia(folder: Path, *, made: Made, scratch: Path) -> None:
    """Weeks of the daily survey, by state, against what there is: no Australian tweets of that time, so forum posts."""
    path = folder / "series" / "survey_anxiety_depression_au_daily.csv.gz"
    made.lines.append(refusal(folder, path, scratch=scratch))
    for measure in ("anxiety", "depression"):
        signal = forum_words(folder, measure=measure)
        for state in STATES:
            compared = Compared(
                survey="Australian daily health survey, by week", item=measure, group=state, origin="shipped",
                signal=f"Reddit mental-health forums (English, all countries), words of {measure}",
            )  # fmt: skip
            try:
                survey = by_week(path, state=state, measure=measure, scratch=scratch)
                made.rows.append(judged(survey, signal, compared=compared))
            except InputError as error:
                made.lines.append(f"{state}, {measure}: {error.message}")
        ours, other = (by_week(path, state=s, measure=measure, scratch=scratch) for s in STATES[:2])
        control = other.rows.select(pl.col("end").alias("time_value"), "value", n=pl.lit(None, pl.Float64))
        compared = Compared(survey="Australian survey", item=measure, group=STATES[0], signal=STATES[1])
        made.control.append(judged(ours, control, compared=compared))


def by_week(path: Path, *, state: str, measure: str, scratch: Path):
    """Days pooled by n. The two small places have 7-day values only, of which those of Sundays do not overlap."""
    if state in STATES[:2]:
        columns = {"time_value": "survey_date", "n": "sample_size", "item": "indicator", "group": "region"}
        spec = SurveySpec(item=measure, group=state, ends=SUNDAY, every="week")
        return read_survey(path, columns=columns, spec=spec)
    frame = read_table(path).filter(pl.col("region") == state, pl.col("indicator") == f"{measure}_smoothed")
    sundays = frame.filter(pl.col("survey_date").str.to_date().dt.weekday() == SUNDAY + 1)
    small = scratch / "small.csv"
    sundays.select(time_value="survey_date", value="value", se="se", n="sample_size").write_csv(small)
    return read_survey(small, columns={}, spec=SurveySpec(ends=SUNDAY))


def refusal(folder: Path, path: Path, *, scratch: Path) -> str:
    """What the Australian Twitter series gives: it ends before the survey starts."""
    tweets = read_table(folder / "series" / "twitter_emotion_daily_by_country.csv.gz")
    share = pl.col("n").cast(pl.Float64) / pl.col("total").cast(pl.Float64)
    own = tweets.filter(pl.col("country") == "Australia", pl.col("emotion") == "anxiety")
    file = scratch / "au.csv"
    own.select(time_value="date", value=share).write_csv(file)
    try:
        align(
            by_week(path, state=STATES[0], measure="anxiety", scratch=scratch), read_signal(file, columns={})
        )
    except InputError as error:
        return f"Australian tweets of anxiety: {error.message}"
    return "Australian tweets of anxiety: overlap"


def forum_words(folder: Path, *, measure: str) -> pl.DataFrame:
    """Share of people with a word of the measure, by day: one person, one vote, identical posts once."""
    posts = read_table(folder / "posts" / "reddit_mental_health_en.csv.gz")
    posts = posts.select(
        "author", pl.col("publishing_date").str.to_date().alias("time_value"), text="body"
    ).unique(maintain_order=True)
    span = pl.col("time_value").is_between(pl.date(2020, 3, 1), pl.date(2021, 12, 31))
    posts = posts.filter(span & pl.col("text").is_not_null()).with_columns(lang=pl.lit("en"))
    scores = make_scorer("lexicon", threads=1).score(posts.select("text", "lang"))
    hit = posts.with_columns(hit=scores[measure] > 0).drop_nulls("hit")
    people = hit.group_by("author", "time_value").agg(pl.col("hit").any().cast(pl.Float64))
    days = people.group_by("time_value").agg(value=pl.col("hit").mean(), n=pl.len().cast(pl.Float64))
    return days.sort("time_value")


# ------------------------------------------------------------------------------------------- simulations


def drift(n: int, *, phi: float, rng: np.random.Generator, pairs: int = 1) -> np.ndarray:
    """Stationary AR(1) series, unit innovations: shape (pairs, n)."""
    return lfilter([1.0], [1.0, -phi], rng.standard_normal((pairs, n + 300)), axis=1)[:, 300:]


def simulations() -> list[str]:
    """Tables of coverage and of false positives, as lines of the page."""
    lines = [
        "| n | φ | true r | Pearson covers | mean width | Spearman covers |",
        "|---|---|---|---|---|---|",
    ]
    for n in (26, 52, 104, 365):
        for phi in (0.0, 0.5, 0.8, 0.95):
            for rho in (0.0, 0.6):
                lines.append(coverage(n, phi=phi, rho=rho))
    lines += ["", "| n | lags | φ | survey noise | p ≤ .05 |", "|---|---|---|---|---|"]
    for n, reach in ((26, 4), (52, 4), (104, 4), (365, 14)):
        for phi in (0.0, 0.5, 0.8, 0.95):
            for noise in (0.0, 1.0):
                lines.append(false_positives(n, reach=reach, phi=phi, noise=noise))
    return lines


def coverage(n: int, *, phi: float, rho: float) -> str:
    rng = np.random.default_rng(11)
    true = {False: rho, True: 6.0 / np.pi * np.arcsin(rho / 2.0)}
    held, width = {False: 0, True: 0}, 0.0
    for seed in range(REPEATS):
        noise = lfilter([1.0], [1.0, -phi], correlated(n + 300, rho=rho, rng=rng), axis=1)[:, 300:]
        for ranks in (False, True):
            found = correlation(noise[0], noise[1], ranks=ranks, resamples=200, seed=seed)
            assert found is not None
            assert found.low is not None
            assert found.high is not None
            held[ranks] += found.low <= true[ranks] <= found.high
            width += 0.0 if ranks else found.high - found.low
    shares = {ranks: held[ranks] / REPEATS for ranks in held}
    return f"| {n} | {phi} | {rho} | {shares[False]:.3f} | {width / REPEATS:.2f} | {shares[True]:.3f} |"


def correlated(n: int, *, rho: float, rng: np.random.Generator) -> np.ndarray:
    drawn = rng.standard_normal((2, n))
    drawn[1] = rho * drawn[0] + np.sqrt(1 - rho**2) * drawn[1]
    return drawn


def false_positives(n: int, *, reach: int, phi: float, noise: float) -> str:
    rng, wrong = np.random.default_rng(13), 0
    for seed in range(REPEATS):
        signal, survey = drift(n + 2 * reach, phi=phi, rng=rng)[0], drift(n, phi=phi, rng=rng)[0]
        survey = survey + noise * survey.std() * rng.standard_normal(n)
        chance = Chance(surrogates=199, seed=seed)
        found = scan(survey, signal, lags=range(-reach, reach + 1), reach=reach, minimum=10, chance=chance)
        wrong += found is not None and found.p_value <= 0.05
    return f"| {n} | ±{reach} | {phi} | {noise:.0f} | {wrong / REPEATS:.3f} |"


# ------------------------------------------------------------------------------------------- the page


def cell(rows: pl.DataFrame, statistic: str, *, part: str = "all", of: str = "level") -> str:
    own = rows.filter(pl.col("statistic") == statistic, pl.col("part") == part, pl.col("of") == of)
    if own.is_empty():
        return "–"
    row = own.row(0, named=True)
    text = f"{row['value']:.2f}"
    if row["low"] is not None:
        text += f" [{row['low']:.2f}, {row['high']:.2f}]"
    if "lag" in statistic:
        text += f" at {row['lag']:+d}"
    return text + (f", p {row['p_value']:.3f}" if row["p_value"] is not None else "")


def table(frames: list[pl.DataFrame]) -> list[str]:
    """Two tables: agreement over all periods; the second part, with what a trivial guess does."""
    lines = [
        "| signal | survey | n (worth) | levels, r | levels, ρ | changes, r | ceiling | strongest lag |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rows in frames:
        first = rows.row(0, named=True)
        whole = rows.filter(statistic="pearson", part="all", of="level").row(0, named=True)
        cells = [cell(rows, "pearson"), cell(rows, "spearman"), cell(rows, "pearson", of="change")]
        cells += [cell(rows, "noise_ceiling"), cell(rows, "strongest_lag")]
        name = f"{first['item']}, {first['group']}"
        worth = f"{whole['n']} ({whole['n_effective']:.0f})"
        lines.append(f"| {first['signal']} | {name} | {worth} | {' | '.join(cells)} |")
    lines += [
        "",
        "| signal | survey | first part, r | second, r, same period | second, r, chosen lag | second, changes, same "
        "period | second: survey's last value, r | beyond it, all | error / first mean | error / last value | error / "
        "line |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for rows in frames:
        first = rows.row(0, named=True)
        cells = [cell(rows, "pearson", part="first"), cell(rows, "pearson", part="second")]
        cells += [cell(rows, "pearson_at_chosen_lag", part="second")]
        cells += [cell(rows, "pearson", part="second", of="change")]
        cells += [cell(rows, "last_value", part="second"), cell(rows, "pearson_beyond_last_value")]
        cells += [
            cell(rows, f"error_against_{rival}", part="second")
            for rival in ("first_mean", "last_value", "trend")
        ]
        lines.append(f"| {first['signal']} | {first['item']}, {first['group']} | {' | '.join(cells)} |")
    return lines


def write_page(made: Made, *, simulated: list[str] | None) -> None:
    british = [rows for rows in made.rows if rows["survey"][0].startswith("British")]
    others = [rows for rows in made.rows if not rows["survey"][0].startswith("British")]
    ends = [name for name in made.windows[0] if name[0] in "+-"]
    windows = [
        f"| {row['signal']} | {row['survey']} | {row['reported']:.2f} | {row['calm']:.2f} | "
        + " | ".join(f"{row[end]:.2f}" for end in ends)
        + " |"
        for row in made.windows
    ]
    span = british[0].filter(part="all")["first_day"][0], british[0].filter(part="all")["last_day"][0]
    cut = british[0].filter(part="second")["first_day"][0]
    before = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    old = before.split(SIMULATED, 1)[1].strip("\n") if SIMULATED in before else ""
    lines = [
        "# Signals against surveys", "",
        "Written by `benchmarks/survey_validity.py`; what the figures mean stands in `docs/survey-validity.md`. Square "
        "brackets: 95 % intervals. The lag of the second part was chosen in the first (0 is the same week).", "",
        "## Britain: a weekly mood survey and the UK's Twitter", "",
        f"{span[0]} to {span[1]}; second part from {cut}. The week is the seven days that end on the survey's date, a "
        "Thursday: its question is about the past week, and the file does not say on which days it was asked. Other "
        "windows, which had been seen too, stand below. The first four pairs were named beforehand, the other four "
        "are all that the series has words for. The second part holds the spring of 2020.", "",
        *table(british), "",
        "What r would be had the seven days ended so many days after the date. *Reported* is what others found with "
        "the same series; no one window gives all four. *Calm*: at +0, without the eight weeks that ended from "
        "12 March to 30 April 2020.", "",
        f"| signal | survey | reported | calm | {' | '.join(ends)} |",
        "|---|---|---|---|" + "---|" * len(ends), *windows, "",
        "## Australia: a daily survey, by state, and what there is", "",
        *[f"* {line}" for line in made.lines],
        "* So the signal is another one: English posts of six mental-health forums, from all countries. It is the "
        "wrong population; agreement would have been a surprise.", "",
        *table(others), "",
        "As a check that the survey can agree with anything: one state against the other.", "",
        *table(made.control), "",
        SIMULATED, "",
        *(simulated if simulated is not None else [old]),
    ]  # fmt: skip
    PAGE.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")


SIMULATED = f"""## Do the intervals and p-values hold?

{REPEATS} made-up pairs each: first-order autoregressions with coefficient φ, 200 resamples or surrogates (a run uses
1,000). Intervals should cover the true r in 95 %, p should be .05 or less in 5 % of pairs that have nothing in common.
Survey noise 1: sampling error as large as the survey's own variation."""


if __name__ == "__main__":
    main()
