"""The effect of a treatment: a difference of two arms' means, and how sure it is.

Effects are in the outcome's own unit, variances in that unit squared. What several effects say
together is in `meta_analysis`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from tremble.stats.inference.intervals import LEVEL


@dataclass(frozen=True, slots=True)
class Arm:
    """`values` (points) under one condition, and `weights` (points) above 0, None for equal ones.

    `clusters`: one array of labels (points) for each kind whose members vary, one or two kinds:
    people, or people and items. A label found in both arms is the same person or item.
    """

    values: np.ndarray
    clusters: Sequence[np.ndarray]
    weights: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference of means, its variance, Student's t interval, and two-sided p of no effect."""

    value: float
    variance: float
    df: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class _Kind:
    """Clusters of one kind: their summed influences, and (2, clusters) shares of weight per arm."""

    influence: np.ndarray
    shares: np.ndarray

    @property
    def variance(self) -> float:
        return float(np.sum((self.influence[0] - self.influence[1]) ** 2))

    @property
    def df(self) -> float:
        """Satterthwaite's: (tr A)^2 / tr A^2, A the arms' covariances of influences, added."""
        arms = np.sum(self.influence**2, axis=1)
        if not arms.any():
            return float(np.count_nonzero(self.shares.sum(axis=0)) - 1)
        off = self.shares / np.sqrt(1 - self.shares)
        squares = 0.0
        for a in (0, 1):
            for b in (0, 1):
                both = off[a] * off[b]
                trace = self.shares[a] @ self.shares[b] + both.sum() ** 2 - both @ both
                squares += float(arms[a] * arms[b] * trace)
        return float(arms.sum() ** 2 / squares)


def mean_difference(arm: Arm, control: Arm) -> Effect:
    """The mean of `arm` less that of `control`, of clusters of one kind or of two kinds.

    Two kinds, crossed or nested: V_people + V_items - V_cells, never below V_people or V_items
    (Cameron, Gelbach and Miller 2011, Journal of Business and Economic Statistics 29). Where every
    cluster of one kind lies within one of the other, that is the larger of both variances, with the
    degrees of freedom of the fewer clusters.
    Small samples: in each arm the summed influence of a cluster with a share s of the arm's weight
    is divided by sqrt(1 - s) (CR2 of Bell and McCaffrey 2002, Survey Methodology 28, exact where
    arms share no cluster): G / (G - 1) in the variance for G equal ones, so that the variance of
    Welch's test, or of the paired one, is met. Degrees of freedom are Satterthwaite's, per kind
    and with each arm's own variance as in Welch's test, G - 1 where both arms hold the same G equal
    clusters; over two kinds V^2 / (V_people^2 / df_people + V_items^2 / df_items).

    ValueError: values or weights that are no numbers, weights not above 0, fewer than two clusters
    of a kind in an arm, one kind in one arm and two in the other, values that do not vary.
    """
    arms = (arm, control)
    if len(arm.clusters) != len(control.clusters) or len(arm.clusters) not in (1, 2):
        kinds_of = f"{len(arm.clusters)} and {len(control.clusters)}"
        raise ValueError(f"{kinds_of} kinds of clusters; both arms need one, or both two.")
    weights = [_weights(side) for side in arms]
    means = [float(w @ side.values) for w, side in zip(weights, arms, strict=True)]
    influences = [
        w * (side.values - mean) for w, side, mean in zip(weights, arms, means, strict=True)
    ]
    codes = [_codes(arm.clusters[k], control.clusters[k]) for k in range(len(arm.clusters))]
    kinds = [_kind(code, influences, weights) for code in codes]
    variance = max(kind.variance for kind in kinds)
    if len(kinds) == 2:
        together = codes[0] * (codes[1].max() + 1) + codes[1]
        cells = _kind(np.unique(together, return_inverse=True)[1], influences, weights)
        sizes = [kind.shares.shape[1] for kind in kinds]
        if cells.shares.shape[1] in sizes:  # nested
            kinds = [kinds[int(np.argmin(sizes))]]
        else:
            variance = max(variance, sum(kind.variance for kind in kinds) - cells.variance)
    largest = max(float(np.abs(side.values).max()) for side in arms)
    if variance <= (1e-12 * largest) ** 2:
        raise ValueError("the values do not vary, so a difference of means has no variance.")
    df = kinds[0].df
    if len(kinds) == 2:
        df = 1 / sum((kind.variance / variance) ** 2 / kind.df for kind in kinds)
    return _by_t(means[0] - means[1], variance, df)


def _weights(arm: Arm) -> np.ndarray:
    number = len(arm.values)
    given = np.ones(number) if arm.weights is None else np.asarray(arm.weights, float)
    if any(len(each) != number for each in (given, *arm.clusters)):
        raise ValueError(f"{number} values, but not as many weights or labels of clusters.")
    if not (np.isfinite(arm.values).all() and np.isfinite(given).all() and (given > 0).all()):
        raise ValueError("values must be finite numbers, and weights also above 0.")
    return np.asarray(given / given.sum())


def _codes(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Labels of both arms, one after the other, as numbers from 0."""
    return np.unique(np.concatenate([one, other]), return_inverse=True)[1].astype(np.int64)


def _kind(codes: np.ndarray, influences: list[np.ndarray], weights: list[np.ndarray]) -> _Kind:
    number, border = int(codes.max()) + 1, len(weights[0])
    arms = [codes[:border], codes[border:]]
    shares = np.stack([np.bincount(c, w, number) for c, w in zip(arms, weights, strict=True)])
    if (np.count_nonzero(shares, axis=1) < 2).any():
        raise ValueError("an arm has fewer than two clusters of a kind; two are needed.")
    sums = np.stack([np.bincount(c, e, number) for c, e in zip(arms, influences, strict=True)])
    return _Kind(sums / np.sqrt(1 - shares), shares)


def _by_t(value: float, variance: float, df: float) -> Effect:
    error = math.sqrt(variance)
    reach = float(scipy_stats.t.ppf((1 + LEVEL) / 2, df)) * error
    p = 2 * float(scipy_stats.t.sf(abs(value) / error, df))
    return Effect(value, variance, df, value - reach, value + reach, p)


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
