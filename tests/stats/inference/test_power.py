"""The smallest difference that data can show."""

from __future__ import annotations

import numpy as np
import pytest

from tremble.stats.inference.power import POWER, smallest_difference


@pytest.mark.slow
@pytest.mark.parametrize(("r", "between"), [(0.3, 0.5), (0.0, 0.0), (0.5, 0.8)])
def test_the_smallest_difference_against_simulation(r: float, between: float) -> None:
    """The error of a difference of two correlations with the same variable, drawn 4,000 times."""
    n = 400
    covariance = np.array([[1, r, r], [r, 1, between], [r, between, 1]])
    draws = np.random.default_rng(5).multivariate_normal(np.zeros(3), covariance, (4000, n))
    centred = draws - draws.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).sum(axis=1, keepdims=True))
    y, a, b = (scaled[:, :, k] for k in range(3))
    error = ((y * a).sum(axis=1) - (y * b).sum(axis=1)).std()
    assert smallest_difference(n, r, between) == pytest.approx(POWER * error, rel=0.05)
    assert pytest.approx(1.959964 + 0.841621, abs=1e-5) == POWER


def test_what_no_data_can_show() -> None:
    assert smallest_difference(3) is None
    with pytest.raises(ValueError, match="no three variables"):
        smallest_difference(100, 0.9, -0.9)
