"""What policy teams receive: hubverse forecasts, a wide summary, the observed series, alerts, briefs, a dictionary."""

from __future__ import annotations

from flows.export.archive import archive_publication
from flows.export.check import check_export
from flows.export.write import ExportOptions, ExportReceipt, export_publication

__all__ = ["ExportOptions", "ExportReceipt", "archive_publication", "check_export", "export_publication"]
