"""`affectcast.json`, which lies beside `config.json` in a folder trained here: groups, reading, thresholds.

Not for models of others, which have none: every field has a default.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from classifiers.hub.heads import Group
from warehouse.errors import MissingModelError

FILE = "affectcast.json"


@dataclass(frozen=True)
class TrainedCard:
    """What training wrote down. `thresholds`, `error_rates` and `metrics` by language; `calibration` by measure.

    A calibration is {slope, offset} on the log-odds of a post's pooled probability.
    """

    groups: tuple[Group, ...] = ()
    profile: str = ""
    languages: tuple[str, ...] = ()
    max_tokens: int = 0
    max_windows: int = 0
    pooling: str = ""
    thresholds: dict[str, dict[str, float]] = field(default_factory=dict)
    calibration: dict[str, dict[str, float]] = field(default_factory=dict)
    error_rates: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    licence: str = ""


def read_card(folder: Path, *, where: str) -> TrainedCard:
    """The folder's card, an empty one where there is none. Raises MissingModelError where it cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return TrainedCard()
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        known = {name: body[name] for name in TrainedCard.__dataclass_fields__ if body.get(name) is not None}
        known["groups"] = tuple(_group(group) for group in body.get("groups", []))
        known["languages"] = tuple(body.get("languages", []))
        return TrainedCard(**known)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MissingModelError(
            f"{where}: {path} cannot be used ({type(error).__name__}: {error}); train the model again, or restore it"
        ) from error


def _group(body: dict[str, Any]) -> Group:
    if body["activation"] not in {"softmax", "sigmoid"}:
        raise ValueError(f"activation {body['activation']!r}; expected softmax or sigmoid")
    return Group(
        name=str(body["name"]),
        labels=tuple(map(str, body["labels"])),
        activation=body["activation"],
        temperature=float(body.get("temperature", 1.0)),
    )
