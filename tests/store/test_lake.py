"""A DuckLake: how it is set up and refused, several who write and read, and that what was deleted is in no file."""

from __future__ import annotations

import importlib.util
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import psycopg
import pytest

from tests.lake import MakeLake
from tests.postgresql import PASSWORD, Server
from tests.store.lake_support import CANARY, REFUSED, names_in, opened, rows
from tests.store.warehouses import DAY, config_in
from warehouse import lake_catalogue
from warehouse.config import Config, WarehouseConfig, parse_config
from warehouse.errors import AffectcastError, BusyError, ConfigError, InputError, StoreError
from warehouse.lake_catalogue import night_held, night_is_held
from warehouse.opening import connected, errors_withheld, exists, size_of
from warehouse.tables import TABLES
from warehouse.upgrade import compact


@pytest.fixture
def config(tmp_path: Path, make_lake: MakeLake) -> Config:
    return config_in(tmp_path, warehouse=make_lake(tmp_path / "files"))


# ----------------------------------------------------------------------------------- set up and refused


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "ducklake", "data": "d"}, "catalogue must be"),
        ({"kind": "ducklake", "catalogue": "host=h dbname=d", "data": "d"}, "catalogue must be"),
        ({"kind": "ducklake", "catalogue": "postgres:dbname=d"}, "data must name a folder"),
        ({"catalogue": "postgres:dbname=d", "data": "d"}, "belong to kind"),
        ({"kind": "ducklake", "catalogue": f"postgres:password={CANARY}", "data": "d"}, "never in here"),
        ({"kind": "ducklake", "catalogue": f"postgres:postgresql://u:{CANARY}@h/d", "data": "d"}, "never in"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_and_a_password_is_not_quoted(
    settings: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse_config({"warehouse": settings}, where="test")
    assert CANARY not in caught.value.message


def _elsewhere(config: Config, *, wrong: str, right: str) -> Config:
    assert right in config.warehouse.catalogue
    catalogue = config.warehouse.catalogue.replace(right, wrong)
    return config.model_copy(
        update={"warehouse": config.warehouse.model_copy(update={"catalogue": catalogue})}
    )


def test_a_catalogue_that_cannot_be_used_says_why_and_no_secret(
    config: Config, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    somewhere = f"port={server.port}"
    cases: list[tuple[Config, type[AffectcastError], str]] = [
        (_elsewhere(config, right=somewhere, wrong="port=1"), StoreError, "cannot be reached"),
        (_elsewhere(config, right="dbname=lake", wrong="dbname=nothing"), ConfigError, "does not exist"),
        (_elsewhere(config, right="host=", wrong=f"{CANARY} host="), ConfigError, "is not a connection"),
    ]
    for wrong, kind, said in cases:
        with pytest.raises(kind, match=said) as caught, opened(wrong):
            pass
        assert PASSWORD not in str(caught.value)
        assert "is not a connection" not in said or CANARY not in str(caught.value)
    monkeypatch.setenv("PGPASSWORD", f"wrong {CANARY}")
    with pytest.raises(ConfigError, match=r"did not take the password.*PGPASSFILE") as caught, opened(config):
        pass
    assert CANARY not in str(caught.value)


def test_the_password_is_read_from_a_password_file(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD")
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:*:*:affectcast:{PASSWORD}\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    with opened(config) as store:
        store.append(REFUSED, rows("a"), run_id="r")
    assert names_in(config) == ["a"]


def test_a_folder_that_cannot_be_written_to_or_is_not_its_own_is_refused(
    config: Config, tmp_path: Path
) -> None:
    data = Path(config.warehouse.data)
    data.write_text("a file", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"data: .* cannot be written to"), opened(config):
        pass
    data.unlink()
    data.mkdir()
    theirs = data / "a photograph.jpg"
    theirs.write_bytes(b"not ours")
    with pytest.raises(ConfigError, match="is not empty"), opened(config):
        pass
    assert theirs.read_bytes() == b"not ours"
    theirs.unlink()
    with opened(config):
        pass
    elsewhere = config.warehouse.model_copy(update={"data": str(tmp_path / "other")})
    with (
        pytest.raises(ConfigError, match="is not where this warehouse's files lie"),
        opened(config.model_copy(update={"warehouse": elsewhere})),
    ):
        pass


def test_settings_that_duckdb_refuses_are_named(config: Config) -> None:
    wrong = config.warehouse.model_copy(update={"memory_limit": "a lot"})
    with (
        pytest.raises(InputError, match=r"\[warehouse\]"),
        opened(config.model_copy(update={"warehouse": wrong})),
    ):
        pass


@pytest.mark.parametrize("missing", ["duckdb_extension_ducklake", "duckdb_extension_postgres_scanner"])
def test_a_missing_package_is_named_with_what_to_install(
    config: Config, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else real(name))
    with pytest.raises(ConfigError, match=r"is not installed.*affectcast\[lake\]"), opened(config):
        pass


# ------------------------------------------------------------------------------- several at the same time


def test_writers_at_the_same_time_lose_nothing_and_double_nothing(config: Config) -> None:
    with opened(config):
        pass
    added, barrier = [], threading.Barrier(4)

    def write(own: str) -> None:
        with opened(config) as store:
            barrier.wait(60)
            for number in range(3):
                frame = rows(f"shared-{number}", f"{own}-{number}")
                added.append(store.append_new(REFUSED, frame, run_id=own))
                store.put(
                    TABLES["core.identity"],
                    pl.DataFrame({"name": ["posts_from"], "value": [own]}),
                    run_id=own,
                )

    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    expected = [f"{own}-{number}" for own in "abcd" for number in range(3)]
    assert names_in(config) == sorted(expected + [f"shared-{number}" for number in range(3)])
    assert sum(added) == 4 * 3 + 3
    with opened(config) as store:
        assert store.query("SELECT count(*) FROM core.identity WHERE name = 'posts_from'").item() == 1


def test_a_reader_sees_what_was_finished_while_somebody_writes(config: Config) -> None:
    with opened(config) as writer:
        writer.append(REFUSED, rows("a"), run_id="r")
        with writer.transaction():
            writer.append(REFUSED, rows("b"), run_id="r")
            assert names_in(config) == ["a"]
        assert names_in(config) == ["a", "b"]


def test_who_waits_too_long_for_a_turn_to_write_is_told_and_has_written_nothing(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake_catalogue, "WAIT_SECONDS", 1)
    with opened(config) as one, opened(config) as other, one.transaction():
        one.append(REFUSED, rows("a"), run_id="r")
        with pytest.raises(BusyError, match=r"another process is writing.*run the same command again"):
            other.append(REFUSED, rows("b"), run_id="r")
    assert names_in(config) == ["a"]


def test_a_change_past_the_door_of_rows_that_another_changed_is_busy_and_not_lost(config: Config) -> None:
    with opened(config) as store:
        store.append(REFUSED, rows("a", "b"), run_id="r")
    path, settings = config.paths.warehouse, config.warehouse
    with connected(path, config=settings) as one, connected(path, config=settings) as other:
        for connection in (one, other):
            connection.execute("BEGIN")
            connection.execute("DELETE FROM raw.quarantine WHERE record_hash = 'a'")
        one.execute("COMMIT")
        with pytest.raises(BusyError, match="changed the same rows"), errors_withheld("a write"):
            other.execute("COMMIT")
    assert names_in(config) == ["b"]


def test_a_second_night_on_another_machine_is_refused_at_once(config: Config, tmp_path: Path) -> None:
    from flows.nightly import night_lock

    there = config.model_copy(
        update={"paths": config.paths.model_copy(update={"warehouse": tmp_path / "there" / "w.duckdb"})}
    )
    assert not night_is_held(config.warehouse)
    with night_lock(config):
        assert night_is_held(config.warehouse)
        with pytest.raises(BusyError, match="perhaps on another machine"), night_lock(there):
            pass
    with night_lock(there):
        pass


def test_a_night_whose_lock_is_lost_goes_no_further(config: Config, server: Server) -> None:
    with night_held(config.warehouse) as still_held:
        still_held()
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1"
            )
        with pytest.raises(StoreError, match="the lock of this run with it"):
            still_held()


def test_a_server_that_dies_in_a_transaction_costs_nothing_but_that_transaction(tmp_path: Path) -> None:
    from tests.postgresql import postgresql

    with postgresql() as own, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", PASSWORD)
        own.make_database("lake")
        settings = {
            "kind": "ducklake",
            "catalogue": f"postgres:{own.conninfo('lake')}",
            "data": str(tmp_path / "f"),
        }
        config = config_in(tmp_path, warehouse=settings)
        with opened(config) as store:
            store.append(REFUSED, rows("a"), run_id="r")

            def write_while_it_dies() -> None:
                with store.transaction():
                    store.append(REFUSED, rows("b"), run_id="r")
                    own.stop()

            with pytest.raises(StoreError, match="run the same command again"):
                write_while_it_dies()
        with pytest.raises(StoreError, match="cannot be reached"):
            exists(config.paths.warehouse, config=config.warehouse)
        own.start()
        assert names_in(config) == ["a"]


def test_a_full_disk_is_told_and_what_was_there_stays(config: Config) -> None:
    many = rows(*(f"n{number}" for number in range(20_000)), detail="x").with_columns(
        detail=pl.col("record_hash").hash(seed=1).cast(pl.String)
    )
    with opened(config) as store:
        store.append(REFUSED, rows("a"), run_id="r")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            with pytest.raises(StoreError, match="free space"):
                store.append(REFUSED, many, run_id="r")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        assert store.read(REFUSED)["record_hash"].to_list() == ["a"]
        assert store.append(REFUSED, many, run_id="r") == 20_000


# ------------------------------------------------------------------------------------------- the files


def _everything_in(config: Config, server: Server) -> Iterator[str]:
    """Every cell of every file in the folder, whatever the catalogue says of it, and every row of the catalogue."""
    for path in Path(config.warehouse.data).rglob("*"):
        if path.is_file():
            yield from (path.read_bytes().decode("latin-1"), pl.read_parquet(path).write_csv())
    with psycopg.connect(config.warehouse.conninfo) as catalogue:
        names = catalogue.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            for row in catalogue.execute(f'SELECT * FROM "{name}"').fetchall():
                yield str(row)


def test_what_was_deleted_is_in_no_file_and_nowhere_in_the_catalogue(config: Config, server: Server) -> None:
    with opened(config) as store:
        # Of its kind the smallest and the largest text, so that statistics hold it too.
        store.append(REFUSED, rows("a", "b", detail="m"), run_id="r")
        store.append(REFUSED, rows("c", detail=f"0 {CANARY}"), run_id="r")
        store.append(REFUSED, rows("d", "e", detail=f"~ {CANARY}"), run_id="r")
        store.delete(REFUSED, where="record_hash IN ('c', 'd', 'e')")
        posts = TABLES["core.interactions"]
        assert store.count(posts) == 0
    assert any(CANARY in cell for cell in _everything_in(config, server)), "this test would prove nothing"
    # As a writer leaves it that is killed before its commit.
    orphan = Path(config.warehouse.data) / "raw" / "quarantine" / "ducklake-killed.parquet"
    rows("f", detail=CANARY).write_parquet(orphan)
    compact(config)
    assert not [cell for cell in _everything_in(config, server) if CANARY in cell]
    assert names_in(config) == ["a", "b"]


def test_no_row_is_hidden_after_tidying(config: Config) -> None:
    """Statistics of a file in which a column is null throughout must not narrow what later queries look at."""
    table = TABLES["raw.cursors"]
    frame = pl.DataFrame(
        {"source": ["s"] * 9, "stream": list("abcdefghi"), "cursor": ["c"] * 9, "position": [DAY] * 9}
    ).with_columns(pl.col("position").cast(pl.Datetime("us", "UTC")), issue=DAY)
    with opened(config) as store:
        store.append(table, frame.head(6), run_id="r")
        store.blank(table, column="position", where="stream = 'a'")
    compact(config)
    later = frame.tail(3).with_columns(pl.col("position") + pl.duration(days=900))
    with opened(config) as store:
        store.append(table, later, run_id="r")
        early = store.read(table, where="position < ?", parameters=["2025-01-01"])
        assert early["stream"].to_list() == list("bcdef")
        assert store.count(table) == 9


def test_tidying_waits_for_who_reads_and_says_so(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_catalogue, "WAIT_SECONDS", 1)
    with opened(config) as store:
        store.append(REFUSED, rows("a", "b"), run_id="r")
        store.delete(REFUSED, where="record_hash = 'a'")
        with pytest.raises(BusyError, match="is open elsewhere"):
            compact(config)
        assert store.read(REFUSED)["record_hash"].to_list() == ["b"]
    compact(config)
    assert names_in(config) == ["b"]


def test_small_files_are_joined_and_earlier_states_are_not_kept(config: Config) -> None:
    with opened(config) as store:
        for number in range(8):
            store.append(REFUSED, rows(f"n{number}"), run_id="r")
    files = Path(config.warehouse.data) / "raw" / "quarantine"
    assert len(list(files.iterdir())) == 8
    compact(config)
    assert len(list(files.iterdir())) == 1
    assert len(names_in(config)) == 8
    assert size_of(config.paths.warehouse, config=config.warehouse) > 0


# --------------------------------------------------------------------------------------- object storage


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server on loopback with an empty bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made up too")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    boto3.client("s3").create_bucket(Bucket="lake")
    yield "s3://lake/mine"
    running.stop()


def test_the_files_may_lie_in_an_object_storage(config: Config, bucket: str) -> None:
    settings = config.warehouse.model_copy(update={"data": bucket})
    config = config.model_copy(update={"warehouse": settings})
    with opened(config) as store:
        store.append(REFUSED, rows("a", "b", detail=CANARY), run_id="r")
        store.append(REFUSED, rows("c"), run_id="r")
        store.delete(REFUSED, where="record_hash = 'b'")
    assert names_in(config) == ["a", "c"]
    with opened(config) as store:
        store.delete(REFUSED, where="record_hash = 'a'")
    compact(config)
    assert names_in(config) == ["c"]
    import boto3

    client = boto3.client("s3")
    bodies = [
        client.get_object(Bucket="lake", Key=item["Key"])["Body"].read()
        for item in client.list_objects_v2(Bucket="lake")["Contents"]
    ]
    assert bodies
    assert not [body for body in bodies if CANARY.encode() in body]


def test_a_bucket_that_is_not_there_is_named(config: Config, bucket: str) -> None:
    settings = config.warehouse.model_copy(update={"data": "s3://nobody/mine"})
    with (
        pytest.raises(ConfigError, match="s3://nobody/mine/ cannot be read"),
        opened(config.model_copy(update={"warehouse": settings})),
    ):
        pass


def test_a_warehouse_is_there_once_its_catalogue_knows_tables(config: Config) -> None:
    path, settings = config.paths.warehouse, config.warehouse
    assert not exists(path, config=settings)
    assert size_of(path, config=settings) == 0
    with opened(config):
        pass
    assert exists(path, config=settings)
    assert not path.exists()
    with connected(path, config=settings, read_only=True) as connection, pytest.raises(duckdb.Error):
        connection.execute("DELETE FROM raw.posts")
    assert isinstance(settings, WarehouseConfig)
