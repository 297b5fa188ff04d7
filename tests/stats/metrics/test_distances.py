"""Distances between distributions, against scipy and by finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from tremble.stats.metrics.distances import Distance, TotalVariation, Wasserstein


@pytest.mark.parametrize("seed", range(20))
def test_wasserstein_is_scipys_and_total_variation_the_largest_gap_of_an_event(seed: int) -> None:
    rng = np.random.default_rng(seed)
    options = int(rng.integers(3, 8))
    values = np.sort(rng.normal(size=(5, options)), axis=1)
    if seed % 2:
        values[:, 1] = values[:, 0]  # two options of the same value
    p, q = rng.dirichlet(np.ones(options), size=(2, 5))
    found = Wasserstein.of(values).between(p, q)
    want = [
        wasserstein_distance(v, v, one, other) for v, one, other in zip(values, p, q, strict=True)
    ]
    assert found == pytest.approx(want, abs=1e-12)
    events = np.array([[i >> k & 1 for k in range(options)] for i in range(2**options)])
    largest = np.abs((p - q) @ events.T).max(axis=1)
    assert TotalVariation().between(p, q) == pytest.approx(largest, abs=1e-12)


def test_options_that_are_not_there_change_nothing() -> None:
    values = np.array([[1.0, 2.0, 5.0, np.nan, np.nan]])
    p, q = np.array([[0.2, 0.3, 0.5, 0, 0]]), np.array([[0.6, 0.1, 0.3, 0, 0]])
    want = wasserstein_distance([1, 2, 5], [1, 2, 5], p[0, :3], q[0, :3])
    assert Wasserstein.of(values).between(p, q) == pytest.approx([want])
    assert TotalVariation().between(p, q) == pytest.approx([0.4])


@pytest.mark.parametrize("distance", [TotalVariation(), Wasserstein(np.array([1.0, 0.5, 2.0]))])
def test_the_gradient_is_what_a_small_move_of_people_changes(distance: Distance) -> None:
    p, q = np.random.default_rng(3).dirichlet(np.ones(4), size=2)
    n = np.array(1e9)
    gradient = distance.gradients(p, q, n)[0]
    for one in range(4):
        for other in range(4):
            moved = q.copy()
            moved[one] += 1e-7
            moved[other] -= 1e-7
            change = (distance.between(p, moved) - distance.between(p, q)) / 1e-7
            assert gradient[one] - gradient[other] == pytest.approx(change, abs=1e-6)
    assert not distance.gradients(p, p, n)[0].any()


def test_cumulative_shares_within_a_quarter_of_a_standard_error_may_be_on_either_side() -> None:
    """Cumulative shares .5 and .8 of 100 people have standard errors of .05 and .04; the model's
    are .01 and .02 higher: the first alone is near."""
    made = Wasserstein(np.array([1.0, 3.0]))
    model, people = np.array([0.51, 0.31, 0.18]), np.array([0.5, 0.3, 0.2])
    found = made.gradients(model, people, np.array(100.0))
    assert found.tolist() == [[-4.0, -3.0, 0.0], [-2.0, -3.0, 0.0], [-4.0, -3.0, 0.0]]
