"""One temperature on the options' log-odds, fitted on other people than it is used on.

Temperature scaling (Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2):
q_k = p_k^(1/T) / sum_j p_j^(1/T). With b = 1/T the mean log loss is convex in b, its derivative
the sum over decisions of E_q[z] - sum_k y_k z_k with z = ln p and y what people did, its second
derivative the sum of var_q[z].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# The step of float32 at 1: beyond it a probability computed in float32 is 0 or 1.
EPSILON = 1e-7
COLDEST, HOTTEST = 0.01, 100.0
_STEPS = 100


def log_shares(shares: np.ndarray) -> np.ndarray:
    """ln of shares (any shape), none below EPSILON; NaN stays."""
    logs: np.ndarray = np.log(np.maximum(shares, EPSILON))
    return logs


def tempered(logs: np.ndarray, valid: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Shares (K, R, D) at the inverse temperatures `inverse` (R, D) or (R, 1).

    `logs` (K, R, D), `valid` (K, D): options that do not exist get a share of 0.
    """
    scaled = np.where(valid[:, None, :], logs * inverse, -np.inf)
    weights = np.exp(scaled - scaled.max(axis=0))
    shares: np.ndarray = weights / weights.sum(axis=0)
    return shares


Derivatives = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _derivatives(
    logs: np.ndarray, valid: np.ndarray, observed: np.ndarray, use: np.ndarray
) -> Derivatives:
    """First and second derivative of the summed log loss, of some runs at their `b`."""
    wanted = (observed[:, None, :] * logs).sum(axis=0)

    def of_several(runs: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        here = logs[:, runs]
        shares = tempered(here, valid, b[:, None])
        mean = (shares * here).sum(axis=0)
        spread = (shares * (here - mean) ** 2).sum(axis=0)
        return ((mean - wanted[runs]) * use[runs]).sum(axis=1), (spread * use[runs]).sum(axis=1)

    if len(logs) != 2 or not valid.all():
        return of_several
    # Of two options only the log-odds count: a third of the work.
    odds = logs[1] - logs[0]
    used = odds * use

    def of_two(runs: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z, there = odds[runs], used[runs]
        with np.errstate(over="ignore"):
            share = 1 / (1 + np.exp(-b[:, None] * z))
        slope = np.einsum("rd,rd->r", share - observed[1], there)
        return slope, np.einsum("rd,rd,rd->r", share * (1 - share), z, there)

    return of_two


def fit(
    logs: np.ndarray,
    valid: np.ndarray,
    observed: np.ndarray,
    use: np.ndarray,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """The best inverse temperature per run (R), between 1/HOTTEST and 1/COLDEST.

    `logs` (K, R, D) without NaN, `observed` (K, D) adding up to one, `use` (R, D) weights.
    Newton's method kept inside a bracket; a run without any weight, or whose predictions are
    even in every decision, gets NaN.
    """
    count = logs.shape[1]
    derivatives = _derivatives(logs, valid, observed, use)
    low, high = np.full(count, 1 / HOTTEST), np.full(count, 1 / COLDEST)
    b = np.ones(count) if start is None else np.clip(start, low, high)
    b = np.where(np.isfinite(b), b, 1.0)
    for bound, side in ((low, 1), (high, -1)):
        slope, curve = derivatives(np.arange(count), bound)
        at_bound = slope * side >= 0
        b = np.where(at_bound, bound, b)
        if side == 1:
            stopped, level = at_bound, curve
        else:
            stopped |= at_bound
    b[level <= 0] = np.nan
    active = np.flatnonzero(~stopped & (level > 0))
    for _ in range(_STEPS):
        if not len(active):
            break
        here = b[active]
        slope, curve = derivatives(active, here)
        low[active] = np.where(slope < 0, here, low[active])
        high[active] = np.where(slope > 0, here, high[active])
        with np.errstate(divide="ignore", invalid="ignore"):
            step = here - slope / curve
        # A step too small to be one, from a bound, is the end and not a way out.
        inside = (step >= low[active]) & (step <= high[active])
        there = np.where(inside, step, np.sqrt(low[active] * high[active]))
        there = np.where(slope == 0, here, there)
        b[active] = there
        active = active[np.abs(there - here) > 1e-9 * here]
    return b


def cross_fitted(
    logs: np.ndarray, valid: np.ndarray, observed: np.ndarray, use: np.ndarray, fold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(inverse temperature per run and decision (R, D), temperature per run (R)).

    Each fold's inverse temperature is fitted on the other folds. NaN where nothing is left to
    fit on. The temperature of a run is the median over folds that hold decisions of it.
    """
    known = np.isfinite(observed).all(axis=0)
    observed = np.where(known, observed, 0.0)
    use = use * known
    whole = fit(logs, valid, observed, use)
    inverse = np.full(use.shape, np.nan)
    medians = []
    for name in np.unique(fold):
        inside = fold == name
        kept = ~inside
        b = fit(logs[:, :, kept], valid[:, kept], observed[:, kept], use[:, kept], whole)
        inverse[:, inside] = b[:, None]
        medians.append(np.where(use[:, inside].any(axis=1), 1 / b, np.nan))
    table = np.array(medians)
    temperature = np.full(use.shape[0], np.nan)
    some = np.isfinite(table).any(axis=0)
    temperature[some] = np.nanmedian(table[:, some], axis=0)
    return inverse, temperature
