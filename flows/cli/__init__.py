"""`affectcast`: parses, calls, prints, and handles errors in one place. No logic and no statistics."""

from __future__ import annotations

import sys
import traceback

from warehouse.config import DEBUG_VARIABLE, debug, quiet_environment
from warehouse.errors import AffectcastError

quiet_environment()

from flows.cli.app import app  # noqa: E402 (after the environment is quiet)
from flows.cli.output import tell_error  # noqa: E402


def main() -> None:
    """Run a command; exit codes as in `warehouse/errors.py`, 1 for anything unexpected."""
    try:
        app()
    except AffectcastError as error:
        tell_error(error.message)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        tell_error("stopped. Run the same command again to go on where it stopped.")
        sys.exit(130)
    except Exception as error:
        if debug():
            raise
        tell_error(_unexpected(error))
        sys.exit(1)


def _unexpected(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(
        f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno}" for frame in reversed(frames[-4:])
    )
    return (
        f"unexpected {type(error).__name__} at {where}. Its message is withheld because it may quote data. "
        f"Nothing half-written was kept. Please report this line; {DEBUG_VARIABLE}=1 shows the whole traceback."
    )
