"""A TOML file to a checked configuration, with errors that name the nearest valid key."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from warehouse.config.sections import Config
from warehouse.errors import ConfigError


def load_config(path: Path) -> Config:
    """Read a TOML configuration; `ConfigError` names file, section, key and the nearest valid key."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such configuration file. Copy config.toml and edit it.") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text. Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}.") from error
    return parse_config(data, where=str(path))


def parse_config(data: dict[str, Any], *, where: str) -> Config:
    """Check a nested mapping; `where` names it in errors."""
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        lines = [_explain(dict(detail), where=where) for detail in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def _explain(detail: dict[str, Any], *, where: str) -> str:
    location = detail["loc"]
    section = ".".join(str(part) for part in location[:-1]) or "top level"
    key = str(location[-1]) if location else "configuration"
    if detail["type"] != "extra_forbidden":
        return f"{where}: [{section}] {key}: {detail['msg'].removeprefix('Value error, ')}."
    known = _keys_at(location[:-1])
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"{where}: [{section}] unknown key '{key}'.{hint} Known keys: {', '.join(known)}."


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Config
    for part in location:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        inner = [a for a in getattr(annotation, "__args__", (annotation,)) if isinstance(a, type)]
        models = [a for a in inner if issubclass(a, BaseModel)]
        if not models:
            return []
        model = models[0]
    return sorted(model.model_fields)
