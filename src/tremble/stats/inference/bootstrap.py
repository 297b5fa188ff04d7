"""Intervals for r and for the difference of two r, by a bootstrap of clusters.

Choices of one participant, of one game and about one item are not independent. Whole clusters are
resampled: the outer kind where one kind holds the other (a participant's games), both kinds where
they cross (participants x items; the pigeonhole bootstrap, Owen 2007, Annals of Applied Statistics
1; standard errors clustered two ways, Cameron, Gelbach and Miller 2011, Journal of Business and
Economic Statistics 29). The interval is the symmetric studentised one (bootstrap-t, Hall 1988) with
the linearised cluster-robust standard error, for r on the scale of Fisher's z; docs/uncertainty.md
has the simulations that chose it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tremble.stats.frames.clusters import Kind, as_kinds, weights
from tremble.stats.inference.intervals import (
    Interval,
    Resampled,
    interval,
    units_of,
    why_undefined,
)
from tremble.stats.inference.moments import OneWay, TwoWay, Values, blocks, features
from tremble.stats.metrics.correlation import pearson

RESAMPLES = 5_000


def r_interval(
    x: np.ndarray,
    y: np.ndarray,
    clusters: Sequence[np.ndarray | Kind],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """Interval for Pearson's r of predictions `x` and outcomes `y`, both (points).

    `clusters`: kinds of cluster, as from `kinds_of`, or their codes (points). NaN in `x` is
    missing.
    """
    return r_intervals(np.atleast_2d(x), y, clusters, seed, resamples)[0]


def difference_interval(
    a: np.ndarray,
    b: np.ndarray,
    y: np.ndarray,
    clusters: Sequence[np.ndarray | Kind],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """Interval for r(a, y) - r(b, y) on the same points; a point that either lacks is left out."""
    both = np.atleast_2d(a), np.atleast_2d(b)
    return difference_intervals(*both, y, clusters, seed, resamples)[0]


def r_intervals(
    x: np.ndarray,
    y: np.ndarray,
    clusters: Sequence[np.ndarray | Kind],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Interval]:
    """`r_interval` for every row of `x` (models, points), on shared resamples."""
    return _intervals([np.asarray(x, float)], np.asarray(y, float), clusters, seed, resamples)


def difference_intervals(
    a: np.ndarray,
    b: np.ndarray,
    y: np.ndarray,
    clusters: Sequence[np.ndarray | Kind],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Interval]:
    """`difference_interval` for every row of `a` and `b` (pairs, points), on shared resamples."""
    both = [np.asarray(a, float), np.asarray(b, float)]
    return _intervals(both, np.asarray(y, float), clusters, seed, resamples)


def _intervals(
    predictions: list[np.ndarray],
    y: np.ndarray,
    clusters: Sequence[np.ndarray | Kind],
    seed: int,
    resamples: int,
) -> list[Interval]:
    known = np.isfinite(y) & np.logical_and.reduce([np.isfinite(x) for x in predictions])
    intervals: list[Interval | None] = [None] * len(known)
    # Series with the same points share clusters and resamples.
    patterns: dict[bytes, list[int]] = {}
    for row, mask in enumerate(known):
        patterns.setdefault(np.packbits(mask).tobytes(), []).append(row)
    for rows in patterns.values():
        mask = known[rows[0]]
        subset = [x[rows][:, mask] for x in predictions]
        kinds = [kind.at(mask) for kind in as_kinds(clusters)]
        part = _same_points(subset, y[mask], kinds, seed, resamples)
        for row, one in zip(rows, part, strict=True):
            intervals[row] = one
    return [one for one in intervals if one is not None]


def _same_points(
    predictions: list[np.ndarray],
    y: np.ndarray,
    kinds: Sequence[Kind],
    seed: int,
    resamples: int,
) -> list[Interval]:
    units, levels = units_of(kinds)
    intervals: list[Interval | None] = []
    for series in zip(*predictions, strict=True):
        reason = why_undefined(series, y)
        estimate = None if reason else _estimate(series, y)
        # About one item every prediction is constant, which is not the model's doing.
        alone = units.items is not None and units.items.number == 1
        reason = units.reason if alone else reason or units.reason
        intervals.append(units.without(estimate, reason) if reason else None)
    usable = [row for row, one in enumerate(intervals) if one is None]
    counts = [int(codes.max()) + 1 for codes in levels]
    width = 3 + 3 * len(predictions)
    for block in blocks(len(usable), len(y), max(counts, default=0), width):
        rows = usable[block]
        columns = features([x[rows] for x in predictions], y)
        sums = OneWay(levels[0], columns) if len(levels) == 1 else TwoWay(levels, columns)
        sample = sums.values([np.ones((1, count)) for count in counts])
        drawn = replicates(sums, counts, seed, resamples)
        for place, row in enumerate(rows):
            resampled = Resampled(
                float(sample.value[0, place]),
                float(sample.error[0, place]),
                drawn.value[:, place],
                drawn.error[:, place],
            )
            estimate = _estimate([x[row] for x in predictions], y)
            intervals[row] = interval(resampled, units, estimate, len(predictions) == 1)
    return [one for one in intervals if one is not None]


def _estimate(series: Sequence[np.ndarray], y: np.ndarray) -> float:
    r = [pearson(x, y)[0] or 0.0 for x in series]
    return r[0] if len(r) == 1 else r[0] - r[1]


def replicates(sums: OneWay | TwoWay, counts: Sequence[int], seed: int, resamples: int) -> Values:
    """Value and error in every resample, arrays (resamples, series)."""
    parts = [sums.values(drawn) for drawn in weights(counts, seed, resamples)]
    return Values(
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.error for part in parts]),
    )
