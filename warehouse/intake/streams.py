"""Files to lines of bytes, plain, gzip or zstd, in bounded memory. Not for knowing what a line means."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import zstandard

from warehouse.config import SourceConfig
from warehouse.errors import ConfigError, InputError

READ_BYTES = 1 << 16
# What a longer line has beyond this is dropped: no post is near it, and a binary file is one endless line.
MAX_LINE_BYTES = 1 << 25


class BrokenStreamError(Exception):
    """A compressed file ends early or is damaged. What came before it has been handed out."""


def read_error(path: Path, error: OSError) -> InputError:
    """The message for a file that the system does not let us read."""
    return InputError(f"{path}: cannot be read ({error.strerror}). Check path, permissions and disk.")


def file_sha256(path: Path) -> str:
    """Hex digest of the file's bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise read_error(path, error) from error


def lines(path: Path) -> Iterator[bytes]:
    """Lines with their line feed, each cut at `MAX_LINE_BYTES`; a UTF-8 byte order mark is left out.

    Raises `BrokenStreamError` after the last whole line of a damaged compressed file.
    """
    held: list[bytes] = []
    size, mark = 0, b"\xef\xbb\xbf"
    for block in blocks(path):
        for line in io.BytesIO(block):
            if not held and not mark and len(line) <= MAX_LINE_BYTES and line.endswith(b"\n"):
                yield line
                continue
            if size < MAX_LINE_BYTES:
                held.append(line[: MAX_LINE_BYTES - size])
                size += len(line)
            if line.endswith(b"\n"):
                yield b"".join(held).removeprefix(mark)
                held, size, mark = [], 0, b""
    if held:
        yield b"".join(held).removeprefix(mark)


def blocks(path: Path) -> Iterator[bytes]:
    """The content of a file, decompressed; `BrokenStreamError` where that is damaged."""
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            if suffix in {".gz", ".zst"}:
                yield from _decompressed(file, zstd=suffix == ".zst")
            else:
                yield from iter(lambda: file.read(READ_BYTES), b"")
    except OSError as error:
        raise read_error(path, error) from error


def _decompressed(file: IO[bytes], *, zstd: bool) -> Iterator[bytes]:
    """The content of all members (gzip) or frames (zstd), checked to be whole."""
    inflate: Any = None
    # A short read bounds what one step of a highly compressed file can grow to.
    for block in iter(lambda: file.read(READ_BYTES // 4), b""):
        rest = block
        while rest := (rest if inflate is not None else rest.lstrip(b"\0")):
            inflate = inflate or (
                zstandard.ZstdDecompressor().decompressobj() if zstd else zlib.decompressobj(31)
            )
            try:
                yield inflate.decompress(rest)
            except (zlib.error, zstandard.ZstdError) as error:
                raise BrokenStreamError from error
            rest = inflate.unused_data
            inflate = None if inflate.eof else inflate
    if inflate is not None:
        raise BrokenStreamError


class Decoder:
    """Bytes to text in the configured encoding; undecodable bytes survive as lone surrogates."""

    def __init__(self, source: SourceConfig) -> None:
        self.encoding = source.encoding
        self.is_utf8 = source.encoding.lower().replace("_", "-") in {"utf-8", "utf8", "utf-8-sig"}
        try:
            plain = b'\n !"#$%&()*+,-./09:;<=>?@AZ[]^_`az{|}~ +AEE- \\u0041'
            transparent = plain.decode(source.encoding) == plain.decode("ascii")
        except LookupError as error:
            raise ConfigError(
                f"source '{source.name}': unknown encoding '{source.encoding}'. Try utf-8, latin-1 or gb18030."
            ) from error
        except UnicodeError:
            transparent = False
        if not transparent:
            raise ConfigError(
                f"source '{source.name}': encoding '{source.encoding}' does not write ASCII as single bytes. "
                "Convert the file to UTF-8 first."
            )

    def __call__(self, line: bytes) -> str:
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError:
            return line.decode("ascii", errors="surrogateescape")
