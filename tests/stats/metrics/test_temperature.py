"""The temperature of predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from tests.support.stat_frames import draw
from tremble.stats.metrics.temperature import EPSILON, cross_fitted, fit, log_shares


@pytest.mark.parametrize("options", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_temperature_is_the_minimum_that_scipy_finds(options: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([0.4] * options, 80).T
    true = shares**0.5 / (shares**0.5).sum(axis=0)
    observed = np.stack([rng.multinomial(1, true[:, d]) for d in range(80)], axis=1).astype(float)

    def loss(log_b: float) -> float:
        powered = np.maximum(shares, EPSILON) ** math.exp(log_b)
        return -float((observed * np.log(powered / powered.sum(axis=0))).sum())

    want = optimize.minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-9})
    logs = log_shares(shares)[:, None, :]
    (found,) = fit(logs, np.ones((options, 80), bool), observed, np.ones((1, 80)))
    assert found == pytest.approx(math.exp(want.x), rel=1e-4)


def test_each_fold_is_fitted_on_the_others() -> None:
    p, y = draw(90, 5, 0.4)
    shares = np.array([p, [1 - v for v in p]])
    observed = np.array([y, [1 - v for v in y]], float)
    fold, valid, use = np.arange(90) % 3, np.ones((2, 90), bool), np.ones((1, 90))
    logs = log_shares(shares)[:, None, :]
    inverse, temperature = cross_fitted(logs, valid, observed, use, fold)
    for k in range(3):
        kept = fold != k
        alone = fit(logs[:, :, kept], valid[:, kept], observed[:, kept], use[:, kept])
        assert inverse[0, fold == k] == pytest.approx(alone[0])
    # What people of a fold did leaves their own temperature alone.
    changed = observed.copy()
    changed[:, fold == 0] = changed[::-1, fold == 0]
    again, _ = cross_fitted(logs, valid, changed, use, fold)
    assert again[0, 0] == pytest.approx(inverse[0, 0], rel=1e-9)
    assert again[0, 1] != pytest.approx(inverse[0, 1], rel=0.01)
    assert temperature[0] == pytest.approx(np.median(1 / inverse[0, :3]))
