"""A PostgreSQL of a test's own: on loopback, in a temporary folder, stopped at the end. Used by the tests only."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "a password that nobody may read"


@dataclass(frozen=True)
class Server:
    """A running server: its superuser is `affectcast`, who needs the password; `folder` holds its data and log."""

    folder: Path
    port: int
    binaries: Path
    user: str | None

    def conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} dbname={database} user=affectcast"

    def url(self, driver: str) -> str:
        """As SQLAlchemy wants it, with the password."""
        return f"{driver}://affectcast:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/postgres"

    def call(self, *arguments: str) -> None:
        """One of PostgreSQL's own programs, as the user that it runs as."""
        subprocess.run(
            [str(self.binaries / arguments[0]), *arguments[1:]],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, user=self.user, cwd=self.folder, timeout=120,
        )  # fmt: skip

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        log, data = str(self.folder / "log"), str(self.folder / "data")
        self.call("pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start")

    def stop(self) -> None:
        self.call("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def make_database(self, name: str) -> None:
        subprocess.run(
            [str(self.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "affectcast", name],
            check=True, timeout=60, env=os.environ | {"PGPASSWORD": PASSWORD},
        )  # fmt: skip


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """Start one; the test is skipped where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    binaries = found[-1].parent if found else Path(on_path).parent if on_path else None
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (no pg_ctl in /usr/lib/postgresql or on PATH)")
    folder = Path(tempfile.mkdtemp(prefix="affectcast-pg-"))
    server = Server(folder=folder, port=_free_port(), binaries=binaries, user=_user())
    if server.user:
        shutil.chown(folder, server.user)
    secret = folder / "secret"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o644)
    try:
        server.call(
            "initdb", "-D", str(folder / "data"), "-U", "affectcast", "--auth=scram-sha-256",
            f"--pwfile={secret}", "--no-sync",
        )  # fmt: skip
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                server.stop()
    finally:
        shutil.rmtree(folder)


def _user() -> str | None:
    """It refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
