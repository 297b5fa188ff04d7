"""Experience-weighted attraction: between learning from what paid and from what would have paid.

C. F. Camerer, T.-H. Ho (1999), Experience-weighted attraction learning in normal form games,
Econometrica 67, equations 2.1 and 2.2, with rho = phi (1 - kappa) as in T.-H. Ho, X. Wang,
C. F. Camerer (2008), Economic Journal 118:

    N(t) = rho N(t-1) + 1,   N(0) = 1
    A_j(t) = [phi N(t-1) A_j(t-1) + (delta + (1 - delta) (j chosen)) points_j(t)] / N(t)
    P_j(t+1) proportional to exp(L A_j(t))

Points are scaled to 0 to 1 per game. Only the difference of the two attractions matters; before
round one it is b / L, so that b is the log-odds of the target in round one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, product
from typing import NamedTuple

import numpy as np
import polars as pl

from tremble.baselines.cases import Answer, Case, read_cases, samples
from tremble.baselines.leave_out import grid_predictions
from tremble.baselines.logistic import kind_of
from tremble.baselines.option_grid import stage_game, unit_scale

DECAY = np.array([1.0, 0.95, 0.85, 0.7, 0.5, 0.25, 0.0])  # phi
IMAGINED = np.array([0.0, 0.25, 0.5, 0.75, 1.0])  # delta
GROWTH = np.array([0.0, 0.5, 1.0])  # kappa
START = np.array([0.0, -0.25, 0.25, -0.5, 0.5, -0.75, 0.75, -1.0, 1.0, -1.5, 1.5, -2.5, 2.5])  # b
PRECISION = np.array([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 20.0])  # L
LEARNING = list(product(DECAY, IMAGINED, GROWTH))
# A row per point of the grid: places of (phi, delta, kappa), of b and of L.
GRID = np.array(list(product(range(len(LEARNING)), range(len(START)), range(len(PRECISION)))))

Move = tuple[int, int | None]  # own and the other's option, None where it is unknown


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of learning: phi, delta and kappa of each, (rules) each."""

    phi: np.ndarray
    delta: np.ndarray
    kappa: np.ndarray


class State(NamedTuple):
    """What rules of learning have made of the rounds so far, (rules) each: N(t), what is left of
    the lead before round one, and the lead learned since. A lead is the target's attraction less
    the other's."""

    experience: np.ndarray
    start: np.ndarray
    lead: np.ndarray


def attraction(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, prediction of the target, why: one fit per data set and payoffs over repeated
    games of two options, without the own group."""
    answer = Answer({}, {})
    able = []
    for case in read_cases(decisions, ("repeated_matrix",)):
        if len(case.keys) != 2 or case.coded not in case.keys:
            answer.why[case.decision] = (
                "the decision does not have two options, one of them the target"
            )
        else:
            able.append(((*kind_of(case), case.coded), case))
    for sample in samples(able):
        if sample.why is not None:
            answer.refuse(sample.cases, sample.why)
            continue
        start, learned, place = _traces(sample.cases)

        def log_odds(
            indices: np.ndarray, start: np.ndarray = start, learned: np.ndarray = learned
        ) -> np.ndarray:
            rule, b, precision = GRID[indices].T
            first = START[b].astype(np.float32)[:, None] * start[rule]
            odds: np.ndarray = (
                first + PRECISION[precision].astype(np.float32)[:, None] * learned[rule]
            )
            return odds

        p = grid_predictions(sample, log_odds, len(GRID), place)
        answer.accept(sample.cases, p)
    return answer.frame(decisions)


def _traces(cases: list[Case]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is left of the first attraction, and what was learned, after each distinct history;
    float32, (rules of learning, histories). The history of each case, (cases)."""
    payoffs = unit_scale(stage_game(cases[0])[0])
    distinct: dict[tuple[Move, ...], int] = {}
    places = []
    keys = cases[0].keys  # rows and columns of the payoffs
    for case in cases:
        moves = tuple(
            (keys.index(mine), None if theirs is None else keys.index(theirs))
            for mine, theirs in zip(case.numbers["mine"], case.numbers["theirs"], strict=True)
        )
        places.append(distinct.setdefault(moves, len(distinct)))
    target = keys.index(cases[0].coded or "")
    rules = Rules(*np.array(LEARNING).T)
    start, learned = np.empty((2, len(LEARNING), len(distinct)), dtype=np.float32)
    # A history is the one before and a round more: most take a single step.
    before: dict[tuple[Move, ...], State] = {}
    for _, equally_long in groupby(sorted(distinct, key=len), len):
        states = {}
        for moves in equally_long:
            past = before.get(moves[:-1])
            rest = moves if past is None else moves[-1:]
            states[moves] = followed(payoffs, rest, target, rules, past)
            start[:, distinct[moves]] = states[moves].start
            learned[:, distinct[moves]] = states[moves].lead
        before = states
    return start, learned, np.array(places)


def followed(
    payoffs: np.ndarray,
    moves: tuple[Move, ...],
    target: int,
    rules: Rules,
    past: State | None = None,
) -> State:
    """What the rules have learned after `moves` of (own, other's) places in `payoffs`
    [own][other's], which go on from `past`, if given.

    A round in which the other's move is unknown teaches nothing: it is passed over.
    """
    phi, delta = rules.phi, rules.delta
    ones = np.ones_like(phi)
    experience, start, lead = past or State(ones, ones, np.zeros_like(phi))
    for mine, theirs in moves:
        if theirs is None:
            continue
        grown = phi * (1 - rules.kappa) * experience + 1
        gain = payoffs[target, theirs] * np.where(mine == target, 1.0, delta)
        loss = payoffs[1 - target, theirs] * np.where(mine == target, delta, 1.0)
        start = phi * experience * start / grown
        lead = (phi * experience * lead + gain - loss) / grown
        experience = grown
    return State(experience, start, lead)
