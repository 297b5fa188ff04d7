"""Slopes and their jackknife, against refitting without every cluster, numpy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t

from tremble.stats.inference.slopes import slopes


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Predictions (0 to 1), outcomes (0 or 1), people and items of 240 choices."""
    rng = np.random.default_rng(seed)
    person, item = np.divmod(np.arange(240), 12)
    x = 1 / (1 + np.exp(-rng.normal(size=12)[item] - 0.3 * rng.normal(size=240)))
    logit = 0.7 * np.log(x / (1 - x)) + rng.normal(size=20)[person] * 0.5
    return x, (rng.random(240) < 1 / (1 + np.exp(-logit))).astype(float), person, item


def without_each(codes: np.ndarray, fit: object) -> float:
    values = np.array([fit(codes != code) for code in np.unique(codes)])  # type: ignore[operator]
    return float((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum())


@pytest.mark.parametrize("seed", range(4))
def test_a_straight_line_and_its_jackknife_are_those_of_refitting(seed: int) -> None:
    x, y, person, item = drawn(seed)

    def fit(kept: np.ndarray) -> float:
        return float(np.polyfit(x[kept], y[kept], 1)[0])

    everyone = np.ones(len(x), bool)
    one = slopes(x[None], y, [person])
    assert one.value[0] == pytest.approx(fit(everyone))
    reach = t.ppf(0.975, 19) * without_each(person, fit) ** 0.5
    assert (one.high[0] - one.low[0]) / 2 == pytest.approx(reach)
    # Two ways: both less their cells, here single decisions, with the fewer clusters' t.
    both = slopes(x[None], y, [person, item])
    parts = [without_each(codes, fit) for codes in (person, item)]
    squares = max(sum(parts) - without_each(np.arange(len(x)), fit), *parts)
    assert (both.high[0] - both.low[0]) / 2 == pytest.approx(t.ppf(0.975, 11) * squares**0.5)


@pytest.mark.parametrize("seed", range(4))
def test_a_logit_line_is_that_of_statsmodels_and_one_step_is_near_refitting(seed: int) -> None:
    x, y, person, _ = drawn(seed)
    logit = sm.add_constant(np.log(x / (1 - x)))

    def fit(kept: np.ndarray) -> float:
        return float(sm.Logit(y[kept], logit[kept]).fit(disp=0).params[1])

    found = slopes(x[None], y, [person], logit=True)
    assert found.value[0] == pytest.approx(fit(np.ones(len(x), bool)), abs=1e-6)
    reach = t.ppf(0.975, 19) * without_each(person, fit) ** 0.5
    assert (found.high[0] - found.low[0]) / 2 == pytest.approx(reach, rel=0.03)


def test_there_is_no_slope_or_no_interval_where_nothing_varies() -> None:
    y = np.array([0.0, 1, 0, 1, 1, 0])
    codes = np.arange(6)
    found = slopes(np.stack([np.full(6, 0.3), np.linspace(0.1, 0.9, 6)]), y, [codes], logit=True)
    assert np.isnan(found.value[0]) and np.isfinite([found.value[1], found.low[1]]).all()
    separated = slopes(np.linspace(0.1, 0.9, 6)[None], np.sort(y), [codes], logit=True)
    assert np.isnan(separated.value[0])
    # Without one cluster the prediction is the same for all.
    lone = np.array([[0.2, 0.2, 0.2, 0.2, 0.2, 0.8]])
    held = slopes(lone, y, [codes])
    assert np.isfinite(held.value[0]) and np.isnan(held.low[0])
    assert np.isnan(slopes(lone, y, []).low[0])


def test_the_interval_of_a_slope_holds_it() -> None:
    """60 people read 20 items: 95% of intervals, over both, hold the slope of 1 (an exact method:
    92.6 to 97.4 in 300)."""
    rng = np.random.default_rng(5)
    person, item = np.divmod(np.arange(1_200), 20)
    held = 0
    for _ in range(300):
        x = rng.uniform(size=20)[item]
        level = 0.2 * rng.normal(size=60)[person] + 0.1 * rng.normal(size=20)[item]
        y = x + level + 0.3 * rng.normal(size=1_200)
        found = slopes(x[None], y, [person, item])
        held += bool(found.low[0] <= 1 <= found.high[0])
    assert 0.92 <= held / 300 <= 0.985
