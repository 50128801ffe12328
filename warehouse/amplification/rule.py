"""Which marked posts are amplified. Not for marking them."""

from __future__ import annotations

from collections.abc import Sequence

MARKS = ("repost", "near_duplicate", "burst", "link_only")


def amplified_sql(exclude: Sequence[str]) -> str:
    """SQL for whether a post `p` of `raw.posts` bears one of these marks."""
    of_table = ", ".join(f"'{name}'" for name in exclude if name != "repost")
    parts = ["p.kind = 'repost'"] if "repost" in exclude else []
    if of_table:
        parts.append(f"p.post_id IN (SELECT post_id FROM core.marks WHERE mark IN ({of_table}))")
    return " OR ".join(parts) or "false"
