"""Effects with their errors: Student's t intervals, those of fixed rates, and errors they share.

Effects are in the outcome's own unit, variances in that unit squared. Arms of decisions are in
`contrasts`, what several effects say together in `meta_analysis`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats as scipy_stats

from tremble.stats.inference.intervals import LEVEL

# What an interval covers: these very texts, or others of their kind as well.
Over = Literal["people", "people and items"]
# A correlation of errors is never nearer to 1 or -1 than this: York's line needs it inside.
_MOST_CORRELATED = 0.99


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect, its variance, degrees of freedom, interval and two-sided p of no effect.

    All but the value are None where the values do not vary or clusters are too few.
    """

    value: float
    variance: float | None
    df: float | None
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """One contrast of several series: arrays (series); NaN where an effect has no interval.

    `influence` (series, clusters): by how much each cluster moved the effect, clusters in the same
    order for all contrasts of the same points; squared and added up they are the variance of one
    kind of cluster. `note`: why no series has an interval.
    """

    value: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    influence: np.ndarray
    note: str | None = None

    def of(self, series: int) -> Effect:
        """The effect of one series."""
        value = float(self.value[series])
        if not math.isfinite(self.low[series]):
            return Effect(value, None, None, None, None, None)
        parts = (self.variance, self.df, self.low, self.high, self.p)
        return Effect(value, *(float(part[series]) for part in parts))


def by_t(
    value: np.ndarray,
    variance: np.ndarray,
    df: np.ndarray,
    influence: np.ndarray,
    note: str | None = None,
) -> Effects:
    """With Student's t intervals and p; NaN where the variance is not above 0, or there is a
    `note`."""
    known = (variance > 0) & (df > 0) & (note is None)
    variance, df = (np.where(known, part, np.nan) for part in (variance, df))
    error = np.sqrt(variance)
    reach = scipy_stats.t.ppf((1 + LEVEL) / 2, df) * error
    p = 2 * scipy_stats.t.sf(np.abs(value) / error, df)
    return Effects(value, variance, df, value - reach, value + reach, p, influence, note)


def rate_variance(rate: float, n: int | None, sd: float | None = None) -> float | None:
    """Variance of a rate in [0, 1] over `n` people: sd^2 / n of people's own rates, else p(1-p)/n.

    None where n is not known. ValueError: a rate outside [0, 1], n below 1, sd below 0.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"the rate {rate} is not between 0 and 1.")
    if n is None:
        return None
    if n < 1 or (sd is not None and not 0 <= sd < math.inf):
        raise ValueError(f"a rate needs n of at least 1 and no sd below 0: {n}, {sd}.")
    return (rate * (1 - rate) if sd is None else sd**2) / n


def fixed_rates(
    values: np.ndarray,
    variances: np.ndarray,
    n: np.ndarray,
    arm: np.ndarray,
    coefficients: Sequence[float],
    weights: np.ndarray | None = None,
) -> Effects:
    """A contrast of rates, over people alone: these very items, each rate with its own variance.

    `values` (series, points), of which people's, or people's less a number without error, have the
    variance `variances` (points) over `n` people (points); `arm`, `coefficients` and `weights` as
    in `contrasts.contrast`. The variance is the sum of the squared weights times `variances`, the
    degrees of freedom are Satterthwaite's, of n - 1 per rate. People behind two rates count as two
    sets of people. A rate without a variance (NaN) leaves all without interval. ValueError: an arm
    without rates.
    """
    inside = arm >= 0
    given = np.ones(len(arm)) if weights is None else np.asarray(weights, float)
    total = np.bincount(arm[inside], given[inside], len(coefficients))
    if len(total) > len(coefficients) or not (total > 0).all():
        raise ValueError(f"{len(coefficients)} coefficients, but not as many arms with rates.")
    scaled = np.zeros(len(arm))
    signs = np.asarray(coefficients, float)[arm[inside]]
    scaled[inside] = signs * given[inside] / total[arm[inside]]
    parts = scaled[inside] ** 2 * variances[inside]
    note = None
    if not np.isfinite(parts).all():
        note = "the number of people behind a rate is not known"
    with np.errstate(divide="ignore", invalid="ignore"):
        df = parts.sum() ** 2 / np.sum(np.where(parts > 0, parts**2 / (n[inside] - 1), 0.0))
    count = len(values)
    influence = np.zeros(len(arm))
    influence[inside] = np.abs(scaled[inside]) * np.sqrt(np.where(parts >= 0, variances[inside], 0))
    return by_t(
        values[:, inside] @ scaled[inside],
        np.full(count, parts.sum()),
        np.full(count, df),
        np.broadcast_to(influence * np.sign(scaled), (count, len(arm))),
        note,
    )


def error_covariance(model: Effects, people: Effects, difference: Effects) -> np.ndarray:
    """(series): covariance of the errors of model and people, (V_model + V_people - V_difference)
    / 2, no nearer to a correlation of 1 or -1 than .99; 0 where one of them has no variance."""
    variances = [np.nan_to_num(side.variance) for side in (model, people, difference)]
    most = _MOST_CORRELATED * np.sqrt(variances[0] * variances[1])
    return np.asarray(np.clip((variances[0] + variances[1] - variances[2]) / 2, -most, most))
