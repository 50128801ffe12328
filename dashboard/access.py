"""Who may open the dashboard, and who may answer alerts, from what the identity provider says of a person.

Not for drawing (`sign_in.py`), and not for proving who somebody is: the provider and Streamlit do that.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import streamlit as st

from warehouse.config import DashboardConfig, load_config, provider_address
from warehouse.translation import mark

NOT_SIGNED_IN = mark("Sign in to see this dashboard.")
TOO_LONG_AGO = mark("You signed in too long ago. Sign in again.")
NO_ROLE = mark("You are signed in, but you have no access here. Ask whoever runs this dashboard.")
UNVERIFIED = mark(
    "You are signed in, but your provider has not verified an e-mail address of yours, so you have no access here. "
    "Ask whoever runs this dashboard."
)
CLOCKS_DIFFER_SECONDS = 300
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who may read; an analyst may also answer alerts. `name` is empty where nobody signs in."""

    role: Literal["viewer", "analyst"]
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why somebody may not read, as a marked text. `known`: is somebody signed in, who could sign out."""

    why: str
    known: bool = False


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The settings in force since the server started, and where the provider describes itself."""

    config: DashboardConfig
    provider: str = ""


def rules(config: Path | None) -> Rules:
    """The rules of a configuration file; without one nobody needs to sign in. `ConfigError` where they cannot hold."""
    return Rules(config=DashboardConfig()) if config is None else _rules(str(config))


@st.cache_resource(max_entries=2, show_spinner=False)
def _rules(path: str) -> Rules:
    config = load_config(Path(path)).dashboard
    return Rules(config=config, provider=provider_address(config.secrets) if config.sign_in else "")


def current(config: Path | None) -> Person | Refusal:
    """The person of this session. `ConfigError` where nobody can be judged."""
    return _judged(st.user.to_dict(), rules=rules(config).config)


def _judged(claims: Mapping[str, object], *, rules: DashboardConfig) -> Person | Refusal:
    if not rules.sign_in:
        return Person(role="analyst")
    if _sign_in_of(claims) in _ended():
        return Refusal(why=NOT_SIGNED_IN)
    return judge(claims, rules=rules, now=dt.datetime.now(dt.UTC).timestamp())


def guarded(make: Callable[[], T], *, config: Path | None) -> Callable[[], T]:
    """`make`, which raises `PermissionError` once the person of this session may no longer read.

    For what is made when a button is pressed, long after its page was drawn.
    """
    claims, held = st.user.to_dict(), rules(config).config

    def made() -> T:
        found = _judged(claims, rules=held)
        if isinstance(found, Refusal):
            raise PermissionError(found.why)
        return make()

    return made


def end(claims: Mapping[str, object]) -> None:
    """End a sign-in everywhere: other tabs of the browser keep its claims until they are loaded again."""
    _ended().add(_sign_in_of(claims))


@st.cache_resource(show_spinner=False)
def _ended() -> set[str]:
    return set()


def _sign_in_of(claims: Mapping[str, object]) -> str:
    """A name for one sign-in: its claims hold when it was."""
    return hashlib.sha256(json.dumps(claims, sort_keys=True, default=str).encode()).hexdigest()


def may_answer(config: Path | None) -> bool:
    """Whether the person of this session may say something about an alert."""
    found = current(config)
    return isinstance(found, Person) and found.role == "analyst"


def judge(claims: Mapping[str, object], *, rules: DashboardConfig, now: float) -> Person | Refusal:
    """What the signed claims about a person allow, at `now` (seconds since 1970). Nothing is assumed of them."""
    if claims.get("is_logged_in") is not True:
        return Refusal(why=NOT_SIGNED_IN)
    if not _recent(claims.get("iat"), hours=rules.hours, now=now):
        return Refusal(why=TOO_LONG_AGO)
    email = verified_email(claims)
    if rules.allowed_domains and (email is None or email.partition("@")[2] not in rules.allowed_domains):
        return Refusal(why=UNVERIFIED if email is None else NO_ROLE, known=True)
    roles = _claimed(claims.get(rules.role_claim)) if rules.role_claim else set()
    if "analyst" in roles or (email is not None and email in rules.analysts):
        return Person(role="analyst", name=email or "")
    if "viewer" in roles or (email is not None and rules.default_role == "viewer"):
        return Person(role="viewer", name=email or "")
    return Refusal(why=UNVERIFIED if email is None else NO_ROLE, known=True)


def verified_email(claims: Mapping[str, object]) -> str | None:
    """The address in small letters, if the provider says that it has verified it."""
    address, verified = claims.get("email"), claims.get("email_verified")
    # Some providers write it as text.
    if not isinstance(address, str) or not (verified is True or verified == "true"):
        return None
    # Beyond ASCII two addresses can look, or be lowered to be, the same.
    plain = address.isascii() and address.isprintable() and " " not in address and address.count("@") == 1
    return address.lower() if plain and not address.startswith("@") else None


def _recent(issued: object, *, hours: int, now: float) -> bool:
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        return False
    return -CLOCKS_DIFFER_SECONDS <= now - issued <= hours * 3600


def _claimed(value: object) -> set[str]:
    """The roles that a claim names: a text, or a list of texts."""
    if isinstance(value, str):
        return {value}
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()
