"""The compilers of this package's kernels: see `warehouse.compiled`."""

from pathlib import Path

from warehouse.compiled import compilers

compiled, inlined = compilers(Path(__file__).parent)
