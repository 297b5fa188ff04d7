"""Tests over pairs that let model families, not pairs, be what is independent.

Siblings of one family (sizes and versions by one maker) share data, recipe and tokenizer. A
binomial test over pairs counts them as if they did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy import stats as scipy_stats

from tremble.stats.filters import SLACK
from tremble.stats.inference.significance import binomial, direction, wilcoxon
from tremble.text import join_notes


@dataclass(frozen=True, slots=True)
class FamilyVote:
    """One vote per model family: the side that wins more of its pairs.

    `p`: one-sided in the direction of the side with more votes, as for the tests over pairs;
    `p_two_sided` does not take the direction from the data. `wilcoxon_*`: the signed-rank test on
    mean differences of families, in its own direction, and two-sided. Null where `note` says why.
    """

    families: int
    base: int
    aligned: int
    split: int
    direction: str | None
    p: float | None
    p_two_sided: float | None
    wilcoxon_direction: str | None
    wilcoxon_statistic: float | None
    wilcoxon_p: float | None
    wilcoxon_p_two_sided: float | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Mixed:
    """difference ~ 1 + (1 | model family), fitted by REML.

    `mean`: average difference of r (base minus aligned) over families; `low`, `high`: its 95%
    interval; `p` two-sided by t with `df` degrees of freedom. `between`, `within`: the two
    standard deviations.
    """

    pairs: int
    families: int
    mean: float | None
    low: float | None
    high: float | None
    se: float | None
    df: float | None
    t: float | None
    p: float | None
    between: float | None
    within: float | None
    note: str | None


def _grouped(differences: Sequence[float | None], families: Sequence[str]) -> list[np.ndarray]:
    groups: dict[str, list[float]] = {}
    for value, family in zip(differences, families, strict=True):
        if value is not None and np.isfinite(value):
            groups.setdefault(family, []).append(float(value))
    return [np.array(group) for group in groups.values()]


def family_vote(differences: Sequence[float | None], families: Sequence[str]) -> FamilyVote:
    """Exact binomial test over families' votes and Wilcoxon over their means.

    `differences`: r of base minus r of aligned, one per pair, None where there is none; `families`:
    the model family of each pair. A family whose pairs are split evenly has no vote.
    """
    groups = _grouped(differences, families)
    votes = [direction(group) for group in groups]
    base, aligned = votes.count("base"), votes.count("aligned")
    split = len(votes) - base - aligned
    side = None if base == aligned else "base" if base > aligned else "aligned"
    p = None if side is None else binomial(max(base, aligned), min(base, aligned))
    means = np.array([group.mean() for group in groups])
    means = means[np.abs(means) > SLACK]
    rank_side, statistic, rank_p = None, None, None
    if len(means):
        positive, negative = wilcoxon(means), wilcoxon(-means)
        rank_side = "base" if positive[1] <= negative[1] else "aligned"
        statistic, rank_p, _ = positive if rank_side == "base" else negative
    if not groups:
        note = "no pairs"
    elif side is None:
        note = f"families tied at {base} : {aligned}, no direction to test"
    else:
        note = f"families: base {base} : aligned {aligned}"
    return FamilyVote(
        len(groups),
        base,
        aligned,
        split,
        side,
        p,
        _two_sided(p),
        rank_side,
        statistic,
        rank_p,
        _two_sided(rank_p),
        join_notes(note, f"{split} split evenly" if split else None),
    )


def _two_sided(p: float | None) -> float | None:
    """A p in the direction that the data have, for either direction."""
    return None if p is None else min(1.0, 2 * p)


def mixed_model(differences: Sequence[float | None], families: Sequence[str]) -> Mixed:
    """The mean difference with families as random effects; arguments as for `family_vote`.

    REML over the ratio of the two variances (Harville 1977, JASA 72). Degrees of freedom:
    Satterthwaite from the expected information of both variances (as in Kuznetsova and others 2017,
    Journal of Statistical Software 82), never more than families - 1, which keeps the level where
    the variance between families is estimated as zero though it is not.
    """
    groups = _grouped(differences, families)
    sizes = np.array([len(group) for group in groups], dtype=float)
    pairs, count = int(sizes.sum()), len(groups)
    values = np.concatenate(groups) if groups else np.zeros(0)
    if count < 2:
        what = "no pairs" if not count else "one model family only"
        mean = float(values.mean()) if count else None
        return _unfitted(pairs, count, mean, what)
    means = np.array([group.mean() for group in groups])
    squares = float(sum(((group - group.mean()) ** 2).sum() for group in groups))
    scale = float(np.abs(values).max())
    if np.ptp(values) <= 1e-12 * scale:
        return _unfitted(pairs, count, float(values.mean()), "all differences are the same")
    note = None
    if pairs == count:
        between, within = 0.0, float(values.var(ddof=1))
        note = "one pair per family: a plain t test"
    elif squares <= 1e-20 * scale**2 * pairs:
        between, within = float(means.var(ddof=1)), 0.0
        note = "no variance within families: a t test of their means"
    else:
        ratio = _reml_ratio(sizes, means, squares)
        within = _within(ratio, sizes, means, squares)
        between = ratio * within
        if ratio == 0:
            note = "no variance between families found"
    weights = sizes / (within + sizes * between)
    mean = float(weights @ means / weights.sum())
    se = float(1 / np.sqrt(weights.sum()))
    df = count - 1.0
    if pairs != count and within > 0:
        df = min(df, _satterthwaite(between, within, sizes))
    t = mean / se
    reach = float(scipy_stats.t.ppf(0.975, df)) * se
    p = 2 * float(scipy_stats.t.sf(abs(t), df))
    return Mixed(
        pairs,
        count,
        mean,
        mean - reach,
        mean + reach,
        se,
        df,
        t,
        p,
        float(np.sqrt(between)) if pairs != count else None,
        float(np.sqrt(within)) if pairs != count else None,
        note,
    )


def _unfitted(pairs: int, count: int, mean: float | None, note: str) -> Mixed:
    nothing = (None,) * 8
    return Mixed(pairs, count, mean, *nothing, note)


def _residual(ratio: float, sizes: np.ndarray, means: np.ndarray, squares: float) -> float:
    """Generalised sum of squares around the weighted mean, in units of the within variance."""
    weights = sizes / (1 + sizes * ratio)
    mean = weights @ means / weights.sum()
    return squares + float(weights @ (means - mean) ** 2)


def _within(ratio: float, sizes: np.ndarray, means: np.ndarray, squares: float) -> float:
    return _residual(ratio, sizes, means, squares) / float(sizes.sum() - 1)


def _reml_ratio(sizes: np.ndarray, means: np.ndarray, squares: float) -> float:
    """Variance between over variance within families that maximises the restricted likelihood."""

    def deviance(log_ratio: float) -> float:
        return at(float(np.exp(log_ratio)))

    def at(ratio: float) -> float:
        shrunk = 1 + sizes * ratio
        rest = _residual(ratio, sizes, means, squares)
        weight = float((sizes / shrunk).sum())
        return float(np.log(shrunk).sum() + np.log(weight) + (sizes.sum() - 1) * np.log(rest))

    grid = np.linspace(-14, 14, 57)
    deviances = [deviance(value) for value in grid]
    best = int(np.argmin(deviances))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    optimum = optimize.minimize_scalar(deviance, bounds=bounds, method="bounded")
    if at(0.0) <= float(optimum.fun) + 1e-9:
        return 0.0
    return float(np.exp(optimum.x))


def _satterthwaite(between: float, within: float, sizes: np.ndarray) -> float:
    """Degrees of freedom 2 V^2 / var(V) of the variance V of the mean, by the delta method."""
    total = within + sizes * between
    weights = sizes / total
    v = 1 / weights.sum()
    # Derivatives of V = 1 / sum(n / (within + n between)) by between and within.
    gradient = v**2 * np.array([(weights**2).sum(), (weights**2 / sizes).sum()])
    # Expected REML information, 1/2 tr(P dV_i P dV_j). With W the inverse covariance of the values
    # and h = W 1 v^(1/2), P = W - h h'; all traces reduce to sums over families.
    a, b = weights, weights / sizes  # 1'W1 and an entry of W1, per family
    plain = np.array(
        [
            [(a**2).sum(), (a * b).sum()],
            [(a * b).sum(), (b**2).sum() + ((sizes - 1) / within**2).sum()],
        ]
    )
    cubic = v * np.array(
        [
            [(a**3).sum(), (a**2 * b).sum()],
            [(a**2 * b).sum(), (a * b**2).sum()],
        ]
    )
    square = v * np.array([(a**2).sum(), (a * b).sum()])
    information = (plain - 2 * cubic + np.outer(square, square)) / 2
    try:
        variance = float(gradient @ np.linalg.solve(information, gradient))
    except np.linalg.LinAlgError:
        return len(sizes) - 1.0
    return max(1.0, float(2 * v**2 / variance)) if variance > 0 else len(sizes) - 1.0
