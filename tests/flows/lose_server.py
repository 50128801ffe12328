"""Runs a night under Prefect in a process of its own, whose server is killed after a stage. Used by the tests only."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from warehouse.config import load_config, quiet_environment

quiet_environment()

from prefect.server.api.server import SubprocessASGIServer  # noqa: E402 (after the environment is quiet)

from flows.nightly import Stage  # noqa: E402
from flows.orchestrate import nightly_flow  # noqa: E402
from flows.stages import Run  # noqa: E402
from warehouse.errors import AffectcastError  # noqa: E402
from warehouse.store import Receipt  # noqa: E402


def _around(name: str, stage: Stage) -> Stage:
    def call(run: Run) -> Receipt:
        receipt = stage(run)
        if name == sys.argv[2]:
            (server,) = SubprocessASGIServer._instances.values()
            os.kill(server.server_process.pid, signal.SIGKILL)
            sys.stderr.write("KILLED\n")
        return receipt

    return call


def main() -> None:
    config = load_config(Path(sys.argv[1]))
    assert config.run.as_of is not None
    try:
        nightly_flow(Run(config=config, issue=config.run.as_of), around=_around)
    except AffectcastError as error:
        sys.stderr.write(f"SAID {error.message}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
