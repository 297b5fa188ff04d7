"""Prospect theory: weights by hand, parameters recovered, equal gambles left out together."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.baseline_frames import frame, lottery, said
from tremble.baselines.prospect_theory import gamble_parts, prospect_theory, weight


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


Gamble = list[tuple[float, float]]


def _problems(seed: int, count: int) -> list[tuple[Gamble, Gamble]]:
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
        found.append((pair[0], pair[1]))
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
                [
                    lottery(f"l{i}", a, b, r)
                    for i, ((a, b), r) in enumerate(zip(cents, rates, strict=True))
                ]
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
