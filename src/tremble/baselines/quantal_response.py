"""Logit quantal response: both players answer each other's noise with noise of the same size.

R. D. McKelvey, T. R. Palfrey (1995), Quantal response equilibria for normal form games, Games
and Economic Behavior 10, equation 5: p_i = exp(L u_i(q)) / sum_j exp(L u_j(q)), and q likewise
against p. Of the fixed points the principal branch is taken: the one traced from L = 0, where
everybody plays every option alike. Points are scaled to 0 to 1 per player and game
(`unit_scale`), so L is in units of one over the range of a player's points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from tremble.baselines.option_grid import Payoffs, by_shape, option_predictions

FAMILIES = ("one_shot_matrix", "repeated_matrix")
# 0, then 60 steps of 12% from 0.1 to 100: each starts at the fixed point of the one before.
PRECISIONS = np.concatenate([[0.0], np.geomspace(0.1, 100.0, 61)])
_SOLVED = 1e-9
_JUMP = 0.2


def quantal_response(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, key, prediction, why: every option of one-shot games, of repeated games the stage
    game without its history. One precision per data set and family, fitted without the own
    group; of repeated games to everybody."""
    return option_predictions(decisions, FAMILIES, solve)


def solve(games: Sequence[Payoffs]) -> list[np.ndarray | None]:
    """Shares of the own options at every one of `PRECISIONS`; None where no fixed point is met."""
    solved: list[np.ndarray | None] = [None] * len(games)
    for places, (own, other) in by_shape(games).values():
        traced, sound = principal_branch(own, other, PRECISIONS)
        for number, place in enumerate(places):
            if sound[number]:
                solved[place] = traced[:, number]
    return solved


def principal_branch(
    own: np.ndarray, other: np.ndarray, precisions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the own options along rising precisions, and whether each game was solved.

    `own` and `other` (games, n, m) are the two players' points at [own option][other's option].
    Returns (precisions, games, n) and (games,). Newton's method from the fixed point before;
    where it fails or leaves the branch (a jump of more than .2, as at a fold), the damped answer
    to each other's answer, followed until it stands still, and Newton's method again.
    """
    games, n, m = own.shape
    x = np.concatenate([np.full((games, n), 1 / n), np.full((games, m), 1 / m)], axis=1)
    sound = np.ones(games, bool)
    traced = np.empty((len(precisions), games, n))
    for step, precision in enumerate(precisions):
        y = _newton(x, own, other, precision)
        lost = ~_solved(y, own, other, precision) | (np.abs(y - x).max(axis=1) > _JUMP)
        if lost.any():
            y[lost] = _newton(
                _damped(x[lost], own[lost], other[lost], precision),
                own[lost],
                other[lost],
                precision,
            )
            sound[lost] &= _solved(y[lost], own[lost], other[lost], precision)
        x = np.where(sound[:, None], y, x)
        traced[step] = x[:, :n]
    return traced, sound


def _answers(x: np.ndarray, own: np.ndarray, other: np.ndarray, precision: float) -> np.ndarray:
    """Both players' logit answers to the shares `x` (games, n + m)."""
    n = own.shape[1]
    mine = np.einsum("gij,gj->gi", own, x[:, n:]) * precision
    theirs = np.einsum("gij,gi->gj", other, x[:, :n]) * precision
    return np.concatenate([_softmax(mine), _softmax(theirs)], axis=1)


def _softmax(z: np.ndarray) -> np.ndarray:
    weights = np.exp(z - z.max(axis=1, keepdims=True))
    shares: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _solved(x: np.ndarray, own: np.ndarray, other: np.ndarray, precision: float) -> np.ndarray:
    gap = np.abs(_answers(x, own, other, precision) - x).max(axis=1)
    sound: np.ndarray = gap < _SOLVED
    return sound


def _newton(x: np.ndarray, own: np.ndarray, other: np.ndarray, precision: float) -> np.ndarray:
    n, size = own.shape[1], own.shape[1] + own.shape[2]
    x = x.copy()
    for _ in range(25):
        s = _answers(x, own, other, precision)
        gap = x - s
        if np.abs(gap).max() < _SOLVED / 10:
            break
        slope = np.zeros((len(x), size, size))
        slope[:, :n, n:] = precision * own
        slope[:, n:, :n] = precision * np.swapaxes(other, 1, 2)
        # diag(s) - s s^T within each player, times the slope of what they answer to.
        mean = np.empty_like(slope)
        mean[:, :n] = np.einsum("gi,gij->gj", s[:, :n], slope[:, :n])[:, None]
        mean[:, n:] = np.einsum("gi,gij->gj", s[:, n:], slope[:, n:])[:, None]
        curve = np.eye(size) - s[:, :, None] * (slope - mean)
        try:
            x -= np.linalg.solve(curve, gap[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:  # one game exactly at a fold; the damped way is left to it
            x -= 0.5 * gap
    within: np.ndarray = np.clip(x, 0.0, 1.0)
    return within


def _damped(x: np.ndarray, own: np.ndarray, other: np.ndarray, precision: float) -> np.ndarray:
    for _ in range(3000):
        step = 0.1 * (_answers(x, own, other, precision) - x)
        x = x + step
        if np.abs(step).max() < 1e-8:
            break
    return x
