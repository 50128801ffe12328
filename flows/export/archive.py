"""Puts the export of a publication beside it as one zip, for the dashboard to hand out.

Not for choosing how to export: it is the plain export, as `affectcast export` writes it without options.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from flows.export.source import read_source
from flows.export.write import ExportOptions, ExportReceipt, checked_draft
from warehouse.export_zip import beside, write_zip
from warehouse.publish import Publication


def archive_publication(publication: Publication) -> ExportReceipt:
    """Write `issue=D/export-<version>.zip`; one with the same content is left alone.

    Raises `ContractError` where the export breaks a rule of the check; what was there is then left alone.
    """
    target = beside(publication.folder)
    source = read_source(publication.folder)
    # A name that the publisher clears away should this be killed; within the folder, so that the rename is atomic.
    with tempfile.TemporaryDirectory(dir=target.parents[1], prefix=".writing-") as scratch:
        receipt = checked_draft(source, to=Path(scratch) / "export", options=ExportOptions(), final=target)
        packed = Path(scratch) / target.name
        write_zip(Path(scratch) / "export", to=packed)
        if not _same(packed, target):
            packed.replace(target)
    return receipt


def _same(packed: Path, target: Path) -> bool:
    return target.is_file() and not target.is_symlink() and packed.read_bytes() == target.read_bytes()
