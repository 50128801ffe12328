"""What models said of a series, kept in a folder, so that a fit is paid for once. Not for results.

A model that forecasts each series by itself says the same of the same values, so that what was kept can be taken for
it: a backtest that was stopped goes on, and a night fits its newest origin only. The folder may be deleted at any time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from forecasting.matrix import Floats, Frequency
from forecasting.models import Forecaster, ModelInput, ModelOutput, base, create, statistical
from forecasting.models.statistical import Statistical
from warehouse.engine import Alone, Engine

# Series to a chunk: large enough that sending it costs nothing, small enough that all workers finish together.
CHUNK = 25


@cache
def code() -> str:
    """A hash of what says it: the fitting library and the files around it."""
    digest = hashlib.sha256(version("statsforecast").encode())
    for module in (base, statistical):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Memo:
    """Without a folder nothing is kept. `version` is part of every key: other code, other answers. `taken` counts per
    model how often what was kept was taken. `engine` does the fits that are left."""

    folder: Path | None
    version: str = field(default_factory=code)
    engine: Engine = field(default_factory=Alone, compare=False, repr=False)
    taken: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    def fit_predict(
        self,
        model: Forecaster,
        data: ModelInput,
        *,
        horizon: int,
        frequency: Frequency,
        seed: int,
        reference: dt.date,
    ) -> ModelOutput:
        """`model.fit_predict`, for the series that are not known from the origin `reference`."""
        asked = {"horizon": horizon, "frequency": frequency, "seed": seed}
        if not isinstance(model, Statistical):
            return model.fit_predict(data, horizon=horizon, frequency=frequency, seed=seed)
        data = data.newest(model.newest)
        if self.folder is None:
            return self._fitted(model, data, horizon=horizon, frequency=frequency, seed=seed)
        path = self.folder / f"{frequency}-{horizon}" / model.name / f"{reference.isoformat()}.npz"
        keys = [
            self._key(model.name, values=v, sd=s, asked=asked)
            for v, s in zip(data.values, data.sd, strict=True)
        ]
        known = _read(path, steps=horizon)
        unknown = np.array([row for row, key in enumerate(keys) if key not in known], dtype=np.int64)
        self.taken[model.name] += len(keys) - unknown.size
        if unknown.size:
            made = self._fitted(model, data.rows(unknown), horizon=horizon, frequency=frequency, seed=seed)
            rows = zip(unknown, made.points, made.fallback, strict=True)
            known |= {keys[row]: np.append(points, float(flag)) for row, points, flag in rows}
            _write(path, known={key: known[key] for key in keys})
        found = np.stack([known[key] for key in keys]) if keys else np.empty((0, horizon + 1))
        return ModelOutput(points=found[:, :-1], fallback=found[:, -1] > 0.0)

    def _fitted(
        self, model: Statistical, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int
    ) -> ModelOutput:
        """In chunks of series, by the engine."""
        every = np.arange(len(data.ids))
        jobs = [
            _Fit(model.name, data.rows(every[start : start + CHUNK]), horizon, frequency, seed)
            for start in range(0, len(every), CHUNK)
        ]
        made = self.engine.map(_fit, jobs)
        if not made:
            return ModelOutput(points=np.empty((0, horizon)), fallback=np.empty(0, dtype=bool))
        return ModelOutput(
            points=np.concatenate([part.points for part in made]),
            fallback=np.concatenate([part.fallback for part in made]),
        )

    def keep_since(self, day: dt.date) -> None:
        """Forget all origins before `day`."""
        for path in self.folder.rglob("*.npz") if self.folder is not None else ():
            if path.stem < day.isoformat():
                path.unlink(missing_ok=True)

    def _key(self, name: str, *, values: Floats, sd: float, asked: Mapping[str, object]) -> str:
        begun = int(np.argmax(~np.isnan(values)))
        told = f"{self.version}|{name}|{sorted(asked.items())}|{float(sd)!r}|".encode()
        return hashlib.sha256(told + np.ascontiguousarray(values[begun:]).tobytes()).hexdigest()[:32]


class _Fit(NamedTuple):
    name: str
    data: ModelInput
    horizon: int
    frequency: Frequency
    seed: int


def _fit(job: _Fit) -> ModelOutput:
    return create(job.name).fit_predict(job.data, horizon=job.horizon, frequency=job.frequency, seed=job.seed)


def _read(path: Path, *, steps: int) -> dict[str, Floats]:
    """What the file holds; nothing where it is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file) as found:
            keys, rows = found["keys"], found["rows"]
    except (BadZipFile, KeyError, ValueError, EOFError, OSError, RuntimeError):
        return {}
    if rows.ndim != 2 or rows.shape != (len(keys), steps + 1):
        return {}
    return dict(zip(keys.tolist(), rows, strict=True))


def _write(path: Path, *, known: dict[str, Floats]) -> None:
    """Write beside and rename, so that a half-written file is never read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        np.savez(file, keys=np.array(list(known), dtype=np.str_), rows=np.stack(list(known.values())))
    beside.replace(path)
