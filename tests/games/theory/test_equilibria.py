"""Nash equilibria: textbook games worked by hand, published examples, and two brute forces."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction as F
from itertools import combinations, permutations, product
from math import prod
from typing import Any

import numpy as np
import pytest

from tremble.errors import UserError
from tremble.games.theory.equilibria import MOST_SYSTEMS, continuum, equilibria, own_play, too_large

Table = list[list[int]]


def mixes(own: Table, other: Table) -> set[tuple[tuple[F, ...], tuple[F, ...]]]:
    found = equilibria(own, other)
    assert len(set(found)) == len(found)  # none twice
    return set(found)


def turned(table: Table) -> Table:
    return [list(column) for column in zip(*table, strict=True)]


HALF = (F(1, 2), F(1, 2))
THIRDS = (F(1, 3), F(1, 3), F(1, 3))
UP, DOWN = (F(1), F(0)), (F(0), F(1))


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        pytest.param([[1, -1], [-1, 1]], [[-1, 1], [1, -1]], {(HALF, HALF)}, id="pennies"),
        # 320 q + 40 (1 - q) = 40 q + 80 (1 - q) gives q = 1/8 (Goeree & Holt 2001, AER 91).
        pytest.param(
            [[320, 40], [40, 80]], [[40, 80], [80, 40]], {(HALF, (F(1, 8), F(7, 8)))}, id="320"
        ),
        # The column player is indifferent at 7 p = 10 (1 - p), the row player at 10 q = 7 (1 - q).
        pytest.param(
            [[10, 0], [0, 7]],
            [[7, 0], [0, 10]],
            {(UP, UP), (DOWN, DOWN), ((F(10, 17), F(7, 17)), (F(7, 17), F(10, 17)))},
            id="battle of the sexes",
        ),
        # -q = (1 - q) - 10 q: going straight with 1/10.
        pytest.param(
            [[0, -1], [1, -10]],
            [[0, 1], [-1, -10]],
            {(UP, DOWN), (DOWN, UP), ((F(9, 10), F(1, 10)),) * 2},
            id="chicken",
        ),
        # 4 q + (1 - q) = 3 q + 2 (1 - q): q = 1/2.
        pytest.param(
            [[4, 1], [3, 2]], [[4, 3], [1, 2]], {(UP, UP), (DOWN, DOWN), (HALF, HALF)}, id="stag"
        ),
        pytest.param([[8, 0], [10, 5]], [[8, 10], [0, 5]], {(DOWN, DOWN)}, id="dilemma"),
        pytest.param(
            [[0, -1, 1], [1, 0, -1], [-1, 1, 0]],
            [[0, 1, -1], [-1, 0, 1], [1, -1, 0]],
            {(THIRDS, THIRDS)},
            id="rock, paper, scissors",
        ),
        # The third row is dominated by both others, the third column too: pennies remain.
        pytest.param(
            [[1, -1, 0], [-1, 1, 0], [-2, -2, -3]],
            [[-1, 1, -5], [1, -1, -5], [0, 0, -9]],
            {((*HALF, F(0)), (*HALF, F(0)))},
            id="a dominated row",
        ),
        # Avis, Rosenberg, Savani & von Stengel (2010), a degenerate game: a segment and a point.
        pytest.param(
            [[3, 3], [2, 5], [0, 6]],
            [[3, 3], [2, 6], [3, 1]],
            {
                ((F(1), F(0), F(0)), UP),
                ((F(1), F(0), F(0)), (F(2, 3), F(1, 3))),
                ((F(0), F(1, 3), F(2, 3)), (F(1, 3), F(2, 3))),
            },
            id="degenerate 3 x 2",
        ),
        # Rows 2 and 3 are the same, column 3 is dominated: half of row 1, half of the other two.
        pytest.param(
            [[0, -1, 1], [-1, 0, 1], [-1, 0, 1]],
            [[0, 1, -1], [1, 0, -1], [1, 0, -1]],
            {
                ((F(1, 2), F(1, 2), F(0)), (*HALF, F(0))),
                ((F(1, 2), F(0), F(1, 2)), (*HALF, F(0))),
            },
            id="two equal rows",
        ),
        # The third row is best; where the other two are worth the same is no corner of the segment.
        pytest.param(
            [[1, 0], [0, 1], [5, 5]],
            [[0, 0], [0, 0], [3, 3]],
            {((F(0), F(0), F(1)), UP), ((F(0), F(0), F(1)), DOWN)},
            id="a dominant row and a tie",
        ),
        pytest.param(
            [[1, 1], [1, 1]],
            [[0, 0], [0, 0]],
            {(UP, UP), (UP, DOWN), (DOWN, UP), (DOWN, DOWN)},
            id="nothing matters",
        ),
    ],
)
def test_textbook_games(own: Table, other: Table, expected: set[tuple[Any, Any]]) -> None:
    assert mixes(own, other) == expected
    seen_from_the_other_side = {(theirs, mine) for mine, theirs in expected}
    assert mixes(turned(other), turned(own)) == seen_from_the_other_side


def test_payoffs_are_read_as_written() -> None:
    """0.1 + 0.2 is 0.3 in decimals: the row player is exactly indifferent in both games."""
    whole = mixes([[3, 0], [0, 3]], [[1, 2], [2, 1]])
    assert mixes([[0.3, 0], [0, 0.3]], [[0.1, 0.2], [0.2, 0.1]]) == whole == {(HALF, HALF)}  # type: ignore[list-item]
    tied = equilibria([[0.3, 0.1], [0.3, 0.0]], [[1, 0], [1, 0]])
    assert continuum(tied) and len(tied) == 2


# Brute force 1: all pairs of supports of equal size, solved by Cramer's rule.


def determinant(square: Sequence[Sequence[F]]) -> F:
    total = F(0)
    for order in permutations(range(len(square))):
        swaps = sum(a > b for a, b in combinations(order, 2))
        total += (-1) ** swaps * prod((square[r][c] for r, c in enumerate(order)), start=F(1))
    return total


def making_indifferent(table: Table, rows: Sequence[int], columns: Sequence[int]) -> list[F] | None:
    """Weights on `columns` under which `rows` are worth the same."""
    square = [[F(table[r][c] - table[rows[0]][c]) for c in columns] for r in rows[1:]]
    square.append([F(1)] * len(columns))
    whole = determinant(square)
    if not whole:
        return None
    return [
        determinant([[F(r == len(rows) - 1) if c == at else cell for c, cell in enumerate(row)]
                     for r, row in enumerate(square)]) / whole
        for at in range(len(columns))
    ]  # fmt: skip


def by_supports(own: Table, other: Table) -> set[tuple[tuple[F, ...], tuple[F, ...]]]:
    m, n = len(own), len(own[0])
    back, found = turned(other), set()
    for size in range(1, min(m, n) + 1):
        for rows, columns in product(combinations(range(m), size), combinations(range(n), size)):
            y, x = making_indifferent(own, rows, columns), making_indifferent(back, columns, rows)
            if x is None or y is None or min(*x, *y) < 0:
                continue
            mine, theirs = [F(0)] * m, [F(0)] * n
            for r, share in zip(rows, x, strict=True):
                mine[r] = share
            for c, share in zip(columns, y, strict=True):
                theirs[c] = share
            if best_replies(own, mine, theirs) and best_replies(back, theirs, mine):
                found.add((tuple(mine), tuple(theirs)))
    return found


def best_replies(table: Table, mine: Sequence[F], theirs: Sequence[F]) -> bool:
    worth = [sum(p * q for p, q in zip(row, theirs, strict=True)) for row in table]
    return all(value == max(worth) for value, share in zip(worth, mine, strict=True) if share)


@pytest.mark.parametrize("shape", [(2, 2), (2, 4), (3, 3), (4, 3), (5, 4)])
@pytest.mark.slow
def test_against_all_supports(shape: tuple[int, int]) -> None:
    """Games without ties are not degenerate, up to bad luck: then equilibria are odd in number
    (Wilson 1971) and have supports of equal size."""
    draw, compared = random.Random(shape[0] * 10 + shape[1]), 0
    for _ in range(4 if shape == (5, 4) else 15):
        own, other = (
            [[draw.randint(-999, 999) for _ in range(shape[1])] for _ in range(shape[0])]
            for _ in range(2)
        )
        expected = by_supports(own, other)
        assert mixes(own, other) == expected
        compared += len(expected) % 2
    assert compared == (4 if shape == (5, 4) else 15)


# Brute force 2: 2x2 games full of ties, every point of a grid that holds all indifference points.


def test_ties_against_a_grid() -> None:
    grid = 60  # differences of payoffs from 0 to 3 make indifference at fractions with 2 to 6 below
    p = np.arange(grid + 1)
    draw, many = random.Random(4), 0
    for _ in range(300):
        own, other = ([[draw.randint(0, 3) for _ in "ab"] for _ in "ab"] for _ in range(2))
        rows = [own[r][0] * p + own[r][1] * (grid - p) for r in (0, 1)]  # against q = p / grid
        columns = [other[0][c] * p + other[1][c] * (grid - p) for c in (0, 1)]

        def wanted(first: np.ndarray, second: np.ndarray) -> list[set[int]]:
            """For each mix of the other: the own first-option weights that are best replies."""
            every = {-1: {0}, 1: {grid}, 0: set(range(grid + 1))}
            return [every[int(sign)] for sign in np.sign(first - second)]

        mine, theirs = wanted(*rows), wanted(*columns)
        points = {(x, y) for y in range(grid + 1) for x in mine[y] if y in theirs[x]}
        found = {(int(x[0] * grid), int(y[0] * grid)) for x, y in mixes(own, other)}
        assert found <= points
        assert continuum(equilibria(own, other)) == (len(points) > len(found))
        many += len(points) > len(found)
        for x, y in points - found:  # inside a rectangle, or on an edge, of extreme equilibria
            assert any(
                min(a, b) <= x <= max(a, b)
                and min(c, d) <= y <= max(c, d)
                and {(a, d), (b, c)} <= found
                for (a, c), (b, d) in product(found, repeat=2)
            )
    assert many > 100


# What one player should do.


def play(own: Table, other: Table, repeated: bool = False) -> object:
    said = own_play(own, other, [str(n) for n in range(1, len(own) + 1)], repeated)
    return said.why if said.shares is None else list(said.shares.values())


def test_own_play() -> None:
    assert play([[40, 80], [80, 40]], [[320, 40], [40, 80]]) == [0.125, 0.875]
    assert play([[4, 1], [3, 2]], [[4, 3], [1, 2]]) == [0.5, 0.5]  # exactly: see the stag hunt
    assert play([[0, -1], [1, -10]], [[0, 1], [-1, -10]]) == [0.9, 0.1]
    three = [[2, 0, 0], [0, 2, 0], [0, 0, 2]]  # 3 pure, 3 on two options, 1 on all
    assert play(three, three) == "not unique: 7 equilibria"
    both = [[1, 0], [0, 0]]  # upper left, and lower right where nobody can gain alone
    assert play(both, both) == "not unique: 2 equilibria"
    assert play([[1, 1], [1, 0]], [[1, 0], [1, 0]]) == "not unique: a continuum of equilibria"


def test_a_strictly_dominant_option_decides_whatever_the_other_does() -> None:
    dominant, indifferent = [[2, 5], [1, 4]], [[3, 3], [0, 0]]
    assert len(equilibria(dominant, indifferent)) == 2
    assert play(dominant, indifferent) == [1, 0]
    # In an early round the other's tie can reward or punish: the whole game has other equilibria.
    assert play(dominant, indifferent, repeated=True) == "not unique: a continuum of equilibria"
    assert play([[8, 0], [10, 5]], [[8, 10], [0, 5]], repeated=True) == [0, 1]


def test_what_is_refused() -> None:
    with pytest.raises(UserError, match="two matrices of the same shape"):
        equilibria([[1, 2], [3, 4]], [[1, 2]])
    with pytest.raises(UserError, match="two matrices of the same shape"):
        equilibria([[]], [[]])
    large = [[0] * 8 for _ in range(8)]
    with pytest.raises(UserError, match="8 x 8 options is too large"):
        equilibria(large, large)
    assert play(large, large) == "too large: a game of 8 x 8 options"
    assert not too_large(7, 7) and MOST_SYSTEMS >= 3431  # 14! / (7! 7!) = 3432
