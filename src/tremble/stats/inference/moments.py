"""r, the difference of two r, or a mean, with its standard error, from sums over clusters.

All are functions of a few sums over decisions, so a resample of clusters needs only its weighted
sums, and its standard error only the weighted products of cluster sums: one matrix product gives
them for thousands of resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy import sparse

from tremble.stats.frames.clusters import STEP, summed

# Share of the largest possible spread below which a resample has no variance left.
_FLAT = 1e-10
# A block of series is computed at a time: at most this many numbers per array.
_NUMBERS = 6_000_000
_ONE, _X, _Y, _XX, _YY, _XY = range(6)


@dataclass(frozen=True, slots=True)
class Values:
    """`value` and `error` (its standard error), both (resamples, series); NaN where undefined.

    The value is Fisher's z of r for one prediction, r of the first minus r of the second for two;
    of two columns (points, values) the sum of the second by that of the first.
    """

    value: np.ndarray
    error: np.ndarray


def _scaled(values: np.ndarray) -> np.ndarray:
    """Centred, the largest at 1: squares of tiny probabilities do not vanish."""
    centred = values - values.mean(axis=-1, keepdims=True)
    largest = np.abs(centred).max(axis=-1, keepdims=True)
    return np.asarray(centred / np.where(largest > 0, largest, 1.0))


def features(predictions: Sequence[np.ndarray], y: np.ndarray) -> np.ndarray:
    """(series, points, 6 or 9): what is summed.

    `predictions`: one or two arrays (series, points); `y` (points) or (series, points). Six columns
    for one prediction, 1, x, y, xx, yy, xy; for two x, xx and xy of the second follow.
    """
    first = _scaled(predictions[0])
    outcome = np.broadcast_to(_scaled(y), first.shape)
    columns = [np.ones_like(first), first, outcome, first**2, outcome**2, first * outcome]
    for x in map(_scaled, predictions[1:]):
        columns += [x, x**2, x * outcome]
    return np.stack(columns, axis=-1)


def _r(sums: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """r and the weights that turn the six sums of a cluster into its influence on r.

    The influence of a point is zx zy - r (zx^2 + zy^2) / 2 with z the standardised values (Devlin,
    Gnanadesikan and Kettenring 1975, Biometrika 62), a linear function of the six columns.
    """
    n = sums[_ONE]
    mx, my = sums[_X] / n, sums[_Y] / n
    vx, vy = sums[_XX] / n - mx**2, sums[_YY] / n - my**2
    flat = (vx <= _FLAT * sums[_XX] / n) | (vy <= _FLAT * sums[_YY] / n) | (vx <= 0) | (vy <= 0)
    vx, vy = np.where(flat, np.nan, vx), np.where(flat, np.nan, vy)
    both = np.sqrt(vx * vy)
    r = (sums[_XY] / n - mx * my) / both
    half = r / 2
    return r, [
        mx * my / both - half * (mx**2 / vx + my**2 / vy),
        2 * half * mx / vx - my / both,
        2 * half * my / vy - mx / both,
        -half / vx,
        -half / vy,
        1 / both,
    ]


def _statistic(sums: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The value and the weights of influence, one array per column, from sums likewise."""
    if len(sums) == 2:
        mean = sums[1] / sums[_ONE]
        return mean, [-mean, np.ones_like(mean)]
    r, influence = _r(sums[:6])
    if len(sums) == 6:
        r = np.where(np.abs(r) < 1 - 1e-9, r, np.nan)
        return np.arctanh(r), [part / (1 - r**2) for part in influence]
    x, xx, xy = sums[6:]
    other, away = _r([sums[_ONE], x, sums[_Y], xx, sums[_YY], xy])
    for k in (_ONE, _Y, _YY):
        influence[k] = influence[k] - away[k]
    return r - other, [*influence, -away[_X], -away[_XX], -away[_XY]]


def _products(sums: np.ndarray) -> np.ndarray:
    """Products of every two columns, mixed ones doubled; columns are the second axis of both."""
    i, j = np.triu_indices(sums.shape[1])
    doubled = np.where(i == j, 1.0, 2.0).reshape(-1, *(1,) * (sums.ndim - 2))
    return np.asarray(sums[:, i] * sums[:, j] * doubled)


def _quadratic(influence: Sequence[np.ndarray], products: Sequence[np.ndarray]) -> np.ndarray:
    """Sum over clusters of squared influence, given the summed products of their columns."""
    total = np.zeros(influence[0].shape)
    every = combinations_with_replacement(influence, 2)
    for (one, other), product in zip(every, products, strict=True):
        total += one * other * product
    return total


def _values(value: np.ndarray, squares: np.ndarray, n: np.ndarray) -> Values:
    with np.errstate(invalid="ignore"):
        error = np.sqrt(np.maximum(squares, 0)) / n
    # Below this the influences cancel to rounding: the value cannot vary.
    defined = np.isfinite(value) & (error > 1e-7 / np.sqrt(n))
    return Values(np.where(defined, value, np.nan), np.where(defined, error, np.nan))


class OneWay:
    """Sums by clusters of one kind: `codes` (points), `columns` (series, points, columns)."""

    def __init__(self, codes: np.ndarray, columns: np.ndarray) -> None:
        series, points, self._width = columns.shape
        # All series of a column lie together: what follows runs over them at full speed.
        flat = columns.transpose(1, 2, 0).reshape(points, -1)
        sums = summed(codes, flat).reshape(-1, self._width, series)
        self._series = series
        self._table = np.concatenate([sums, _products(sums)], axis=1).reshape(len(sums), -1)

    def values(self, drawn: Sequence[np.ndarray]) -> Values:
        """At the weights of some resamples, one array (resamples, clusters)."""
        made = (drawn[0] @ self._table).reshape(len(drawn[0]), -1, self._series)
        columns = [made[:, k] for k in range(made.shape[1])]
        sums, products = columns[: self._width], columns[self._width :]
        with np.errstate(divide="ignore", invalid="ignore"):
            value, influence = _statistic(sums)
            return _values(value, _quadratic(influence, products), sums[_ONE])


class TwoWay:
    """Sums by two kinds of clusters that cross; each cell counts the product of two weights.

    The standard error is that of Cameron, Gelbach and Miller (2011, Journal of Business and
    Economic Statistics 29): the variance by one kind plus that by the other less that by cells, and
    not less than either of the first two. A resample's own error is computed the same way, which
    makes up for the variance that the pigeonhole bootstrap has too much: it triples the part that
    belongs to single cells, and so does this estimate within a resample.
    """

    def __init__(self, codes: Sequence[np.ndarray], columns: np.ndarray) -> None:
        first, second = codes
        counts = int(first.max()) + 1, int(second.max()) + 1
        cells, member = np.unique(first * counts[1] + second, return_inverse=True)
        self._cells = cells // counts[1], cells % counts[1]
        self._counts, self._width = counts, columns.shape[-1]
        self._sums = [summed(member.ravel(), series) for series in columns]

    def _across(self, sums: np.ndarray, kind: int, drawn: np.ndarray) -> np.ndarray:
        """(resamples, clusters of `kind`, columns): sums weighted by the other kind alone."""
        count, width = self._counts[kind], self._width
        row = np.repeat(self._cells[1 - kind], width)
        column = (self._cells[kind][:, None] * width + np.arange(width)).ravel()
        shape = (self._counts[1 - kind], count * width)
        table = sparse.csr_array((sums.ravel(), (row, column)), shape=shape)
        full = table.nnz > 0.2 * shape[0] * shape[1]
        made = drawn @ table.toarray() if full else (table.T @ drawn.T).T
        return np.asarray(made).reshape(len(drawn), count, width)

    def values(self, drawn: Sequence[np.ndarray]) -> Values:
        """At the weights of some resamples, two arrays (resamples, clusters)."""
        # How often a resample has each cell is the same for all series.
        cell = drawn[0].take(self._cells[0], axis=1)
        cell *= drawn[1].take(self._cells[1], axis=1)
        parts = [self._one(sums, drawn, cell) for sums in self._sums]
        return Values(
            np.stack([one.value for one in parts], axis=-1),
            np.stack([one.error for one in parts], axis=-1),
        )

    def _one(self, sums: np.ndarray, drawn: Sequence[np.ndarray], cell: np.ndarray) -> Values:
        across = [self._across(sums, kind, drawn[1 - kind]) for kind in (0, 1)]
        total = np.einsum("bc,bck->bk", drawn[0], across[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            value, influence = _statistic(list(total.T))
            together = np.stack(influence, axis=-1)
            by_kind = [
                (weight * np.einsum("bck,bk->bc", part, together) ** 2).sum(axis=1)
                for weight, part in zip(drawn, across, strict=True)
            ]
            by_cell = _quadratic(influence, list((cell @ _products(sums)).T))
            squares = np.maximum(sum(by_kind) - by_cell, np.maximum(*by_kind))
            return _values(value, squares, total[:, _ONE])


def blocks(series: int, points: int, clusters: int, width: int) -> Iterator[slice]:
    """Series to compute at a time so that no array grows beyond a few dozen megabytes."""
    columns = width + width * (width + 1) // 2
    size = max(1, _NUMBERS // max(points * width, clusters * columns, STEP * columns))
    for start in range(0, series, size):
        yield slice(start, min(start + size, series))
