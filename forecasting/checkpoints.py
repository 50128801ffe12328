"""Finished origins of a backtest in a folder, so that one that was stopped goes on. Not for results."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecasting.rolling import Run

_PARTS = ("points", "quantiles", "fallback", "scales")


@dataclass(frozen=True)
class Folder:
    """One file per origin. The folder must belong to one task on one set of data: see `folder_for`."""

    path: Path

    def load(self, run: Run) -> bool:
        path = self._of(run)
        if not path.is_file():
            return False
        with np.load(path) as found:
            for key in found.files:
                part, _, name = key.partition("/")
                if part in _PARTS:
                    getattr(run, part)[name] = found[key]
            run.scale[:], run.combined[:] = found["scale"], found["combined"]
            for name, day in zip(found["names"], found["trained_through"], strict=True):
                run.trained_through[str(name)] = dt.date.fromisoformat(str(day)) if day else None
        return True

    def save(self, run: Run) -> None:
        """Write beside and rename, so that a half-written file is never loaded."""
        arrays = {f"{part}/{name}": array for part in _PARTS for name, array in getattr(run, part).items()}
        days = ["" if day is None else day.isoformat() for day in run.trained_through.values()]
        path = self._of(run)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            np.savez(
                file,
                scale=run.scale,
                combined=run.combined,
                names=list(run.trained_through),
                trained_through=days,
                **arrays,
            )
        beside.replace(path)

    def _of(self, run: Run) -> Path:
        return self.path / f"{run.matrix.reference.isoformat()}.npz"


def folder_for(root: Path, *, task_hash: str, data_fingerprint: str) -> Folder:
    """The folder of one task on one set of data below `root`."""
    return Folder(root / f"{task_hash[:16]}-{data_fingerprint[:16]}")
