"""What a self-check says."""

from __future__ import annotations

import math

import pytest

from tremble.engines.base import ResponseScore, Score
from tremble.engines.shared_prefix.self_check import compare, precision


def rows(*logprobs: tuple[float, ...]) -> list[Score]:
    return [Score(index, found) for index, found in enumerate(logprobs)]


def test_a_comparison_takes_the_largest_difference() -> None:
    found = compare(rows((-1.0, -2.0), (-3.0, -4.0)), rows((-1.0, -2.0), (-3.5, -4.1)), 0.1)
    assert found.max_difference == pytest.approx(0.5)
    assert found.why is not None
    assert "0.5 nat" in found.why
    assert compare(rows((-math.inf, -1.0)), rows((-math.inf, -1.0)), 1e-6).why is None
    one_has = compare([Score(0, error="x")], rows((-1.0,)), 0.1)
    assert one_has.max_difference is None
    assert one_has.why is not None
    assert compare(rows((-1.0, math.nan)), rows((-1.0, -1.0)), 0.1).why is not None


def test_precision_is_the_change_in_log_odds() -> None:
    """A shift of all options alike moves no log-odds."""
    found = precision(
        rows((-1.1, -2.1), (-1.0, -2.3, -3.1)), rows((-1.0, -2.0), (-1.0, -2.0, -3.0))
    )
    assert found.max_log_odds == pytest.approx(0.3)
    assert found.mean_log_odds == pytest.approx(0.15)
    assert precision([Score(0, error="x")], rows((-1.0,))).why is not None


def test_prompts_of_one_path_say_nothing_of_log_odds() -> None:
    found = precision(rows((-1.0,), (-1.0, -2.0)), rows((-3.0,), (-1.5, -2.0)))
    assert found.prompts == 1 and found.max_log_odds == pytest.approx(0.5)
    assert precision(rows((-1.0,)), rows((-3.0,))).why == (
        "no prompt that was checked has two options"
    )


@pytest.mark.parametrize(
    ("tokens", "apart", "agrees"),
    [(1, 0.00009, True), (1, 0.00011, False), (400, 0.0019, True), (400, 0.0021, False)],
)
def test_a_sum_over_many_tokens_is_rounded_more_often(
    tokens: int, apart: float, agrees: bool
) -> None:
    """Independent errors of 400 terms add up to 20 times that of one: variances add."""
    one, other = (
        Score(0, (-300.0 + by,), response=ResponseScore(-300.0 + by, -0.5, tokens, True))
        for by in (0.0, apart)
    )
    assert (compare([one], [other], 1e-4).why is None) == agrees
