"""New pseudonyms for everybody: the old ones are nowhere, the numbers are the same, and a killed run is finished."""

from __future__ import annotations

import csv
import datetime as dt
import hmac
import shutil
from pathlib import Path

import polars as pl
import pytest

from flows import rekey as rekeying
from flows import stages
from flows.rekey import new_pseudonyms
from flows.removal import erase
from flows.stages import Run
from tests.lake import MakeLake
from warehouse.config import Config, load_secret, parse_config, secret_path
from warehouse.config.environment import add_secret
from warehouse.errors import ConfigError, UsageError
from warehouse.intake.privacy import pseudonyms
from warehouse.store import Store, open_store
from warehouse.tables import TABLES

FIRST, ISSUE, LATER = dt.date(2024, 1, 1), dt.date(2024, 1, 29), dt.date(2024, 2, 5)
PEOPLE, WORDS = 55, ("happy", "sad", "plain", "amused", "beaming")
ERASED = "u9"
# Columns, in tables that hold draws of chance, that hold none.
OBSERVED = {
    "out.contagion": [
        "measure", "geo_type", "location", "window_end", "tie_bin", "n_edges", "n_people", "follow_rate",
        "mean_tie_strength",
    ],
    "out.diffusion": ["scenario", "alpha", "replicates", "n_people", "n_ties"],
}  # fmt: skip


def write(folder: Path, *, first: dt.date, last: dt.date) -> None:
    """Two sources: `named` has ids, answers and quotes, `bare` has none of them."""
    named, bare = [["id", "at", "who", "to", "text"]], [["at", "who", "text"]]
    for offset in range((first - FIRST).days, (last - FIRST).days):
        day = FIRST + dt.timedelta(days=offset)
        for number in range(PEOPLE):
            text = f"{WORDS[(number + offset) % len(WORDS)]} day"
            to = f"u{number - 1}" if number % 3 else ""
            named.append([f"{offset}-{number}", f"{day}T12:00:00", f"u{number}", to, text])
            bare.append([f"{day}T13:00:00", f"u{number}", text])
    for name, rows in (("named", named), ("bare", bare)):
        with (folder / f"{name}-{last}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)


def config_in(folder: Path, **sections: object) -> Config:
    folder.mkdir(exist_ok=True)
    columns = {"text": "text", "created_at": "at", "author": "who"}
    shared = {"lang": "en", "place": {"geo_type": "region", "geo_value": "US-CA"}}
    ids = {"post_id": "id", "reply_to_author": "to"}
    sources = [
        shared | {"name": "named", "path": str(folder / "named*.csv"), "columns": columns | ids},
        shared | {"name": "bare", "path": str(folder / "bare*.csv"), "columns": columns},
    ]
    raw = {
        "paths": {"warehouse": str(folder / "w.duckdb"), "published": str(folder / "published")},
        "sources": sources,
        "score": {"scorers": ["lexicon"]},
        "signals": {"levels": ["all"]},
        "words": {"window_days": 7, "reference_days": 7, "weeks": 2},
        "contagion": {"span_days": 7},
        "amplification": {"near_duplicate_days": 1},
    }
    return parse_config(raw | sections, where="test")


def night(config: Config, issue: dt.date) -> None:
    run = Run(config=config, issue=issue)
    for stage in (stages.ingest, stages.score, stages.build_signals, stages.words, stages.contagion):
        stage(run)


def asked(config: Config) -> Run:
    return Run(config=config, issue=ISSUE, command="rekey")


def tables(config: Config, *, schemas: tuple[str, ...] = ("raw", "core", "out")) -> dict[str, pl.DataFrame]:
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        names = store.query(
            "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables ORDER BY 1"
        )["name"]
        kept = [name for name in names if name.split(".")[0] in schemas and name != "core.runs"]
        return {name: store.query(f"SELECT * EXCLUDE (run_id) FROM {name} ORDER BY ALL") for name in kept}


def world(folder: Path) -> Config:
    """After a night in which somebody was erased; and one post is known to be deleted."""
    config = config_in(folder)
    write(folder, first=FIRST, last=ISSUE)
    secret_path(config).write_text("0123456789abcdef0123456789abcdef")
    night(config, ISSUE)
    erase(Run(config=config, issue=ISSUE, command="delete-author"), source="named", names=[ERASED])
    gone = pseudonyms(
        pl.Series(["named:27-3"]), secret=b"0123456789abcdef0123456789abcdef", source="named\x00post"
    )
    with open_store(config.paths.warehouse, config=config.warehouse) as store, store.transaction():
        row = pl.DataFrame({"post_key": gone, "source": ["named"], "issue": [ISSUE]})
        store.append(TABLES["raw.deleted"], row, run_id="test")
    return config


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a world; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("made") / "w"
    world(folder)
    return folder


@pytest.fixture
def config(made: Path, tmp_path: Path) -> Config:
    return copied(made, tmp_path / "w")


def copied(folder: Path, to: Path) -> Config:
    shutil.copytree(folder, to)
    return config_in(to)


@pytest.fixture(scope="module")
def two(
    made: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Config, Config, dict[str, pl.DataFrame]]:
    """Two equal worlds, one of which got a new key, and its tables of before."""
    folder = tmp_path_factory.mktemp("rekey")
    plain, other = copied(made, folder / "plain"), copied(made, folder / "other")
    before = tables(other)
    done = new_pseudonyms(asked(other))
    assert done.people > PEOPLE
    return plain, other, before


def test_every_pseudonym_is_another_and_none_of_the_old_ones_is_left(
    two: tuple[Config, Config, dict[str, pl.DataFrame]],
) -> None:
    _, config, before = two
    after = tables(config)
    old = pl.concat(
        [before[name][column] for name, column in (
            ("raw.posts", "author_key"), ("core.interactions", "target_author_key"), ("raw.erased", "author_key"),
            ("raw.deleted", "post_key"),
        )]
    ).drop_nulls().unique()  # fmt: skip
    content = config.paths.warehouse.read_bytes()
    assert not [key for key in old if key.encode() in content]
    for name, column in (("raw.posts", "author_key"), ("core.interactions", "target_author_key")):
        assert after[name][column].n_unique() == before[name][column].n_unique()
        assert after[name].height == before[name].height
    of_bare = pl.col("source") == "bare"
    ids = [held["raw.posts"].filter(of_bare)["post_id"] for held in (before, after)]
    assert not set(ids[0]) & set(ids[1])
    assert ids[1].n_unique() == ids[0].n_unique()
    assert not [key.encode() for key in ids[0].head(200) if key.removeprefix("bare:").encode() in content]
    named = [held["raw.posts"].filter(~of_bare)["post_id"].to_list() for held in (before, after)]
    assert named[0] == named[1]


def test_scores_and_edges_still_belong_to_their_posts(
    two: tuple[Config, Config, dict[str, pl.DataFrame]],
) -> None:
    _, config, before = two
    after = tables(config)
    for name in ("core.scores_lexicon", "core.interactions", "core.marks"):
        joined = [held[name].join(held["raw.posts"], on="post_id").height for held in (before, after)]
        assert joined[0] == joined[1] == after[name].height
    texts = [
        held["raw.posts"].join(held["core.scores_lexicon"], on="post_id").select("text", "joy", "time_value").sort(
            pl.all())
        for held in (before, after)
    ]  # fmt: skip
    assert texts[0].equals(texts[1])


def test_the_next_night_says_the_same_and_the_erased_and_deleted_do_not_come_back(
    two: tuple[Config, Config, dict[str, pl.DataFrame]],
) -> None:
    plain, other, _ = two
    for config in (plain, other):
        write(config.paths.warehouse.parent, first=FIRST + dt.timedelta(days=27), last=LATER)
        (config.paths.warehouse.parent / f"bare-{LATER}.csv").unlink()
        night(config, LATER)
    said = [tables(config, schemas=("out",)) for config in two[:2]]
    assert said[0]["out.signals"].height > 100
    for name, frame in said[0].items():
        # Chance is drawn in the order of pseudonyms: there, what was observed is the same.
        columns = OBSERVED.get(name, frame.columns)
        assert frame.select(columns).equals(said[1][name].select(columns)), name
    counts = [tables(config, schemas=("raw",))["raw.intake"] for config in two[:2]]
    assert counts[0].drop("file_sha256").equals(counts[1].drop("file_sha256"))
    secret = load_secret(other)[0]
    erased = pseudonyms(pl.Series([ERASED]), secret=secret, source="named")
    posts = tables(other, schemas=("raw",))["raw.posts"]
    assert posts.filter(pl.col("author_key").is_in(erased.implode())).is_empty()
    assert pseudonyms(pl.Series(["u1"]), secret=secret, source="named")[0] in posts["author_key"].to_list()


def test_a_run_that_was_killed_after_the_key_was_written_is_finished_by_the_next(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables(config)["raw.posts"]

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rekeying, "rekey", killed)
        with pytest.raises(KeyboardInterrupt):
            new_pseudonyms(asked(config))
    assert tables(config)["raw.posts"].equals(before)
    with pytest.raises(ConfigError, match="affectcast rekey"):
        night(config, LATER)
    new_pseudonyms(asked(config))
    assert len(load_secret(config)[0].splitlines()) == 2
    assert not set(tables(config)["raw.posts"]["author_key"]) & set(before["author_key"])
    night(config, LATER)


def test_a_run_that_was_killed_before_the_files_were_written_anew_is_finished_without_a_further_key(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tables(config)["raw.posts"]["author_key"].drop_nulls().unique()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rekeying, "compact", killed)
        with pytest.raises(KeyboardInterrupt):
            new_pseudonyms(asked(config))
    hashed, key = tables(config)["raw.posts"], secret_path(config).read_bytes()
    assert any(name.encode() in config.paths.warehouse.read_bytes() for name in old), "nothing to prove"
    assert new_pseudonyms(asked(config), dry_run=True).people == 0
    assert new_pseudonyms(asked(config)).people == 0
    assert secret_path(config).read_bytes() == key
    assert tables(config)["raw.posts"].equals(hashed)
    assert not [name for name in old if name.encode() in config.paths.warehouse.read_bytes()]
    new_pseudonyms(asked(config))
    assert len(secret_path(config).read_bytes().splitlines()) == 3


def test_no_more_than_a_few_pseudonyms_are_held_at_a_time(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights, real = [], Store.query

    def noted(store: Store, sql: str, parameters: list[object] | None = None) -> pl.DataFrame:
        frame = real(store, sql, parameters)
        heights.append(frame.height)
        return frame

    monkeypatch.setattr(Store, "query", noted)
    assert new_pseudonyms(asked(config)).posts > PEOPLE
    assert max(heights) < PEOPLE


def _chained(*keys: str) -> str:
    said = b"affectcast: is this the key?"
    for key in keys:
        said = hmac.digest(key.encode(), said, "sha256").hex()[:32].encode()
    return said.decode()


def test_a_key_of_one_line_has_the_check_it_had_and_one_of_several_is_not_taken_for_a_chain(
    config: Config,
) -> None:
    first, second = secret_path(config).read_text(), "f" * 32
    assert tables(config)["core.identity"].filter(name="key_check")["value"].to_list() == [_chained(first)]
    new_pseudonyms(asked(config))
    lines = secret_path(config).read_text().splitlines()
    assert tables(config)["core.identity"].filter(name="key_check")["value"].to_list() == [_chained(*lines)]
    # As an earlier version left it, to which all lines were one key.
    secret_path(config).write_text(f"{first}\n{second}")
    whole = hmac.digest(f"{first}\n{second}".encode(), b"affectcast: is this the key?", "sha256").hex()[:32]
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        store.identify("key_check", whole)
    before = tables(config)["raw.posts"]
    for refused in (lambda: night(config, LATER), lambda: new_pseudonyms(asked(config))):
        with pytest.raises(ConfigError, match="is not the one"):
            refused()
    assert tables(config)["raw.posts"].equals(before)
    assert len(secret_path(config).read_text().splitlines()) == 2


def _values_in(folder: Path) -> set[object]:
    files = list(folder.rglob("*.parquet"))
    return {
        value
        for file in files
        for column in pl.read_parquet(file).select(pl.col(pl.String)).iter_columns()
        for value in column.unique()
    }


def test_on_a_lake_the_old_ones_are_in_no_file_and_messages_name_the_lake(
    tmp_path: Path, make_lake: MakeLake
) -> None:
    lake = make_lake(tmp_path / "files")
    config = config_in(tmp_path / "w", warehouse=lake)
    write(tmp_path / "w", first=FIRST, last=FIRST + dt.timedelta(days=2))
    secret_path(config).write_text("0123456789abcdef0123456789abcdef")
    stages.ingest(Run(config=config, issue=ISSUE))
    before = tables(config, schemas=("raw", "core"))["raw.posts"]
    old = {*before["author_key"].drop_nulls(), *before.filter(source="bare")["post_id"]}
    assert old <= _values_in(tmp_path / "files")
    assert new_pseudonyms(asked(config)).people >= PEOPLE
    assert not old & _values_in(tmp_path / "files")
    after = tables(config, schemas=("raw", "core"))["raw.posts"]
    assert after["author_key"].n_unique() == before["author_key"].n_unique()
    assert after["text"].sort().equals(before["text"].sort())
    secret_path(config).write_text("f" * 32)
    with pytest.raises(ConfigError, match=r"^postgres:host=.*: the key given is not the one"):
        new_pseudonyms(asked(config))


def test_a_dry_run_changes_neither_key_nor_warehouse_and_each_run_adds_one_line(config: Config) -> None:
    key, before = secret_path(config).read_bytes(), tables(config)
    assert new_pseudonyms(asked(config), dry_run=True).people > PEOPLE
    assert secret_path(config).read_bytes() == key
    assert all(frame.equals(before[name]) for name, frame in tables(config).items())
    for lines in (2, 3):
        new_pseudonyms(asked(config))
        assert len(secret_path(config).read_bytes().splitlines()) == lines
        assert secret_path(config).read_bytes().startswith(key)
        assert secret_path(config).stat().st_mode & 0o077 == 0


def test_another_key_and_one_from_the_environment_are_refused_with_what_to_do(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, before = secret_path(config).read_text(), tables(config)["raw.posts"]
    secret_path(config).write_text("f" * 32)
    with pytest.raises(ConfigError, match="is not the one"):
        new_pseudonyms(asked(config))
    assert secret_path(config).read_text() == "f" * 32
    monkeypatch.setenv("AFFECTCAST_SECRET", key)
    with pytest.raises(UsageError, match="second line"):
        new_pseudonyms(asked(config))
    assert tables(config)["raw.posts"].equals(before)
    monkeypatch.setenv("AFFECTCAST_SECRET", f"{key}\n{'e' * 32}")
    assert new_pseudonyms(asked(config)).people > PEOPLE
    monkeypatch.setenv("AFFECTCAST_SECRET", f"{key}\nshort")
    with pytest.raises(ConfigError, match="5 bytes"):
        new_pseudonyms(asked(config))


def test_a_key_with_a_new_line_is_told_apart_from_a_wrong_one(config: Config) -> None:
    add_secret(config)
    with pytest.raises(ConfigError, match="a line more"):
        night(config, LATER)
