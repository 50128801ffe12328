"""Real files, where they lie beside the checkout: the books balance, and nothing in clear is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.config import load_config
from warehouse.intake import ingest_sources, source_files
from warehouse.intake.ledger import intake_accounting
from warehouse.store import open_store


@pytest.mark.real_data
@pytest.mark.parametrize("example", ["rumour_reply", "reply_threads"])
def test_an_example_is_read_whole_and_once(
    tmp_path: Path, repository: Path, real_data: Path, example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert real_data.is_dir()
    monkeypatch.chdir(repository)
    (path,) = (repository / "docs" / "examples").glob(f"{example}*.toml")
    config = load_config(path)
    assert config.run.as_of is not None
    with open_store(tmp_path / "w.duckdb", config=config.warehouse) as store:
        received = [
            ingest_sources(
                store, config=config, files=source_files(config), secret=b"a secret of the tests",
                issue=config.run.as_of, run_id="run",
            ).rows_in
            for _ in range(2)
        ]  # fmt: skip
        assert received[0] > 4_000
        assert received[1] == 0
        books = intake_accounting(store, issue=config.run.as_of)
        counts = dict(books.select("reason", "n").iter_rows())
        assert (
            counts["received"]
            == received[0]
            == counts["posts"] + counts["duplicates"] + counts["quarantined"]
        )
        left = store.query(
            r"SELECT count(*) AS n FROM raw.posts WHERE regexp_matches(text, '@[A-Za-z0-9]|https?://')"
        )
        assert left["n"][0] == 0
