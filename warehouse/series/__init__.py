"""Series that were made elsewhere (surveys, search trends): their files, and what of them becomes signals.

Not for posts, nor for any estimate: what a file says is checked, disclosed and issued as it is.
"""

from warehouse.series.files import SeriesFile, series_files, series_fingerprint
from warehouse.series.lags import series_lags
from warehouse.series.read import SeriesRows, read_series
from warehouse.series.release import check_series, release_series

__all__ = [
    "SeriesFile",
    "SeriesRows",
    "check_series",
    "read_series",
    "release_series",
    "series_files",
    "series_fingerprint",
    "series_lags",
]
