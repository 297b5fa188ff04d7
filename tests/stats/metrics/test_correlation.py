"""r against hand computation and textbook formulas."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.stat_frames import loop_r
from tremble.stats.metrics.correlation import pearson, r_columns


def test_r_by_hand() -> None:
    # Deviations of x: -.2, 0, .2; of y: -2/3, 1/3, 1/3: .2 / sqrt(.08 * 2/3) = sqrt(3)/2.
    r, reason = pearson(np.array([0.1, 0.3, 0.5]), np.array([0.0, 1.0, 1.0]))
    assert r == pytest.approx(math.sqrt(3) / 2)
    assert reason is None


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([0.1, 0.2], [0, 1], "fewer than 3 points"),
        ([0.1, 0.2, 0.3], [1, 1, 1], "one outcome only"),
        ([0.1, 0.1, 0.1], [0, 1, 1], "constant prediction"),
        ([0.1 + 0.2, 0.3, 0.3], [0, 1, 1], "constant prediction"),
    ],
)
def test_an_undefined_r_says_why(x: list[float], y: list[float], reason: str) -> None:
    assert pearson(np.array(x), np.array(y)) == (None, reason)


def test_tiny_predictions_that_differ_have_an_r() -> None:
    x, y = [1e-200, 2e-200, 4e-200], [0.0, 0.0, 1.0]
    want = loop_r([1, 2, 4], y)
    assert pearson(np.array(x), np.array(y))[0] == pytest.approx(want)
    frame = pl.DataFrame({"p": x, "outcome": y})
    assert frame.select(r_columns("p"))["r"][0] == pytest.approx(want)


points = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=3, max_size=40
).filter(lambda rows: np.ptp([x for x, _ in rows]) > 1e-6 and len({y for _, y in rows}) == 2)


@settings(max_examples=60, deadline=None)
@given(points)
def test_both_forms_of_r_agree_with_the_textbook(rows: list[tuple[float, float]]) -> None:
    x, y = [list(column) for column in zip(*rows, strict=True)]
    want = loop_r(x, y)
    assert pearson(np.array(x), np.array(y))[0] == pytest.approx(want, abs=1e-9)
    grouped = pl.DataFrame({"p": x, "outcome": y}).select(r_columns("p"))["r"][0]
    assert grouped == pytest.approx(want, abs=1e-9)
