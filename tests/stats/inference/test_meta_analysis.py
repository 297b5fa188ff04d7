"""Tests of several effects at once: against statsmodels, closed forms and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as scipy_stats
from scipy.optimize import minimize

from tremble.stats.inference.meta_analysis import (
    agreement,
    meta_regression,
    reml,
    restricted_likelihood,
    same_sign,
    york,
)


def effects(
    seed: int, k: int, spread: float = 0.1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Effects of a model and of people, and the variances of each."""
    rng = np.random.default_rng(seed)
    x, v_x, v_y = rng.normal(0, 0.2, k), *rng.uniform(0.0005, 0.02, (2, k))
    y = 0.02 + 0.6 * x + rng.normal(0, spread, k) + rng.normal(0, np.sqrt(v_y))
    return x, y, v_x, v_y


@pytest.mark.parametrize("k", [5, 12, 200])
@pytest.mark.parametrize("tau2", [0.0, 0.01, 3.0])
@pytest.mark.parametrize("through_origin", [False, True])
def test_meta_regression_at_a_spread_is_statsmodels(
    k: int, tau2: float, through_origin: bool
) -> None:
    """Its WLS scales errors by the residuals, which is Knapp and Hartung's factor."""
    x, y, _, v = effects(k, k)
    design = x[:, None] if through_origin else sm.add_constant(x)
    fit = sm.WLS(y, design, weights=1 / (v + tau2)).fit()
    line = meta_regression(x, y, v, tau2, through_origin)
    slope = [line.slope, line.slope_error, line.slope_low, line.slope_high]
    away = [line.intercept, line.intercept_error, line.intercept_low, line.intercept_high]
    assert (away == [None] * 4) == through_origin
    ours = np.array([slope] if through_origin else [away, slope], float)
    theirs = np.column_stack([fit.params, fit.bse, fit.conf_int()])
    assert np.abs(ours - theirs).max() < 1e-8
    assert line.misfit == pytest.approx(fit.scale, rel=1e-10)
    assert line.tau2 == tau2


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("columns", [0, 1, 2])
def test_the_spread_has_the_largest_restricted_likelihood(seed: int, columns: int) -> None:
    """Of a fine grid by brute force; the likelihood as that of contrasts orthogonal to the design,
    which is what REML is (Harville 1977)."""
    x, y, _, v = effects(seed, [5, 9, 30, 80][seed % 4], spread=0.15 * (seed % 3))
    design = np.column_stack([x, np.ones_like(x)])[:, :columns]
    orthogonal = np.linalg.svd(design)[0][:, columns:] if columns else np.eye(len(x))

    def likelihood(tau2: float) -> float:
        covariance = orthogonal.T @ np.diag(v + tau2) @ orthogonal
        mean = np.zeros(len(covariance))
        return float(scipy_stats.multivariate_normal.logpdf(orthogonal.T @ y, mean, covariance))

    found = reml(y, v, design)
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 2, 400)])
    tried = [likelihood(tau2) for tau2 in grid]
    assert likelihood(found) >= max(tried) - 1e-9
    best = int(np.argmax(tried))
    assert grid[max(best - 1, 0)] <= found <= grid[best + 1]
    apart = [restricted_likelihood(t, y, v, design) - likelihood(t) for t in (0.0, 0.01, 1.0)]
    assert np.ptp(apart) < 1e-9  # up to a constant
    if columns == 2:
        assert meta_regression(x, y, v).tau2 == found


def test_a_spread_by_hand() -> None:
    """Equal variances: the likelihood of n effects about 0 is largest at mean y^2 - v, that of
    effects about their mean at the variance - v, and below 0 it is 0."""
    y = np.array([1.0, -2.0, 3.0, 0.0, 1.0])
    none, mean = np.empty((5, 0)), np.ones((5, 1))
    assert reml(y, np.full(5, 0.5), none) == pytest.approx(15 / 5 - 0.5, rel=1e-6)
    assert reml(y, np.full(5, 0.5), mean) == pytest.approx(y.var(ddof=1) - 0.5, rel=1e-6)
    assert reml(y, np.full(5, 3.5), none) == 0
    assert reml(y, np.full(5, 3.5), mean) == 0


def test_the_chance_of_the_same_sign_is_that_of_simulated_samples() -> None:
    """Effects drawn from the prior, two samples of each; those near y = .3 in the first."""
    rng = np.random.default_rng(9)
    tau, error = 0.4, 0.25
    truth = rng.normal(0, tau, 400_000)
    first, second = (truth + rng.normal(0, error, truth.size) for _ in range(2))
    near = np.abs(first - 0.3) < 0.01
    chance = same_sign(np.array([0.3]), np.array([error**2]), tau2=tau**2)
    assert chance[0] == pytest.approx(np.mean(second[near] > 0), abs=0.015)


def test_the_chance_of_the_same_sign_by_hand() -> None:
    """Variances .5, effects of mean square 3: tau2 2.5, b 5/6; for y = 2 the chance is
    Phi((5/3) / sqrt(5/12 + 1/2))."""
    y, v = np.array([1.0, -2.0, 3.0, 0.0, 1.0]), np.full(5, 0.5)
    found = same_sign(y, v)
    assert found[1] == pytest.approx(scipy_stats.norm.cdf(5 / 3 / math.sqrt(11 / 12)), rel=1e-6)
    assert found[3] == 0.5 and found[0] == found[4]
    assert (same_sign(y, 10 * v) == 0.5).all()  # no more spread than errors give: a coin


def test_the_chance_of_the_same_sign_of_a_few_by_hand() -> None:
    """One effect of 3 with variance 1: tau2 8, b 8/9, chance Phi((8/3) / sqrt(17/9)); of .9 with
    variance 1 tau2 is 0. Two effects with equal variances: tau2 is the mean square less that."""
    one = same_sign(np.array([-3.0]), np.array([1.0]))
    assert one[0] == pytest.approx(scipy_stats.norm.cdf(8 / 3 / math.sqrt(17 / 9)), rel=1e-6)
    assert same_sign(np.array([0.9]), np.array([1.0]))[0] == 0.5
    two = same_sign(np.array([1.0, 3.0]), np.array([2.0, 2.0]))  # tau2 3, b 3/5
    expected = scipy_stats.norm.cdf(0.6 * np.array([1, 3]) / math.sqrt(1.2 + 2))
    assert two == pytest.approx(expected, rel=1e-6)
    assert (same_sign(np.zeros(1), np.ones(1)) == 0.5).all()


def deming(x: np.ndarray, y: np.ndarray, ratio: float) -> float:
    """The closed form; `ratio` of the variance of errors in y to that in x."""
    xx, yy, xy = x.var(), y.var(), np.mean((x - x.mean()) * (y - y.mean()))
    lead = yy - ratio * xx
    return float((lead + math.sqrt(lead**2 + 4 * ratio * xy**2)) / (2 * xy))


@pytest.mark.parametrize("k", [5, 20, 200])
@pytest.mark.parametrize("ratio", [0.2, 1.0, 6.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_yorks_slope_is_demings_with_equal_errors(k: int, ratio: float, sign: int) -> None:
    x, y, _, _ = effects(k, k)
    y, same = sign * y, np.full(k, 0.01)
    line = york((x, same), (y, ratio * same), np.zeros(k))
    slope = deming(x, y, ratio)
    assert line.slope == pytest.approx(slope, rel=1e-9)
    assert line.intercept == pytest.approx(y.mean() - slope * x.mean(), rel=1e-8, abs=1e-12)


def test_yorks_line_through_pearsons_data() -> None:
    """Pearson's data with York's weights, as York et al. (2004) print them: intercept 5.47991 and
    its error .29497, slope -.480533 and .057985, squares 11.8664."""
    x = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
    y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
    w_x = np.array([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1.0])
    w_y = np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500.0])
    line = york((x, 1 / w_x), (y, 1 / w_y), np.zeros(10))
    assert line.intercept == pytest.approx(5.47991, abs=5e-6)
    assert line.slope == pytest.approx(-0.480533, abs=5e-7)
    assert line.intercept_error == pytest.approx(0.29497, abs=5e-6)
    assert line.slope_error == pytest.approx(0.057985, abs=5e-7)
    assert line.misfit * 8 == pytest.approx(11.8664, abs=5e-5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("through_origin", [False, True])
def test_yorks_line_is_the_likeliest_with_errors_that_correlate(
    seed: int, through_origin: bool
) -> None:
    """Least squares of both coordinates over the true places too, by general minimisation; the
    slope where the iteration of York et al. (2004) stands still."""
    x, y, v_x, v_y = effects(seed, 12, spread=0.05)
    c = np.random.default_rng(seed).uniform(-0.8, 0.8, 12) * np.sqrt(v_x * v_y)
    line = york((x, v_x), (y, v_y), c, through_origin)
    inverses = np.linalg.inv(np.stack([[v_x, c], [c, v_y]]).transpose(2, 0, 1))

    def squares(of: np.ndarray) -> float:
        slope, intercept, places = of[0], 0.0 if through_origin else of[1], of[2:]
        away = np.column_stack([x - places, y - intercept - slope * places])
        return float(np.einsum("ki,kij,kj", away, inverses, away))

    start = np.concatenate([[line.slope * 0.8, 0.05], x])
    found = minimize(squares, start, method="BFGS", options={"gtol": 1e-7, "maxiter": 5000})
    assert line.slope == pytest.approx(found.x[0], abs=2e-5)
    assert line.misfit * (10 + through_origin) == pytest.approx(found.fun, rel=1e-8)
    information = np.zeros((14, 14))  # of slope, intercept and places, at the least squares
    for k in range(12):
        jacobian = np.zeros((2, 14))
        jacobian[1, :2] = found.x[2 + k], 1
        jacobian[:, 2 + k] = 1, found.x[0]
        information += jacobian.T @ inverses[k] @ jacobian
    kept = [0, *range(1 + through_origin, 14)]
    errors = np.sqrt(np.diag(np.linalg.inv(information[np.ix_(kept, kept)])))
    assert line.slope_error == pytest.approx(errors[0], rel=1e-3)
    if not through_origin:
        assert line.intercept == pytest.approx(found.x[1], abs=2e-5)
        assert line.intercept_error == pytest.approx(errors[1], rel=1e-3)
    b, w = line.slope, 1 / (v_y + line.slope**2 * v_x - 2 * line.slope * c)
    u, v = (x, y) if through_origin else (x - w @ x / w.sum(), y - w @ y / w.sum())
    beta = w * (u * v_y + b * v * v_x - (b * u + v) * c)
    assert (w * beta) @ v / ((w * beta) @ u) == pytest.approx(b, rel=1e-9)


def test_a_model_without_errors_gives_weighted_least_squares() -> None:
    x, y, _, v = effects(3, 20)
    for through_origin in (False, True):
        line = york((x, np.zeros(20)), (y, v), np.zeros(20), through_origin)
        fit = meta_regression(x, y, v, 0.0, through_origin)
        assert line.slope == pytest.approx(fit.slope, rel=1e-9)
        assert line.slope_error == pytest.approx(fit.slope_error / math.sqrt(fit.misfit), rel=1e-9)
        if not through_origin:
            assert line.intercept == pytest.approx(fit.intercept, rel=1e-8)
            error = (fit.intercept_error or 0) / math.sqrt(fit.misfit)
            assert line.intercept_error == pytest.approx(error, rel=1e-9)


def test_both_intervals_hold_the_slope_in_about_95_of_100_studies() -> None:
    """20 effects, slope .6: spread about the line for the regression, errors in both for York's."""
    rng = np.random.default_rng(10)
    held = []
    for _ in range(150):
        true, v_x, v_y = rng.normal(0, 0.3, 20), *rng.uniform(0.001, 0.01, (2, 20))
        y = 0.6 * true + rng.normal(0, np.sqrt(v_y))
        regression = meta_regression(true, y + rng.normal(0, 0.1, 20), v_y)
        x = true + rng.normal(0, np.sqrt(v_x))
        both = york((x, v_x), (y, v_y), np.zeros(20))
        held.append([line.slope_low <= 0.6 <= line.slope_high for line in (regression, both)])
    for share in np.mean(held, axis=0):
        assert 0.90 <= share <= 0.99


def test_agreement_by_hand() -> None:
    """Variance of people's effects 2.5. Errors of their own of .9 on average leave .64, whose root
    is .8; an error of .4 that all share (a common control) moves none against the others."""
    y, v = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.diag([0.5, 0.7, 0.9, 1.1, 1.3])
    x = np.array([1.0, 3.0, 2.0, 5.0, 1.0])
    r = float(np.corrcoef(x, y)[0, 1])
    for covariance in (v, v + 0.4):
        found = agreement(x, y, covariance)
        assert found.reliability == pytest.approx(0.64)
        assert found.r == pytest.approx(r)
        assert found.corrected == pytest.approx(r / 0.8)
    assert agreement(y, y, v).corrected == 1 and agreement(-y, y, v).corrected == -1
    noise = agreement(x, y, 3 * v)
    assert noise.reliability is None and noise.corrected is None and noise.r == found.r
    flat = agreement(np.ones(5), y, v)
    assert flat.r is None and flat.corrected is None and flat.reliability == found.reliability
    unknown = agreement(x, y)
    assert (unknown.r, unknown.reliability, unknown.corrected) == (found.r, None, None)


@pytest.mark.parametrize("of_control", [0.0, 0.005, 0.02])
def test_r_corrected_is_r_with_true_effects_also_where_all_share_a_control(
    of_control: float,
) -> None:
    """20 effects with a true r of .7 and errors of a third of their variance; a control's error,
    however large, is all of theirs."""
    rng = np.random.default_rng(5)
    k, own, true = 20, 0.0033, 0.7
    covariance = np.diag(np.full(k, own)) + of_control
    made = []
    for _ in range(600):
        theta, other = rng.normal(0, 0.1, (2, k))
        model = true * theta + math.sqrt(1 - true**2) * other
        people = theta + rng.normal(0, math.sqrt(own), k) - rng.normal(0, math.sqrt(of_control))
        found = agreement(model, people, covariance)
        if found.corrected is not None:
            made.append((found.corrected, np.corrcoef(model, theta)[0, 1]))
    assert len(made) >= 595
    corrected, without_error = np.array(made).T
    assert corrected.mean() == pytest.approx(without_error.mean(), abs=0.03)
    assert np.mean(corrected == 1) < 0.05


def test_too_little_is_refused_with_a_sentence() -> None:
    x, y, v_x, v = effects(1, 5)
    zero, few = np.zeros(5), slice(4)
    for attempt, why in (
        (lambda: meta_regression(x[few], y[few], v[few]), "4 effects, fewer than 5"),
        (lambda: agreement(x[few], y[few]), "4 effects, fewer than 5"),
        (lambda: agreement(x, y, np.diag(v[few])), r"\(5, 5\)"),
        (lambda: agreement(x, y, np.diag(v * math.nan)), "finite"),
        (lambda: same_sign(y[:0], v[:0]), "0 effects, fewer than 1"),
        (lambda: york((x[few], v_x[few]), (y[few], v[few]), zero[few]), "4 effects"),
        (lambda: meta_regression(np.full(5, 0.1), y, v), "all equal"),
        (lambda: meta_regression(zero, y, v, through_origin=True), "all equal"),
        (lambda: york((np.full(5, 0.1), v_x), (y, v), zero), "all equal"),
        (lambda: meta_regression(x, y, zero), "variances also above 0"),
        (lambda: meta_regression(x, y * math.nan, v), "finite"),
        (lambda: meta_regression(x, y, v, tau2=-1.0), "tau2 is -1.0"),
        (lambda: meta_regression(x, y, v[few]), "do not match"),
        (lambda: york((x, -v_x), (y, v), zero), "at least 0"),
        (lambda: york((x, v_x), (y, v), np.sqrt(v_x * v) * 1.01), "between -1 and 1"),
    ):
        with pytest.raises(ValueError, match=why) as refused:
            attempt()
        assert str(refused.value).endswith(".")
    level, steep = np.array([1.0, 1.0, -1.0, -1.0, 0.0]), np.array([1.0, -1.0, 2.0, -2.0, 0.0])
    with pytest.raises(ValueError, match="vertical"):  # unrelated, and people's spread is larger
        york((level, zero + 1), (steep, zero + 1), zero)
