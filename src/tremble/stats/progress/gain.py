"""Progress on a task: g of each checkpoint, and differences of the task's measure, with intervals.

Both are ratios of two sums over clusters. With A the sum of what a cluster adds to the numerator
and B to the denominator, the interval holds every v for which the sum of A - v B is no further from
0 than chance takes it: Fieller (1954, JRSS B 16). How far that is, in standard errors over whole
clusters, comes from resampled clusters, by size and not by sign (the symmetric bootstrap-t of Hall
1988, JRSS B 50), not from Student's t, which is too short for a few clusters of unequal size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tremble.stats.frames.clusters import weights
from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.inference.intervals import LEVEL, MIN_CLUSTERS
from tremble.stats.progress.series import Sums, Task
from tremble.text import counted

# Below this share of the largest value what is left is rounding.
_ROUNDING = 1e-12
_FAR = 1e9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95% interval over `clusters` whole clusters; `note`: why it has none."""

    value: float | None
    low: float | None
    high: float | None
    clusters: int
    note: str | None = None


def gains(task: Task, seed: int = 0, resamples: int = RESAMPLES) -> list[Estimate]:
    """g(s) = (T(s) - T(0)) / (T(last) - T(0)) of every checkpoint, without unit: 0 at the base and
    1 at the last by definition.

    There is no interval below five clusters and where the gain T(last) - T(0) is not clear of 0:
    Fieller's set then has no ends. g is None where the gain is 0 or below.
    """
    return gains_of(task.sums(), seed, resamples)


def gains_of(sums: Sums, seed: int = 0, resamples: int = RESAMPLES) -> list[Estimate]:
    """`gains`, from sums over clusters."""
    rise = sums.numerators - sums.numerators[0]
    if not rise[-1].sum() > 0:
        none = "the gain is not above 0"
        return [Estimate(None, None, None, len(sums.names), none) for _ in rise]
    return ratios(rise, rise[-1], seed, resamples, "the gain is not clear of 0 over these clusters")


def rises(
    task: Task, against: int = 0, seed: int = 0, resamples: int = RESAMPLES
) -> list[Estimate]:
    """T(s) - T(against) of every checkpoint, in the unit of T, paired by items."""
    return rises_of(task.sums(), against, seed, resamples)


def rises_of(
    sums: Sums, against: int = 0, seed: int = 0, resamples: int = RESAMPLES
) -> list[Estimate]:
    """`rises`, from sums over clusters."""
    rise = sums.numerators - sums.numerators[against]
    return ratios(rise, sums.denominators, seed, resamples, "clusters are too unequal in size")


def ratios(
    above: np.ndarray, below: np.ndarray, seed: int, resamples: int, unbounded: str
) -> list[Estimate]:
    """Sum of `above` by sum of `below` with its interval over clusters, for every row.

    `above` (rows, clusters), `below` (clusters), of which the sum is not 0. Where every cluster has
    the same ratio, the interval is the value itself. `unbounded`: the note where the sum of `below`
    is not clear of 0.
    """
    rows, clusters = above.shape
    values = above.sum(axis=1) / below.sum()
    if clusters < MIN_CLUSTERS:
        few = f"only {counted(clusters, 'cluster')} (an interval needs {MIN_CLUSTERS})"
        return [Estimate(float(value), None, None, clusters, few) for value in values]
    left = above - values[:, None] * below
    flat = np.abs(left).max(axis=1) <= _ROUNDING * np.abs(above).max(axis=1)
    reach = _reach(np.where(flat[:, None], 0.0, left), seed, resamples)
    made = []
    for row in range(rows):
        ends: tuple[float, float] | None = (float(values[row]),) * 2
        if not flat[row]:
            ends = _fieller(above[row], below, float(reach[row]))
        note = unbounded if ends is None else None
        low, high = ends or (None, None)
        made.append(Estimate(float(values[row]), low, high, clusters, note))
    return made


def _reach(left: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """(rows): the size below which 95% of resamples keep the sum of `left` (rows, clusters), in
    standard errors; that sum is 0 in the sample."""
    clusters = left.shape[1]
    scale = np.abs(left).max(axis=1, keepdims=True)
    table = (left / np.where(scale > 0, scale, 1.0)).T
    sizes = []
    for (drawn,) in weights([clusters], seed, resamples):
        sums, squares = drawn @ table, drawn @ table**2
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.abs(sums) / np.sqrt(np.maximum(squares - sums**2 / clusters, 0))
        # A resample without error, as of one cluster alone, is as far away as can be.
        sizes.append(np.nan_to_num(size, nan=0.0, posinf=_FAR))
    return np.asarray(np.quantile(np.concatenate(sizes), LEVEL, axis=0))


def _fieller(above: np.ndarray, below: np.ndarray, reach: float) -> tuple[float, float] | None:
    """Both ends of all v with (sum(A) - v sum(B))^2 <= reach^2 var(A - v B), None if unbounded."""
    a, b = above.sum(), below.sum()
    da, db = above - above.mean(), below - below.mean()
    square = b**2 - reach**2 * (db @ db)
    if not square > 0:
        return None
    middle = a * b - reach**2 * (da @ db)
    rest = a**2 - reach**2 * (da @ da)
    away = np.sqrt(max(0.0, middle**2 - square * rest))
    return float((middle - away) / square), float((middle + away) / square)
