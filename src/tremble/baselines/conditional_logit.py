"""The conditional logit with a ridge: which of several options is chosen, by what they are like.

D. McFadden (1974), Conditional logit analysis of qualitative choice behavior, in P. Zarembka (ed.),
Frontiers in Econometrics: P(option o of set s) = exp(b x_so) / sum over the set's options. A
logistic regression is the case of two options of which the second has features of 0.
"""

from __future__ import annotations

import numpy as np

_NEVER = -1e30  # the utility of an option that a set does not have


def choice_shares(x: np.ndarray, offered: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shares of the options of each set, (sets, options): `x` (sets, options, k), `offered` (sets,
    options) says which options a set has, at least one, `b` (k)."""
    utility = np.where(offered, x @ b, _NEVER)
    weights = np.exp(utility - utility.max(axis=1, keepdims=True))
    shares: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return shares


def conditional_logit(
    x: np.ndarray,
    offered: np.ndarray,
    chosen: np.ndarray,
    ridge: np.ndarray,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """The coefficients (k) that maximise the log-likelihood less sum(ridge * b^2) / 2.

    `chosen` (sets, options): how often, 0 and more, 0 for what is not offered; `ridge` (k) above 0.
    Newton's method with halved steps, to a step below 1e-9.
    """
    seen = chosen.sum(axis=1)
    used = seen > 0
    x, offered, chosen, seen = x[used], offered[used], chosen[used], seen[used]
    b = np.zeros(x.shape[2]) if start is None else start.copy()
    if not len(x):
        return np.zeros(x.shape[2])
    flat = x.reshape(-1, x.shape[2])
    value = _objective(b, x, offered, chosen, ridge)
    for _ in range(100):
        p = choice_shares(x, offered, b)
        slope = (chosen - seen[:, None] * p).ravel() @ flat - ridge * b
        mean = np.einsum("so,sok->sk", p, x)
        spread = (flat * (seen[:, None] * p).reshape(-1, 1)).T @ flat
        step = np.linalg.solve(spread - (mean * seen[:, None]).T @ mean + np.diag(ridge), slope)
        size = 1.0
        while size > 1e-9:
            after = _objective(b + size * step, x, offered, chosen, ridge)
            if after >= value - 1e-12 * abs(value):
                b, value = b + size * step, after
                break
            size /= 2
        if size * np.abs(step).max() < 1e-9:
            break
    return b


def _objective(
    b: np.ndarray, x: np.ndarray, offered: np.ndarray, chosen: np.ndarray, ridge: np.ndarray
) -> float:
    utility = np.where(offered, x @ b, _NEVER)
    top = utility.max(axis=1)
    total = top + np.log(np.exp(utility - top[:, None]).sum(axis=1))
    logs = np.where(offered, utility, 0.0) - total[:, None]
    return float((chosen * logs).sum() - ridge @ (b * b) / 2)
