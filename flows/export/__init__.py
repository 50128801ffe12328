"""What policy teams receive: hubverse forecasts, a wide summary, the observed series, alerts, a dictionary."""

from __future__ import annotations

from flows.export.check import check_export
from flows.export.write import ExportReceipt, export_publication

__all__ = ["ExportReceipt", "check_export", "export_publication"]
