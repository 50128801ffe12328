"""Runs the command while watching every connection that the process asks for. Used by the tests only."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

LOCAL_NAMES = {"localhost", "", None}


def _is_local(address: Any) -> bool:
    host = address[0] if isinstance(address, tuple) else None
    if host in LOCAL_NAMES or not isinstance(address, tuple):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note connections and look-ups that leave this machine."""
    if event in {"socket.connect", "socket.sendto"} and not _is_local(arguments[-1]):
        sys.stderr.write(f"OUTSIDE {event}\n")
    if event == "socket.getaddrinfo" and arguments[0] not in LOCAL_NAMES and not _is_local((arguments[0], 0)):
        sys.stderr.write(f"OUTSIDE {event} {arguments[0]}\n")


def main() -> None:
    sys.addaudithook(watch)
    sys.stderr.write("WATCHED\n")
    from flows.cli import main as run

    sys.argv = ["affectcast", *sys.argv[1:]]
    run()


if __name__ == "__main__":
    main()
