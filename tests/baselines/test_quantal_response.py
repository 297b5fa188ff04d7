"""Quantal response against hand values and scipy's root finder; precision recovered."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, root

from tests.support.baseline_frames import PD, frame, game, play, shares
from tremble.baselines.option_grid import unit_scale
from tremble.baselines.quantal_response import PRECISIONS, principal_branch, quantal_response, solve

PENNIES = np.array([[1.0, 0.0], [0.0, 1.0]])


def at(own: np.ndarray, other: np.ndarray, precision: float) -> np.ndarray:
    """Own shares at one precision, traced from 0 in small steps."""
    steps = np.linspace(0, precision, 200)
    traced, sound = principal_branch(own[None], other[None], steps)
    assert sound.all()
    return traced[-1, 0]


def test_without_precision_everything_is_played_alike() -> None:
    rng = np.random.default_rng(0)
    found = solve([(rng.normal(size=(3, 4)), rng.normal(size=(3, 4)))])[0]
    assert found is not None
    assert found[0] == pytest.approx([1 / 3] * 3)


def test_matching_pennies_stay_even_at_every_precision() -> None:
    found = solve([(PENNIES, 1 - PENNIES)])[0]
    assert found is not None
    assert found == pytest.approx(np.full((len(PRECISIONS), 2), 0.5), abs=1e-8)


def test_payoffs_raised_to_320_go_to_nash_as_precision_grows() -> None:
    # Goeree and Holt (2001), asymmetric matching pennies: row gets 320 or 40 for up, 40 or 80
    # for down; the column player's 40 and 80 change places. Nash: row even, column left 1/8.
    row = np.array([[320.0, 40.0], [40.0, 80.0]])
    column = np.array([[40.0, 80.0], [80.0, 40.0]])
    mine = at(unit_scale(row), unit_scale(column), 2000.0)
    theirs = at(unit_scale(column.T), unit_scale(row.T), 2000.0)
    assert mine == pytest.approx([0.5, 0.5], abs=0.01)
    assert theirs == pytest.approx([1 / 8, 7 / 8], abs=0.01)


@pytest.mark.parametrize("precision", [0.5, 2.0, 8.0, 40.0])
def test_asymmetric_pennies_agree_with_a_root_finder(precision: float) -> None:
    row = unit_scale(np.array([[320.0, 40.0], [40.0, 80.0]]))
    column = unit_scale(np.array([[40.0, 80.0], [80.0, 40.0]]))

    def logit(lead: float) -> float:
        return 1 / (1 + np.exp(-precision * lead))

    def column_share(p: float) -> float:
        return logit(p * (column[0, 0] - column[0, 1]) + (1 - p) * (column[1, 0] - column[1, 1]))

    def gap(p: float) -> float:
        q = column_share(p)
        return logit(q * (row[0, 0] - row[1, 0]) + (1 - q) * (row[0, 1] - row[1, 1])) - p

    # The gap falls in p: the fixed point is unique.
    want = brentq(gap, 0, 1, xtol=1e-14)
    assert at(row, column, precision)[0] == pytest.approx(want, abs=1e-7)


def test_larger_games_agree_with_scipy_at_low_precision() -> None:
    # At a precision this low the answer map contracts: one fixed point, whatever the start.
    rng = np.random.default_rng(4)
    for n, m in [(2, 5), (3, 3), (4, 2)]:
        own, other = unit_scale(rng.normal(size=(n, m))), unit_scale(rng.normal(size=(n, m)))

        def gap(
            x: np.ndarray, own: np.ndarray = own, other: np.ndarray = other, n: int = n
        ) -> np.ndarray:
            p, q = np.exp(1.5 * own @ x[n:]), np.exp(1.5 * other.T @ x[:n])
            return np.concatenate([p / p.sum(), q / q.sum()]) - x

        want = root(gap, np.full(n + m, 0.3), tol=1e-13).x[:n]
        assert at(own, other, 1.5) == pytest.approx(want, abs=1e-8)


def test_the_branch_from_zero_picks_the_risk_dominant_side() -> None:
    # Stag hunt: 9,9 / 0,8 / 8,0 / 7,7. Hare is risk dominant (7 - 0 > 9 - 8).
    own = unit_scale(np.array([[9.0, 0.0], [8.0, 7.0]]))
    found = at(own, own.T, 60.0)
    assert found[1] > 0.999


@pytest.mark.slow
def test_every_game_is_solved_and_is_a_fixed_point() -> None:
    rng = np.random.default_rng(1)
    own, other = rng.uniform(size=(300, 3, 3)), rng.uniform(size=(300, 3, 3))
    traced, sound = principal_branch(own, other, PRECISIONS)
    assert sound.mean() > 0.99
    back, _ = principal_branch(np.swapaxes(other, 1, 2), np.swapaxes(own, 1, 2), PRECISIONS)
    lead = np.einsum("gij,pgj->pgi", own, back) * PRECISIONS[:, None, None]
    answer = np.exp(lead - lead.max(axis=2, keepdims=True))
    answer /= answer.sum(axis=2, keepdims=True)
    # Both sides trace the same branch but where a fold lets them part.
    agree = np.abs(answer - traced).max(axis=(0, 2)) < 1e-6
    assert agree.mean() > 0.97


def test_shares_do_not_depend_on_the_unit_of_money() -> None:
    rng = np.random.default_rng(2)
    own, other = rng.uniform(size=(3, 3)), rng.uniform(size=(3, 3))
    one, hundred = solve([(own, other), (100 * own - 7, 3 * other + 50)])
    assert one == pytest.approx(hundred, abs=1e-7)


def test_the_precision_is_recovered_from_simulated_rates() -> None:
    rng = np.random.default_rng(3)
    games = [(rng.uniform(size=(3, 3)), rng.uniform(size=(3, 3))) for _ in range(60)]
    place = 35
    true = [table[place] for table in solve(games) if table is not None]
    assert len(true) == 60
    people = [
        game(f"g{i}", *payoffs, rng.multinomial(200, p) / 200)
        for i, (payoffs, p) in enumerate(zip(games, true, strict=True))
    ]
    found = quantal_response(frame(people))
    # Standard error of the precision from 12,000 choices is about 2%; a step of the grid is 12%.
    want = [
        {tuple(np.round(table[k], 9)) for k in (place - 1, place, place + 1)}
        for table in solve(games)
        if table is not None
    ]
    for i in range(60):
        assert tuple(np.round(shares(found, f"g{i}"), 9)) in want[i]


def test_repeated_games_are_predicted_by_their_stage_game_alone() -> None:
    people = [d for i in range(5) for d in play(f"p{i}", "CDDD" if i else "CCCC", "CCDD", PD)]
    found = quantal_response(frame(people))
    assert found.height == 2 * len(people)
    assert shares(found, "p0/0") == shares(found, "p0/3")
    assert found["prediction"].n_unique() == 2  # leaving people out would be all that varies
    p = shares(found, "p0/0")
    assert p[0] < 0.5 and sum(p) == pytest.approx(1)


def test_two_games_are_too_few() -> None:
    found = quantal_response(
        frame([game(f"g{i}", PENNIES * (i + 1), PENNIES, [0.5, 0.5]) for i in range(2)])
    )
    # Both are the same game but for the scale; cells differ, so there are two groups.
    assert found["prediction"].to_list() == [None, None]
    assert (
        found["why"][0]
        == "only 2 participants, games or problems; at least 3 are needed to leave one out"
    )
