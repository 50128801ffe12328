"""What a night costs on a DuckDB file and on a DuckLake: the same made-up posts, first night and one more, in turns.

    python benchmarks/warehouse_kinds.py "host=… port=… user=… dbname=…" [rounds]      (default 3 rounds)

The connection is to a PostgreSQL server on which databases may be made; a password comes from PGPASSFILE or PGPASSWORD.
Prints a Markdown table of seconds by the clock and of this process's CPU seconds, medians over the rounds, per stage.
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from flows.nightly import run_nightly
from flows.stages import Run
from warehouse.config import Config, load_config, parse_config
from warehouse.synthetic import DEMO, write_sample

DEMO_TOML = Path(__file__).parents[1] / "flows" / "demo.toml"
SEED = 7
Cost = dict[str, tuple[float, float]]


def config_in(folder: Path, *, posts: Path, **sections: object) -> Config:
    """The demo's configuration with paths of its own and models that take little time."""
    body = load_config(DEMO_TOML).model_dump(mode="json", exclude_unset=True)
    for source in body["sources"]:
        source["path"] = str(posts / Path(source["path"]).name)
    body["events"]["path"] = str(posts / "events.csv")
    body["paths"] = {
        name: str(folder / path)
        for name, path in {"warehouse": "state/w.duckdb", "published": "published", "exports": "x"}.items()
    }
    models = {"models": ["flat_line", "seasonal_naive"], "backtest_origins": 2, "horizon_days": 7}
    body |= {"score": {"scorers": ["lexicon"]}, "forecast": models, "contagion": {"permutations": 100}}
    return parse_config(body | sections, where="benchmark")


def cost_of_a_night(config: Config, *, issue: dt.date) -> Cost:
    """Seconds and CPU seconds of every stage, and of all."""
    began, cpu = time.perf_counter(), time.process_time()
    night = run_nightly(Run(config=config, issue=issue))
    whole = (time.perf_counter() - began, time.process_time() - cpu)
    return {receipt.stage: (receipt.seconds, 0.0) for receipt in night.receipts} | {"all": whole}


def main(server: str, rounds: int) -> None:
    costs: dict[tuple[str, str], list[Cost]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        posts = Path(scratch) / "posts"
        posts.mkdir()
        written = write_sample(posts, seed=SEED, spec=DEMO)
        print(f"{sum(written.records.values()):,} records", file=sys.stderr)
        warm = config_in(Path(scratch) / "warm", posts=posts)
        assert warm.run.as_of is not None
        # Not counted: what is compiled once per process is compiled here.
        run_nightly(Run(config=warm, issue=warm.run.as_of))
        for number in range(rounds):
            name = f"affectcast_benchmark_{os.getpid()}_{number}"
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}"')
            lake = {
                "kind": "ducklake",
                "catalogue": f"postgres:{make_conninfo(server, dbname=name)}",
                "data": f"{scratch}/{name}",
            }
            kinds: dict[str, dict[str, object]] = {"duckdb": {}, "ducklake": {"warehouse": lake}}
            for kind, sections in kinds.items():
                config = config_in(Path(scratch) / f"{kind}-{number}", posts=posts, **sections)
                assert config.run.as_of is not None
                for which, days in (("first", 0), ("next", 1)):
                    cost = cost_of_a_night(config, issue=config.run.as_of + dt.timedelta(days=days))
                    costs.setdefault((kind, which), []).append(cost)
                    print(f"{number} {kind} {which}: {cost['all'][0]:.1f} s", file=sys.stderr)
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    print(table(costs))


def table(costs: dict[tuple[str, str], list[Cost]]) -> str:
    """Medians, a row a stage."""

    def median(kind: str, which: str, stage: str, part: int = 0) -> float:
        return statistics.median(cost[stage][part] for cost in costs[kind, which] if stage in cost)

    lines = ["| | DuckDB, first | DuckLake, first | DuckDB, next | DuckLake, next |", "|---|---|---|---|---|"]
    pairs = [(kind, which) for which in ("first", "next") for kind in ("duckdb", "ducklake")]
    for stage in costs["ducklake", "first"][0]:
        found = [f"{median(*pair, stage):.1f}" if stage in costs[pair][0] else "" for pair in pairs]
        lines.append(f"| {stage} | {' | '.join(found)} |")
    cpu = [f"{median(*pair, 'all', 1):.1f}" for pair in pairs]
    return "\n".join([*lines, f"| CPU of this process | {' | '.join(cpu)} |"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3)
