"""The twelve topologies of a 2x2 game without ties (Robinson & Goforth 2005, "The Topology of the
2x2 Games"): the order of a player's own four payoffs once both players' options are arranged.

Arranged, the row player's best payoff stands in the left column and the column player's best in
the upper row. Payoffs are lists [own option][other's option], for the other player as well.
"""

from __future__ import annotations

from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]

# Ranks, 4 the best, of upper left, upper right, lower left, lower right, for the row player.
TOPOLOGIES: dict[tuple[int, int, int, int], str] = {
    (3, 2, 4, 1): "chicken",
    (2, 3, 4, 1): "leader",
    (1, 3, 4, 2): "hero",
    (1, 2, 4, 3): "compromise",
    (2, 1, 4, 3): "deadlock",
    (3, 1, 4, 2): "dilemma",
    (4, 1, 3, 2): "staghunt",
    (4, 1, 2, 3): "assurance",
    (4, 2, 1, 3): "safecoord",
    (4, 3, 1, 2): "peace",
    (4, 3, 2, 1): "harmony",
    (4, 2, 3, 1): "concord",
}


def topology(own: Matrix, other: Matrix) -> str | None:
    """The topology as the player sees it whose options are the rows.

    None for a game that is not 2x2, where two of the own payoffs tie, and where the other player's
    best payoff stands in both rows, so that the rows cannot be arranged. Other ties among the other
    player's payoffs leave the own order as it is.
    """
    if any(len(table) != 2 or any(len(row) != 2 for row in table) for table in (own, other)):
        return None
    cells = sorted(cell for row in own for cell in row)
    if len(set(cells)) < 4 or max(other[0]) == max(other[1]):
        return None
    left = 0 if max(own[0][0], own[1][0]) == cells[-1] else 1
    upper = 0 if max(other[0]) > max(other[1]) else 1
    ul, ur, ll, lr = (
        cells.index(own[row][column]) + 1
        for row in (upper, 1 - upper)
        for column in (left, 1 - left)
    )
    return TOPOLOGIES[ul, ur, ll, lr]


def topologies(own: Matrix, other: Matrix) -> tuple[str | None, str | None]:
    """The topology as each of the two players sees it: the row player's, the column player's."""
    return topology(own, other), topology(_turned(other), _turned(own))


def _turned(table: Matrix) -> list[list[float]]:
    return [list(column) for column in zip(*table, strict=True)]
