"""What guards a DuckLake's writes and removals: other clocks, lost locks, turns, and a password in its address."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import psycopg
import pytest

from flows import nightly
from flows.stages import Run
from tests.lake import MakeLake
from tests.postgresql import Server
from tests.store.lake_support import CANARY, REFUSED, names_in, opened, rows
from tests.store.warehouses import DAY, config_in
from warehouse import lake_catalogue
from warehouse.config import Config, parse_config
from warehouse.errors import BusyError, ConfigError, StoreError
from warehouse.migrations import columns_of
from warehouse.tables import TABLES
from warehouse.upgrade import compact


@pytest.fixture
def config(tmp_path: Path, make_lake: MakeLake) -> Config:
    return config_in(tmp_path, warehouse=make_lake(tmp_path / "files"))


def as_admin(config: Config, sql: str) -> None:
    with psycopg.connect(config.warehouse.conninfo, autocommit=True) as admin:
        admin.execute(sql)


# ----------------------------------------------------------------------------------------------- clocks


def _clock_ahead(config: Config) -> None:
    with psycopg.connect(config.warehouse.conninfo, autocommit=True) as admin:
        row = admin.execute("SELECT current_database()").fetchone()
        assert row is not None
        admin.execute(f"ALTER DATABASE {row[0]} SET search_path = public, pg_catalog")
        admin.execute(
            "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS "
            "$$ SELECT pg_catalog.now() + INTERVAL '2 days' $$"
        )


def _details_in_files(config: Config) -> set[str]:
    files = Path(config.warehouse.data).rglob("quarantine*/*.parquet")
    return {detail for file in files for detail in pl.read_parquet(file)["detail"].to_list()}


def test_what_was_deleted_is_in_no_file_though_the_servers_clock_is_ahead(config: Config) -> None:
    with opened(config):
        pass
    _clock_ahead(config)
    with opened(config) as store:
        store.append(REFUSED, rows("a"), run_id="r")
        store.append(REFUSED, rows("b", detail=CANARY), run_id="r")
        store.delete(REFUSED, where="record_hash = 'b'")
        ahead = store.query(
            "SELECT max(snapshot_time) > now() + INTERVAL 1 DAY FROM ducklake_snapshots('lake')"
        )
        assert ahead.item(), "this test would prove nothing"
    assert CANARY in _details_in_files(config)
    compact(config)
    assert _details_in_files(config) == {"a detail"}
    assert names_in(config) == ["a"]


def test_earlier_states_that_cannot_be_removed_are_told(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(config) as store:
        store.append(REFUSED, rows("a", "b"), run_id="r")
        store.delete(REFUSED, where="record_hash = 'b'")
    monkeypatch.setattr("warehouse.ducklake._call", lambda *_: None)
    with pytest.raises(StoreError, match=r"states of the DuckLake are left where one was expected"):
        compact(config)


def test_a_night_that_cannot_be_tidied_is_published_and_says_what_is_still_there(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: Config) -> None:
        raise StoreError("the object storage did not answer")

    monkeypatch.setattr(nightly.checks, "check", lambda _: None)
    monkeypatch.setattr(nightly, "STAGES", {})
    monkeypatch.setattr(nightly, "compact", failing)
    night = nightly.run_nightly(Run(config=config, issue=DAY))
    assert [receipt.stage for receipt in night.receipts] == ["tidy"]
    (problem,) = night.problems
    assert "is published, but what was deleted is still in the files" in problem
    assert "did not answer" in problem


# ------------------------------------------------------------------------------------- locks and turns


@pytest.mark.parametrize("lock", [lake_catalogue.Lock.USE, lake_catalogue.Lock.WRITE])
def test_a_transaction_whose_locks_are_lost_is_undone(config: Config, lock: lake_catalogue.Lock) -> None:
    with opened(config) as store:
        store.append(REFUSED, rows("a"), run_id="r")

        def write_without_a_lock() -> None:
            with store.transaction():
                store.append(REFUSED, rows("b"), run_id="r")
                as_admin(
                    config,
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                    f"(SELECT oid FROM pg_database WHERE datname = current_database()) AND objid = {int(lock)}",
                )

        with pytest.raises(StoreError, match="nothing of it was kept"):
            write_without_a_lock()
    assert names_in(config) == ["a"]


def test_new_tables_and_tables_written_anew_wait_for_their_turn(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_catalogue, "WAIT_SECONDS", 1)
    with opened(config) as one, opened(config) as other:
        one.append(REFUSED, rows("a"), run_id="r")
        one.connection.execute(f"DROP TABLE {TABLES['core.term_days'].name}")
        with one.transaction():
            with pytest.raises(BusyError, match="another process is writing"):
                other.rewrite(REFUSED.name, columns={"detail": "'other'"})
            with pytest.raises(BusyError, match="another process is writing"):
                other.create(TABLES["core.term_days"])
        other.rewrite(REFUSED.name, columns={"detail": "'other'"})
        other.create(TABLES["core.term_days"])
        assert one.read(REFUSED)["detail"].to_list() == ["other"]
        assert one.has(TABLES["core.term_days"])


class _Breaking:
    """A connection that fails at the first statement that begins like this."""

    def __init__(self, connection: object, *, at: str) -> None:
        self.real, self.at = connection, at

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def execute(self, sql: str, *parameters: object) -> object:
        if sql.startswith(self.at):
            raise KeyboardInterrupt
        return self.real.execute(sql, *parameters)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["file", "lake"])
def test_a_table_is_made_or_written_anew_whole_or_not_at_all(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    config = request.getfixturevalue("config") if kind == "lake" else config_in(tmp_path / "file")
    table = TABLES["core.term_days"]
    with opened(config) as store:
        store.append(REFUSED, rows("a"), run_id="r")
        store.connection.execute(f"ALTER TABLE {table.name} DROP COLUMN settings")
        before, real = columns_of(store.connection, table=table.name), store.connection
        store.connection = _Breaking(real, at="CREATE TABLE IF NOT EXISTS")  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            store.create(table)
        store.connection = _Breaking(real, at="ALTER TABLE")  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            store.rewrite(REFUSED.name, columns={"detail": "'other'"})
        store.connection = real
        assert columns_of(real, table=table.name) == before
        assert store.read(REFUSED)["detail"].to_list() == ["a detail"]


# --------------------------------------------------------------------------------------------- address


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{CANARY}/ss@host/db",
        f"postgresql://u:{CANARY}#1@host/db",
        f"postgresql://u:a?{CANARY}@host/db",
        f"postgres://u:{CANARY}@host",
        f"postgresql://u@host/db?pass%77ord={CANARY}",
        f"host=h password = '{CANARY}'",
        f"dbname=postgresql://u:{CANARY}@host/db",
        f"host=h sslpassword={CANARY}",
        f"{CANARY} host=h",
    ],
)
def test_an_address_that_may_hold_a_password_is_refused_and_not_quoted(address: str) -> None:
    settings = {"kind": "ducklake", "catalogue": f"postgres:{address}", "data": "d"}
    with pytest.raises(ConfigError, match=r"never in here|catalogue must be") as caught:
        parse_config({"warehouse": settings}, where="test")
    assert CANARY not in caught.value.message


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("host=h port=5 dbname=d user=u sslmode=require", "postgres:host=h port=5 dbname=d"),
        ("host='a b' dbname = d", "postgres:host=a b dbname=d"),
        ("postgresql://u@h:5/d?sslmode=require", "postgres:host=h port=5 dbname=d"),
        ("postgresql://u@[::1],h2:7/d", "postgres:host=[::1],h2 port=7 dbname=d"),
        ("service=mine", "postgres:the default database"),
    ],
)
def test_messages_name_host_port_and_database_only(address: str, name: str) -> None:
    settings = {"kind": "ducklake", "catalogue": f"postgres:{address}", "data": "d"}
    parsed = parse_config({"warehouse": settings}, where="test").warehouse
    assert parsed.name == name
    assert parsed.conninfo == address


def test_a_server_that_cannot_be_reached_is_named_without_user_and_options(
    config: Config, server: Server
) -> None:
    address = f"postgres:host=127.0.0.1 port=1 dbname=d user={CANARY} options='-c search_path={CANARY}'"
    lake = config.warehouse.model_copy(update={"catalogue": address})
    with (
        pytest.raises(StoreError, match=r"postgres:host=127\.0\.0\.1 port=1 dbname=d: ") as caught,
        opened(config.model_copy(update={"warehouse": lake})),
    ):
        pass
    assert CANARY not in caught.value.message
