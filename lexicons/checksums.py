"""Write the checksums of the shipped files into the catalogue; run by `make checksums`. Not for users' lexicons."""

import re
from pathlib import Path

from lexicons.catalogue import SHIPPED, file_sha256

ENTRY = re.compile(r'(?P<head>file = "(?P<file>[^"]+)"\n(?:(?!\[).*\n)*?sha256 = ")(?P<sha>[0-9a-f]{64})')


def with_checksums(text: str, *, folder: Path) -> str:
    """The catalogue's text, each file's sha256 the one its bytes have now."""
    return ENTRY.sub(lambda found: found["head"] + file_sha256(folder / found["file"]), text)


if __name__ == "__main__":
    current = SHIPPED.read_text(encoding="utf-8")
    SHIPPED.write_text(with_checksums(current, folder=SHIPPED.parent), encoding="utf-8")
