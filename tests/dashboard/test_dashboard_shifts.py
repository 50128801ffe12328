"""Which words stand beside an alert, and that their parts add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import publication as made_up
import pytest

from dashboard import data, shifts


@pytest.fixture
def publication(tmp_path: Path) -> data.Publication:
    return data.load(data.current(made_up.build(tmp_path)))


def alert(**given: Any) -> dict[str, Any]:
    return {"signal": made_up.signal("lexicon", "anxiety"), "geo_type": "nation", "location": "us"} | given


def points(rows: list[dict[str, str]]) -> float:
    return sum(float(row["Moved the share by"].removesuffix(" points")) for row in rows)


def test_the_largest_parts_come_first_and_all_parts_add_up(publication: data.Publication) -> None:
    found = shifts.behind(publication, row=alert())
    assert found is not None
    assert [row["Word"] for row in found.rows][:2] == ["word10", "word9"]
    assert len(found.rows) == shifts.MOST_WORDS + 1
    assert found.rows[-1]["Word"] == "all other words"
    assert points(found.rows) == pytest.approx(sum(range(1, 11)) / 10 - 2.0)
    assert "Anxiety (words), United States" in found.basis


def test_a_region_is_read_by_the_words_of_its_nation(publication: data.Publication) -> None:
    found = shifts.behind(publication, row=alert(geo_type="region", location="us-ca"))
    assert found is not None
    assert "United States" in found.basis


@pytest.mark.parametrize("given", [{"signal": made_up.signal("emotion", "fear")}, {"location": "fr"}])
def test_without_a_word_shift_nothing_is_shown(publication: data.Publication, given: dict[str, Any]) -> None:
    assert shifts.behind(publication, row=alert(**given)) is None
