"""The calibration line of outcomes on predictions, and how sure its slope is.

The interval is that of the jackknife over whole clusters with Student's t: without each cluster in
turn the slope is found anew, exactly for a straight line, by one step of Newton's method on the
logit scale. The jackknife's variance (CV3) errs on the wide side with few clusters, where sandwich
ones are too narrow (MacKinnon, Nielsen and Webb 2023, Journal of Applied Econometrics 38).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from tremble.stats.frames.clusters import pairs, summed
from tremble.stats.inference.intervals import LEVEL
from tremble.stats.metrics.calibration import clipped, recalibration

_FLAT = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Slopes of several series with the ends of their 95% intervals, (series) each, NaN where there
    is none."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def slopes(
    x: np.ndarray, y: np.ndarray, clusters: Sequence[np.ndarray], logit: bool = False
) -> Slopes:
    """The slope of `y` (points) on each series of `x` (series, points), on the logit scale where
    asked: of the outcome's logit on the prediction's.

    `clusters`: codes of one kind of cluster or of two that cross, (points) each; none gives no
    interval. Over two kinds the variance is that of both less that of their cells, and not less
    than either (Cameron, Gelbach and Miller 2011, Journal of Business and Economic Statistics 29).
    """
    x = np.log(clipped(x)) - np.log1p(-clipped(x)) if logit else np.asarray(x, float)
    centre = x.mean(axis=1, keepdims=True)
    spread = np.abs(x - centre).max(axis=1, keepdims=True)
    varies = spread[:, 0] > _FLAT * (1 + np.abs(centre[:, 0]))
    spread = np.where(varies[:, None], spread, 1.0)
    u = (x - centre) / spread
    b, left, weight, fitted = _fit(u, x, y, spread, logit)
    value = np.where(varies & fitted, b / spread[:, 0], np.nan)
    nothing = np.full(len(x), np.nan)
    if not clusters:
        return Slopes(value, nothing, nothing)
    columns = np.stack([weight, weight * u, weight * u**2, left, left * u], axis=-1)
    squares = [_squared_error(columns, codes) for codes in clusters]
    if len(clusters) == 2:
        cells = pairs(*clusters)
        both = _squared_error(columns, np.unique(cells, return_inverse=True)[1].ravel())
        squares = [np.maximum(sum(squares) - both, np.maximum(*squares))]
    rarer = min(len(np.unique(codes)) for codes in clusters)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(squares[0] > 0, np.sqrt(squares[0]), np.nan) / spread[:, 0]
    reach = float(t.ppf((1 + LEVEL) / 2, rarer - 1)) * error if rarer > 1 else nothing
    return Slopes(value, value - reach, value + reach)


def _fit(
    u: np.ndarray, x: np.ndarray, y: np.ndarray, spread: np.ndarray, logit: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The slope on `u`, `x` centred and scaled, (series); what is left of `y` and the weights of
    Newton's method, (series, points); whether there is a line."""
    if not logit:
        square = (u**2).sum(axis=1)
        b = (u @ y) / np.where(square > 0, square, 1.0)
        left = y - y.mean() - b[:, None] * u
        return b, left, np.ones_like(u), square > 0
    slope, intercept, fitted = recalibration(1 / (1 + np.exp(-x)), y, np.ones_like(x))
    eta = np.where(fitted[:, None], intercept[:, None] + slope[:, None] * x, 0.0)
    p = 1 / (1 + np.exp(-np.clip(eta, -700, 700)))
    return slope * spread[:, 0], y - p, p * (1 - p), fitted


def _squared_error(columns: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(series): the jackknife's variance of the slope over clusters of one kind, NaN where without
    one of them there is no line. `columns` (series, points, 5): weight, weight u, weight u^2,
    what is left, what is left times u."""
    made = np.empty(len(columns))
    for series, own in enumerate(columns):
        parts = summed(codes, own)
        h0, h1, h2 = (own[:, k].sum() - parts[:, k] for k in range(3))
        det = h0 * h2 - h1**2
        flat = det <= _FLAT * np.maximum(h0 * h2, _FLAT)
        if flat.any():
            made[series] = np.nan
            continue
        change = (h0 * parts[:, 4] - h1 * parts[:, 3]) / det
        count = len(parts)
        made[series] = (count - 1) / count * ((change - change.mean()) ** 2).sum()
    return made
