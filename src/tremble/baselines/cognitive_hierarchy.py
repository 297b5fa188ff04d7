"""Cognitive hierarchy: each level best-responds to the mix of levels below it.

C. F. Camerer, T.-H. Ho, J.-K. Chong (2004), A cognitive hierarchy model of games, Quarterly
Journal of Economics 119: levels are Poisson with mean tau; level 0 plays every option alike;
level k plays its best options (alike where several are level) against levels 0 to k - 1 in their
Poisson proportions. What is predicted is the mix over all levels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.stats import poisson

from tremble.baselines.option_grid import Payoffs, by_shape, option_predictions

FAMILIES = ("one_shot_matrix",)
TAUS = np.round(np.linspace(0.0, 5.0, 101), 10)  # the published means lie between 0 and 5
LEVELS = 20  # at tau = 5 one in ten million is above; their part goes to the others in proportion
_LEVEL = 1e-9


def cognitive_hierarchy(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, key, prediction, why: every option of one-shot games; one tau per data set,
    fitted without the own game."""
    return option_predictions(decisions, FAMILIES, solve)


def solve(games: Sequence[Payoffs]) -> list[np.ndarray | None]:
    """Shares of the own options at every one of `TAUS`."""
    solved: list[np.ndarray | None] = [None] * len(games)
    for places, (own, other) in by_shape(games).values():
        shares = hierarchy(own, other, TAUS)
        for number, place in enumerate(places):
            solved[place] = shares[:, number]
    return solved


def hierarchy(own: np.ndarray, other: np.ndarray, taus: np.ndarray) -> np.ndarray:
    """Shares of the own options, (taus, games, n), for points `own` and `other` (games, n, m)."""
    games, n, m = own.shape
    weight = poisson.pmf(np.arange(LEVELS + 1)[:, None], taus[None, :])  # (levels, taus)
    weight /= weight.sum(axis=0)
    # Running sums over the levels so far, unnormalised: only their direction matters below.
    mine = np.broadcast_to(weight[0][:, None, None] / n, (len(taus), games, n)).copy()
    theirs = np.broadcast_to(weight[0][:, None, None] / m, (len(taus), games, m)).copy()
    below = weight[0].copy()
    for level in range(1, LEVELS + 1):
        share = below[:, None, None]
        up = _best(np.einsum("gij,tgj->tgi", own, theirs / share))
        across = _best(np.einsum("gij,tgi->tgj", other, mine / share))
        mine += weight[level][:, None, None] * up
        theirs += weight[level][:, None, None] * across
        below += weight[level]
    return mine


def _best(value: np.ndarray) -> np.ndarray:
    """The best options along the last axis, alike where several are level."""
    best = value >= value.max(axis=-1, keepdims=True) - _LEVEL
    shares: np.ndarray = best / best.sum(axis=-1, keepdims=True)
    return shares
