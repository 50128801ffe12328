"""What comes from the environment: the pseudonym key, credentials, addresses, debugging. Its only reader."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from pydantic import SecretStr

from warehouse.config.sections import Config
from warehouse.errors import ConfigError

SECRET_VARIABLE = "AFFECTCAST_SECRET"
DEBUG_VARIABLE = "AFFECTCAST_DEBUG"
NOTIFY_VARIABLE = "AFFECTCAST_NOTIFY_URLS"
DEMO_KEY = b"affectcast demo key: public, protects nobody"
MIN_SECRET_BYTES = 16


def load_secret(config: Config) -> tuple[bytes, str]:
    """The key behind every pseudonym, and a sentence on where it came from ('' when nothing is new).

    From the environment, else from a 0600 file beside the warehouse that is made on first use.
    The demo has a fixed public key, which every other configuration refuses.
    """
    if config.run.demo:
        return DEMO_KEY, ""
    given = os.environ.get(SECRET_VARIABLE)
    if given is not None:
        return _checked_secret(os.fsencode(given), where=f"environment variable {SECRET_VARIABLE}"), ""
    path = secret_path(config)
    if not path.exists() and _make_secret(path):
        return _read_secret(path), f"made a new pseudonym key in {path}: keep it with your backups"
    return _read_secret(path), ""


def has_secret(config: Config) -> bool:
    """Whether there is a key already, so that none would have to be made."""
    return config.run.demo or SECRET_VARIABLE in os.environ or secret_path(config).exists()


def secret_path(config: Config) -> Path:
    """Where the key file lies: beside the warehouse."""
    return config.paths.warehouse.with_suffix(".key")


def _make_secret(path: Path) -> bool:
    """Write a new key; False when another process was first."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            os.fsync(file.fileno())
        _keep_names(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}). Check [paths] warehouse."
        ) from error
    return True


def _keep_names(folder: Path) -> None:
    """Wait until a new name in a folder would survive a power cut: nothing may be hashed with a key that is lost."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def add_secret(config: Config) -> None:
    """Add a new key as the last line of the key file, which is written whole or not at all."""
    path = secret_path(config)
    keys = _read_secret(path) + b"\n" + secrets.token_hex(32).encode()
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(keys)
            os.fsync(file.fileno())
        fresh.replace(path)
        _keep_names(path.parent)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}). Check [paths] warehouse."
        ) from error


def secret_from_environment() -> bool:
    """Whether the key comes from the environment rather than from its file."""
    return SECRET_VARIABLE in os.environ


def _read_secret(path: Path) -> bytes:
    try:
        return _checked_secret(path.read_bytes(), where=str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error


def _checked_secret(given: bytes, *, where: str) -> bytes:
    """The keys, one a line, without surrounding blanks, so that they are the same in a file and in the environment."""
    keys = [line.strip() for line in given.strip().splitlines() if line.strip()] or [b""]
    key = b"\n".join(keys)
    if DEMO_KEY in keys:
        raise ConfigError(f"{where}: this is the public demo key. Use a secret of your own, or remove it.")
    shortest = min(map(len, keys))
    if shortest < MIN_SECRET_BYTES:
        raise ConfigError(
            f"{where}: the key has {shortest} bytes; at least {MIN_SECRET_BYTES} are needed. Restore it from a "
            "backup; remove it only if no post has been ingested with it, because pseudonyms depend on it."
        )
    return key


def notify_urls() -> tuple[str, ...]:
    """Where notices go, from the environment because these addresses hold tokens."""
    return tuple(url.strip() for url in os.environ.get(NOTIFY_VARIABLE, "").split(",") if url.strip())


def credential_names(source: str, key: str) -> tuple[str, str]:
    """The variable that holds a credential of a source, and the one that names a file with it."""
    name = f"AFFECTCAST_{source}_{key}".upper()
    return name, f"{name}_FILE"


def credential(source: str, key: str) -> SecretStr | None:
    """A credential of a source from the environment, or from a file that only its owner may read; None without one.

    It shows itself neither in a log nor in an error.
    """
    name, file_name = credential_names(source, key)
    given = os.environ.get(name, "").strip()
    if given:
        return SecretStr(given)
    path = os.environ.get(file_name)
    if not path:
        return None
    try:
        mode, text = Path(path).stat().st_mode, Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file_name}: {path} cannot be read ({type(error).__name__}).") from None
    if mode & stat.S_IRWXO:
        raise ConfigError(f"{path}: everybody on this machine may read it. Run `chmod 600 {path}`.")
    if not text:
        raise ConfigError(f"{path}: is empty. Put the credential into it, and nothing else.")
    return SecretStr(text)


def object_storage_address() -> str:
    """Where an object storage other than Amazon's answers, as its clients are told; '' for Amazon's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")


def debug() -> bool:
    """Whether unexpected errors show their whole traceback, which may quote data."""
    return os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}


# Usage reporting of the libraries below is off, before any of them is imported.
QUIET_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    # It complains of how its own library calls it.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "NIXTLA_ID_AS_COL": "1",
    "TQDM_DISABLE": "1",
    "NNCF_CI": "1",
}


def json_logs() -> None:
    """The orchestrator, once it is imported, logs JSON objects as well."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER", "json")


def quiet_environment() -> None:
    """Turn off usage reporting of every library, unless the user has set a variable already."""
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
