"""How sure a ceiling is: its interval, by leaving out one cluster after the other.

The jackknife (Miller 1974, Biometrika 61) and not a bootstrap: drawn twice, a person agrees with
themselves, and choices in one situation would look less noisy than they are. It is taken of the
logarithm of the share of noise v / s^2, a ratio of variances, with Student's t.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from tremble.stats.frames.clusters import Kind, as_kinds, pairs, summed
from tremble.stats.inference.intervals import LEVEL, units_of

_FLAT = 1e-12  # a variance below this is rounding
_N, _Y, _YY, _NOISE = range(4)


def ceiling_interval(
    y: np.ndarray, noise: np.ndarray, context: np.ndarray, clusters: Sequence[np.ndarray | Kind]
) -> tuple[float | None, float | None, str | None]:
    """low and high of the 95% interval of sqrt(1 - v / s^2), and why there is none, or a warning.

    Of every point, (points) each: the outcome `y`, the variance of its luck `noise`, the code of
    its `context` where that variance was found in a context seen more than once (then `y` is 0 or
    1), -1 elsewhere, and its kinds of cluster, as from `kinds_of`, or their codes. Where
    two kinds cross, the variance is that of both less that of their cells, and not less than either
    (Cameron, Gelbach and Miller 2011, as in `moments`).
    """
    units, levels = units_of(as_kinds(clusters))
    if units.reason is not None:
        return None, None, units.reason
    squares = [_squared_error(y, noise, context, codes) for codes in levels]
    if len(levels) == 2:
        cells = pairs(*levels)
        both = _squared_error(y, noise, context, np.unique(cells, return_inverse=True)[1].ravel())
        squares = [max(sum(squares) - both, *squares)]
    ratio = float(_log_ratio(_sums(y, noise)))
    if not np.isfinite(ratio) or not np.isfinite(squares[0]):
        return None, None, "no interval: leaving out one cluster leaves nothing to compare"
    reach = float(t.ppf((1 + LEVEL) / 2, units.rarer.number - 1)) * np.sqrt(squares[0])
    low, high = (float(np.sqrt(max(0.0, 1 - np.exp(ratio + side)))) for side in (reach, -reach))
    return low, high, units.warning


def _sums(y: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Number of points, sums of outcomes, of their squares and of noise: (4)."""
    return np.array([len(y), y.sum(), (y**2).sum(), noise.sum()])


def _log_ratio(sums: np.ndarray) -> np.ndarray:
    """The logarithm of v / s^2 from sums (..., 4); NaN where one of the two is zero."""
    n, total, noise = sums[..., _N], sums[..., _Y], sums[..., _NOISE]
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (sums[..., _YY] - total**2 / n) / (n - 1)
        known = (n > 1) & (variance > _FLAT) & (noise / n > _FLAT)
        return np.asarray(np.where(known, np.log(noise / n / variance), np.nan))


def _squared_error(
    y: np.ndarray, noise: np.ndarray, context: np.ndarray, codes: np.ndarray
) -> float:
    """The jackknife's variance of the logarithm over clusters of one kind; NaN where one of the
    samples that lack a cluster has none."""
    values = _log_ratio(_without_each(y, noise, context, codes))
    count = len(values)
    return float((count - 1) / count * ((values - values.mean()) ** 2).sum())


def _without_each(
    y: np.ndarray, noise: np.ndarray, context: np.ndarray, codes: np.ndarray
) -> np.ndarray:
    """`_sums` without each cluster, (clusters, 4), the noise of a context found anew among who is
    left in it; where that is one person alone, the context says nothing and goes as well."""
    given = context < 0
    points = np.stack([np.ones_like(y), y, y**2, np.where(given, noise, 0.0)], axis=1)
    left = points.sum(axis=0) - summed(codes, points)
    if given.all():
        return np.asarray(left)
    seen, cell_of = np.unique(context[~given], return_inverse=True)
    own = codes[~given]
    cells, member = np.unique(own * len(seen) + cell_of, return_inverse=True)
    cluster, cell = np.divmod(cells, len(seen))
    all_of, chose = np.bincount(cell_of), np.bincount(cell_of, y[~given])
    rest, rest_chose = (
        whole[cell] - np.bincount(member.ravel(), part)
        for whole, part in ((all_of, np.ones(len(own))), (chose, y[~given]))
    )
    before = _of_context(all_of, chose)
    change = _of_context(rest, rest_chose) - before[cell]
    left[:, _NOISE] += before.sum() + np.bincount(cluster, change, len(left))
    alone = rest == 1
    for column, gone in ((_N, rest), (_Y, rest_chose), (_YY, rest_chose)):
        left[:, column] -= np.bincount(cluster[alone], gone[alone], len(left))
    return np.asarray(left)


def _of_context(count: np.ndarray, chose: np.ndarray) -> np.ndarray:
    """The noise of all points of a context together: k times share (1 - share) k / (k - 1)."""
    return np.asarray(np.where(count > 1, chose * (count - chose) / np.maximum(count - 1, 1), 0.0))
