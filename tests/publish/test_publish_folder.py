"""A publication is complete, stable, checked, and never seen half-written."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from pathlib import Path

import polars as pl
import publish_worlds as worlds
import pytest
from publish_worlds import ISSUE, contents, fill, signal

import warehouse.publish as publishing
from warehouse.config import Config
from warehouse.errors import ContractError, DisclosureError, InputError
from warehouse.export_zip import beside
from warehouse.newest_version import NEWEST, newest_version
from warehouse.publish import checked, current, publish
from warehouse.store import Store
from warehouse.tables import PUBLISHED, TABLES
from warehouse.term_weeks import last_sunday

DAY = dt.timedelta(days=1)
SUNDAY = last_sunday(Config(), issue=ISSUE)


def versions(config: Config, issue: dt.date = ISSUE) -> set[str]:
    return {path.name for path in (config.paths.published / f"issue={issue}").glob("version=*")}


def test_a_publication_holds_every_table_in_its_contract_and_nothing_private(
    store: Store, config: Config
) -> None:
    fill(store, signal())
    _, made = publish(store, config=config, issue=ISSUE)
    assert current(config.paths.published) == made
    assert {path.stem for path in made.folder.glob("*.parquet")} == set(PUBLISHED)
    for name, table in PUBLISHED.items():
        assert pl.read_parquet_schema(made.folder / f"{name}.parquet").names() == table.columns
    rows = pl.read_parquet(made.folder / "signals.parquet")
    assert rows["sample_size"].to_list() == [100]


def test_an_empty_warehouse_publishes_empty_typed_tables(store: Store, config: Config) -> None:
    receipt, made = publish(store, config=config, issue=ISSUE)
    assert receipt.rows_out == 0
    for name, table in PUBLISHED.items():
        rows = pl.read_parquet(made.folder / f"{name}.parquet")
        assert rows.is_empty()
        assert table.schema.cast(rows).schema == table.schema.create_empty().schema


def test_the_same_content_is_the_same_version_and_no_file_is_touched(store: Store, config: Config) -> None:
    fill(store, signal())
    _, first = publish(store, config=config, issue=ISSUE)
    before = contents(config.paths.published)
    _, second = publish(store, config=config, issue=ISSUE)
    assert first == second
    assert contents(config.paths.published) == before


def test_two_warehouses_with_the_same_rows_publish_the_same_bytes(
    store: Store, config: Config, tmp_path: Path
) -> None:
    fill(store, signal(), signal(geo_type="nation", geo_value="US"))
    _, here = publish(store, config=config, issue=ISSUE)
    other = worlds.config(tmp_path / "other")
    store.delete(TABLES["out.signals"], where="true")
    fill(store, signal(geo_type="nation", geo_value="US"), signal())
    _, there = publish(store, config=other, issue=ISSUE)
    assert here.version == there.version
    names = {path.name: path.read_bytes() for path in here.folder.iterdir()}
    assert names == {path.name: path.read_bytes() for path in there.folder.iterdir()}


def test_new_content_is_a_new_version_and_the_replaced_one_stays_readable_once(
    store: Store, config: Config
) -> None:
    made = []
    for number in range(3):
        fill(store, signal(n_posts=200 + 5 * number))
        made.append(publish(store, config=config, issue=ISSUE)[1])
        assert current(config.paths.published) == made[-1]
        assert pl.read_parquet(made[max(number - 1, 0)].folder / "signals.parquet").height == 1
    assert versions(config) == {made[1].folder.name, made[2].folder.name}
    publish(store, config=config, issue=ISSUE)
    assert versions(config) == {made[1].folder.name, made[2].folder.name}


def test_the_last_version_of_an_issue_is_written_down_whatever_the_times_of_its_folders(
    store: Store, config: Config, tmp_path: Path
) -> None:
    made = []
    for value in (0.4, 0.5, 0.4):
        fill(store, signal(value=value))
        made.append(publish(store, config=config, issue=ISSUE)[1])
    first, second, again = made
    assert first == again != second
    for folder, age in ((first.folder, 9), (second.folder, 5)):
        os.utime(folder, (1e9 - age, 1e9 - age))
    home = first.folder.parent
    assert newest_version(home) == first.folder
    # A copy, as a backup makes it, has other times but the same files.
    assert newest_version(shutil.copytree(home, tmp_path / "copy")) == tmp_path / "copy" / first.folder.name
    for text in ("", "[]", "{}", '{"version": "gone"}'):
        (home / NEWEST).write_text(text, encoding="utf-8")
        assert newest_version(home) == second.folder
    publish(store, config=config, issue=ISSUE)
    assert newest_version(home) == first.folder
    assert newest_version(tmp_path / "nowhere") is None


def test_a_damaged_version_is_written_again(store: Store, config: Config) -> None:
    fill(store, signal())
    _, made = publish(store, config=config, issue=ISSUE)
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    (made.folder / "signals.parquet").write_bytes(b"garbage")
    (made.folder / "alerts.parquet").unlink()
    publish(store, config=config, issue=ISSUE)
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before
    assert not list(config.paths.published.glob(".writing-*"))


def test_a_setting_that_a_reader_sees_makes_a_new_version(
    store: Store, config: Config, tmp_path: Path
) -> None:
    _, first = publish(store, config=config, issue=ISSUE)
    _, second = publish(store, config=worlds.config(tmp_path, help_line="Call 123"), issue=ISSUE)
    assert first.version != second.version
    manifest = json.loads(
        (current(config.paths.published).folder / "manifest.json").read_text(encoding="utf-8")
    )
    assert manifest["help_line"] == "Call 123"
    assert manifest["version"] == second.version


def test_a_reader_that_opened_the_last_version_can_go_on(store: Store, config: Config) -> None:
    fill(store, signal())
    _, first = publish(store, config=config, issue=ISSUE)
    scan = pl.scan_parquet(first.folder / "signals.parquet")
    fill(store, signal(value=0.2))
    publish(store, config=config, issue=ISSUE)
    assert scan.collect()["value"].to_list() == [0.4]


def test_an_older_issue_never_takes_the_pointer_back(store: Store, config: Config) -> None:
    fill(store, signal(), signal(ISSUE - DAY))
    _, new = publish(store, config=config, issue=ISSUE)
    _, old = publish(store, config=config, issue=ISSUE - DAY)
    assert current(config.paths.published) == new
    assert pl.read_parquet(old.folder / "signals.parquet")["issue"].to_list() == [ISSUE - DAY]


def test_only_the_newest_issues_are_kept(store: Store, tmp_path: Path) -> None:
    config = worlds.config(tmp_path, keep=3)
    for number in range(5):
        publish(store, config=config, issue=ISSUE + number * DAY)
    kept = sorted(path.name for path in config.paths.published.glob("issue=*"))
    assert kept == [f"issue={ISSUE + number * DAY}" for number in (2, 3, 4)]
    assert not list(config.paths.published.glob(".writing-*"))


@pytest.mark.parametrize("where", ["_manifest", "_put_in_place", "_point"])
def test_a_crash_leaves_no_half_version_and_the_next_run_cleans_up(
    store: Store, config: Config, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, signal())
    _, before = publish(store, config=config, issue=ISSUE)
    fill(store, signal(ISSUE + DAY))
    with monkeypatch.context() as patched:
        patched.setattr(publishing, where, _killed)
        patched.setattr(publishing.shutil, "rmtree", lambda *_args, **_kwargs: None)
        with pytest.raises(KeyboardInterrupt):
            publish(store, config=config, issue=ISSUE + DAY)
    assert current(config.paths.published) == before
    for version in config.paths.published.glob("issue=*/version=*"):
        assert {path.stem for path in version.iterdir()} == {*PUBLISHED, "manifest"}
    _, after = publish(store, config=config, issue=ISSUE + DAY)
    assert current(config.paths.published) == after
    assert sorted(p.name for p in config.paths.published.glob(".*")) == []


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_empty_issue_folder_of_a_crash_is_removed(store: Store, config: Config) -> None:
    (config.paths.published / "issue=2024-01-01").mkdir(parents=True)
    publish(store, config=config, issue=ISSUE)
    assert not (config.paths.published / "issue=2024-01-01").exists()


@pytest.mark.parametrize(
    "cell",
    [
        {"sample_size": 45}, {"sample_size": 101}, {"value": 0.1}, {"reliability": "suppressed"},
        {"sample_size": None, "people_unknown": True},
    ],
)  # fmt: skip
def test_a_breach_of_disclosure_stops_the_publication(
    store: Store, config: Config, cell: dict[str, object]
) -> None:
    fill(store, signal())
    publish(store, config=config, issue=ISSUE)
    before = contents(config.paths.published)
    fill(store, signal(ISSUE + DAY, **cell))
    with pytest.raises(DisclosureError, match=r"out\.signals"):
        publish(store, config=config, issue=ISSUE + DAY)
    assert contents(config.paths.published) == before


def shifted_word(**given: object) -> pl.DataFrame:
    """A row of the window that ends with the last complete week."""
    row = {
        "signal": "s_share", "geo_type": "all", "geo_value": "all", "window_start": SUNDAY - DAY,
        "window_end": SUNDAY, "reference_start": SUNDAY - 3 * DAY, "reference_end": SUNDAY - 2 * DAY,
        "lexicon": "made-en", "term": "alone", "negated": False, "contribution": 0.1, "share_before": 0.1,
        "share_after": 0.2, "n_people": 50,
    } | given  # fmt: skip
    return pl.DataFrame([row], schema=TABLES["out.word_shifts"].schema.create_empty().schema)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"n_people": 3}, "n_people below 50: 1 rows"),
        ({"n_people": None}, "words of unknown people: 1 rows"),
        ({"term": "(other)", "lexicon": "", "n_people": 3}, "n_people below 50: 1 rows"),
    ],
)
def test_a_word_of_few_or_unknown_people_stops_the_publication(
    store: Store, config: Config, given: dict[str, object], why: str
) -> None:
    store.append(TABLES["out.word_shifts"], shifted_word(**given), run_id="test")
    with pytest.raises(DisclosureError, match=rf"out\.word_shifts: {why}"):
        publish(store, config=config, issue=ISSUE)
    assert not config.paths.published.exists()


def test_a_place_described_by_few_people_stops_the_publication(store: Store, config: Config) -> None:
    row = {"population": "all", "geo_type": "region", "geo_value": "US-WY", "time_value": ISSUE - DAY,
           "scorer": "all", "metric": "people", "value": 45.0}  # fmt: skip
    store.append(TABLES["out.data_quality"], pl.DataFrame([row]), run_id="test")
    with pytest.raises(DisclosureError, match=r"out\.data_quality: people below 50: 1 rows"):
        publish(store, config=config, issue=ISSUE)
    assert not config.paths.published.exists()


def test_tonights_words_are_published_with_the_row_of_all_others_and_older_windows_are_not(
    store: Store, config: Config
) -> None:
    rest = {"term": "(other)", "lexicon": "", "n_people": None, "contribution": -0.1}
    older = {"window_end": SUNDAY - DAY, "n_people": 3}
    frames = [shifted_word(), shifted_word(**rest), shifted_word(**older)]
    store.append(TABLES["out.word_shifts"], pl.concat(frames), run_id="test")
    _, made = publish(store, config=config, issue=ISSUE)
    rows = pl.read_parquet(made.folder / "word_shifts.parquet")
    assert rows.select("term", "n_people").rows() == [("(other)", None), ("alone", 50)]


def test_a_row_outside_its_contract_stops_the_publication(store: Store, config: Config) -> None:
    fill(store, signal())
    store.connection.execute("UPDATE out.signals SET value = 7")
    with pytest.raises(ContractError, match=r"out\.signals"):
        publish(store, config=config, issue=ISSUE)
    assert not config.paths.published.exists()


@pytest.mark.parametrize("surplus", ["run_id", "text", "numerator"])
def test_a_column_outside_the_contract_is_refused(surplus: str) -> None:
    with pytest.raises(ContractError, match=surplus):
        checked(signal().with_columns(pl.lit("x").alias(surplus)), table=TABLES["out.signals"])


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"issue": "soon"}', '{"issue": "2024-03-10", "version": "v"}']
)
def test_a_damaged_pointer_says_what_to_do_and_is_written_again(
    store: Store, config: Config, body: str
) -> None:
    root = config.paths.published
    root.mkdir(parents=True)
    (root / "current.json").write_text(body, encoding="utf-8")
    with pytest.raises(InputError, match="affectcast publish"):
        current(root)
    _, made = publish(store, config=config, issue=ISSUE)
    assert current(root) == made


def test_without_a_publication_the_error_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="affectcast nightly"):
        current(tmp_path)


def test_the_export_of_a_version_goes_when_the_version_goes(store: Store, tmp_path: Path) -> None:
    config = worlds.config(tmp_path, keep=2)
    made = []
    for share in (0.4, 0.5, 0.6):
        fill(store, signal(value=share))
        _, publication = publish(store, config=config, issue=ISSUE)
        beside(publication.folder).write_bytes(b"zip")
        made.append(publication)
    assert [beside(publication.folder).exists() for publication in made] == [False, True, True]
    publish(store, config=config, issue=ISSUE)
    assert beside(made[-1].folder).exists()
    for number in (1, 2):
        publish(store, config=config, issue=ISSUE + number * DAY)
    assert not made[-1].folder.parent.exists()
