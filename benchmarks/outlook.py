"""What the chance of an unusual high, and alarms on it, are worth on real series: every day of the last third.

Run from the repository with `../shared/data` beside it: `python benchmarks/outlook.py`. Prints the table of
`benchmarks/results/outlook.md`. The chance from which alarms are raised is chosen on the days before.
"""

from __future__ import annotations

import time

import numpy as np
from forecasts import SETS, Set

from forecasting.files import EVERYTHING, _read
from forecasting.peaks.judge import alarms, best_least, calendar_f1, matched, onsets, random_f1
from forecasting.peaks.nightly import ALARM_STEPS, LEAST_ONSETS, QUIET, STEPS
from forecasting.peaks.outlook import LEAST_HISTORY, outlook

HEAD = (
    "| set | horizon | series | better Brier than the base rate | Brier | base rate's | judged with alarms | F1 | "
    "random | calendar | at least .20 and .10 above | precision | recall | median lead |"
)


def row(panel: Set, *, steps: int) -> str:
    """One line of the table."""
    matrix = _read(
        panel.read().drop_nulls("value"),
        as_of=None,
        frequency=panel.frequency,
        kind=panel.kind,
        periods=EVERYTHING,
    ).matrix
    made = outlook(
        matrix, origins=matrix.periods - LEAST_HISTORY // 2, steps=STEPS[panel.frequency], lag=1, seed=1
    )
    third = matrix.periods // 3
    past, judged = slice(0, made.raw.shape[1] - third), slice(made.raw.shape[1] - third, None)
    chance, base, happened = (part[:, :, steps - 1] for part in (made.chance, made.base, made.happened))
    least = best_least(
        chance[:, past], above=made.above[:, past], steps=steps, lag=1, quiet=QUIET[panel.frequency]
    )
    brier, alarmed = [], []
    for i in range(len(chance)):
        known = ~np.isnan(happened[i, judged])
        if known.any():
            errors = [
                np.mean((p[i, judged][known] - happened[i, judged][known]) ** 2) for p in (chance, base)
            ]
            brier.append(errors)
        begins = onsets(made.above[i, judged], quiet=QUIET[panel.frequency])
        if len(begins) < LEAST_ONSETS:
            continue
        raised = alarms(chance[i, judged], least=least, begins=begins, steps=steps, lag=1)
        told = {"begins": begins, "steps": steps, "lag": 1}
        hits = matched(raised, **told)
        by_chance = random_f1(~np.isnan(chance[i, judged]), count=len(raised), seed=1, **told)
        by_plan = calendar_f1(third, count=len(raised), **told)
        lead = float(np.median(hits.leads)) if hits.leads else np.nan
        alarmed.append([hits.f1, by_chance, by_plan, hits.precision, hits.recall, lead])
    b, a = np.array(brier), np.array(alarmed)
    if not len(b):
        return f"| {panel.name} | {steps} {panel.frequency}s | 0 |" + " – |" * 10
    told = f"| {panel.name} | {steps} {panel.frequency}s | {len(b)} | {np.mean(b[:, 0] < b[:, 1]):.0%} "
    told += f"| {b[:, 0].mean():.3f} | {b[:, 1].mean():.3f} | {len(a)} |"
    if not len(a):
        return told + " – |" * 7
    clear = np.mean((a[:, 0] >= a[:, 1] + 0.2) & (a[:, 0] >= a[:, 2] + 0.1))
    means = " | ".join(f"{value:.2f}" for value in a[:, :3].mean(axis=0))
    precision, recall, lead = np.nanmean(a[:, 3]), a[:, 4].mean(), np.nanmedian(a[:, 5])
    return f"{told} {means} | {clear:.0%} | {precision:.2f} | {recall:.2f} | {lead:.0f} |"


def main() -> None:
    print(HEAD)
    print("|" + "---|" * (HEAD.count("|") - 1))
    start = time.perf_counter()
    for panel in SETS:
        steps = ALARM_STEPS[panel.frequency]
        print(row(panel, steps=steps), flush=True)
        if panel.frequency == "day":
            print(row(panel, steps=14), flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
