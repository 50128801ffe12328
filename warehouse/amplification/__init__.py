"""Which posts pass something on rather than say it: near-duplicates, bursts of automated accounts, bare links.

`marks.mark_posts` writes `core.marks`; `amplified_sql` says which posts of `raw.posts` those and reposts make
amplified. Not for people's opinions of a post, nor for deciding what becomes of a marked one: `[signals] exclude` does.
"""

from warehouse.amplification.rule import MARKS, amplified_sql

__all__ = ["MARKS", "amplified_sql"]
