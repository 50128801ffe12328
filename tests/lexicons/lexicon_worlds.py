"""Small lexicons in a folder of their own, beside the shipped ones, and the scales once more in plain Python."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from lexicons.catalogue import file_sha256

Rows = list[tuple[str, str, float]]

DIMENSIONS = ("up", "down", "still")
ROWS = {
    "en": [
        ("glee", "up", 0.75), ("glee", "still", 0.25), ("merr*", "up", 0.5), ("so merry", "up", 1.0),
        ("gloom", "down", 1.0), ("gloom", "still", -0.5), ("gloom", "up", -0.25), ("calm", "still", 0.25),
        ("no end", "down", 0.5), ("hush", "aside", 1.0), ("hush calm", "aside", 1.0), ("🔥", "up", 0.125),
    ],
    "zh": [
        ("开心", "up", 0.75), ("难过", "down", 0.5), ("安", "still", 0.5), ("安心", "up", 0.25), ("安心", "down", 0.25),
        ("安心", "still", 0.5),
    ],
}  # fmt: skip
SETS = {"any": ["up", "down", "still"], "low": ["down", "still"], "high": ["up"]}
SCALES = ("presence", "rate", "mean", "sets")


def load_reference() -> ModuleType:
    """The plain-Python matcher, by path, so that no other `reference` module can take its place."""
    name = "lexicons_reference"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("reference.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def tsv(rows: Rows) -> str:
    return "term\tdimension\tweight\n" + "".join(f"{t}\t{d}\t{w}\n" for t, d, w in rows)


@dataclass
class Written:
    """A catalogue on its way to a folder: term files, cue files and scorers as TOML values."""

    folder: Path
    lexicons: dict[str, dict[str, Any]] = field(default_factory=dict)
    cues: dict[str, dict[str, Any]] = field(default_factory=dict)
    scorers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def lexicon(self, name: str, content: Rows | str, **entry: Any) -> Written:
        text = content if isinstance(content, str) else tsv(content)
        self.lexicons[name] = {"language": name.rpartition("-")[2]} | self._file(f"{name}.tsv", text) | entry
        return self

    def cue_file(self, language: str, content: str, *, reach: int = 3) -> Written:
        self.cues[language] = {"reach": reach} | self._file(f"cues_{language}.tsv", content)
        return self

    def scorer(self, name: str, lexicons: list[str], dimensions: list[str], **entry: Any) -> Written:
        plain = {"title": name, "lexicons": lexicons, "dimensions": dimensions, "scale": "presence"}
        self.scorers[name] = plain | entry
        return self

    def save(self) -> Path:
        """Write the catalogue and return its path."""
        lines: list[str] = []
        for kind in ("lexicons", "cues", "scorers"):
            for name, entry in getattr(self, kind).items():
                sets = entry.get("sets", {})
                lines += [f"[{kind}.{name}]"]
                lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items() if key != "sets"]
                lines += [f"[{kind}.{name}.sets]"] if sets else []
                lines += [f"{key} = {json.dumps(value)}" for key, value in sets.items()]
        path = self.folder / "catalogue.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def _file(self, name: str, text: str) -> dict[str, Any]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")
        return {"file": name, "sha256": file_sha256(self.folder / name)}


@dataclass(frozen=True)
class Slow:
    """A scorer in plain Python: `hits` are a post's terms with their factors, as the reference finds them."""

    rows: Rows
    dimensions: tuple[str, ...]
    scale: str
    sets: dict[str, list[str]] = field(default_factory=dict)

    def values(self, hits: list[tuple[str, float]], *, n_tokens: int) -> list[float | None]:
        weights: dict[str, list[float]] = defaultdict(list)
        counted: dict[str, int] = defaultdict(int)
        for term, factor in hits:
            for dimension, weight in ((d, w) for t, d, w in self.rows if t == term):
                if self.scale == "mean":
                    weights[dimension].append(weight * factor)
                elif factor > 0:
                    weights[dimension].append(weight)
                    counted[dimension] += 1
        if self.scale == "presence":
            return [float(counted[d] > 0) for d in self.dimensions]
        if self.scale == "sets":
            return [sum(counted[d] > 0 for d in members) / len(members) for members in self.sets.values()]
        if self.scale == "rate":
            return [max(0.0, min(1.0, sum(weights[d]) / max(n_tokens, 1))) for d in self.dimensions]
        if not all(weights[d] for d in self.dimensions):
            return [None] * len(self.dimensions)
        means = [sum(weights[d]) / len(weights[d]) for d in self.dimensions]
        return [(max(-1.0, min(1.0, mean)) + 1) / 2 for mean in means]


def posts(*rows: tuple[str | None, str | None]) -> pl.DataFrame:
    """Posts with `text` and `lang`."""
    return pl.DataFrame(list(rows), schema={"text": pl.String, "lang": pl.String}, orient="row")


def world(folder: Path) -> Written:
    """Two languages, with cues, on every scale and with and without negation."""
    made = Written(folder)
    for language, rows in ROWS.items():
        made.lexicon(f"mood-{language}", rows)
    lexicons = [f"mood-{language}" for language in ROWS]
    for scale in SCALES:
        sets = {"sets": SETS} if scale == "sets" else {}
        for negation in (True, False):
            name = scale if negation else f"{scale}_plain"
            made.scorer(name, lexicons, list(DIMENSIONS), scale=scale, negation=negation, **sets)
    return made
