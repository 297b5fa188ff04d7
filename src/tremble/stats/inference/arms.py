"""Series of values over the same points, and a contrast's cells: of one arm, person and item.

Points are decisions or rates. A contrast puts each point in an arm or in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tremble.stats.inference.effects import Over

# Below this share of the largest value a standard error is rounding.
ROUNDING = 1e-12
# Labels up to this are counted off, larger ones sorted.
_LOOKED_UP = 4_000_000


class Points:
    """Series of values over the same points, and the clusters of these; made once, for many
    contrasts.

    `values` (series, points); `people` and `items`: codes 0, 1, ... (points), items None where
    there is one kind of cluster only (what varies is then called people, also where it is items, as
    for rates). `weights` (points) above 0, None for equal ones. ValueError: arrays that do not
    match, values or weights that are no numbers, weights not above 0.
    """

    __slots__ = ("cells", "items", "number", "people", "values", "weights")

    def __init__(
        self,
        values: np.ndarray,
        people: np.ndarray,
        items: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        self.values = np.ascontiguousarray(np.asarray(values, float).T)  # (points, series)
        points = len(self.values)
        self.weights = np.ones(points) if weights is None else np.asarray(weights, float)
        self.people = np.asarray(people, np.int64)
        self.items = None if items is None else np.asarray(items, np.int64)
        kinds = [kind for kind in (self.people, self.items) if kind is not None]
        if self.values.ndim != 2 or any(k.shape != (points,) for k in (*kinds, self.weights)):
            raise ValueError(f"{points} values, but not as many weights or codes of clusters.")
        if not (np.isfinite(self.values).all() and np.isfinite(self.weights).all()):
            raise ValueError("values and weights must be finite numbers.")
        if not (self.weights > 0).all():
            raise ValueError("weights must be above 0.")
        self.number = [int(kind.max(initial=-1)) + 1 for kind in kinds]
        self.cells = self.people
        if self.items is not None:
            together = self.people * self.number[1] + self.items
            self.cells = np.unique(together, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells (of one arm, person and item) that a contrast has, or points where items are fixed.

    `influence` (cells, series): weighted distances from the arm's mean; `weights` (cells): shares
    of the arm's weight. `tiny` (series): variances that are rounding.
    """

    value: np.ndarray
    tiny: np.ndarray
    coefficients: np.ndarray
    arm: np.ndarray
    pair: np.ndarray
    people: np.ndarray
    items: np.ndarray | None
    weights: np.ndarray
    influence: np.ndarray


def sums_of(codes: np.ndarray, number: int, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(number, series): `values` (rows, series) times `weights` (rows), added up by code."""
    rows = np.arange(len(codes))
    shape = (number, len(codes))
    return np.asarray(sparse.csr_array((weights, (codes, rows)), shape=shape) @ values)


def cells_of(points: Points, arm: np.ndarray, coefficients: np.ndarray, over: Over) -> Cells:
    rows = np.flatnonzero(arm >= 0)
    whole = len(rows) == len(arm)
    arm, arms = arm[rows], len(coefficients)
    x = points.values if whole else points.values[rows]
    total = np.bincount(arm, points.weights[rows], arms)
    if len(total) > arms or not (total > 0).all():
        raise ValueError(f"{arms} coefficients, but not as many arms with points.")
    weights = points.weights[rows] / total[arm]
    means = sums_of(arm, arms, x, weights)
    # Values far from 0 would otherwise lose digits below.
    tiny = (ROUNDING * np.abs(x).max(axis=0)) ** 2
    people, cells = points.people[rows], points.cells[rows]
    items = None if points.items is None else points.items[rows]
    if over == "people" and items is not None:
        stratum, strata = _strata(arm, items, people, points.number)
        within = weights / np.bincount(stratum, weights, strata)[stratum]
        influence = weights[:, None] * (x - sums_of(stratum, strata, x, within)[stratum])
        # The text takes the arm's place below.
        items, cells = stratum, _codes(stratum * points.number[0] + people)
    else:
        influence = weights[:, None] * (x - means[arm])
    key = _codes(cells * arms + arm)
    number = int(key.max()) + 1
    if number < len(rows):
        first = np.zeros(number, np.int64)
        first[key] = np.arange(len(rows))
        influence = sums_of(key, number, influence, np.ones(len(rows)))
        weights = np.bincount(key, weights, number)
        arm, cells, people = arm[first], cells[first], people[first]
        items = None if items is None else items[first]
    value = coefficients @ means
    return Cells(value, tiny, coefficients, arm, cells, people, items, weights, influence)


def _codes(labels: np.ndarray) -> np.ndarray:
    """Labels of at least 0 as 0, 1, ... without gaps, in their order."""
    if labels.max(initial=0) > _LOOKED_UP:
        return np.unique(labels, return_inverse=True)[1].astype(np.int64)
    there = np.bincount(labels) > 0
    return np.asarray(np.cumsum(there)[labels] - 1)


def _strata(
    arm: np.ndarray, items: np.ndarray, people: np.ndarray, number: Sequence[int]
) -> tuple[np.ndarray, int]:
    """Codes of each arm's texts, and how many: those with one reader together, the whole arm where
    that still is one reader."""
    stratum = arm * number[1] + items
    together = (int(arm.max()) + 1) * number[1] + arm  # labels of no text
    lone = _lone(stratum, people, number[0])
    if lone.any():
        stratum = np.where(lone, together, stratum)
        short = np.isin(arm, arm[_lone(stratum, people, number[0])])
        stratum = np.where(short, together, stratum)
    stratum = _codes(stratum)
    return stratum, int(stratum.max()) + 1


def _lone(stratum: np.ndarray, people: np.ndarray, number: int) -> np.ndarray:
    """(rows): whether a row's stratum has one person only."""
    stratum = _codes(stratum)
    met = _codes(stratum * number + people)
    of = np.zeros(int(met.max()) + 1, np.int64)
    of[met] = stratum
    return np.asarray((np.bincount(of) < 2)[stratum])
