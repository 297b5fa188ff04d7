"""Nash equilibria of two-player games, in exact arithmetic, and what they say about one player.

The extreme equilibria are found by enumerating the vertices of both best-response polyhedra
(Mangasarian 1964; Avis, Rosenberg, Savani & von Stengel 2010, "Enumeration of Nash equilibria for
two-player games", Economic Theory 42). Every equilibrium lies in a convex hull of extreme ones that
share one player's strategy, so the extreme ones tell uniqueness from several equilibria and from a
continuum, in degenerate games too. Payoffs are read as the decimals they are written as, and
computed with as fractions: ties are ties, and no equilibrium is lost or doubled by rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from math import comb

from tremble.errors import UserError
from tremble.games.theory.normative import Normative

Mix = tuple[Fraction, ...]
Payoffs = tuple[tuple[Fraction, ...], ...]
Table = Sequence[Sequence[float]]

MOST_SYSTEMS = 3_500  # linear systems for each player: a game of 7 x 7 has 3,431


def equilibria(own: Table, other: Table) -> tuple[tuple[Mix, Mix], ...]:
    """All extreme equilibria as (own, other's) probabilities, sorted.

    `own` and `other` hold points [own option][other's option]. Raises UserError where they are no
    two matrices of the same shape, or where the game is larger than about 7 x 7.
    """
    return _equilibria(tuple(map(tuple, own)), tuple(map(tuple, other)))


@lru_cache(maxsize=4096)
def _equilibria(own: Table, other: Table) -> tuple[tuple[Mix, Mix], ...]:
    """`equilibria` of tables that can be looked up: a data set has few, and many decisions."""
    mine, theirs = _fractions(own), _fractions(other)
    shapes = {len(row) for row in (*mine, *theirs)}
    if not mine or len(mine) != len(theirs) or len(shapes) != 1 or 0 in shapes:
        raise UserError(
            f"A game has the payoffs {own!r} and {other!r}; give two matrices of the same shape."
        )
    if too_large(len(mine), len(mine[0])):
        raise UserError(
            f"A game of {len(mine)} x {len(mine[0])} options is too large to list all equilibria; "
            "the limit is 7 x 7."
        )
    return _extreme(mine, theirs)


def too_large(rows: int, columns: int) -> bool:
    """Whether `equilibria` refuses a game with so many options."""
    return comb(rows + columns, rows) - 1 > MOST_SYSTEMS


def continuum(solutions: Sequence[tuple[Mix, Mix]]) -> bool:
    """Whether the extreme equilibria `found` span infinitely many: two of them share a strategy,
    and then every mixture of the other player's two strategies is an equilibrium with it."""
    return any(one[0] == two[0] or one[1] == two[1] for one, two in combinations(solutions, 2))


def own_play(own: Table, other: Table, keys: Sequence[str], repeated: bool = False) -> Normative:
    """What equilibrium says about the player whose options are the rows, named by `keys`.

    Where all equilibria have the same own probabilities (one equilibrium, a strictly dominant
    option), those. Else, in a 2x2 game with two pure equilibria and a mixed one, the mixed one,
    the choice of Shapira, Tennenholtz & Reichart (arXiv:2603.17218, section 5). Else None: several
    equilibria, or a continuum. With `repeated`, for a round before the last of a game of known
    length, own play must come from a single stage equilibrium: only then backward induction leaves
    the stage equilibrium as the only one of the whole game (Benoit & Krishna 1985).
    Raises UserError as `equilibria` does, except that a game too large gives None with its reason.
    """
    if own and too_large(len(own), len(own[0])):
        return Normative(None, f"too large: a game of {len(own)} x {len(own[0])} options")
    solutions = equilibria(own, other)
    mixes = {mine for mine, _ in solutions}
    if len(mixes) == 1 and not (repeated and len(solutions) > 1):
        return _shares(keys, solutions[0][0])
    if continuum(solutions):
        return Normative(None, "not unique: a continuum of equilibria")
    inner = [mine for mine, theirs in solutions if min(*mine, *theirs) > 0]
    if len(own) == len(own[0]) == 2 and len(solutions) == 3 and len(inner) == 1:
        return _shares(keys, inner[0])
    return Normative(None, f"not unique: {len(solutions)} equilibria")


def _shares(keys: Sequence[str], mix: Mix) -> Normative:
    return Normative({key: float(share) for key, share in zip(keys, mix, strict=True)})


def _fractions(table: Table) -> Payoffs:
    # repr is the shortest decimal of a float: 0.1 is a tenth, as people read it.
    return tuple(tuple(Fraction(repr(float(cell))) for cell in row) for row in table)


def _extreme(own: Payoffs, other: Payoffs) -> tuple[tuple[Mix, Mix], ...]:
    replies = tuple(zip(*other, strict=True))
    return tuple(
        sorted(
            (mine, theirs)
            for theirs, best_rows in _vertices(own).items()
            for mine, best_columns in _vertices(replies).items()
            if _support(mine) <= best_rows and _support(theirs) <= best_columns
        )
    )


def _support(mix: Mix) -> frozenset[int]:
    return frozenset(index for index, share in enumerate(mix) if share)


@lru_cache(maxsize=64)
def _vertices(payoffs: Payoffs) -> dict[Mix, frozenset[int]]:
    """The vertices of the polyhedron of all mixes over the columns with the value of a best row:
    mix -> its best rows. At a vertex with a support of k columns, some k best rows determine it."""
    vertices: dict[Mix, frozenset[int]] = {}
    rows, columns = range(len(payoffs)), range(len(payoffs[0]))
    for size in range(1, min(len(rows), len(columns)) + 1):
        for support in combinations(columns, size):
            for best in combinations(rows, size):
                solved = _equal_rows([[payoffs[r][c] for c in support] for r in best])
                if solved is None or min(solved) <= 0:
                    continue
                shares = dict(zip(support, solved, strict=True))
                mix = tuple(shares.get(c, Fraction(0)) for c in columns)
                if mix in vertices:
                    continue
                values = [sum(payoffs[r][c] * share for c, share in shares.items()) for r in rows]
                top = max(values)
                if values[best[0]] == top:
                    vertices[mix] = frozenset(r for r in rows if values[r] == top)
    return vertices


def _equal_rows(square: list[list[Fraction]]) -> list[Fraction] | None:
    """The only weights, summing to one, under which all rows are worth the same, or None."""
    size = len(square)
    system = [[*row, Fraction(-1), Fraction(0)] for row in square]
    system.append([*[Fraction(1)] * size, Fraction(0), Fraction(1)])
    for at in range(size + 1):
        pivot = next((r for r in range(at, size + 1) if system[r][at]), None)
        if pivot is None:
            return None
        system[at], system[pivot] = system[pivot], system[at]
        lead = system[at][at]
        system[at] = [cell / lead for cell in system[at]]
        for r in range(size + 1):
            if r != at and system[r][at]:
                factor = system[r][at]
                system[r] = [a - factor * b for a, b in zip(system[r], system[at], strict=True)]
    return [row[-1] for row in system[:size]]
