"""Cumulative prospect theory: gambles by transformed amounts and ranked, weighted chances.

A. Tversky, D. Kahneman (1992), Advances in prospect theory, Journal of Risk and Uncertainty 5:
v(x) = x^a for gains and -l (-x)^a for losses (equation 5); w(p) = p^g / (p^g + (1 - p)^g)^(1/g)
(equation 6), g apart for gains and losses. Gains are weighted from the best downwards, losses
from the worst upwards: the weight of an outcome is w(chance of it or a more extreme one) less
w(chance of a more extreme one) (equations 1 and 2). P(b) = 1 / (1 + exp(-s (V_b - V_a))).
Payoffs are divided by the largest absolute payoff of the problem, so that s has no unit of money.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl

from tremble.baselines.cases import Answer, Case, read_cases, samples
from tremble.baselines.leave_out import grid_predictions

# In each list the value of plain expected value comes first: it counts where the data cannot tell.
CURVATURES = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
AVERSIONS = np.array([1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 0.75, 0.5])
WEIGHTINGS = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
PRECISIONS = np.array([0.0, 0.5, 1.0, 1.5, 2.25, 3.25, 4.5, 6.0, 8.0, 11.0, 15.0, 22.0, 35.0])
_SIZES = [len(CURVATURES), len(WEIGHTINGS), len(WEIGHTINGS), len(AVERSIONS), len(PRECISIONS)]
# A row per point of the grid: places of a, g of gains, g of losses, l, s.
GRID = np.array(list(product(*map(range, _SIZES))))


def prospect_theory(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, prediction of the target (of the first option where none is set), why.

    One fit per data set over its lotteries, each problem once whatever its n, without the own
    group: a participant, of problems with rates the problem and its repetitions."""
    answer = Answer({}, {})
    able = []
    for case in read_cases(decisions, ("lottery",)):
        gambles = case.numbers["options"]
        if len(gambles) != 2 or case.coded not in gambles or not all(gambles.values()):
            answer.why[case.decision] = (
                "the decision does not have two gambles, one of them the target"
            )
        else:
            able.append((case.dataset, case))
    for sample in samples(able):
        if sample.why is not None:
            answer.refuse(sample.cases, sample.why)
            continue
        gains, losses = _differences(sample.cases)

        def log_odds(
            indices: np.ndarray, gains: np.ndarray = gains, losses: np.ndarray = losses
        ) -> np.ndarray:
            a, plus, minus, aversion, precision = GRID[indices].T
            s = PRECISIONS[precision].astype(np.float32)[:, None]
            el = AVERSIONS[aversion].astype(np.float32)[:, None]
            odds: np.ndarray = s * (gains[a, plus] - el * losses[a, minus])
            return odds

        p = grid_predictions(sample, log_odds, len(GRID))
        answer.accept(sample.cases, p)
    return answer.frame(decisions)


def _differences(cases: list[Case]) -> tuple[np.ndarray, np.ndarray]:
    """Coded option less the other: summed weighted gains, and losses, at every curvature and
    weighting; float32, (curvatures, weightings, cases)."""
    coded, others = [], []
    for case in cases:
        gambles = dict(case.numbers["options"])
        largest = max(abs(x) for gamble in gambles.values() for _, x in gamble) or 1.0
        scaled = {key: [(p, x / largest) for p, x in gamble] for key, gamble in gambles.items()}
        coded.append(scaled.pop(case.coded))
        others.append(next(iter(scaled.values())))
    sides = []
    for sign in (1, -1):
        first, second = (gamble_parts(side, sign) for side in (coded, others))
        sides.append((_values(*first) - _values(*second)).astype(np.float32))
    return sides[0], sides[1]


def gamble_parts(
    gambles: list[list[tuple[float, float]]], sign: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gains (`sign` 1) or losses (-1) of gambles, the most extreme first.

    Returns sizes, chances of that size or a larger one, and of a larger one only, each (gambles,
    most outcomes), padded with sizes and chances of 0.
    """
    ranked = [
        sorted(((sign * x, p) for p, x in gamble if sign * x > 0), reverse=True)
        for gamble in gambles
    ]
    width = max(1, max(map(len, ranked), default=1))
    size, reached = np.zeros((len(gambles), width)), np.zeros((len(gambles), width + 1))
    for row, outcomes in enumerate(ranked):
        for place, (x, p) in enumerate(outcomes):
            size[row, place] = x
            reached[row, place + 1] = reached[row, place] + p
    reached = np.minimum(reached, 1.0)  # printed chances add up to one only within rounding
    return size, reached[:, 1:], reached[:, :-1]


def weight(chance: np.ndarray, g: float) -> np.ndarray:
    """Equation 6 of Tversky and Kahneman (1992)."""
    up = chance**g
    weighted: np.ndarray = up / (up + (1 - chance) ** g) ** (1 / g)
    return weighted


def _values(size: np.ndarray, reached: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """(curvatures, weightings, gambles): sums of decision weight times size to the power a."""
    powers = np.stack([np.where(size > 0, size**a, 0.0) for a in CURVATURES])
    weights = np.stack(
        [np.where(size > 0, weight(reached, g) - weight(beyond, g), 0.0) for g in WEIGHTINGS]
    )
    value: np.ndarray = np.einsum("ano,wno->awn", powers, weights)
    return value
