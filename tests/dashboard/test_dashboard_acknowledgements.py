from __future__ import annotations

import concurrent.futures
from pathlib import Path

import pytest

from dashboard import acknowledgements as said
from warehouse.acknowledgements import read_acknowledgements
from warehouse.errors import InputError


def test_the_last_word_on_an_alert_counts_and_nothing_is_lost(tmp_path: Path) -> None:
    said.append(tmp_path / "state", alert_id="a1", status="acknowledged", note="seen")
    said.append(tmp_path / "state", alert_id="a1", status="resolved", note="over")
    assert said.latest(tmp_path / "state")["a1"].status == "resolved"
    rows = read_acknowledgements(tmp_path / "state")
    assert rows["status"].to_list() == ["acknowledged", "resolved"]
    assert all(at.endswith("+00:00") for at in rows["at"])


def test_nothing_said_yet(tmp_path: Path) -> None:
    assert said.latest(tmp_path) == {}


def test_a_note_is_one_printable_line_of_limited_length(tmp_path: Path) -> None:
    said.append(tmp_path, alert_id="a1", status="open", note="a\nb\x00\x1b[31m\t" + "x" * 1000)
    note = said.latest(tmp_path)["a1"].note
    assert note.startswith("a b")
    assert note.isprintable()
    assert len(note) == said.MAX_NOTE


def test_an_unknown_status_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected one of"):
        said.append(tmp_path, alert_id="a1", status="deleted", note="")


def test_many_users_at_once_lose_nothing(tmp_path: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(said.append, tmp_path, alert_id=f"a{n}", status="acknowledged", note="")
            for n in range(40)
        ]
        for job in jobs:
            job.result()
    assert len(said.latest(tmp_path)) == 40


def test_a_damaged_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / said.FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(InputError):
        said.latest(tmp_path)
    with pytest.raises(InputError):
        said.append(tmp_path, alert_id="a1", status="open", note="")
