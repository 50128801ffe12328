"""Checks the file of secrets that signs people in to the dashboard, without ever saying what it holds.

Not for signing in: Streamlit reads the same file and does that.
"""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from warehouse.errors import ConfigError

KEYS = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
MIN_COOKIE_SECRET = 32
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def provider_address(path: Path) -> str:
    """Where the identity provider describes itself, after a check of the whole file.

    Raises `ConfigError` where others may read the file or people could not be signed in with it.
    """
    auth = _auth(path)
    lacking = [key for key in KEYS if not isinstance(auth.get(key), str) or not auth[key]]
    if lacking:
        raise ConfigError(f"{path}: [auth] lacks {', '.join(lacking)}. See docs/dashboard.md.")
    if len(str(auth["cookie_secret"])) < MIN_COOKIE_SECRET:
        raise ConfigError(
            f"{path}: [auth] cookie_secret is shorter than {MIN_COOKIE_SECRET} characters: whoever guesses it can "
            "pretend to be anybody. Use `openssl rand -hex 32`."
        )
    for key in ("redirect_uri", "server_metadata_url"):
        _check_address(str(auth[key]), key=key, path=path)
    if not urlsplit(str(auth["redirect_uri"])).path.endswith("/oauth2callback"):
        raise ConfigError(f"{path}: [auth] redirect_uri must end with /oauth2callback.")
    return str(auth["server_metadata_url"])


def _auth(path: Path) -> dict[str, object]:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
        auth = tomllib.loads(text).get("auth")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}), but [dashboard] sign_in is on. See docs/dashboard.md."
        ) from error
    except ValueError as error:
        # What the parser says may quote the file.
        raise ConfigError(f"{path}: is not valid TOML.") from error
    if mode & stat.S_IRWXO:
        raise ConfigError(f"{path}: everybody on this machine may read it. Run `chmod 600 {path}`.")
    if not isinstance(auth, dict):
        raise ConfigError(f"{path}: has no section [auth]. See docs/dashboard.md.")
    return auth


def _check_address(address: str, *, key: str, path: Path) -> None:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise ConfigError(f"{path}: [auth] {key} is not an address.") from error
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not safe or not parts.hostname:
        raise ConfigError(f"{path}: [auth] {key} must start with https:// (http:// on this machine only).")
