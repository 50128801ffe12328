"""One page per place for reading and printing: what moved, what is expected, what is alarming, what it is not for."""

from __future__ import annotations

from flows.export.brief.page import brief_pages
from flows.export.brief.words import Language

__all__ = ["Language", "brief_pages"]
