"""What is known of a published or a user's own model before it is loaded: the catalogue and the configuration.

Not for reading weights or deciding what a label means: `load` and `labels` do.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from classifiers.hub.labels import LEGAL
from warehouse.config import ModelConfig
from warehouse.errors import ConfigError

UNKNOWN = "unknown"
FETCH = "HF_HUB_OFFLINE=0 affectcast models --fetch"
_CATALOGUE = Path(__file__).parent / "catalogue.toml"


@dataclass(frozen=True)
class HubSpec:
    """One model: where it is, how it reads, what its labels are said to be. Empty means: as its own files say.

    `source` is a hub id `owner/name` or the path of a folder. `documented` are the labels of the catalogue, to be
    found in the model by name; `labels` a user's own label → measure, "" for none. `thresholds` by measure.
    """

    name: str
    source: str
    revision: str = "main"
    languages: tuple[str, ...] = ()
    profile: str = ""
    max_tokens: int = 0
    pooling: Literal["", "mean", "max"] = ""
    activation: Literal["", "softmax", "sigmoid"] = ""
    documented: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    trust_remote_code: bool = False
    allow_pickle: bool = False
    head: bool = True
    gated: bool = False
    licence: str = UNKNOWN
    data_cutoff: str = UNKNOWN
    citation: str = UNKNOWN
    notes: str = ""

    @property
    def where(self) -> str:
        """The model in an error message."""
        return f"model {self.name!r} ({self.source})"


def hub_names(config_models: Sequence[ModelConfig] = ()) -> list[str]:
    """Names of all models that can be scored with, once their files are here: the catalogue's and the user's."""
    return sorted(
        {name for name, spec in catalogued_specs().items() if spec.head} | {m.name for m in config_models}
    )


def hub_spec(name: str, config_models: Sequence[ModelConfig] = ()) -> HubSpec:
    """The model of that name; the configuration comes first and completes or overrules the catalogue's entry.

    Raises ConfigError where neither knows the name, or an entry has no source.
    """
    own = {model.name: model for model in config_models}
    known = catalogued_specs()
    if name in own:
        return _overruled(own[name], known.get(name))
    if name in known:
        return known[name]
    raise ConfigError(
        f"no model {name!r}; there are {', '.join(sorted({*known, *own}))}, or add [[score.models]]."
    )


@cache
def catalogued_specs() -> dict[str, HubSpec]:
    """Every entry of `catalogue.toml` by name."""
    with _CATALOGUE.open("rb") as file:
        entries: list[dict[str, Any]] = tomllib.load(file)["model"]
    return {entry["name"]: _from_entry(entry) for entry in entries}


def _from_entry(entry: dict[str, Any]) -> HubSpec:
    renamed = {"hub_id": "source", "labels": "documented"}
    fields: dict[str, Any] = {
        renamed.get(key, key): tuple(value) if isinstance(value, list) else value
        for key, value in entry.items()
    }
    return HubSpec(**fields)


def _overruled(own: ModelConfig, known: HubSpec | None) -> HubSpec:
    if not LEGAL.fullmatch(own.name):
        raise ConfigError(
            f"[[score.models]] name {own.name!r}: expected small letters, digits and underscores."
        )
    given = own.model_dump(exclude_unset=True, exclude={"name", "source"})
    if own.source:
        # Another source is another model: nothing of the catalogue's entry applies to it.
        base = HubSpec(name=own.name, source=own.source)
    elif known is not None:
        base = known
    else:
        raise ConfigError(
            f"[[score.models]] {own.name}: source is missing; expected a hub id `owner/name` or a folder, because "
            f"the catalogue has no model of that name (it has {', '.join(sorted(catalogued_specs()))})."
        )
    return replace(base, **given)
