"""The address of a DuckLake's catalogue: refused with a password in it, and named in messages without user or options.

Not for connecting: PostgreSQL's client reads the whole address, and finds the password elsewhere.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

PREFIX = "postgres:"
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:@/?#,\[\]]*)(?::\d+)?"
# Nothing but a user's name may stand before the at sign, and no other at sign anywhere.
_URL = re.compile(
    rf"postgres(?:ql)?://(?:[^\s:@/?#]+@)?(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<dbname>[^\s:@/?#]*))?"
    r"(?:\?(?P<options>[^\s@#]*))?"
)
_PAIR = re.compile(r"(?<!\S)(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)+)(?=\s|$)")
_SECRET = re.compile(r"(?i)(?:passw|secret|client_key|server_key)\w*\s*=")
_NAMED = ("host", "port", "dbname")


def check_address(catalogue: str) -> None:
    """`ValueError`, which quotes nothing, where this is no address of PostgreSQL or may hold a password."""
    given = catalogue.removeprefix(PREFIX).strip()
    if _SECRET.search(unquote(given)) or ("://" in given and not _URL.fullmatch(given)):
        raise ValueError("a password is never in here: put it where PGPASSFILE says, or into PGPASSWORD")
    if not catalogue.startswith(PREFIX) or _settings(given) is None:
        raise ValueError(f'catalogue must be "{PREFIX}host=… dbname=… user=…" with kind = "ducklake"')


def shown(catalogue: str) -> str:
    """What messages call the catalogue: its host, port and database, and nothing else of the address."""
    known = _settings(catalogue.removeprefix(PREFIX).strip()) or {}
    return PREFIX + (
        " ".join(f"{key}={known[key]}" for key in _NAMED if key in known) or "the default database"
    )


def _settings(given: str) -> dict[str, str] | None:
    """The settings of an address; None where it is none."""
    url = _URL.fullmatch(given)
    if url:
        hosts = url["hosts"].split(",")
        bare = [re.sub(r":\d+$", "", host) for host in hosts]
        ports = [host.removeprefix(name).removeprefix(":") for host, name in zip(hosts, bare, strict=True)]
        found = {"host": ",".join(bare), "port": ",".join(ports).strip(","), "dbname": url["dbname"] or ""}
        return {key: value for key, value in found.items() if value}
    if _PAIR.sub("", given).strip():
        return None
    values = {key: value.removeprefix("'").removesuffix("'") for key, value in _PAIR.findall(given)}
    return {key: re.sub(r"\\(.)", r"\1", value) for key, value in values.items()} or None
