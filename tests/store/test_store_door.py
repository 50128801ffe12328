"""The one door: keys, transactions, refusals that quote nothing, and files that are not warehouses."""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from warehouse.config import WarehouseConfig
from warehouse.errors import BusyError, ContractError, InputError
from warehouse.store import Store, check, open_store, run_identity
from warehouse.tables import TABLES

REFUSED = TABLES["raw.quarantine"]
SETTINGS = WarehouseConfig()


def rows(*names: str, detail: str = "a detail") -> pl.DataFrame:
    return pl.DataFrame({"record_hash": list(names)}, schema={"record_hash": pl.String}).with_columns(
        source=pl.lit("made"), reason=pl.lit("bad"), detail=pl.lit(detail), received_at=dt.date(2024, 1, 1)
    )


@pytest.fixture(params=["duckdb", "ducklake"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty warehouse of each kind."""
    settings = SETTINGS
    if request.param == "ducklake":
        settings = WarehouseConfig(**request.getfixturevalue("make_lake")(tmp_path / "files"))
    with open_store(tmp_path / "deep" / "w.duckdb", config=settings) as opened:
        yield opened


def test_rows_come_back_in_contract_order_and_type(store: Store) -> None:
    store.append(REFUSED, rows("b", "a").select(pl.all().reverse()), run_id="r")
    assert store.read(REFUSED).equals(check(REFUSED, rows("a", "b")))


def test_a_key_that_is_there_already_is_refused_and_counted(store: Store) -> None:
    store.append(REFUSED, rows("a", "b"), run_id="r")
    with pytest.raises(ContractError, match=r"raw\.quarantine: 1 rows have a key \(record_hash\)"):
        store.append(REFUSED, rows("b", "c"), run_id="r")
    assert store.count(REFUSED) == 2


def test_append_new_adds_and_put_replaces(store: Store) -> None:
    store.append(REFUSED, rows("a", "b"), run_id="r")
    assert store.append_new(REFUSED, rows("b", "c", detail="new"), run_id="r") == 1
    assert store.put(REFUSED, rows("a", detail="new"), run_id="r") == 1
    assert store.read(REFUSED)["detail"].to_list() == ["new", "a detail", "new"]


def test_a_table_that_is_written_anew_has_other_values_where_it_was_said_only(store: Store) -> None:
    store.append(REFUSED, rows("a", "b", "c"), run_id="r")
    before = store.read(REFUSED)
    other = "CASE WHEN record_hash IN ('a', 'c') THEN 'x' || record_hash ELSE record_hash END"
    for inside in (False, True):
        with store.transaction() if inside else contextlib.nullcontext():
            store.rewrite(REFUSED.name, columns={"record_hash": other})
        after = store.read(REFUSED)
        assert after["record_hash"].to_list() == ["b", "xa", "xc"]
        assert after.drop("record_hash").equals(before.drop("record_hash"))
    # It is the same table for the next rows.
    assert store.append_new(REFUSED, rows("b", "d"), run_id="r") == 1


def test_a_transaction_lands_whole_or_not_at_all(store: Store) -> None:
    def write_and_fail() -> None:
        with store.transaction():
            store.append(REFUSED, rows("a"), run_id="r")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert store.count(REFUSED) == 0


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (rows("a").drop("detail"), "columns missing: detail"),
        (rows("a", "a"), "2 of 2 rows break the contract"),
        (rows("a").with_columns(detail=pl.lit(None)), r"detail\|nullability: 1 rows"),
        (rows("a").with_columns(received_at=pl.lit("canary")), "does not have its contract's type"),
    ],
)
def test_what_breaks_the_contract_is_refused_without_being_quoted(
    store: Store, frame: pl.DataFrame, said: str
) -> None:
    with pytest.raises(ContractError, match=said) as caught:
        store.append(REFUSED, frame, run_id="r")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert store.count(REFUSED) == 0


def test_a_query_that_meets_data_it_cannot_convert_does_not_quote_it(store: Store) -> None:
    store.append(REFUSED, rows("a", detail="canary"), run_id="r")
    with pytest.raises(ContractError, match="withheld") as caught:
        store.query("SELECT CAST(detail AS INTEGER) FROM raw.quarantine")
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_row_hashes_are_stable_and_tell_null_from_empty(store: Store) -> None:
    frame = pl.DataFrame({"a": ["x", "x", None, "", "x"], "b": ["y", "y", "y", "y", None]})
    hashes = store.hash_rows(frame)
    assert hashes.to_list() == store.hash_rows(frame).to_list()
    assert hashes[0] == hashes[1]
    assert hashes.n_unique() == 4


def test_a_file_that_is_no_warehouse_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    path.write_text("no database " * 1_000)
    with (
        pytest.raises(InputError, match="cannot be opened as a warehouse"),
        open_store(path, config=SETTINGS),
    ):
        pass


def test_settings_that_duckdb_refuses_are_named(tmp_path: Path) -> None:
    wrong = WarehouseConfig(memory_limit="a lot")
    with pytest.raises(InputError, match=r"\[warehouse\]"), open_store(tmp_path / "w.duckdb", config=wrong):
        pass


def test_a_warehouse_in_use_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    holder = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(BusyError, match="another process"), open_store(path, config=SETTINGS):
            pass
        other.communicate()


def test_a_table_with_other_columns_is_made_anew_only_where_nothing_is_lost(store: Store) -> None:
    derived, kept = TABLES["core.term_days"], TABLES["raw.quarantine"]
    for table in (derived, kept):
        store.connection.execute(f"ALTER TABLE {table.name} DROP COLUMN run_id")
    store.create(kept)
    store.connection.execute(f"INSERT INTO {derived.name} (scorer) VALUES ('a')")
    store.create(derived)
    assert store.query(f"SELECT count(run_id) AS n FROM {derived.name}").item() == 0
    store.append(kept, rows("a"), run_id="r")
    store.connection.execute(f"ALTER TABLE {kept.name} DROP COLUMN run_id")
    with pytest.raises(ContractError, match=r"raw\.quarantine holds 1 rows with the columns"):
        store.create(kept)


def test_a_run_is_named_by_what_was_asked() -> None:
    asked = {"issue": "2024-01-01", "config_sha256": "c", "inputs": [["a", "b"]]}
    assert run_identity("nightly", **asked) == run_identity("nightly", **asked)
    assert run_identity("nightly", **asked) != run_identity("backfill", **asked)
