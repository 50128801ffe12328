"""Remember what a model said of a text: once scored, a text that comes again costs a look-up.

Private, like the scores themselves: on disk it holds hashes of texts and numbers, and belongs beside the warehouse.
Not a table: it may be deleted at any time and only time is lost.
"""

from pathlib import Path

import numpy as np
import polars as pl

Keys = pl.DataFrame
LIMIT = 1_000_000
_SEEDS = (1_879, 2_917)


class ScoreCache:
    """Rows of `width` half-precision numbers by the 128-bit hash of a text, of one version of one model.

    With a folder what is remembered survives the process; files of other versions are removed when it is opened. At
    more than `limit` rows the older half is forgotten. A file that was cut short by a kill is read up to its last
    whole row.
    """

    def __init__(self, version: str, *, width: int, folder: Path | None = None, limit: int = LIMIT) -> None:
        self.width, self.limit = width, limit
        self._files = _Files(folder, f"{version}-polars{pl.__version__}", width) if folder else None
        hashes, self._values = self._files.read() if self._files else _nothing(width)
        self._keys = _indexed(hashes)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """(positions of the texts that are known, their rows as Float32 of shape (known, width))."""
        hashes = _hashes(texts).with_row_index("position")
        found = hashes.join(self._keys, on=["a", "b"], how="inner", maintain_order="left")
        return found["position"].to_numpy(), self._values[found["row"].to_numpy()].astype(np.float32)

    def put(self, texts: pl.Series, values: np.ndarray) -> None:
        """Remember rows of different texts that are not known yet; `values` must fit half precision."""
        hashes, rows = _hashes(texts), values.astype(np.float16)
        if self._files:
            self._files.append(hashes, rows)
        self._values = np.concatenate([self._values, rows])
        self._keys = _indexed(pl.concat([self._keys.drop("row"), hashes]))
        if len(self) > self.limit:
            self._forget()

    def _forget(self) -> None:
        keep = self.limit // 2
        self._values = self._values[-keep:].copy()
        self._keys = _indexed(self._keys.drop("row").tail(keep))
        if self._files:
            self._files.replace(self._keys.drop("row"), self._values)


def half_precision(values: np.ndarray) -> np.ndarray:
    """Float32 numbers as the cache gives them back, so that a hit and a miss say the same."""
    return values.astype(np.float16).astype(np.float32)


def _hashes(texts: pl.Series) -> Keys:
    return pl.DataFrame({"a": texts.hash(_SEEDS[0]), "b": texts.hash(_SEEDS[1])})


def _indexed(hashes: Keys) -> Keys:
    return hashes.with_row_index("row")


def _nothing(width: int) -> tuple[Keys, np.ndarray]:
    return pl.DataFrame(schema={"a": pl.UInt64, "b": pl.UInt64}), np.empty((0, width), np.float16)


class _Files:
    """Two files that grow at the end: 16 bytes of hash and `width` half-precision numbers a row."""

    def __init__(self, folder: Path, version: str, width: int) -> None:
        self.width = width
        self.keys, self.values = folder / f"{version}.keys", folder / f"{version}.values"
        folder.mkdir(parents=True, exist_ok=True)
        model = version.split("-", 1)[0]
        for path in folder.glob("*-polars*.*"):
            # Other models keep their files; another state of this one will not come back.
            if path.name.startswith(f"{model}-") and path not in (self.keys, self.values):
                path.unlink(missing_ok=True)

    def read(self) -> tuple[Keys, np.ndarray]:
        if not (self.keys.is_file() and self.values.is_file()):
            return _nothing(self.width)
        rows = min(self.keys.stat().st_size // 16, self.values.stat().st_size // (2 * self.width))
        pairs = np.fromfile(self.keys, dtype=np.uint64, count=2 * rows).reshape(rows, 2)
        values = np.fromfile(self.values, dtype=np.float16, count=rows * self.width)
        # What follows the last whole row would shift every later one.
        for path, size in ((self.keys, 16 * rows), (self.values, 2 * self.width * rows)):
            with path.open("r+b") as file:
                file.truncate(size)
        keys = pl.DataFrame({"a": pairs[:, 0].copy(), "b": pairs[:, 1].copy()})
        return keys, values.reshape(rows, self.width)

    def append(self, hashes: Keys, values: np.ndarray) -> None:
        with self.values.open("ab") as file:
            file.write(values.tobytes())
        with self.keys.open("ab") as file:
            file.write(hashes.to_numpy().astype(np.uint64).tobytes())

    def replace(self, hashes: Keys, values: np.ndarray) -> None:
        # Keys last: until they are renamed, the shorter of the two files decides, and that is the new values.
        beside = self.values.with_suffix(".part")
        self.keys.unlink(missing_ok=True)
        beside.write_bytes(values.tobytes())
        beside.replace(self.values)
        part = self.keys.with_suffix(".part")
        part.write_bytes(hashes.to_numpy().astype(np.uint64).tobytes())
        part.replace(self.keys)
