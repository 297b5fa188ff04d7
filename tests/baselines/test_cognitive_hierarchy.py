"""Cognitive hierarchy against levels worked out by hand; tau recovered from simulated rates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.baseline_frames import frame, game, shares
from tremble.baselines.cognitive_hierarchy import TAUS, cognitive_hierarchy, hierarchy, solve

OWN = np.array([[3.0, 0.0], [1.0, 1.0], [0.0, 2.5]])
OTHER = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]])


def mix(own: np.ndarray, other: np.ndarray, tau: float) -> np.ndarray:
    return hierarchy(own[None], other[None], np.array([tau]))[0, 0]


def test_with_tau_0_everybody_plays_every_option_alike() -> None:
    assert mix(OWN, OTHER, 0.0) == pytest.approx([1 / 3] * 3)


def test_levels_by_hand() -> None:
    tau = 1.2
    f = [math.exp(-tau) * tau**k / math.factorial(k) for k in range(21)]
    # Level 1 against even play: rows are worth 1.5, 1, 1.25: the first. The other player's
    # columns are worth 1/3 and 1: the second.
    # Level 2 meets level 0 and 1 as f0 : f1 = 1 : 1.2. Columns: left 1/2 * 1/2.2 = .227, right
    # .773. Rows: .682, 1, 1.932: the third. Other: rows at (1/3 + 1.2)/2.2 = .697, .152, .152:
    # left .697, right .304 + .152 = .455: the first.
    # Level 3, weights 1, 1.2, .72 of 2.92: columns left (.5 + .72)/2.92 = .418, right .582;
    # rows 1.253, 1, 1.455: the third. Other: rows (1/3 + 1.2)/2.92 = .525, .114, (1/3 + .72)/2.92
    # = .361: left .525, right .228 + .361 = .589: the second.
    first = f[0] / 3 + f[1]
    third = f[0] / 3 + f[2] + f[3]
    higher = sum(f[4:])
    found = mix(OWN, OTHER, tau)
    assert found[1] >= f[0] / 3 - 1e-12
    assert first - 1e-9 <= found[0] <= first + higher + 1e-9
    assert third - 1e-9 <= found[2] <= third + higher + 1e-9
    assert found.sum() == pytest.approx(1)


def test_a_loop_over_levels_agrees() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        own, other = rng.uniform(size=(3, 4)), rng.uniform(size=(3, 4))
        for tau in (0.3, 1.5, 4.0):
            f = [math.exp(-tau) * tau**k / math.factorial(k) for k in range(21)]
            p, q = [np.full(3, 1 / 3)], [np.full(4, 1 / 4)]
            for k in range(1, 21):
                belief_q = sum(w * x for w, x in zip(f, q, strict=False)) / sum(f[:k])
                belief_p = sum(w * x for w, x in zip(f, p, strict=False)) / sum(f[:k])
                p.append(np.eye(3)[np.argmax(own @ belief_q)])
                q.append(np.eye(4)[np.argmax(other.T @ belief_p)])
            want = sum(w * x for w, x in zip(f, p, strict=True)) / sum(f)
            assert mix(own, other, tau) == pytest.approx(want, abs=1e-9)


def test_level_options_are_played_alike() -> None:
    own = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    # Against even play the first two are level; a symmetric game keeps the other player even.
    assert mix(own, np.ones((3, 2)), 1.0) == pytest.approx(
        [math.exp(-1) / 3 + (1 - math.exp(-1)) / 2] * 2 + [math.exp(-1) / 3], abs=1e-6
    )


def test_tau_is_recovered_from_simulated_rates() -> None:
    rng = np.random.default_rng(5)
    games = [(rng.uniform(size=(3, 3)), rng.uniform(size=(3, 3))) for _ in range(60)]
    tables = [table for table in solve(games) if table is not None]
    place = int(np.argmin(np.abs(TAUS - 1.5)))
    people = [
        game(f"g{i}", *payoffs, rng.multinomial(200, table[place]) / 200)
        for i, (payoffs, table) in enumerate(zip(games, tables, strict=True))
    ]
    found = cognitive_hierarchy(frame(people))
    # e^-tau / 3 is the least share of any option. At 12,000 choices tau has a standard error
    # near .02, two more for the jumps of best answers: .1 is five of them.
    for i, table in enumerate(tables):
        distance = np.abs(table - np.array(shares(found, f"g{i}"))).max(axis=1)
        assert np.abs(TAUS[np.isclose(distance, 0, atol=1e-9)] - 1.5).min() <= 0.1


def test_a_game_and_its_other_side_are_left_out_together() -> None:
    rng = np.random.default_rng(6)
    games = [(rng.uniform(size=(2, 3)), rng.uniform(size=(2, 3))) for _ in range(4)]
    people = [game(f"r{i}", *g, [0.8, 0.2]) for i, g in enumerate(games)]
    people += [game(f"c{i}", g[1].T, g[0].T, [0.5, 0.3, 0.2]) for i, g in enumerate(games)]
    before = cognitive_hierarchy(frame(people))
    changed = [{**d, "rates": [0.0, 0.0, 1.0]} if d["decision"] == "c0" else d for d in people]
    after = cognitive_hierarchy(frame(changed))
    assert shares(before, "r0") == shares(after, "r0")
    assert shares(before, "c0") == shares(after, "c0")
