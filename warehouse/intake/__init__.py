"""Raw records to posts and interactions: read, check, pseudonymise, mask, place, and count every drop.

Not for fetching anything: sources leave files, and this reads them.
"""

from warehouse.intake.ingest import ingest_sources, source_files

__all__ = ["ingest_sources", "source_files"]
