"""Runs a night under Prefect in a process of its own, in which something goes wrong after a stage. For the tests only.

`lose:STAGE` kills the server; `hang:STAGE` takes longer than a stage may.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from warehouse.config import load_config, quiet_environment

quiet_environment()

from prefect.server.api.server import SubprocessASGIServer  # noqa: E402 (after the environment is quiet)

from flows.nightly import Stage  # noqa: E402
from flows.orchestrate import nightly_flow  # noqa: E402
from flows.stages import Run  # noqa: E402
from warehouse.errors import AffectcastError  # noqa: E402
from warehouse.store import Receipt  # noqa: E402

HANG_SECONDS = 60
_what, _, _where = sys.argv[2].partition(":")


def _around(name: str, stage: Stage) -> Stage:
    def call(run: Run) -> Receipt:
        receipt = stage(run)
        if (name, _what) == (_where, "lose"):
            (server,) = SubprocessASGIServer._instances.values()
            os.kill(server.server_process.pid, signal.SIGKILL)
        if (name, _what) == (_where, "hang"):
            time.sleep(HANG_SECONDS)
        return receipt

    return call


def main() -> None:
    config = load_config(Path(sys.argv[1]))
    if _what == "hang":
        # Shorter than the configuration allows: 30 seconds.
        schedule = config.schedule.model_copy(update={"stage_timeout_minutes": 0.5})
        config = config.model_copy(update={"schedule": schedule})
    assert config.run.as_of is not None
    code = 0
    try:
        nightly_flow(Run(config=config, issue=config.run.as_of), around=_around)
    except AffectcastError as error:
        sys.stderr.write(f"SAID {error.message}\n")
        code = 1
    if _what == "lose":
        # Prefect would go on for minutes trying to tell the dead server what happened.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
