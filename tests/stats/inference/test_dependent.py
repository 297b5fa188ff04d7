"""Tests of dependent correlations, against published examples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tremble.stats.inference.dependent import dependent_test, steiger_z, williams_t, zou_interval


def test_against_the_output_of_cocor() -> None:
    """The R package cocor 1.1 (Diedenhofen and Musch 2015, PLoS ONE 10).

    Blindwalking distances, as printed by the vignette "Comparing correlations" of the R package
    rmcorr: three correlations to four digits, n = 177.
    """
    r = 0.8066, 0.2383, 0.2255, 177
    assert williams_t(*r) == pytest.approx(9.3823, abs=2e-3)
    assert steiger_z(*r) == pytest.approx(8.5460, abs=2e-3)
    assert zou_interval(*r) == pytest.approx((0.4288, 0.7139), abs=2e-4)


def test_against_the_example_of_bruce_r() -> None:
    """cor_diff of the R package bruceR, its documented example: t(97) = -4.56, p = 1e-05."""
    found = dependent_test(0.20, 0.45, 0.80, 100)
    assert found.t == pytest.approx(-4.56, abs=0.005)
    assert found.t_p == pytest.approx(1e-5, rel=0.6)


def test_uncorrelated_predictions_by_algebra() -> None:
    # r_ab = 0, r_by = -r_ay = -r: the mean is 0, so t is 2r sqrt((n-3) / (2 (1 - 2r^2))).
    r, n = 0.3, 50
    by_hand = 2 * r * math.sqrt((n - 3) / (2 * (1 - 2 * r**2)))
    assert williams_t(r, -r, 0.0, n) == pytest.approx(by_hand)
    # And the covariance of the two z is 0: the test of two independent correlations.
    assert steiger_z(r, -r, 0.0, n) == pytest.approx(2 * math.atanh(r) * math.sqrt((n - 3) / 2))


def test_swapping_mirrors_all_three() -> None:
    one, other = dependent_test(0.5, 0.3, 0.6, 80), dependent_test(0.3, 0.5, 0.6, 80)
    assert one.t is not None and one.z is not None
    assert one.low is not None and one.high is not None
    assert (other.t, other.z) == pytest.approx((-one.t, -one.z))
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
    assert other.t_p == pytest.approx(one.t_p)


@pytest.mark.slow
def test_level_and_coverage_with_independent_observations() -> None:
    """2,000 studies of n = 60 with equal r of .4: 100 false alarms, give or take 30 (3 sd)."""
    rng = np.random.default_rng(8)
    y = rng.normal(size=(2000, 60))
    shared = rng.normal(size=y.shape)
    a = 0.6 * y + shared + rng.normal(size=y.shape)
    b = 0.6 * y + shared + rng.normal(size=y.shape)
    rejected = np.zeros(2)
    held = 0
    for k in range(len(y)):
        (_, r_ab, r_ay), (_, _, r_by), _ = np.corrcoef([a[k], b[k], y[k]])
        found = dependent_test(r_ay, r_by, r_ab, 60)
        assert found.t_p is not None and found.z_p is not None
        rejected += [found.t_p <= 0.05, found.z_p <= 0.05]
        assert found.low is not None and found.high is not None
        held += found.low <= 0 <= found.high
    assert np.all((rejected >= 70) & (rejected <= 130))
    assert 1870 <= held <= 1930


@pytest.mark.parametrize(
    ("r", "n", "reason"),
    [
        ((None, 0.2, 0.1), 50, "r undefined"),
        ((0.3, 0.2, 0.1), 3, "n = 3, at least 4 are needed"),
        ((1.0, 0.2, 0.2), 50, "r is 1 or -1"),
        ((0.3, 0.3, 1.0), 50, "the two predictions and the outcome are linearly dependent"),
    ],
)
def test_no_dependent_test_has_a_reason(
    r: tuple[float | None, float, float], n: int, reason: str
) -> None:
    found = dependent_test(*r, n)
    assert found.note == reason
    assert (found.t, found.z, found.low) == (None, None, None)
