"""Tests of errors that effects share: against simulated studies, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tremble.stats.inference.arms import Points
from tremble.stats.inference.contrasts import contrast
from tremble.stats.inference.effects import error_covariance, fixed_rates
from tremble.stats.inference.joint_effects import joint_covariance, pair_errors


def test_effects_with_a_common_control_share_its_errors() -> None:
    """Three levels against one control, two series with a common part, 40 people, 10 items in each
    arm: the mean of the estimated covariances over 2,000 studies against that of 4,000
    effects."""
    rng = np.random.default_rng(1)
    people, per_arm, count = 40, 10, 4000
    person, item = np.divmod(np.arange(people * 4 * per_arm), 4 * per_arm)
    arm = item // per_arm
    of_item = rng.normal(size=(2, count, 4 * per_arm))
    of_person = rng.normal(size=(2, count, people, 4))
    common = of_item[0][:, item] + of_person[0][:, person, arm]
    own = 0.7 * of_item[1][:, item] + 0.7 * of_person[1][:, person, arm]
    noise = rng.normal(size=(count, len(item)))
    series = np.stack([common + noise, common + own + noise], axis=1)
    arms = [np.where(arm == 0, 1, np.where(arm == level, 0, -1)) for level in (1, 2, 3)]
    points = Points(series.reshape(2 * count, -1), person, item)
    found = [contrast(points, one, (1, -1)) for one in arms]
    values = np.concatenate([each.value.reshape(count, 2).T for each in found])
    estimated = []
    for k in range(2000):
        rows = [2 * k, 2 * k + 1]
        influences = np.concatenate([each.influence[rows] for each in found])
        variances = np.concatenate([each.variance[rows] for each in found])
        made = joint_covariance(influences, variances)
        assert np.diag(made) == pytest.approx(variances)
        assert np.linalg.eigvalsh(made).min() > -1e-12
        estimated.append(made)
    # Of an arm: items over 10, people over 40, answers over 400; a common control is half of it.
    of_arm = np.array([[1.0, 1.0], [1.0, 1 + 0.7**2]]) * (1 / 10 + 1 / 40) + 1 / 400
    truth = np.kron(np.eye(3) + 1, of_arm)
    assert np.cov(values) == pytest.approx(truth, rel=0.12)
    assert np.mean(estimated, axis=0) == pytest.approx(truth, rel=0.04)
    # Errors of both series of one contrast, from three variances.
    apart = Points(series[:, 1] - series[:, 0], person, item)
    difference = contrast(apart, arms[0], (1, -1))
    one, other = (contrast(Points(series[:, k], person, item), arms[0], (1, -1)) for k in (0, 1))
    assert error_covariance(one, other, difference).mean() == pytest.approx(truth[0, 1], rel=0.1)


def test_errors_of_a_model_that_people_do_not_share() -> None:
    """A model without error has no covariance, and one that is people's keeps below 1."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=30)
    found = [
        contrast(Points(row[None], np.arange(30)), np.arange(30) % 2, (1, -1))
        for row in (x, np.zeros(30), -x)
    ]
    assert error_covariance(found[1], found[0], found[2])[0] == 0
    same = error_covariance(found[0], found[0], found[1])
    assert same[0] == pytest.approx(0.99 * found[0].variance[0])


def test_fixed_rates_by_hand() -> None:
    """Rates .2 and .4 over 10 and 20 people against .5 over 5, the first weighing 3 times as much:
    .75 x .2 + .25 x .4 - .5; variances .016, .012 and .05."""
    rates, n = np.array([0.2, 0.4, 0.5, 0.9]), np.array([10.0, 20, 5, math.nan])
    variances, arm = rates * (1 - rates) / n, np.array([0, 0, 1, -1])
    weights = np.array([3.0, 1, 1, 1])
    found = fixed_rates(np.stack([rates, 1 - rates]), variances, n, arm, (1, -1), weights)
    parts = np.array([0.75**2 * 0.016, 0.25**2 * 0.012, 0.05])
    df = parts.sum() ** 2 / (parts**2 / np.array([9, 19, 4])).sum()
    assert found.value == pytest.approx([-0.25, 0.25])
    assert found.variance == pytest.approx([parts.sum()] * 2)
    assert found.df == pytest.approx([df] * 2)
    assert found.high[0] == pytest.approx(
        -0.25 + scipy_stats.t.ppf(0.975, df) * math.sqrt(parts.sum())
    )
    assert np.sum(found.influence**2, axis=1) == pytest.approx(found.variance)
    unknown = fixed_rates(rates[None], variances, n, np.array([0, 0, 1, 1]), (1, -1))
    assert unknown.of(0).low is None and "not known" in str(unknown.note)
    with pytest.raises(ValueError, match="3 coefficients"):
        fixed_rates(rates[None], variances, n, np.array([0, 0, 1, 1]), (1, -1, 1))


def test_root_mean_squared_errors_by_hand() -> None:
    """Squares of 3 and 4 less a variance of 1 on average 11.5; of 1 and 0 less 1 below 0."""
    found = pair_errors(np.array([3.0, -4.0]), np.array([1.0, 0.0]), np.eye(4))
    assert found.base == pytest.approx(math.sqrt(11.5)) and found.aligned == 0
    assert found.difference == pytest.approx(-math.sqrt(11.5))
    assert found.low is not None and found.high is not None
    assert found.low < found.difference < found.high < 0
    # Base alone, M: (11.5 - M)^2 = t^2 (2 x 2 / 4 + 4 M / 2), by its own root finder.
    reach = scipy_stats.norm.ppf(0.975)
    ends = np.sqrt(np.roots([1, -23 - 2 * reach**2, 11.5**2 - reach**2]))
    # Aligned: a mean square of -.5, q = 1 / 2, up from 0 only.
    top = math.sqrt(max(np.roots([1, 1 - 2 * reach**2, 0.25 - reach**2])))
    assert found.high - found.difference == pytest.approx(
        math.hypot(top, found.base - ends.min()), rel=1e-6
    )
    assert found.difference - found.low == pytest.approx(ends.max() - found.base, rel=1e-6)
    # The same model twice: errors correlate at 1, and the ends' distances are subtracted.
    twice = np.array([3.0, -4.0])
    same = pair_errors(twice, twice, np.kron(np.ones((2, 2)), np.eye(2)))
    apart = abs((found.base - ends.min()) - (ends.max() - found.base))
    assert (same.low, same.high) == pytest.approx((-apart, apart), rel=1e-6)
    swapped = pair_errors(np.array([1.0, 0.0]), np.array([3.0, -4.0]), np.eye(4))
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low))
    fixed = pair_errors(np.array([0.1]), np.array([0.3]), np.zeros((2, 2)))
    assert fixed.difference == pytest.approx(0.2) and fixed.low is None and fixed.high is None
    with pytest.raises(ValueError, match="2 effects"):
        pair_errors(np.zeros(2), np.zeros(2), np.eye(3))


@pytest.mark.parametrize(("base", "aligned"), [(0.1, 0.15), (0.0, 0.06), (0.02, 0.2)])
def test_intervals_of_root_mean_squared_errors_hold_the_truth(base: float, aligned: float) -> None:
    """600 draws of 10 effects with errors of .04 that correlate between models and contrasts."""
    rng = np.random.default_rng(3)
    covariance = 0.04**2 * np.kron([[1, 0.8], [0.8, 1]], 0.5 + 0.5 * np.eye(10))
    signs = rng.choice([-1.0, 1.0], 20) * np.repeat([base, aligned], 10)
    drawn = signs + rng.normal(size=(600, 20)) @ np.linalg.cholesky(covariance).T
    found = [pair_errors(d[:10], d[10:], covariance) for d in drawn]
    held = [
        f.low <= aligned - base <= f.high for f in found if f.low is not None and f.high is not None
    ]
    assert len(held) == 600 and 0.91 <= np.mean(held) <= 1
    assert np.mean([f.aligned**2 for f in found]) == pytest.approx(aligned**2, rel=0.2)
