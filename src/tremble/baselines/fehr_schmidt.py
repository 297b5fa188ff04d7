"""Inequity aversion: an offer is worth its own share, less what envy and guilt take off.

E. Fehr, K. M. Schmidt (1999), A theory of fairness, competition, and cooperation, Quarterly
Journal of Economics 114, equation 2: U = x - alpha max(y - x, 0) - beta max(x - y, 0), where x
is the share of the pot for oneself and y = 1 - x the other's. A rejection is worth 0, as in the
ultimatum game: what later rounds may bring is left out. P(accept) = 1 / (1 + exp(-L U)).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tremble.baselines.cases import Answer, read_cases, samples
from tremble.baselines.leave_out import grid_predictions

ENVY = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0])
GUILT = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9])
PRECISION = np.concatenate([[0.0], np.geomspace(0.5, 60.0, 30)])
# The model assumes beta <= alpha and beta < 1 (page 822).
GRID = np.array([(a, b, s) for a in ENVY for b in GUILT if b <= a for s in PRECISION])


def fehr_schmidt(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, prediction of the target, why: one fit per data set over bargaining decisions,
    without the own group. The target must be to accept or to reject."""
    answer = Answer({}, {})
    able = []
    for case in read_cases(decisions, ("bargaining",)):
        if case.coded not in ("accept", "reject") or case.numbers["share"] is None:
            answer.why[case.decision] = "there is no offer to accept"
        else:
            able.append(((case.dataset, case.coded), case))
    for sample in samples(able):
        if sample.why is not None:
            answer.refuse(sample.cases, sample.why)
            continue
        x, place = np.unique([case.numbers["share"] for case in sample.cases], return_inverse=True)
        sign = 1.0 if sample.cases[0].coded == "accept" else -1.0

        def log_odds(indices: np.ndarray, x: np.ndarray = x, sign: float = sign) -> np.ndarray:
            envy, guilt, precision = GRID[indices].T[:, :, None]
            odds: np.ndarray = sign * precision * utility(x, envy, guilt)
            return odds

        p = grid_predictions(sample, log_odds, len(GRID), place)
        answer.accept(sample.cases, p)
    return answer.frame(decisions)


def utility(x: np.ndarray, envy: np.ndarray, guilt: np.ndarray) -> np.ndarray:
    """What an own share `x` of the pot is worth where the other gets the rest."""
    worth: np.ndarray = x - envy * np.maximum(1 - 2 * x, 0) - guilt * np.maximum(2 * x - 1, 0)
    return worth
