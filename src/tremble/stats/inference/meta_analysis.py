"""Several effects at once: their signs in a second sample, and how those of two sides agree.

Functions take arrays (effects) in one order: effects of the model and of people, in the outcome's
own unit, and variances in that unit squared. Each effect has a variance of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats
from scipy.optimize import brentq, minimize_scalar

from tremble.stats.inference.intervals import LEVEL
from tremble.stats.metrics.correlation import constant, pearson

# Fewer effects say nothing of how they spread, nor of a line through them.
MIN_EFFECTS = 5
# Angles at which a line is tried before the best is made exact, and spreads likewise.
_ANGLES, _SPREADS = 720, 40


def same_sign(effects: np.ndarray, variances: np.ndarray, tau2: float | None = None) -> np.ndarray:
    """(effects): the chance that a second sample of the same size has the same sign.

    Empirical Bayes, normal-normal: y ~ N(theta, v), theta ~ N(0, tau2), so that given y theta has
    mean b y and variance b v with b = tau2 / (tau2 + v), a second y has variance b v + v, and the
    chance is Phi(b |y| / sqrt(b v + v)): from 1/2 to 1 (van Zwet and Goodman 2022, Statistics in
    Medicine 41, with a normal prior). The prior is centred on 0 as signs hang on which level is the
    control. `tau2` None: by maximum likelihood from however many effects there are; of a single one
    it is max(0, y^2 - v), so that an effect of less than its standard error gives 1/2.
    ValueError: no effects, variances not above 0.
    """
    y, v = _checked(effects, variances, least=1)
    if tau2 is None:
        tau2 = reml(y, v, np.empty((len(y), 0)))
    b = _spread(tau2) / (tau2 + v)
    return np.asarray(scipy_stats.norm.cdf(b * np.abs(y) / np.sqrt(b * v + v)))


@dataclass(frozen=True, slots=True)
class Line:
    """People's effects = intercept + slope x the model's; no intercept through the origin.

    `*_error` are standard errors. `tau2`: variance of effects about a meta-regression, None for
    York's line. `misfit`: weighted squared distances from the line over degrees of freedom, about 1
    where the errors (and tau2) explain them.
    """

    slope: float
    slope_error: float
    slope_low: float
    slope_high: float
    intercept: float | None
    intercept_error: float | None
    intercept_low: float | None
    intercept_high: float | None
    tau2: float | None
    misfit: float


def _line(
    slope: tuple[float, float],
    intercept: tuple[float, float] | None,
    reach: float,
    tau2: float | None,
    misfit: float,
) -> Line:
    """From (estimate, standard error) of both; `reach`: how many errors an interval reaches."""
    steep = (*slope, slope[0] - reach * slope[1], slope[0] + reach * slope[1])
    if intercept is None:
        return Line(*steep, None, None, None, None, tau2, misfit)
    away, error = intercept
    return Line(*steep, away, error, away - reach * error, away + reach * error, tau2, misfit)


def meta_regression(
    model: np.ndarray,
    people: np.ndarray,
    variances: np.ndarray,
    tau2: float | None = None,
    through_origin: bool = False,
) -> Line:
    """People's effects on the model's, which count as without error; `variances` are people's.

    Random effects with weights 1 / (v + tau2), tau2 by REML where None; errors and Student's t with
    effects - 2 degrees of freedom (- 1 through the origin) after Knapp and Hartung (2003,
    Statistics in Medicine 22), not made longer where `misfit` is below 1. Below 1 the slope says
    that the model exaggerates. ValueError: fewer than five effects, variances not above 0, a model
    with equal effects.
    """
    y, v = _checked(people, variances)
    x, _ = _checked(model, variances)
    _apart(x, through_origin)
    design = x[:, None] if through_origin else np.column_stack([x, np.ones_like(x)])
    tau2 = _spread(reml(y, v, design) if tau2 is None else tau2)
    found, inverse, weights = _weighted(y, v + tau2, design)
    df = len(y) - design.shape[1]
    misfit = float(weights @ (y - design @ found) ** 2) / df
    errors = np.sqrt(misfit * np.diag(inverse))
    pairs = [(float(b), float(error)) for b, error in zip(found, errors, strict=True)]
    reach = float(scipy_stats.t.ppf((1 + LEVEL) / 2, df))
    return _line(pairs[0], None if through_origin else pairs[1], reach, tau2, misfit)


def _weighted(
    y: np.ndarray, v: np.ndarray, design: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted least squares: coefficients, the inverse of X'WX, the weights 1 / v."""
    root = np.sqrt(1 / v)
    q, r = np.linalg.qr(design * root[:, None])
    inverse = np.linalg.inv(r)
    return inverse @ (q.T @ (root * y)), inverse @ inverse.T, 1 / v


def restricted_likelihood(tau2: float, y: np.ndarray, v: np.ndarray, design: np.ndarray) -> float:
    """Log-likelihood of tau2, but for a constant, for y (effects) on design (effects, columns).

    -1/2 (sum log(v + tau2) + log |X'WX| + sum w (y - X b)^2), w = 1 / (v + tau2) (Harville 1977,
    Journal of the American Statistical Association 72); without columns the likelihood itself.
    """
    found, inverse, weights = _weighted(y, v + tau2, design)
    squares = float(weights @ (y - design @ found) ** 2)
    return 0.5 * (float(np.linalg.slogdet(inverse)[1] + np.log(weights).sum()) - squares)


def reml(y: np.ndarray, v: np.ndarray, design: np.ndarray) -> float:
    """The tau2 of at least 0 with the largest restricted likelihood."""
    found = _weighted(y, np.ones_like(y), design)[0]
    largest = 4 * float(np.sum((y - design @ found) ** 2))
    if largest == 0:
        return 0.0
    grid = np.concatenate([[0.0], largest * np.geomspace(1e-8, 1, _SPREADS)])
    return _lowest(lambda tau2: -restricted_likelihood(tau2, y, v, design), grid)


def _lowest(loss: Callable[[float], float], grid: np.ndarray) -> float:
    """Where the loss is least: at the best of the grid, or between its neighbours."""
    losses = [loss(float(place)) for place in grid]
    best = int(np.argmin(losses))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(
        loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10 * (high - low)}
    )
    return float(found.x) if found.fun < losses[best] else float(grid[best])


def york(
    model: tuple[np.ndarray, np.ndarray],
    people: tuple[np.ndarray, np.ndarray],
    covariances: np.ndarray,
    through_origin: bool = False,
) -> Line:
    """The line where model and people differ by sampling alone: errors in both, and no others.

    `model`, `people`: effects and their variances; `covariances` (effects) of the errors of both,
    (V_model + V_people - V_difference) / 2. Least squares with weights 1 / (v_people + slope^2
    v_model - 2 slope c), standard errors at the adjusted points (York, Evensen, Martinez and De
    Basabe Delgado 2004, American Journal of Physics 72), normal intervals: the errors are known.

    ValueError: fewer than five effects, people's variances not above 0, the model's below 0, errors
    correlated at 1 or more, a model with equal effects, a line so steep that it has no slope.
    """
    y, v_y = _checked(*people)
    x, c = _checked(model[0], v_y)[0], _checked(covariances, v_y)[0]
    v_x = np.asarray(model[1], float)
    if v_x.shape != x.shape or not ((v_x >= 0) & (v_x < np.inf)).all():
        raise ValueError("the model's effects need finite variances of at least 0.")
    if ((c**2 >= v_x * v_y) & (c != 0)).any():
        raise ValueError("errors of model and people must be correlated between -1 and 1.")
    _apart(x, through_origin)

    def at(slope: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(slopes, effects): weights, both sides less their means, and distances from the line."""
        slope = slope[:, None]
        w = 1 / (v_y + slope**2 * v_x - 2 * slope * c)
        total = np.sum(w, axis=1, keepdims=True)
        middle = [0 * total if through_origin else (w @ s)[:, None] / total for s in (x, y)]
        u, v = x - middle[0], y - middle[1]
        return w, u, v, v - slope * u

    def squares(slope: np.ndarray) -> np.ndarray:
        w, _, _, away = at(slope)
        return np.asarray(np.sum(w * away**2, axis=1))

    def rise(slope: float) -> float:
        """Minus half the derivative of the weighted squared distances."""
        w, u, _, away = at(np.array([slope]))
        return float(np.sum(w * away * u + w**2 * away**2 * (slope * v_x - c)))

    size = (lambda values: np.abs(values).max()) if through_origin else np.ptp
    slope = _steepness(squares, rise, float(size(y) or 1.0) / float(size(x)))
    w, u, v, _ = (part[0] for part in at(np.array([slope])))
    adjusted = w * (u * v_y + slope * v * v_x - (slope * u + v) * c)  # less the mean of x
    middle = 0.0 if through_origin else float(w @ adjusted / w.sum())
    error = float(1 / np.sqrt(w @ (adjusted - middle) ** 2))
    misfit = float(squares(np.array([slope]))[0]) / (len(x) - 2 + through_origin)
    reach = float(scipy_stats.norm.ppf((1 + LEVEL) / 2))
    if through_origin:
        return _line((slope, error), None, reach, None, misfit)
    mean_x, mean_y = float(w @ x / w.sum()), float(w @ y / w.sum())
    away_error = math.sqrt(1 / float(w.sum()) + (mean_x + middle) ** 2 * error**2)
    return _line((slope, error), (mean_y - slope * mean_x, away_error), reach, None, misfit)


def _steepness(
    squares: Callable[[np.ndarray], np.ndarray], rise: Callable[[float], float], unit: float
) -> float:
    """The slope with the least squares: the best of many angles, then where the rise is 0.

    `unit`: the slope at half a right angle.
    """
    angles = np.linspace(-math.pi / 2, math.pi / 2, _ANGLES + 1)[1:-1]
    best = int(np.argmin(squares(unit * np.tan(angles))))
    if best in (0, len(angles) - 1):
        raise ValueError("the line through the effects is vertical, so it has no slope.")
    low, high = (unit * math.tan(angles[best + side]) for side in (-1, 1))
    if rise(low) > 0 > rise(high):
        return float(brentq(rise, low, high, xtol=1e-14 * unit, rtol=1e-14))
    return _lowest(lambda slope: float(squares(np.array([slope]))[0]), np.linspace(low, high, 9))


@dataclass(frozen=True, slots=True)
class Agreement:
    """r of effects, the reliability of people's, and r over its root; None where undefined."""

    r: float | None
    reliability: float | None
    corrected: float | None


def agreement(
    model: np.ndarray, people: np.ndarray, covariance: np.ndarray | None = None
) -> Agreement:
    """r of the model's and people's effects, and r over the root of people's reliability.

    `covariance` (effects, effects): of the errors of people's effects, those of another sample of
    people with these very texts, which the model's effects are of as well; None: not known, and no
    reliability. On average errors add (tr V - 1'V1 / k) / (k - 1) to the variance of k effects
    (divisor k - 1): what effects share, such as a control, moves all of them and adds nothing.
    Reliability is 1 - that / the variance of effects, the share of people's spread that is no error
    (r over its root: Spearman 1904, American Journal of Psychology 15); None where not above 0. The
    quotient is bounded by -1 and 1. ValueError: fewer than five effects, a covariance of another
    shape, values that are no numbers.
    """
    y, _ = _checked(people, np.ones(len(people)))
    x, _ = _checked(model, np.ones(len(people)))
    r, _ = pearson(x, y)
    if covariance is None or constant(y):
        return Agreement(r, None, None)
    v, k = np.asarray(covariance, float), len(y)
    if v.shape != (k, k) or not np.isfinite(v).all():
        raise ValueError(f"{k} effects need a covariance of finite numbers, ({k}, {k}).")
    error = float(np.trace(v) - v.sum() / k) / (k - 1)
    reliability = 1 - error / float(y.var(ddof=1))
    if reliability <= 0:
        return Agreement(r, None, None)
    corrected = None if r is None else min(1.0, max(-1.0, r / math.sqrt(reliability)))
    return Agreement(r, reliability, corrected)


def _checked(
    effects: np.ndarray, variances: np.ndarray, least: int = MIN_EFFECTS
) -> tuple[np.ndarray, np.ndarray]:
    y, v = np.asarray(effects, float), np.asarray(variances, float)
    if y.ndim != 1 or y.shape != v.shape:
        raise ValueError(f"effects and variances of shapes {y.shape} and {v.shape} do not match.")
    if len(y) < least:
        raise ValueError(f"{len(y)} effects, fewer than {least}; at least {least} are needed.")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise ValueError("effects must be finite numbers, and their variances also above 0.")
    return y, v


def _apart(x: np.ndarray, through_origin: bool) -> None:
    """No line goes through effects of the model that are all one number."""
    if constant(x) if not through_origin else not x.any():
        raise ValueError("the model's effects are all equal, so no line goes through them.")


def _spread(tau2: float) -> float:
    if not 0 <= tau2 < math.inf:
        raise ValueError(f"tau2 is {tau2}; it must be a finite number of at least 0.")
    return tau2
