"""The guided tour: each step on its page, and nothing of it elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import data, shell, tour, weekly

VIEWS = Path(shell.__file__).parent / "views"


def _said(page: str, *, step: str, published: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "argv", ["app", "--published", str(published), "--state", str(published / "no")])
    app = AppTest.from_file(str(VIEWS / f"{page}.py"), default_timeout=60)
    app.query_params[tour.QUERY] = step
    app.run()
    assert not app.exception
    return "\n".join(element.value for element in app.markdown)


@pytest.mark.parametrize("number", [1, 5])
def test_a_step_asks_its_question_on_its_page(
    number: int, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = tour.STEPS[number - 1]
    said = _said(step.page, step=str(number), published=published, monkeypatch=monkeypatch)
    assert f"Tour, {number} of {len(tour.STEPS)}. {step.question}" in said


@pytest.mark.parametrize("step", ["0", "10", "x", "２", "-1", "5"])
def test_an_unknown_step_and_one_of_another_page_show_no_tour(
    step: str, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlit.query_params", {tour.QUERY: step})
    assert tour.current("timelines") is None


def test_the_steps_open_on_what_moved_most(opened: data.Publication) -> None:
    moved = weekly.largest_change(opened)
    assert moved is not None
    asked = tour.parameters(2, publication=opened)
    assert asked["signal"] == moved["signal"]
    assert asked["place"] == f"{moved['geo_type']}:{moved['geo_value']}"
    assert tour.parameters(4, publication=opened)["population"] == ["all", "amplified"]
    assert {step.page for step in tour.STEPS} <= set(shell.PAGES)
