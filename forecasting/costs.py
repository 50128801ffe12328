"""What each model's forecasts cost: seconds, processor seconds and, where the machine counts them, joules.

Not part of any score: two runs give the same scores and never the same costs.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

POWERCAP = Path("/sys/class/powercap")
SCHEMA = pl.Schema(
    {"model_id": pl.String(), "seconds": pl.Float64(), "cpu_seconds": pl.Float64(), "joules": pl.Float64(),
     "n_series": pl.Int64(), "n_origins": pl.Int64(), "n_kept": pl.Int64()}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Sums per model over everything done inside `with costs.of(name):`.

    Joules are those of the whole processor (Linux RAPL), whatever else it does meanwhile; where the counters under
    `counters` cannot be read, nothing is estimated. Processor seconds are this process's, all threads.
    """

    counters: Path = POWERCAP
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    cpu_seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    joules: dict[str, float | None] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Measure what is done inside for the model `name`."""
        energy, cpu, wall = _energy(self.counters), time.process_time(), time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - wall
        self.cpu_seconds[name] += time.process_time() - cpu
        spent, before = _joules(energy, after=_energy(self.counters)), self.joules.get(name, 0.0)
        self.joules[name] = None if spent is None or before is None else before + spent

    def frame(self, *, series: int, origins: int, kept: Mapping[str, int] | None = None) -> pl.DataFrame:
        """One row per model in the columns of `SCHEMA`; `kept`: answers that were taken, not made, so that their
        cost is not in it. `joules` is null where they could not be measured."""
        rows = [
            (
                name,
                wall,
                self.cpu_seconds[name],
                self.joules[name],
                series,
                origins,
                (kept or {}).get(name, 0),
            )
            for name, wall in self.seconds.items()
        ]
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def per_answer(costs: pl.DataFrame) -> dict[str, tuple[float, float | None]]:
    """Per model: seconds and joules for each series and origin that was not kept; none where all were."""
    made = costs.with_columns(made=pl.col("n_series") * pl.col("n_origins") - pl.col("n_kept"))
    rows = made.filter(pl.col("made") > 0).with_columns(pl.col("seconds", "joules") / pl.col("made"))
    return {row["model_id"]: (row["seconds"], row["joules"]) for row in rows.iter_rows(named=True)}


def _energy(folder: Path) -> list[tuple[int, int]] | None:
    """Microjoules counted so far, and where the counter starts again, of every processor; None if any is hidden."""
    found = []
    try:
        for zone in sorted(folder.glob("intel-rapl:*")):
            # Parts of a processor are in its own counter, and the whole machine's holds the processors.
            if (zone / "name").read_text(encoding="ascii").startswith("package"):
                counts = [
                    int((zone / name).read_text(encoding="ascii"))
                    for name in ("energy_uj", "max_energy_range_uj")
                ]
                found.append((counts[0], counts[1]))
    except (OSError, ValueError):
        return None
    return found or None


def _joules(before: list[tuple[int, int]] | None, *, after: list[tuple[int, int]] | None) -> float | None:
    if before is None or after is None or len(before) != len(after):
        return None
    spent = [
        now - then if now >= then else now - then + around
        for (then, around), (now, _) in zip(before, after, strict=True)
    ]
    return sum(spent) / 1e6
