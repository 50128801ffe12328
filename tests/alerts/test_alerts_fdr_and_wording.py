"""False-discovery control against a brute-force version; messages against the forbidden list."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.alerts.fdr import q_column, q_values
from forecasting.alerts.wording import (
    BREAK_NOTE,
    FORBIDDEN,
    TEMPLATES,
    Facts,
    forbidden_terms,
    message,
    people_text,
    place_text,
    share_text,
)

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)
FACTS = Facts("Sadness", "GB", "on 2024-03-01", "2024-02-28", "12%", "8%", "10%", "about 500 people")


def _brute(p_values: list[float]) -> list[float]:
    m = len(p_values)
    return [min(1.0, *(m * s / sum(r <= s for r in p_values) for s in p_values if s >= p)) for p in p_values]


@given(P_VALUES)
def test_q_values_equal_the_definition(p_values: list[float]) -> None:
    np.testing.assert_allclose(q_values(np.array(p_values)), _brute(p_values), rtol=1e-9, atol=1e-300)


@given(P_VALUES)
def test_q_is_never_below_p_and_keeps_the_order(p_values: list[float]) -> None:
    p, q = np.array(p_values), q_values(np.array(p_values))
    assert (q >= p - 1e-12).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-12).all()


def test_an_unknown_p_value_is_no_test() -> None:
    q = q_values(np.array([0.01, np.nan, 0.5]))
    assert np.isnan(q[1])
    assert q[0] == pytest.approx(0.02)


def test_q_column_works_within_families() -> None:
    frame = pl.DataFrame({"f": ["a", "a", "b"], "p_value": [0.01, 0.04, 0.03]})
    assert frame.with_columns(q=q_column().over("f"))["q"].to_list() == pytest.approx([0.02, 0.04, 0.03])


@pytest.mark.parametrize("kind", sorted(TEMPLATES))
def test_no_template_uses_a_forbidden_term(kind: str) -> None:
    text = message(kind, FACTS) + BREAK_NOTE
    assert forbidden_terms(text) == []
    for part in ("GB", "2024-02-28", "about 500 people", "12%"):
        assert part in text


@pytest.mark.parametrize("term", FORBIDDEN)
def test_the_linter_finds_every_term(term: str) -> None:
    assert term in forbidden_terms(f"An {term.upper()} of sadness")


def test_the_help_line_is_a_footer_only_when_set() -> None:
    assert message("prevalence_high", FACTS, help_line=" Call 123. ").endswith(" Call 123.")
    assert message("prevalence_high", FACTS) == message("prevalence_high", FACTS, help_line="  ")


def test_numbers_are_rounded_so_that_they_single_out_nobody() -> None:
    assert people_text(1_237) == "about 1,235 people"
    assert people_text(None) == "number of people unknown"
    assert share_text(0.1234, sample_size=5_000) == "12.3%"
    assert share_text(0.1234, sample_size=60) == "12%"
    assert share_text(0.001, sample_size=60) == "under 1%"
    assert place_text("all", "all", population="lang=es") == "all places together (lang=es)"
