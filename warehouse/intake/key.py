"""The key behind the pseudonyms, held against the warehouse they are in. Not for reading it from anywhere: see
`warehouse/config/environment.py`."""

from __future__ import annotations

import hashlib
import hmac

from warehouse.config import SECRET_VARIABLE, Config, load_secret, secret_path
from warehouse.config.environment import has_secret
from warehouse.errors import ConfigError
from warehouse.intake.privacy import hashed_again
from warehouse.opening import name_of
from warehouse.store import Store

CHECK = "key_check"
_MESSAGE = b"affectcast: is this the key?"


def key_check(secret: bytes) -> str:
    """What a warehouse remembers of its key: whether another one is the same, and nothing else.

    Made along the chain, as pseudonyms are: the same lines used as one key, or in another order, are another key.
    """
    first, *later = secret.splitlines()
    check = hmac.digest(first, _MESSAGE, hashlib.sha256).hex()[:32]
    for again in later:
        check = hashed_again(check, secret=again)
    return check


def unused_keys(secret: bytes, *, known: str) -> list[bytes]:
    """The last keys of a chain that a warehouse's pseudonyms were not hashed with yet; empty where the chain is not
    its own, or has none such."""
    keys = secret.splitlines()
    for used in range(1, len(keys)):
        if key_check(b"\n".join(keys[:used])) == known:
            return keys[used:]
    return []


def pseudonym_key(store: Store, *, config: Config) -> tuple[bytes, str]:
    """The key, and a sentence where it was made just now; `ConfigError` where it is not the warehouse's own.

    With another key the same person would be two, and an erased one would come back.
    """
    known = store.identity(CHECK)
    name = name_of(config.paths.warehouse, config=config.warehouse)
    where = f"environment variable {SECRET_VARIABLE} or {secret_path(config)}"
    if known is not None and not has_secret(config):
        raise ConfigError(
            f"{name}: the key behind its pseudonyms is not there. Expected it in {where}. Put it "
            "back; nothing was read."
        )
    secret, note = load_secret(config)
    if known is None:
        store.identify(CHECK, key_check(secret))
    elif unused_keys(secret, known=known):
        raise ConfigError(
            f"{name}: the key has got a line more than its pseudonyms were made with. Run "
            "`affectcast rekey`, which hashes them with it too; nothing was read."
        )
    elif known != key_check(secret):
        raise ConfigError(
            f"{name}: the key given is not the one its pseudonyms were made with. Expected that one "
            f"in {where}. Put it back; nothing was read."
        )
    return secret, note
