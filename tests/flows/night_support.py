"""Helpers for whole nights: a small one to run, every table dumped, the installed command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from flows.nightly import Night, run_nightly
from flows.stages import Run
from warehouse.config import Config, load_config, parse_config
from warehouse.store import open_store
from warehouse.synthetic import TINY, write_sample

REPOSITORY = Path(__file__).parents[2]
SEED = 7
CRASH = Path(__file__).parent / "crash.py"


def night(config: Config) -> Night:
    assert config.run.as_of is not None
    return run_nightly(Run(config=config, issue=config.run.as_of))


def dump(config: Config) -> dict[str, pl.DataFrame]:
    """Every table but the run records, without run ids, sorted."""
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        names = store.query(
            "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables ORDER BY 1"
        )["name"].to_list()
        return {
            name: store.query(f"SELECT * EXCLUDE (run_id) FROM {name} ORDER BY ALL")
            for name in names
            if name != "core.runs"
        }


def published(config: Config) -> dict[str, bytes]:
    root = config.paths.published
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def crash(config_path: Path, *, at: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", str(CRASH), str(config_path), at]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def affectcast(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The installed command, as a person would call it."""
    command = [str(Path(sys.executable).parent / "affectcast"), *arguments]
    environment = os.environ | {"PREFECT_HOME": str(cwd / "prefect")}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, cwd=cwd, env=environment
    )


def small_config(folder: Path, **overrides: object) -> Config:
    """A fast configuration on the tiny sample in `folder`, which is written there."""
    write_sample(folder, seed=SEED, spec=TINY)
    shipped = load_config(REPOSITORY / "flows" / "demo.toml").model_dump(mode="json", exclude_unset=True)
    files = {"posts_en.jsonl": "posts_en.jsonl", "posts_es.csv": "posts_es.csv"}
    for source in shipped["sources"]:
        source["path"] = str(folder / files[Path(source["path"]).name])
    shipped["events"]["path"] = str(folder / "events.csv")
    shipped |= {
        "run": {"as_of": "2024-01-21", "seed": SEED, "demo": True},
        "paths": {
            "warehouse": str(folder / "state" / "w.duckdb"),
            "published": str(folder / "published"),
            "exports": str(folder / "exports"),
        },
        "score": {"scorers": ["lexicon"], "chunk_posts": 500},
        "intake": {"batch_records": 400},
        "forecast": {
            "models": ["flat_line", "seasonal_naive", "auto_ets"],
            "backtest_origins": 2,
            "horizon_days": 7,
        },
        "contagion": {"permutations": 100},
        # A first run judges this many days after the fact: most of what a small night costs.
        "alerts": {"catch_up_days": 7},
        "words": {"weeks": 4, "weeks_together": shipped.get("words", {}).get("weeks_together", 1)},
    }
    return parse_config(shipped | overrides, where="test")


def write_toml(config: Config, path: Path) -> Path:
    """A configuration as a file, for tests that go through the command."""
    lines: list[str] = []
    for section, body in config.model_dump(mode="json", exclude_none=True).items():
        if section not in ("sources", "series"):
            lines += [f"[{section}]", *_keys(body)]
        for one in body if section in ("sources", "series") else ():
            lines += [f"[[{section}]]", *_keys({k: v for k, v in one.items() if not isinstance(v, dict)})]
            for name, part in one.items():
                if isinstance(part, dict) and part:
                    lines += [f"[{section}.{name}]", *_keys(part)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _keys(body: dict[str, object]) -> list[str]:
    return [f"{key} = {_value(key, value)}" for key, value in body.items()]


def _value(key: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(name)} = {_value('', item)}" for name, item in value.items()) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value("", item) for item in value) + "]"
    if isinstance(value, int | float) or key in {"as_of", "earliest"}:
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
