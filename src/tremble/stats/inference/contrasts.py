"""A contrast of conditions: a sum of arms' means, of people or of models, and how sure it is.

A contrast puts each point in an arm or in none and gives each arm a coefficient: (1, -1) is a level
against its control, (1, -1, -1, 1) the interaction of two keys. All series (people's outcomes,
predictions, differences of both) are done at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tremble.stats.inference.arms import ROUNDING, Cells, Points, cells_of, sums_of
from tremble.stats.inference.effects import Effects, Over, by_t

# Matrices (strata, people) with more entries than this are kept sparse, and a sparse product takes
# about so many times as long for each term.
_DENSE, _SLOWER = 4_000_000, 20


def contrast(
    points: Points,
    arm: np.ndarray,
    coefficients: Sequence[float],
    over: Over = "people and items",
) -> Effects:
    """The sum of `coefficients` (arms) times the arms' means, of each series.

    `arm` (points): the number of a point's arm, -1 for a point in none. A cluster in two arms is
    the same person or item.

    "people and items": over people and items of their kind (over the one kind that there is).
    V_people + V_items - V_cells, never below V_people or V_items (Cameron, Gelbach and Miller 2011,
    Journal of Business and Economic Statistics 29). V_cells is made of what is left of a cell after
    its person's and its item's sums are taken out, so that in a full crossing the variance is the
    unbiased one of the two-way analysis of variance, (MS_people + MS_items - MS_rest) / n; of P
    people and I items whole cells hold 1 / I of people's part and 1 / P of items' part besides.
    Where every cluster of one kind lies within one of the other it is the larger of V_people and
    V_items, with the degrees of freedom of the fewer clusters.

    "people": over people alone, who read these very texts. Each answer counts as its distance from
    its own text's mean in its arm, so that texts add nothing. Texts of an arm with a single reader
    are taken together, which makes an interval longer rather than shorter.

    Small samples: the summed influence of a cluster with a share s of the weight of its arm (of its
    text in its arm) is divided by sqrt(1 - s) (CR2 of Bell and McCaffrey 2002, Survey Methodology
    28): G / (G - 1) in the variance for G equal ones, so that Welch's test, or the paired one, is
    met. Degrees of freedom are Satterthwaite's, per kind and with each arm's (text's) own variance
    as in Welch's test, G - 1 where all hold the same G equal clusters; over two kinds V^2 /
    (V_people^2 / df_people + V_items^2 / df_items), or those of one kind where V is its variance.

    No interval, with a `note`: fewer than two clusters of a kind in an arm. None for a series that
    does not vary. ValueError: an arm without points.
    """
    cut = cells_of(points, np.asarray(arm), np.asarray(coefficients, float), over)
    if over == "people":
        return _within_texts(points, cut)
    return _two_ways(points, cut)


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """Clusters of one kind.

    `sums` (arms, clusters, series): influences added up; `shares` (arms, clusters): of the arm's
    weight. `combined` (clusters, series): over arms, with their coefficients, corrected for few
    clusters; `variance` and `df` (series).
    """

    sums: np.ndarray
    shares: np.ndarray
    combined: np.ndarray
    variance: np.ndarray
    df: np.ndarray

    @property
    def number(self) -> int:
        return int(np.count_nonzero(self.shares.any(axis=0)))

    @property
    def few(self) -> bool:
        return bool((np.count_nonzero(self.shares, axis=1) < 2).any())


def _kind(cut: Cells, codes: np.ndarray, number: int) -> _Kind:
    arms = len(cut.coefficients)
    at = cut.arm * number + codes
    shares = np.bincount(at, cut.weights, arms * number).reshape(arms, number)
    sums = sums_of(at, arms * number, cut.influence, np.ones(len(at))).reshape(arms, number, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(shares < 1 - ROUNDING, 1 / np.sqrt(1 - shares), 0.0)
    combined = np.einsum("ag,ags->gs", cut.coefficients[:, None] * scale, sums)
    parts = np.stack(
        [
            (c * s) ** 2 @ of_arm**2
            for c, s, of_arm in zip(cut.coefficients, scale, sums, strict=True)
        ]
    )
    number = int(np.count_nonzero(shares.any(axis=0)))
    df = _satterthwaite(parts, shares, shares * scale, number)
    return _Kind(sums, shares, combined, _squares(combined), df)


def _squares(values: np.ndarray) -> np.ndarray:
    """(series): of values (rows, series)."""
    return np.asarray(np.einsum("gs,gs->s", values, values))


def _satterthwaite(
    parts: np.ndarray,
    shares: np.ndarray | sparse.csr_array,
    off: np.ndarray | sparse.csr_array,
    clusters: int,
) -> np.ndarray:
    """(series): (tr A)^2 / tr A^2, A the sum of the arms' covariances of corrected influences.

    `parts` (arms, series): the trace of each arm's; it is in proportion to that of independent
    answers, from `shares` (arms, clusters) and `off`, shares / sqrt(1 - shares).
    """
    product, squared = off @ off.T, off * off
    traces = shares @ shares.T + product * product - squared @ squared.T
    total = parts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = total**2 / np.einsum("as,as->s", parts, traces @ parts)
    return np.asarray(np.where(total > 0, df, clusters - 1.0))


def _two_ways(points: Points, cut: Cells) -> Effects:
    items = cut.items
    kinds = [_kind(cut, cut.people, points.number[0])]
    if items is not None:
        kinds.append(_kind(cut, items, points.number[1]))
    few = any(kind.few for kind in kinds)
    note = "an arm has fewer than two clusters of a kind" if few else None
    sizes = [kind.number for kind in kinds]
    counted = [True] * len(kinds)
    if few or items is None:
        variance, df = kinds[0].variance, kinds[0].df
    elif np.count_nonzero(np.bincount(cut.pair)) in sizes:  # nested
        outer = int(np.argmin(sizes))
        counted = [place == outer for place in (0, 1)]
        variance = np.maximum(kinds[0].variance, kinds[1].variance)
        df = kinds[outer].df
    else:
        variance, df = _crossed(kinds, _overlap(cut, items, kinds))
    influence = np.concatenate(
        [kind.combined * counts for kind, counts in zip(kinds, counted, strict=True)]
    )
    variance = np.where(variance > cut.tiny, variance, 0.0)
    return by_t(cut.value, variance, df, influence.T, note)


def _crossed(kinds: Sequence[_Kind], overlap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(series): variance and degrees of freedom of people and items that cross."""
    one, other = (kind.variance for kind in kinds)
    larger = np.maximum(one, other)
    once = one + other - overlap
    variance = np.maximum(larger, once)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = 1 / sum((kind.variance / variance) ** 2 / kind.df for kind in kinds)
    of_larger = np.where(one >= other, kinds[0].df, kinds[1].df)
    return variance, np.where(once > larger, df, of_larger)


def _overlap(cut: Cells, of_item: np.ndarray, kinds: Sequence[_Kind]) -> np.ndarray:
    """(series): V_cells, what V_people and V_items both hold; `of_item`: the items of the cells.

    The sum over all pairs of a person and an item, also those that did not meet, of the square of
    F = E_pi - W_i E_p - W_p E_i: E the influence of a cell, of a person and of an item, W shares of
    the arm's weight. In it an effect of person p counts by w_pi - W_p W_i, which is by how much it
    is in V_items, and likewise an effect of an item. In a full crossing F is what is left of a cell
    after its person's and its item's mean. Per arm divided by (1 - sum of W_p^2)(1 - sum of W_i^2),
    which is (P - 1)(I - 1) / (P I) in a full crossing.
    """
    people, items = kinds
    arms = range(len(cut.coefficients))
    lost = [1 - np.sum(kind.shares**2, axis=1) for kind in kinds]
    scale = cut.coefficients / np.sqrt(lost[0] * lost[1])
    cells = cut.influence * scale[cut.arm][:, None]
    times = np.bincount(cut.pair)
    if times.max() > 1:  # a pair met in two arms
        total = _squares(sums_of(cut.pair, len(times), cells, np.ones(len(cells))))
    else:
        total = _squares(cells)
    e, f = (kind.sums * scale[:, None, None] for kind in kinds)
    w, u = people.shares, items.shares
    for arm in arms:
        by_item, by_person = u[arm][of_item], w[arm][cut.people]
        met = np.flatnonzero((by_item > 0) & (by_person > 0))
        if not len(met):
            continue
        part = cells if len(met) == len(cells) else cells[met]
        sums = sums_of(cut.people[met], w.shape[1], part, by_item[met])
        total -= 2 * np.einsum("gs,gs->s", sums, e[arm])
        sums = sums_of(of_item[met], u.shape[1], part, by_person[met])
        total -= 2 * np.einsum("gs,gs->s", sums, f[arm])
    for a in arms:
        for b in arms:
            total += (u[a] @ u[b]) * np.einsum("gs,gs->s", e[a], e[b])
            total += (w[a] @ w[b]) * np.einsum("gs,gs->s", f[a], f[b])
            total += (u[a] @ f[b]) * (w[b] @ e[a]) + (w[a] @ e[b]) * (u[b] @ f[a])
    return np.asarray(np.maximum(total, 0.0))


def _within_texts(points: Points, cut: Cells) -> Effects:
    """Over people alone: strata are an arm's texts (arms, where points have no items)."""
    strata = cut.arm if cut.items is None else cut.items
    count = int(strata.max()) + 1
    of_stratum = np.bincount(strata, cut.weights, count)
    shares = cut.weights / of_stratum[strata]
    alone = shares >= 1 - ROUNDING
    scale = cut.coefficients[cut.arm] / np.sqrt(np.where(alone, 1.0, 1 - shares))
    moved = cut.influence * scale[:, None]
    combined = sums_of(cut.people, points.number[0], moved, np.ones(len(moved)))
    parts = sums_of(strata, count, moved**2, np.ones(len(moved)))
    shape = (count, points.number[0])
    off = np.where(alone, 0.0, shares / np.sqrt(np.where(alone, 1.0, 1 - shares)))
    read, of_share = np.bincount(cut.people), (strata, cut.people)
    matrix, matrix_off = (sparse.csr_array((part, of_share), shape=shape) for part in (shares, off))
    # Products of full matrices are quick, but a person who reads few of many texts is all zeros.
    if _SLOWER * int(read @ read) > count**2 * len(read) and count * len(read) <= _DENSE:
        matrix, matrix_off = (each.toarray() for each in (matrix, matrix_off))
    df = _satterthwaite(parts, matrix, matrix_off, int(np.count_nonzero(read)))
    variance = _squares(combined)
    variance = np.where(variance > cut.tiny, variance, 0.0)
    influence = combined.T
    if points.items is not None:
        nothing = np.zeros((influence.shape[0], points.number[1]))
        influence = np.concatenate([influence, nothing], axis=1)
    note = "an arm has fewer than two people" if alone.any() else None
    return by_t(cut.value, variance, df, influence, note)
