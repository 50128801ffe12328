"""A PostgreSQL for the tests of the second kind of warehouse."""

from tests.lake import make_lake, server

__all__ = ["make_lake", "server"]
