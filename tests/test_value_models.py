"""Prospect theory, inequity aversion and attraction: hand values, special cases, recovery."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from baseline_frames import PD, frame, lottery, offer, play, said
from tremble.baselines import attraction, fehr_schmidt, prospect_theory
from tremble.baselines.attraction import attractions
from tremble.baselines.fehr_schmidt import utility
from tremble.baselines.prospect_theory import gamble_parts, weight


def worth(
    gamble: list[tuple[float, float]], a: float, el: float, plus: float, minus: float
) -> float:
    """Cumulative prospect theory by the text: from the extremes inwards, one outcome at a time."""

    def w(p: float, g: float) -> float:
        return p**g / (p**g + (1 - p) ** g) ** (1 / g)

    total, ranked = 0.0, sorted(gamble, key=lambda o: o[1])
    for i, (_, x) in enumerate(ranked):
        if x >= 0:
            up = sum(p for p, _ in ranked[i:])
            total += (w(min(up, 1), plus) - w(sum(p for p, _ in ranked[i + 1 :]), plus)) * x**a
        else:
            down = sum(p for p, _ in ranked[: i + 1])
            less = sum(p for p, _ in ranked[:i])
            total -= el * (w(min(down, 1), minus) - w(less, minus)) * (-x) ** a
    return total


def test_weights_at_the_published_medians() -> None:
    # Tversky and Kahneman (1992): gamma .61 for gains, .69 for losses. By hand, gamma = .61:
    # .1^.61 = .24547, .9^.61 = .93776; 1.18323^(1/.61) = 1.31755; .24547 / 1.31755 = .18631.
    assert weight(np.array(0.1), 0.61) == pytest.approx(0.1863, abs=1e-4)
    # .5^.61 = .65520; 1.31040^(1/.61) = 1.55771; .65520 / 1.55771 = .42062.
    assert weight(np.array(0.5), 0.61) == pytest.approx(0.4206, abs=1e-4)
    # .5^.69 = .61985; 1.23971^(1/.69) = 1.36545; .61985 / 1.36545 = .45396.
    assert weight(np.array(0.5), 0.69) == pytest.approx(0.4540, abs=1e-4)
    assert weight(np.array([0.0, 1.0]), 0.61) == pytest.approx([0, 1])


def test_the_die_of_the_paper_is_ranked_from_the_extremes_inwards() -> None:
    # Tversky and Kahneman (1992), page 301: roll a die; even pays x dollars, odd costs x. Gains
    # 2, 4, 6 weigh w(1/2) - w(1/3), w(1/3) - w(1/6), w(1/6), and losses -1, -3, -5 likewise.
    die = [(1 / 6, float(x if x % 2 == 0 else -x)) for x in range(1, 7)]
    size, reached, beyond = gamble_parts([die], 1)
    assert size[0].tolist() == [6, 4, 2]
    assert reached[0] == pytest.approx([1 / 6, 1 / 3, 1 / 2])
    assert beyond[0] == pytest.approx([0, 1 / 6, 1 / 3])
    size, reached, beyond = gamble_parts([die], -1)
    assert size[0].tolist() == [5, 3, 1]
    assert beyond[0] == pytest.approx([0, 1 / 6, 1 / 3])


def _problems(seed: int, count: int) -> list[list[list[tuple[float, float]]]]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        pair = []
        for outcomes in (rng.integers(1, 3), rng.integers(2, 5)):
            chances = rng.dirichlet(np.ones(outcomes))
            pair.append(
                [
                    (float(p), float(x))
                    for p, x in zip(chances, rng.integers(-40, 60, outcomes), strict=True)
                ]
            )
        found.append(pair)
    return found


def test_prospect_theory_recovers_what_made_the_choices() -> None:
    rng = np.random.default_rng(1)
    a, el, plus, minus, s = 0.7, 2.0, 0.6, 0.8, 6.0
    people, true = [], []
    for i, pair in enumerate(_problems(0, 300)):
        largest = max(abs(x) for side in pair for _, x in side)
        scaled = [[(p, x / largest) for p, x in side] for side in pair]
        lead = worth(scaled[1], a, el, plus, minus) - worth(scaled[0], a, el, plus, minus)
        true.append(1 / (1 + math.exp(-s * lead)))
        people.append(lottery(f"l{i}", *pair, rng.binomial(400, true[-1]) / 400))
    found = said(prospect_theory(frame(people)))
    off = np.array([found[f"l{i}"] for i in range(300)]) - true
    # 120,000 choices: the truth lies on the grid, and is found or a neighbour of it is.
    assert np.abs(off).max() < 0.02


def test_prospect_theory_does_not_depend_on_unit_or_order() -> None:
    pairs = _problems(2, 30)
    rates = np.random.default_rng(3).uniform(size=30)
    one = said(
        prospect_theory(
            frame(
                [lottery(f"l{i}", *p, r) for i, (p, r) in enumerate(zip(pairs, rates, strict=True))]
            )
        )
    )
    cents = [[[(q, 100 * x) for q, x in reversed(side)] for side in pair] for pair in pairs]
    hundred = said(
        prospect_theory(
            frame(
                [lottery(f"l{i}", *p, r) for i, (p, r) in enumerate(zip(cents, rates, strict=True))]
            )
        )
    )
    assert [one[k] for k in one] == pytest.approx([hundred[k] for k in one], abs=1e-5)


def test_the_same_two_gambles_are_left_out_together() -> None:
    pairs = _problems(4, 6)
    people = [lottery(f"l{i}", *pair, 0.6) for i, pair in enumerate(pairs)]
    people.append(lottery("again", pairs[0][1], pairs[0][0], 0.4))
    before = said(prospect_theory(frame(people)))
    after = said(
        prospect_theory(frame([*people[:-1], lottery("again", pairs[0][1], pairs[0][0], 1.0)]))
    )
    assert before["l0"] == after["l0"]
    assert before["again"] == pytest.approx(1 - (before["l0"] or 0), abs=1e-6)


def test_utility_by_hand() -> None:
    # x = .2, y = .8: .2 - .5 * .6 = -.1; x = .7, y = .3: .7 - .25 * .4 = .6; x = .5: .5.
    found = utility(np.array([0.2, 0.7, 0.5]), np.array(0.5), np.array(0.25))
    assert found == pytest.approx([-0.1, 0.6, 0.5])


def test_fehr_schmidt_recovers_acceptance() -> None:
    rng = np.random.default_rng(6)
    people, true = [], {}
    for i in range(1500):
        share = float(rng.uniform(0.05, 0.7))
        u = share - 1.0 * max(1 - 2 * share, 0) - 0.3 * max(2 * share - 1, 0)
        p = 1 / (1 + math.exp(-6 * u))
        true[f"b{i}"] = p
        people.append(offer(f"b{i}", share, "accept" if rng.uniform() < p else "reject"))
    found = said(fehr_schmidt(frame(people)))
    off = [abs((found[k] or 0) - true[k]) for k in true]
    # 1,500 choices, three parameters: a standard error of p near .02, .04 at the ends.
    assert np.mean(off) < 0.03 and max(off) < 0.1


def test_the_target_may_be_to_reject() -> None:
    rng = np.random.default_rng(7)
    draws = [
        (float(rng.uniform()), "accept" if rng.uniform() < 0.6 else "reject") for _ in range(80)
    ]
    one = said(fehr_schmidt(frame([offer(f"b{i}", *d) for i, d in enumerate(draws)])))
    other = said(
        fehr_schmidt(
            frame([offer(f"b{i}", *d) | {"target": "reject"} for i, d in enumerate(draws)])
        )
    )
    assert [other[k] for k in one] == pytest.approx([1 - (one[k] or 0) for k in one], abs=1e-9)


U = np.array([[0.8, 0.0], [1.0, 0.5]])  # the prisoner's dilemma 8, 0, 10, 5 between 0 and 1
MOVES = ((0, 0), (1, 0), (0, 1), (1, 1))


def lead(phi: float, delta: float, kappa: float, moves: Any = MOVES) -> tuple[float, float]:
    start, learned = attractions(U, moves, 0, *(np.array([v]) for v in (phi, delta, kappa)))
    return float(start[0]), float(learned[0])


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


def test_attraction_recovers_what_made_the_choices() -> None:
    rng = np.random.default_rng(8)
    true, people = {}, []
    parameters = [np.array([v]) for v in (0.85, 0.5, 0.5)]
    for person in range(150):
        mine, theirs = "", ""
        for at in range(10):
            moves = tuple(("CD".index(x), "CD".index(y)) for x, y in zip(mine, theirs, strict=True))
            start, learned = attractions(U, moves, 0, *parameters)
            p = 1 / (1 + math.exp(-(0.5 * start[0] + 3.0 * learned[0])))
            true[f"p{person}/{at}"] = p
            mine += "C" if rng.uniform() < p else "D"
            theirs += "C" if rng.uniform() < 0.5 else "D"
        people += play(f"p{person}", mine, theirs, PD)
    found = said(attraction(frame(people)))
    off = [abs((found[k] or 0) - true[k]) for k in true]
    # 1,500 choices, five parameters: a standard error of p near .03 on average.
    assert np.mean(off) < 0.04
