"""How far predictions can be taken at their word, for many runs at once.

Arrays: `p` predictions (R, P), `y` outcomes (P), `w` weights (R, P), 0 where a run has no
prediction. Binary calibration as in Cox 1958 (Two further applications of a model for binary
regression, Biometrika 45): logit P(y = 1) = intercept + slope logit(p); 0 and 1 are perfect.
"""

from __future__ import annotations

import numpy as np
from scipy import stats as scipy_stats

from tremble.stats.metrics.temperature import EPSILON

_STEPS = 60
_SEPARATED = 1e3  # a slope beyond this is on its way to infinity


def clipped(p: np.ndarray) -> np.ndarray:
    """Predictions kept EPSILON away from 0 and 1."""
    kept: np.ndarray = np.clip(p, EPSILON, 1 - EPSILON)
    return kept


def log_loss_terms(p: np.ndarray, y: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Cross-entropy per point (nats); of a problem with more options (`joint`) its share."""
    q = clipped(p)
    own = y * np.log(q)
    terms: np.ndarray = -np.where(joint, own, own + (1 - y) * np.log1p(-q))
    return terms


def auc(p: np.ndarray, y: np.ndarray) -> float | None:
    """P(a prediction for a 1 exceeds one for a 0), ties half; None with one outcome only.

    The Mann-Whitney statistic over n1 n0 (Hanley and McNeil 1982, Radiology 143).
    """
    ones = int(y.sum())
    zeros = len(y) - ones
    if not ones or not zeros:
        return None
    ranks = scipy_stats.rankdata(p)
    return float((ranks[y == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _loss(b: np.ndarray, a: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    eta = a[:, None] + b[:, None] * x
    # log(1 + exp(eta)), in half the time of logaddexp.
    whole = np.maximum(eta, 0) + np.log1p(np.exp(-np.abs(eta)))
    summed: np.ndarray = np.einsum("rp,rp->r", w, whole - y * eta)
    return summed


def recalibration(
    p: np.ndarray, y: np.ndarray, w: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(slope, intercept, fitted), each (R): the maximum-likelihood line on the logit scale.

    `fitted` is False where there is none: a constant prediction, one outcome only, or outcomes
    that some threshold separates without fault.
    """
    q = clipped(p)
    x = np.where(w > 0, np.log(q) - np.log1p(-q), 0.0)
    total = np.maximum(w.sum(axis=1), 1e-300)
    share = (w * y).sum(axis=1) / total
    varies = (share > 0) & (share < 1)
    middle = np.clip(share, 1e-9, 1 - 1e-9)
    # Standardised, so that one tolerance serves every run.
    mean = (w * x).sum(axis=1) / total
    scale = np.sqrt((w * (x - mean[:, None]) ** 2).sum(axis=1) / total)
    varies &= scale > 1e-9 * (1 + np.abs(mean))
    u = (x - mean[:, None]) / np.where(varies, scale, 1.0)[:, None]
    b, a = np.zeros(len(p)), np.log(middle / (1 - middle))
    done = np.zeros(len(p), dtype=bool)
    active = np.flatnonzero(varies)
    for _ in range(_STEPS):
        if not len(active):
            break
        ua, wa, aa, ba = u[active], w[active], a[active], b[active]
        fitted = 1 / (1 + np.exp(-np.clip(aa[:, None] + ba[:, None] * ua, -700, 700)))
        left, info = wa * (y - fitted), wa * fitted * (1 - fitted)
        g0, g1 = left.sum(axis=1), (left * ua).sum(axis=1)
        h0, h1, h2 = info.sum(axis=1), (info * ua).sum(axis=1), (info * ua * ua).sum(axis=1)
        det = h0 * h2 - h1 * h1
        usable = det > 1e-12 * np.maximum(h0 * h2, 1e-300)
        det = np.where(usable, det, 1.0)
        da = np.where(usable, (h2 * g0 - h1 * g1) / det, 0.0)
        db = np.where(usable, (h0 * g1 - h1 * g0) / det, 0.0)
        before = _loss(ba, aa, ua, y, wa)
        length = np.ones(len(active))
        for _ in range(20):
            worse = _loss(ba + length * db, aa + length * da, ua, y, wa) > before * (1 + 1e-12)
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        a[active], b[active] = aa + length * da, ba + length * db
        small = np.maximum(np.abs(length * da), np.abs(length * db)) < 1e-9
        done[active] = small & usable
        runaway = ~usable | (np.abs(b[active] / scale[active]) > _SEPARATED)
        active = active[~small & ~runaway]
    slope = b / np.where(varies, scale, 1.0)
    return slope, a - slope * mean, done & varies


def bins_of(p: np.ndarray, w: np.ndarray, bins: int, equal: str) -> np.ndarray:
    """The bin (0 to `bins` - 1) of each prediction of one run (P).

    `equal` is "width" (of [0, 1], 1 in the last) or "count" (between quantiles of the run's own
    predictions; equal predictions share a bin, so that counts differ and bins may be empty).
    """
    if equal == "width":
        edges = np.arange(1, bins) / bins
    else:
        used = p[w > 0]
        edges = np.quantile(used, np.arange(1, bins) / bins) if len(used) else np.zeros(0)
    placed: np.ndarray = np.searchsorted(edges, p, side="right")
    return placed


def bin_sums(
    p: np.ndarray, y: np.ndarray, w: np.ndarray, bins: int, equal: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(weight, weighted prediction, weighted outcome) per bin of one run, each (bins)."""
    place = bins_of(p, w, bins, equal)
    return (
        np.bincount(place, w, bins),
        np.bincount(place, w * p, bins),
        np.bincount(place, w * y, bins),
    )


def expected_error(sums: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    """Expected calibration error: |mean prediction - mean outcome| over bins, weighted by size
    (Naeini, Cooper and Hauskrecht 2015, AAAI)."""
    weight, predicted, happened = sums
    return float(np.abs(predicted - happened).sum() / weight.sum())
