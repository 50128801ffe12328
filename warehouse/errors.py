"""Every error a user can meet, and the exit code each one means.

Not for programming mistakes: those stay ordinary exceptions and end with exit code 1.
A message says what is wrong, where, what was expected and what to do next. It never quotes a post.
"""

from __future__ import annotations


class AffectcastError(Exception):
    """Base of all errors that are the user's to act on."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnexpectedError(AffectcastError):
    """Something that should not happen; says where, never what the data was."""


class StoreError(AffectcastError):
    """The warehouse itself failed (full disk, memory limit, damaged file); trying again may help."""


class UsageError(AffectcastError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class ConfigError(AffectcastError):
    """A configuration file or an environment variable is wrong."""

    exit_code = 10


class InputError(AffectcastError):
    """A source file cannot be used at all, or not as configured."""

    exit_code = 11


class ContractError(AffectcastError):
    """A table breaks its contract."""

    exit_code = 12


class MissingModelError(AffectcastError):
    """A lexicon or a model is missing or is not the one that was published."""

    exit_code = 13


class DisclosureError(AffectcastError):
    """Something about to be published could single out people."""

    exit_code = 14


class BusyError(AffectcastError):
    """Another process holds the warehouse."""

    exit_code = 15
