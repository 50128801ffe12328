"""`affectcast`: parses, calls, prints, and handles errors in one place. No logic and no statistics."""

from __future__ import annotations

import sys

from warehouse.config import debug, quiet_environment
from warehouse.errors import AffectcastError

quiet_environment()

from flows.cli.app import app  # noqa: E402 (after the environment is quiet)
from flows.cli.output import tell_error  # noqa: E402
from flows.failures import said, withheld  # noqa: E402


def main() -> None:
    """Run a command; exit codes as in `warehouse/errors.py`, 1 for anything unexpected."""
    try:
        with withheld():
            app()
    except AffectcastError as error:
        tell_error(said(error))
        sys.exit(error.exit_code)
    except OSError as error:
        if debug():
            raise
        tell_error(said(error))
        sys.exit(1)
    except KeyboardInterrupt:
        tell_error("stopped. Run the same command again to go on where it stopped.")
        sys.exit(130)
