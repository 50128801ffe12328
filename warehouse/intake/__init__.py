"""Raw records to posts and interactions: read, check, pseudonymise, mask, place, and count every drop.

Not for fetching anything: files lie there, and connectors bring pages (`pages.py`).
"""

from warehouse.intake.files import source_files
from warehouse.intake.ingest import ingest_sources

__all__ = ["ingest_sources", "source_files"]
