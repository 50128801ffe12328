"""Runs a night in a process of its own and kills it, hard, at a chosen point. Used by the tests only."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from flows.nightly import Stage, run_nightly
from flows.stages import Run
from warehouse.config import load_config
from warehouse.store import Receipt


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(config_path: str, point: str) -> None:
    """`point` is after:STAGE, batch:N (in ingest), chunk:N (in scoring), words:N (in counting terms)
    or never."""
    where, _, what = point.partition(":")
    seen = {"batch": 0, "chunk": 0, "words": 0}
    kinds = {"score": "chunk", "words": "words"}

    def tell(label: str, _count: int) -> None:
        kind = kinds.get(label.split()[0], "batch")
        seen[kind] += 1
        if where == kind and seen[kind] == int(what):
            _die()

    def around(name: str, stage: Stage) -> Stage:
        def call(run: Run) -> Receipt:
            receipt = stage(run)
            if (where, what) == ("after", name):
                _die()
            return receipt

        return call

    config = load_config(Path(config_path))
    assert config.run.as_of is not None
    run_nightly(Run(config=config, issue=config.run.as_of, tell=tell), around=around)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
