"""Files that are one JSON document and not lines: X's API responses and archives, Telegram's exports.

A document is read whole, because its end says whether it is one. Not for JSON lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from warehouse.config import SourceConfig
from warehouse.errors import InputError
from warehouse.intake.json_lines import as_text, jsonl_items
from warehouse.intake.records import NULL_BYTE, BadRecord, Item, mapped_columns
from warehouse.intake.shapes import SHAPES, Record
from warehouse.intake.streams import BrokenStreamError, blocks

# A larger document is refused: read whole, it takes several times its size in memory.
MAX_BYTES = 1 << 29
# An archive's files are scripts: a name, an equals sign, and then the list.
_SCRIPT = re.compile(rb"\s*window\.[\w.]+\s*=\s*")


def document_items(path: Path, *, source: SourceConfig) -> Iterator[Item]:
    """One item per post of a document; where the file is JSON lines after all, one per line, or per post of a line."""
    content = _content(path, source=source)
    try:
        records = _records(orjson.loads(content), source=source)
    except orjson.JSONDecodeError:
        if not _is_lines(content):
            raise InputError(
                f"{path}: is not whole JSON. Expected what kind '{source.kind}' names in docs/sources.md; get it again."
            ) from None
        if not _has_pages(content):
            return jsonl_items(path, source=source)
        records = [
            post
            for line in content.splitlines()
            if line.strip()
            for post in _records(_line(line), source=source)
        ]
    if not records:
        raise InputError(
            f"{path}: holds no posts of kind '{source.kind}'. Expected what docs/sources.md says of it; check kind."
        )
    return (_item(record, number=number, source=source) for number, record in enumerate(records))


def _content(path: Path, *, source: SourceConfig) -> bytes:
    parts, size = [], 0
    try:
        for block in blocks(path):
            parts.append(block)
            size += len(block)
            if size > MAX_BYTES:
                raise InputError(
                    f"{path}: is larger than {MAX_BYTES >> 20} MB, and one JSON document. Export it in parts, or turn "
                    'it into JSON lines and set kind = "files".'
                )
    except BrokenStreamError:
        raise InputError(f"{path}: ends early or is damaged. Get it again.") from None
    content = b"".join(parts).removeprefix(b"\xef\xbb\xbf")
    script = _SCRIPT.match(content) if source.kind == "x" else None
    return content[script.end() :].rstrip().rstrip(b";") if script else content


def _is_lines(content: bytes) -> bool:
    """Whether the first of several lines is JSON by itself."""
    first = next((line for line in islice(content.splitlines(), 20) if line.strip()), b"")
    return isinstance(_line(first), dict)


def _has_pages(content: bytes) -> bool:
    first = _line(next(line for line in content.splitlines() if line.strip()))
    return isinstance(first, dict) and isinstance(first.get("data"), list)


def _line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _records(document: Any, *, source: SourceConfig) -> list[Any]:
    return _x_records(document) if source.kind == "x" else _telegram_records(document)


def _x_records(document: Any) -> list[Any]:
    """Of a response of the API its `data`; of an archive the list itself."""
    if isinstance(document, dict):
        data = document.get("data", document if "text" in document or "full_text" in document else [])
        document = data if isinstance(data, list) else [data]
    if not isinstance(document, list):
        return []
    pages = [one for one in document if isinstance(one, dict) and isinstance(one.get("data"), list)]
    return [post for page in pages for post in page["data"]] if pages else document


def _telegram_records(document: Any) -> list[Record]:
    """The messages of one chat, or of all chats of an export; what the service itself wrote is no message."""
    if not isinstance(document, dict):
        return []
    chats = document.get("chats")
    listed = chats.get("list") if isinstance(chats, dict) else [document]
    return [
        message | {"chat_id": chat.get("id"), "chat": chat.get("name")}
        for chat in listed or []
        if isinstance(chat, dict)
        for message in chat.get("messages") or []
        if isinstance(message, dict) and message.get("type") == "message"
    ]


def _item(record: Any, *, number: int, source: SourceConfig) -> Item:
    if not isinstance(record, dict):
        return BadRecord(number, "not_an_object", "expected a post as a JSON object")
    known = SHAPES[source.kind](record)
    values = tuple(as_text(known.get(name)) for name in mapped_columns(source))
    if any(value and "\0" in value for value in values):
        return BadRecord(number, "null_byte", NULL_BYTE)
    return values
