"""Unexpected errors without their messages, which may quote data. Not for errors a user can act on."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.config import DEBUG_VARIABLE, debug
from warehouse.errors import AffectcastError, UnexpectedError


@contextmanager
def withheld() -> Iterator[None]:
    """Let errors for the user and of the operating system pass; replace every other by where it happened.

    Orchestrators and logs print whole exceptions, so this stands around everything they call.
    """
    try:
        yield
    except (AffectcastError, OSError):
        raise
    except Exception as error:
        if debug():
            raise
        raise UnexpectedError(_where(error)) from None


def said(error: AffectcastError | OSError) -> str:
    """An error in words that are safe to log."""
    if isinstance(error, AffectcastError):
        return error.message
    return (
        f"the system refused: {error.strerror or type(error).__name__}: {error.filename or 'no file named'}."
    )


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    path = " < ".join(f"{'/'.join(f.filename.rsplit('/', 2)[-2:])}:{f.lineno}" for f in reversed(frames[-4:]))
    return (
        f"unexpected {type(error).__name__} at {path}. Its message is withheld because it may quote data. "
        f"Nothing half-written was kept. Please report this line; {DEBUG_VARIABLE}=1 shows the whole traceback."
    )
