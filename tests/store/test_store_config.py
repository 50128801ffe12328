"""Settings: unknown keys are named with the nearest one, values are frozen, secrets are kept."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from warehouse.config import (
    DEMO_KEY,
    SECRET_VARIABLE,
    Config,
    load_config,
    load_secret,
    parse_config,
    secret_path,
)
from warehouse.errors import ConfigError

SOURCE = '[[sources]]\nname = "made"\npath = "p.csv"\n'


def write(folder: Path, content: str) -> Path:
    path = folder / "config.toml"
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("content", "section", "key", "near"),
    [
        ("[forcast]\n", "top level", "forcast", "forecast"),
        ("[run]\nseeed = 1\n", "run", "seeed", "seed"),
        (SOURCE + 'langauge = "en"\n', "sources.0", "langauge", "languages"),
        (SOURCE + '[sources.columns]\ntxet = "t"\n', "sources.0.columns", "txet", "text"),
        (SOURCE + '[sources.time]\nfromat = "iso"\n', "sources.0.time", "fromat", "format"),
        (SOURCE + '[sources.place]\ngeo_typ = "none"\n', "sources.0.place", "geo_typ", "geo_type"),
    ],
)
def test_an_unknown_key_is_named_with_file_section_and_the_nearest_key(
    tmp_path: Path, content: str, section: str, key: str, near: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert f"{path}: [{section}] unknown key '{key}'. Did you mean '{near}'?" in str(caught.value)


def test_every_wrong_key_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, "[run]\na = 1\n[score]\nb = 1\n"))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    "content",
    [
        "[disclosure]\npeople_floor = 49\n",
        "[alerts]\nalpha = 1.0\n",
        SOURCE + SOURCE,
        SOURCE + 'lang = "english"\n',
        SOURCE + "delimiter = '\"'\n",
        SOURCE + '[sources.place]\ngeo_type = "nation"\n',
        SOURCE + '[sources.kinds]\ntoot = "shout"\n',
        "[run\n",
    ],
)
def test_a_wrong_value_is_refused_with_its_file(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert all(line.startswith(str(path)) for line in str(caught.value).splitlines())


@pytest.mark.parametrize("address", ["auto", "local", "ray://10.0.0.1:10001", "10.0.0.1"])
def test_an_address_of_a_cluster_in_another_form_is_told_what_to_write(tmp_path: Path, address: str) -> None:
    path = write(tmp_path, f'[engine]\nkind = "ray"\naddress = "{address}"\n')
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(
        f"{path}: [engine] address: write HOST:PORT of the cluster's first machine"
    )
    assert "leave it empty" in str(caught.value)


def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(path)


def test_settings_cannot_be_changed() -> None:
    config = Config()
    with pytest.raises(ValidationError):
        config.run.seed = 2  # type: ignore[misc]


def test_the_hash_follows_results_and_not_places() -> None:
    here, there = ({"paths": {"warehouse": f"{name}.duckdb"}} for name in ("here", "there"))
    base = parse_config(here, where="test").sha256
    assert parse_config(there, where="test").sha256 == base
    assert parse_config({"run": {"seed": 3}}, where="test").sha256 != base


# ----------------------------------------------------------------------------------------- secrets


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    return parse_config({"paths": {"warehouse": str(tmp_path / "state" / "w.duckdb")}}, where="test")


def test_a_key_is_made_once_for_its_owner_only_and_announced(config: Config) -> None:
    key, note = load_secret(config)
    path = secret_path(config)
    assert str(path) in note
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(key) >= 32
    assert load_secret(config) == (key, "")
    assert key.decode() not in note


def test_the_environment_comes_first_and_blanks_do_not_matter(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "  a key from elsewhere, long enough\n")
    assert load_secret(config) == (b"a key from elsewhere, long enough", "")
    assert not secret_path(config).exists()


def test_the_demo_key_is_for_the_demo_only(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    demo: dict[str, Any] = {"run": {"demo": True}}
    assert load_secret(parse_config(demo, where="test")) == (DEMO_KEY, "")
    monkeypatch.setenv(SECRET_VARIABLE, DEMO_KEY.decode())
    with pytest.raises(ConfigError, match="public demo key"):
        load_secret(config)


@pytest.mark.parametrize("key", ["", "short", " " * 40])
def test_a_short_key_is_refused_wherever_it_comes_from(
    config: Config, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = secret_path(config)
    path.parent.mkdir()
    path.write_text(key)
    with pytest.raises(ConfigError, match=r"w\.key: the key has \d bytes; at least 16"):
        load_secret(config)
    monkeypatch.setenv(SECRET_VARIABLE, key)
    with pytest.raises(ConfigError, match=SECRET_VARIABLE):
        load_secret(config)
