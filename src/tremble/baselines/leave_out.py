"""Fits with one group left out at a time: over a grid of parameters, and logistic regressions.

Both are exact: what a group's fit is based on is the sum over all groups less its own part.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy import sparse

from tremble.baselines.cases import Sample

# Parameters this near to the best one are level with it; the first of them in the grid counts, so
# that rounding never decides between parameters that the data cannot tell apart.
LEVEL = 1e-7
BLOCK_VALUES = 2_000_000
# Predictive probabilities are never read below this: a zero would outweigh all else.
FLOOR = 1e-12


class Tally:
    """How often each group holds each distinct row. Equal groups, as plays that went the same way,
    are one: what is worked out for it holds for all.

    `group` and `row` number group and row of every case from 0. `counts` (distinct groups, rows);
    `times` (distinct groups), how many groups each stands for; `which` (groups), where it stands.
    """

    def __init__(self, group: np.ndarray, row: np.ndarray, rows: int) -> None:
        size = (int(group.max()) + 1, rows)
        every = sparse.coo_array((np.ones(len(row)), (group, row)), shape=size).tocsr()
        every.sum_duplicates()
        seen: dict[tuple[bytes, bytes], int] = {}
        which = [
            seen.setdefault((every.indices[a:b].tobytes(), every.data[a:b].tobytes()), len(seen))
            for a, b in pairwise(every.indptr)
        ]
        self.which = np.array(which)
        self.times = np.bincount(self.which).astype(float)
        self.counts = every[np.unique(self.which, return_index=True)[1]]


def best_without(
    loglik: Callable[[np.ndarray], np.ndarray],
    count: int,
    rows: int = 1,
    times: np.ndarray | None = None,
) -> np.ndarray:
    """For each group the index of the parameters that fit all other groups best.

    `loglik(indices)` gives an array (groups, indices) of log-likelihoods in nats; `count` is the
    size of the grid, `rows` what one parameter costs in values, `times` how many groups each of
    them stands for. A first pass gives the total of
    each parameter and the range of total less own over groups; only parameters whose best case
    reaches the best worst case can be anybody's choice, and only those are computed again.
    """
    block = max(1, BLOCK_VALUES // max(1, rows))
    low, high, total = np.empty(count), np.empty(count), np.empty(count)
    for start in range(0, count, block):
        indices = np.arange(start, min(count, start + block))
        own = loglik(indices)
        total[indices] = own.sum(axis=0) if times is None else times @ own
        low[indices] = total[indices] - own.max(axis=0)
        high[indices] = total[indices] - own.min(axis=0)
    chosen = np.flatnonzero(high >= low.max() - 2 * LEVEL)
    parts = [chosen[start : start + block] for start in range(0, len(chosen), block)]
    rest = np.concatenate([total[part] - loglik(part) for part in parts], axis=1)
    level = rest >= rest.max(axis=1, keepdims=True) - LEVEL
    best: np.ndarray = chosen[level.argmax(axis=1)]
    return best


def best_of_all(
    loglik: Callable[[np.ndarray], np.ndarray],
    count: int,
    rows: int = 1,
    times: np.ndarray | None = None,
) -> int:
    """The index of the parameters that fit all groups best; the first of those level with it."""
    block = max(1, BLOCK_VALUES // max(1, rows))
    parts = [
        loglik(np.arange(start, min(count, start + block))) for start in range(0, count, block)
    ]
    total = np.concatenate([p.sum(axis=0) if times is None else times @ p for p in parts])
    return int((total >= total.max() - LEVEL).argmax())


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), without overflow."""
    small = np.exp(-np.abs(z))
    shares: np.ndarray = np.where(z >= 0, 1.0, small) / (1.0 + small)
    return shares


def binary_loglik(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """y log p + (1 - y) log(1 - p) with p = sigmoid(z), for log-odds `z` (..., rows), in nats."""
    loss: np.ndarray = y * z - np.maximum(z, 0) - np.log(1 + np.exp(-np.abs(z)))
    return loss


LogOdds = Callable[[np.ndarray], np.ndarray]


def grid_predictions(
    sample: Sample, log_odds: LogOdds, count: int, place: np.ndarray | None = None
) -> np.ndarray:
    """The probability of `coded` for every case, by the parameters that fit the others best.

    `log_odds(indices)` gives an array (indices, situations), `place` the situation of every case;
    without it every case is its own. Groups without any outcome are predicted by the parameters
    that fit all groups best.
    """
    y = outcomes_of(sample)
    place = np.arange(len(y)) if place is None else place
    fitted = ~np.isnan(y)
    values, code = np.unique(y[fitted], return_inverse=True)
    rows, row = np.unique(place[fitted] * len(values) + code, return_inverse=True)
    at, seen = rows // len(values), values[rows % len(values)]
    held = Tally(sample.group[fitted], row, len(rows))

    def loglik(indices: np.ndarray) -> np.ndarray:
        summed: np.ndarray = held.counts @ binary_loglik(log_odds(indices)[:, at], seen).T
        return summed

    cost = max(held.counts.shape)
    best = best_without(loglik, count, cost, held.times)[held.which]
    chosen = best[sample.group]
    if (sample.group < 0).any():
        everybody = best_of_all(loglik, count, cost, held.times)
        chosen = np.where(sample.group < 0, everybody, chosen)
    z = np.empty(len(y))
    for index in np.unique(chosen):
        here = chosen == index
        z[here] = log_odds(np.array([index]))[0, place[here]]
    return sigmoid(z)


def outcomes_of(sample: Sample) -> np.ndarray:
    """The outcomes of the cases as floats, NaN where there is none."""
    return np.array([np.nan if c.outcome is None else c.outcome for c in sample.cases])


def logistic_coefficients(
    x: np.ndarray, successes: np.ndarray, trials: np.ndarray, ridge: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Ridge-regularised logistic regressions over the same rows, by Newton's method.

    `x` (rows, k); `successes` and `trials` (fits, rows), how often the row was coded 1 and how
    often it was seen at all; `ridge` (k,) is added to the diagonal of the negative Hessian; `start`
    (fits, k). Returns (fits, k), the maximum of the log-likelihood less sum(ridge * b^2) / 2.
    """
    b = start.copy()
    squares = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    best = _objective(b, x, successes, trials, ridge)
    for _ in range(60):
        p = sigmoid(b @ x.T)
        slope = (successes - trials * p) @ x - ridge * b
        curve = ((trials * p * (1 - p)) @ squares).reshape(len(b), x.shape[1], -1)
        step = np.linalg.solve(curve + np.diag(ridge), slope[:, :, None])[:, :, 0]
        size = np.ones(len(b))
        for _ in range(30):
            value = _objective(b + size[:, None] * step, x, successes, trials, ridge)
            worse = value < best - 1e-12 * np.abs(best)
            if not worse.any():
                break
            size[worse] /= 2
        else:
            size[worse] = 0
        b += size[:, None] * step
        best = _objective(b, x, successes, trials, ridge)
        if np.abs(size[:, None] * step).max() < 1e-9:
            break
    return b


def _objective(
    b: np.ndarray, x: np.ndarray, successes: np.ndarray, trials: np.ndarray, ridge: np.ndarray
) -> np.ndarray:
    z = b @ x.T
    likelihood = (successes * z - trials * (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))))).sum(1)
    value: np.ndarray = likelihood - (ridge * b * b).sum(1) / 2
    return value


def logistic_predictions(sample: Sample, x: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """The probability of `coded` for every case by logistic regressions without its own group.

    `x` (cases, k). Rows that look alike are added up first, so that thousands of groups of short
    histories cost no more than their few hundred distinct rows.
    """
    y = outcomes_of(sample)
    fitted = ~np.isnan(y)
    rows, place = np.unique(x[fitted], axis=0, return_inverse=True)
    place = place.reshape(-1)
    y, group = y[fitted], sample.group[fitted]
    ones = np.bincount(place, y, len(rows))[None]
    seen = np.bincount(place, minlength=len(rows)).astype(float)[None]
    full = logistic_coefficients(rows, ones, seen, ridge, np.zeros((1, x.shape[1])))
    values, code = np.unique(y, return_inverse=True)
    held = Tally(group, place * len(values) + code, len(rows) * len(values))
    b = np.empty((len(held.times), x.shape[1]))
    block = max(1, BLOCK_VALUES // max(1, len(rows) * len(values)))
    for start in range(0, len(b), block):
        here = slice(start, start + block)
        own = held.counts[here].toarray().reshape(-1, len(rows), len(values))
        left = ones - own @ values, seen - own.sum(axis=2)
        b[here] = logistic_coefficients(rows, *left, ridge, np.repeat(full, len(own), axis=0))
    b = b[held.which]
    # Number -1, a group without any outcome, takes the last row: the fit to everybody.
    chosen = np.concatenate([b, full])[sample.group]
    return sigmoid((chosen * x).sum(axis=1))
