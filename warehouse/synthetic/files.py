"""Turns made-up posts into the lines of two files, good, repeated and broken.

Not for deciding what a post says: the rows come finished from `crowd.py` and `text.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from warehouse.synthetic.spec import ENGLISH_FILE, SPANISH_FILE, FileName

CSV_ZONE = "America/Mexico_City"
CSV_HEADER = b"id,fecha,autor,texto,region,responde_a,responde_a_autor"
LONG_TEXT = b"so happy today " * 4_000
# One entry per line that no reader may take for a post. Kinds repeat: the receipt counts them.
BAD_JSONL: tuple[tuple[str, bytes], ...] = (
    ("broken_json", b'{"id": "bad-001", "created_at": "2024-01-05T10:00:00Z", "text": "cut off'),
    ("broken_json", b"not json at all"),
    ("broken_json", b'{"id": "bad-003" "created_at": "2024-01-07T10:00:00Z"}'),
    (
        "missing_text",
        b'{"id":"bad-004","created_at":"2024-01-05T10:00:00Z","author":"made_up","region":"US-CA"}',
    ),
    (
        "missing_text",
        b'{"id":"bad-005","created_at":"2024-01-06T10:00:00Z","author":"made_up","text":null,"region":"US-CA"}',
    ),
    (
        "bad_date",
        b'{"id":"bad-006","created_at":"sometime","author":"made_up","text":"hello there","region":"US-CA"}',
    ),
    (
        "bad_date",
        b'{"id":"bad-007","created_at":"2024-02-31T10:00:00Z","author":"made_up","text":"hi","region":"US-CA"}',
    ),
    (
        "date_2099",
        b'{"id":"bad-008","created_at":"2099-01-05T10:00:00Z","author":"made_up","text":"hi","region":"US-CA"}',
    ),
    (
        "date_1970",
        b'{"id":"bad-009","created_at":"1970-01-01T00:00:00Z","author":"made_up","text":"hi","region":"US-CA"}',
    ),
    (
        "invalid_utf8",
        b'{"id":"bad-010","created_at":"2024-01-05T10:00:00Z","author":"made_up","text":"\xe9\xff","region":"US-CA"}',
    ),
    (
        "null_byte",
        b'{"id":"bad-011","created_at":"2024-01-05T10:00:00Z","author":"made_up","text":"a\x00b","region":"US-CA"}',
    ),
    (
        "long_text",
        b'{"id":"bad-012","created_at":"2024-01-05T10:00:00Z","author":"made_up","text":"'
        + LONG_TEXT
        + b'","region":"US-CA"}',
    ),
)
BAD_CSV: tuple[tuple[str, bytes], ...] = (
    ("missing_text", b"malo-001,05/01/2024 10:00:00,inventado,,MX-CMX,,"),
    ("missing_text", b"malo-002,06/01/2024 10:00:00,inventado,,MX-CMX,,"),
    ("bad_date", b"malo-003,31/02/2024 10:00:00,inventado,hola a todos,MX-CMX,,"),
    ("bad_date", b"malo-004,alguna vez,inventado,hola a todos,MX-CMX,,"),
    ("date_2099", b"malo-005,05/01/2099 10:00:00,inventado,hola a todos,MX-CMX,,"),
    ("date_1970", b"malo-006,01/01/1970 00:00:00,inventado,hola a todos,MX-CMX,,"),
    ("invalid_utf8", b"malo-007,05/01/2024 10:00:00,inventado,ma\xf1ana \xff nos vemos,MX-CMX,,"),
    ("null_byte", b"malo-008,05/01/2024 10:00:00,inventado,hola\x00a todos,MX-CMX,,"),
    ("wrong_fields", b"malo-009,05/01/2024 10:00:00,inventado"),
    ("wrong_fields", b"malo-010,05/01/2024 10:00:00,inventado,hola,a,todos,hoy,y,siempre,MX-CMX,,"),
    ("wrong_fields", b"malo-011"),
    ("long_text", b"malo-012,05/01/2024 10:00:00,inventado," + LONG_TEXT + b",MX-CMX,,"),
)
BAD_LINES: dict[FileName, tuple[tuple[str, bytes], ...]] = {ENGLISH_FILE: BAD_JSONL, SPANISH_FILE: BAD_CSV}


def jsonl_lines(posts: pl.DataFrame) -> list[bytes]:
    """One JSON object per post (id, at, author, text, region, reply_to_id, reply_to_author)."""
    record = pl.struct(
        "id",
        pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("created_at"),
        "author",
        "text",
        "region",
        "reply_to_id",
        "reply_to_author",
    )
    return [line.encode() for line in posts.select(record.struct.json_encode()).to_series()]


def csv_lines(posts: pl.DataFrame) -> list[bytes]:
    """One line of seven fields per post; time is local to Mexico City, text is always quoted."""
    quoted = pl.format('"{}"', pl.col("text").str.replace_all('"', '""', literal=True))
    fields = [
        pl.col("id"),
        pl.col("at").dt.convert_time_zone(CSV_ZONE).dt.strftime("%d/%m/%Y %H:%M:%S"),
        pl.col("author"),
        quoted,
        pl.col("region"),
        pl.col("reply_to_id").fill_null(""),
        pl.col("reply_to_author").fill_null(""),
    ]
    return [line.encode() for line in posts.select(pl.concat_str(fields, separator=",")).to_series()]


def with_mishaps(
    good: Sequence[bytes],
    *,
    duplicates: int,
    bad: Sequence[bytes],
    rng: np.random.Generator,
) -> list[bytes]:
    """The good lines in order, some repeated byte for byte further down, and broken ones in between."""
    copies = rng.choice(len(good), size=min(duplicates, len(good)), replace=False)
    lines = [*good, *(good[row] for row in copies), *bad]
    place = np.concatenate(
        [
            np.arange(len(good), dtype=float),
            copies + rng.integers(1, 2_000, len(copies)) + 0.5,
            rng.integers(0, len(good), len(bad)) + 0.25,
        ]
    )
    return [lines[row] for row in np.argsort(place, kind="stable")]
