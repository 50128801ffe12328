"""Made-up posts with a known mood curve and a known cascade, for the demo, tests and benchmarks.

Not for real data: every person, handle and sentence here is invented.

The same seed and spec give the same bytes. `spec.py` says what is planted, `SampleReceipt` what came out.
"""

from warehouse.synthetic.phrases import MOODS
from warehouse.synthetic.sample import SampleReceipt, write_sample
from warehouse.synthetic.spec import DEMO, ENGLISH_FILE, SPANISH_FILE, TINY, Break, Region, Rise, SampleSpec

__all__ = [
    "DEMO",
    "ENGLISH_FILE",
    "MOODS",
    "SPANISH_FILE",
    "TINY",
    "Break",
    "Region",
    "Rise",
    "SampleReceipt",
    "SampleSpec",
    "write_sample",
]
