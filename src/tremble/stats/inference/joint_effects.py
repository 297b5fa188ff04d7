"""Effects whose errors are shared: their covariance, and two models' distances from people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from tremble.stats.inference.intervals import LEVEL


def joint_covariance(influences: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """(effects, effects): covariance of the errors of effects that share clusters.

    `influences` (effects, clusters): `Effects.influence` of each, of contrasts and series over the
    same points; `variances` (effects), of which those that are not known (NaN) count as 0.
    Correlations are those of the summed influences of people and of items, and the diagonal is
    `variances`: positive semi-definite as it stands. (Taking cells away, as variances do, could
    lose that; where one kind of cluster leads, or effects share all kinds alike, as with a common
    control, it would change no correlation.)
    """
    raw = influences @ influences.T
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt(np.nan_to_num(variances) / np.diag(raw))
    scale = np.where(np.isfinite(scale), scale, 0.0)
    return np.asarray(raw * np.outer(scale, scale))


@dataclass(frozen=True, slots=True)
class PairErrors:
    """Root mean squared errors of the effects of two models; aligned less base, and its interval,
    None where no effect has an error."""

    base: float
    aligned: float
    difference: float
    low: float | None
    high: float | None


def pair_errors(
    base: np.ndarray, aligned: np.ndarray, covariance: np.ndarray, df: float = math.inf
) -> PairErrors:
    """How far the effects of two models are from people's, over the same contrasts.

    `base` and `aligned` (effects): each model's effects less people's; `covariance` (2 effects, 2
    effects): of their errors, those of base first, as by `joint_covariance`: both hold the same
    people's effects. `df`: degrees of freedom of the errors, for Student's t.

    A mean squared error is the mean of d^2 - v, as noise alone makes d^2 larger by v on average,
    and at least 0; its root is what is given. Its interval holds all M with (mean - M)^2 <= t^2 (2
    tr(S^2) / k^2 + 4 M q), where S is the covariance over k effects and q = d'Sd / (k d'd): the
    variance of a quadratic form in normal errors. The interval of the difference joins both
    (the method of variance estimates recovery of Zou 2007, Psychological Methods 12), with the
    correlation of both mean squares where both are clear of 0, and with none elsewhere: near 0
    the roots are no longer in proportion to them. ValueError: shapes that do not match, no effects.
    """
    d = np.stack([np.asarray(base, float), np.asarray(aligned, float)])
    k = d.shape[1]
    if not k or covariance.shape != (2 * k, 2 * k):
        raise ValueError(f"{k} effects of each model and a covariance of {covariance.shape}.")
    blocks = covariance.reshape(2, k, 2, k).transpose(0, 2, 1, 3)
    squares = [float(np.mean(d[side] ** 2 - np.diag(blocks[side, side]))) for side in (0, 1)]
    one, other = (math.sqrt(max(0.0, square)) for square in squares)
    if not np.trace(covariance) > 0:
        return PairErrors(one, other, other - one, None, None)
    reach = float(scipy_stats.t.ppf((1 + LEVEL) / 2, df))
    ends = [_root_ends(squares[side], d[side], blocks[side, side], reach) for side in (0, 1)]
    r = 0.0
    if all(low > 0 for low, _ in ends):
        r = _correlation(d, blocks)
    (low_0, high_0), (low_1, high_1) = ends
    below = _joined(other - low_1, high_0 - one, r)
    above = _joined(high_1 - other, one - low_0, r)
    return PairErrors(one, other, other - one, other - one - below, other - one + above)


def _root_ends(
    square: float, d: np.ndarray, covariance: np.ndarray, reach: float
) -> tuple[float, float]:
    """The interval of one root mean squared error, around its square less noise."""
    k, size = len(d), float(d @ d)
    noise = 2 * float(np.sum(covariance**2)) / k**2
    steep = float(d @ covariance @ d) / (k * size) if size else 0.0
    middle = square + 2 * reach**2 * steep
    away = math.sqrt(max(0.0, middle**2 - square**2 + reach**2 * noise))
    # Both ends enclose the estimate, also where that is 0 for a mean square below it.
    root = math.sqrt(max(0.0, square))
    low, high = (math.sqrt(max(0.0, middle + side * away)) for side in (-1, 1))
    return min(low, root), max(high, root)


def _correlation(d: np.ndarray, blocks: np.ndarray) -> float:
    """Of both mean squared errors: 4 d'Se - 2 tr(SS') over the roots of both variances."""
    together = np.empty((2, 2))
    for a in (0, 1):
        for b in (0, 1):
            noise = 2 * float(np.sum(blocks[a, b] ** 2))
            together[a, b] = 4 * float(d[a] @ blocks[a, b] @ d[b]) - noise
            if a == b:
                together[a, b] = max(together[a, b], noise)
    scale = math.sqrt(together[0, 0] * together[1, 1])
    return min(1.0, max(-1.0, together[0, 1] / scale)) if scale > 0 else 0.0


def _joined(one: float, other: float, r: float) -> float:
    return math.sqrt(max(0.0, one**2 + other**2 - 2 * r * one * other))
