"""Attraction: special cases by hand, and its parameters recovered."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.support.baseline_frames import PD, frame, play, said
from tremble.baselines.attraction import Rules, attraction, followed

U = np.array([[0.8, 0.0], [1.0, 0.5]])  # the prisoner's dilemma 8, 0, 10, 5 between 0 and 1


MOVES = ((0, 0), (1, 0), (0, 1), (1, 1))


def lead(phi: float, delta: float, kappa: float, moves: Any = MOVES) -> tuple[float, float]:
    state = followed(U, moves, 0, Rules(*(np.array([v]) for v in (phi, delta, kappa))))
    return float(state.start[0]), float(state.lead[0])


def test_belief_learning_is_fictitious_play() -> None:
    # delta = 1, kappa = 0, phi = 1: attractions are expected points against the other's moves so
    # far, (0, 0, 1, 1) -> half and half, with one round's weight on the start: N = 5.
    # Sums of leads: (.8 - 1) * 2 + (0 - .5) * 2 = -1.4; over 5: -.28. Of the start 1/5 is left.
    assert lead(1, 1, 0) == pytest.approx((0.2, -0.28))


def test_cumulative_reinforcement_adds_up_what_was_paid() -> None:
    # delta = 0, kappa = 1, phi = 1: N stays 1; chosen rounds pay .8 (C), 1 (D), 0 (C), .5 (D).
    assert lead(1, 0, 1) == pytest.approx((1.0, 0.8 - 1 + 0 - 0.5))


def test_averaged_reinforcement_with_decay_by_hand() -> None:
    # phi = .5, delta = 0, kappa = 0: N = 1.5, 1.75, 1.875, 1.9375.
    # A: .8/1.5; (.5 * 1.5 * .53333 - 1)/1.75 = -.342857; (.5 * 1.75 * -.342857 + 0)/1.875 = -.16;
    # (.5 * 1.875 * -.16 - .5)/1.9375 = -.335484. Start: the product of the .5 N(t-1)/N(t) is
    # .0625/1.9375.
    assert lead(0.5, 0, 0) == pytest.approx((0.0625 / 1.9375, -0.335484), abs=1e-6)


def test_cournot_remembers_one_round() -> None:
    # phi = 0, delta = 1: the last round alone, whatever was chosen: 0 - .5.
    assert lead(0, 1, 0) == pytest.approx((0.0, -0.5))


def test_an_unknown_move_is_passed_over() -> None:
    assert lead(0.9, 0.5, 0.5, ((0, 0), (1, None), (1, 1))) == lead(0.9, 0.5, 0.5, ((0, 0), (1, 1)))


@pytest.mark.slow
def test_attraction_recovers_what_made_the_choices() -> None:
    rng = np.random.default_rng(8)
    true, people = {}, []
    rules = Rules(*(np.array([v]) for v in (0.85, 0.5, 0.5)))
    for person in range(150):
        mine, theirs = "", ""
        for at in range(10):
            moves = tuple(("CD".index(x), "CD".index(y)) for x, y in zip(mine, theirs, strict=True))
            state = followed(U, moves, 0, rules)
            p = 1 / (1 + math.exp(-(0.5 * state.start[0] + 3.0 * state.lead[0])))
            true[f"p{person}/{at}"] = p
            mine += "C" if rng.uniform() < p else "D"
            theirs += "C" if rng.uniform() < 0.5 else "D"
        people += play(f"p{person}", mine, theirs, PD)
    found = said(attraction(frame(people)))
    off = [abs((found[k] or 0) - true[k]) for k in true]
    # 1,500 choices, five parameters: a standard error of p near .03 on average.
    assert np.mean(off) < 0.04
