"""Texts made harmless for a spreadsheet that opens a CSV file. Not for numbers, and not for web pages."""

from __future__ import annotations

import polars as pl

# A cell that starts like this is run as a formula.
FORMULA = r"^[=+\-@\t\r]"


def formula_safe(text: pl.Expr) -> pl.Expr:
    """One line without blanks around it, with `'` before a text that a spreadsheet would run as a formula."""
    line = text.str.strip_chars().str.replace_all(r"\s*[\r\n]+\s*", " ")
    return pl.when(line.str.contains(FORMULA)).then("'" + line).otherwise(line).name.keep()
