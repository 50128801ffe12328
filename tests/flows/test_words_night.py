"""The word stage in whole nights: what is published, what never is, and that a killed night leaves no trace."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path

import polars as pl
import pytest
from night_support import affectcast, crash, dump, night, published, write_toml

from flows.nightly import run_backfill
from flows.stages import Run
from lexicons.catalogue import file_sha256
from warehouse.config import Config, parse_config
from warehouse.publish import current
from warehouse.shift import OTHER

START = dt.date(2024, 1, 1)
DAYS = 21
PEOPLE = 130
RARE = "quibblefear"
TERMS = {"dread": "fear", "alarm": "fear", "worry": "fear", RARE: "fear", "gloom": "sadness"}
CATALOGUE = """
[lexicons.made-en]
language = "en"
file = "made_en.tsv"
licence = "Apache-2.0"
citation = "made up"
sha256 = "{sha256}"

[scorers.made]
title = "Made up"
lexicons = ["made-en"]
scale = "presence"
negation = false
dimensions = ["fear", "sadness"]
"""


def write_lexicon(folder: Path) -> None:
    """A lexicon of our own making beside the shipped ones."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{term}\t{dimension}\t1\n" for term, dimension in TERMS.items())
    path = folder / "made_en.tsv"
    path.write_text("term\tdimension\tweight\n" + rows, encoding="utf-8")
    (folder / "catalogue.toml").write_text(CATALOGUE.format(sha256=file_sha256(path)), encoding="utf-8")


def write_posts(folder: Path, *, days: int = DAYS) -> None:
    """A post per person and day, in which the made-up words are drawn; two people use the rare one every day."""
    rng = random.Random(3)
    with (folder / "posts.jsonl").open("w", encoding="utf-8") as file:
        for number in range(days):
            later = number >= days - 5
            chances = {
                "dread": 0.8 if later else 0.55,
                "alarm": 0.5 if later else 0.65,
                "gloom": 0.6,
                "worry": 0.15,
            }
            for person in range(PEOPLE):
                words = [word for word, chance in chances.items() if rng.random() < chance]
                words += [RARE] if person < 2 else []
                row = {
                    "id": f"{number}-{person}", "author": f"person {person}", "text": " ".join(["so", *words]),
                    "created_at": f"{START + dt.timedelta(days=number)}T10:00:00Z",
                }  # fmt: skip
                file.write(json.dumps(row) + "\n")


def world(folder: Path, *, days: int = DAYS, **overrides: object) -> Config:
    """A configuration on made-up posts and words, whose issue is the day after the last one."""
    folder.mkdir(parents=True, exist_ok=True)
    write_posts(folder, days=days)
    write_lexicon(folder / "lexicons")
    body = {
        "run": {"as_of": str(START + dt.timedelta(days=days)), "seed": 3, "demo": True},
        "paths": {
            "warehouse": str(folder / "state" / "w.duckdb"), "published": str(folder / "published"),
            "exports": str(folder / "exports"), "lexicons": str(folder / "lexicons"),
        },
        "sources": [
            {
                "name": "made", "path": str(folder / "posts.jsonl"), "lang": "en",
                "columns": {"text": "text", "created_at": "created_at", "post_id": "id", "author": "author"},
                "place": {"geo_type": "nation", "geo_value": "US"},
            }
        ],
        "score": {"scorers": ["made"], "chunk_posts": 500},
        "words": {"window_days": 7, "reference_days": 14},
        "forecast": {"models": ["flat_line"], "backtest_origins": 1, "horizon_days": 3},
        "contagion": {"scorer": "made", "measures": ["fear"], "permutations": 100},
    }  # fmt: skip
    return parse_config(body | overrides, where="test")


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """One uninterrupted night; tests only read it."""
    config = world(tmp_path_factory.mktemp("shifted"))
    night(config)
    return config


def words_of(config: Config) -> pl.DataFrame:
    return pl.read_parquet(current(config.paths.published).folder / "word_shifts.parquet")


def test_a_publication_says_which_words_moved_a_signal_and_by_how_much(shifted: Config) -> None:
    rows = words_of(shifted)
    assert set(rows["geo_value"]) == {"all", "US"}
    assert rows["window_end"].unique().to_list() == [START + dt.timedelta(days=DAYS - 1)]
    fear = rows.filter(pl.col("signal") == "made_fear_share", pl.col("geo_type") == "all")
    change = {row["term"]: row["contribution"] for row in fear.iter_rows(named=True)}
    assert change["dread"] > 0.05
    total = fear["share_after"].sum() - fear["share_before"].sum()
    assert fear["contribution"].sum() == pytest.approx(total, abs=1e-9)


def test_a_word_of_few_people_is_counted_but_never_published(shifted: Config) -> None:
    counted = dump(shifted)["core.term_counts"]
    assert counted.filter(pl.col("term") == RARE)["n_people"].max() == 2
    rows = words_of(shifted)
    assert RARE not in rows["term"].to_list()
    assert (rows.filter(pl.col("term") != OTHER)["n_people"] >= 50).all()
    parquet = list(shifted.paths.published.rglob("*.parquet"))
    assert [path.name for path in parquet if RARE in pl.read_parquet(path).write_csv()] == []


def test_a_publication_holds_the_words_of_every_week_as_of_its_issue(shifted: Config) -> None:
    rows = pl.read_parquet(current(shifted.paths.published).folder / "term_weeks.parquet")
    assert rows["time_value"].unique().sort().to_list() == [START + dt.timedelta(days=n) for n in (6, 13, 20)]
    assert rows["issue"].unique().to_list() == [shifted.run.as_of]
    assert {"dread", "alarm", "gloom"} & set(rows["term"])
    assert rows.filter(pl.col("term") != OTHER, ~(pl.col("n_people") >= 50)).is_empty()


def test_the_same_night_again_changes_no_byte_and_no_row(shifted: Config) -> None:
    tables, bytes_before = dump(shifted), published(shifted)
    night(shifted)
    after = dump(shifted)
    assert [name for name in tables if not after[name].equals(tables[name])] == []
    assert published(shifted) == bytes_before


@pytest.mark.slow
def test_a_night_killed_around_and_inside_the_words_ends_in_the_same_tables(
    shifted: Config, tmp_path: Path
) -> None:
    config = world(tmp_path)
    path = write_toml(config, tmp_path / "config.toml")
    for point in ("after:signals", "words:1", "after:words"):
        ran = crash(path, at=point)
        assert ran.returncode == -9, f"{point} was never reached: {ran.stderr}"
    last = crash(path, at="never")
    assert last.returncode == 0, last.stderr
    expected, got = dump(shifted), dump(config)
    assert [name for name in expected if not got[name].equals(expected[name])] == []
    assert words_of(config).equals(words_of(shifted))


@pytest.mark.slow
def test_night_by_night_counts_what_one_night_over_everything_does(shifted: Config, tmp_path: Path) -> None:
    config = world(tmp_path)
    assert config.run.as_of is not None
    for back in (3, 1, 0):
        run = {"as_of": str(config.run.as_of - dt.timedelta(days=back)), "seed": 3, "demo": True}
        night(world(tmp_path, run=run))
    expected, got = dump(shifted), dump(config)
    for name in ("core.term_counts", "core.term_days"):
        assert got[name].equals(expected[name])
    newest = got["out.word_shifts"].filter(pl.col("window_end") == pl.col("window_end").max())
    assert newest.equals(expected["out.word_shifts"])
    assert got["out.word_shifts"]["window_end"].n_unique() == 2


@pytest.mark.slow
def test_a_backfill_makes_the_words_of_every_issue(shifted: Config, tmp_path: Path) -> None:
    config = world(tmp_path)
    assert config.run.as_of is not None
    first = config.run.as_of - dt.timedelta(days=2)
    run_backfill(
        Run(config=config, issue=config.run.as_of, command="backfill"), first=first, last=config.run.as_of
    )
    assert dump(config)["out.word_shifts"]["window_end"].n_unique() == 2
    assert words_of(config).equals(words_of(shifted))


def test_a_short_history_gives_a_note_and_no_words(tmp_path: Path) -> None:
    config = world(tmp_path, days=8)
    assert any("no word shifts" in note for note in night(config).notes)
    assert words_of(config).is_empty()


def test_the_words_command_makes_them_after_signals_and_says_how_many(
    tmp_path: Path, shifted: Config
) -> None:
    config = world(tmp_path)
    path = write_toml(config, tmp_path / "config.toml")
    for verb in ("ingest", "score", "signals"):
        ran = affectcast(verb, "--config", str(path), cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
    ran = affectcast("words", "--config", str(path), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    tables = dump(shifted)
    written = tables["out.word_shifts"].height + tables["out.term_weeks"].height
    assert f" {written} out" in ran.stdout
    assert dump(config)["out.word_shifts"].equals(dump(shifted)["out.word_shifts"])
