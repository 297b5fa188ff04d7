"""One-shot normal-form games of two players, any size, seen from one side.

`rules`: `own_payoffs` and `other_payoffs`, matrices of points [own option][other's option].
The key of an own option is its row, "1" for the first; the other player's options are numbered
1, 2, ... so that no letter of the reader's names a column. `LABELS` are the letters by position:
consonants without an order of their own, so that none reads as the first or the best. Rows are
shown in both orders; the middle one of three keeps its place and letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tremble.decisions.record import Decision, Game, Option
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.games.altered import amounts
from tremble.games.base import Family, points
from tremble.games.theory.equilibria import own_play
from tremble.games.theory.normative import Normative

LABELS = ("J", "F", "Q", "X", "M", "K")
PAYOFFS = ("own_payoffs", "other_payoffs")


def options(count: int) -> tuple[Option, ...]:
    """The options of a player with `count` rows, at most six."""
    return tuple(Option(str(row), label) for row, label in enumerate(LABELS[:count], start=1))


def in_one_game(id_: str, views: Mapping[str, Decision]) -> list[Decision]:
    """The views of both sides of one game, by side, as decisions of one play: their errors have
    much in common, so they are resampled and left out together. A single view stays as it is."""
    if len(views) < 2:
        return list(views.values())
    first = next(iter(views.values()))
    private = {side: dict(view.parameters) for side, view in views.items()}
    game = Game(id_, first.dataset, first.family, {"private": private}, ())
    return [replace(view, game=game, rules=None, role=side) for side, view in views.items()]


def _payoffs(view: View) -> list[list[tuple[float, float]]]:
    """(own, other's) points per own option in shown order and other's option.

    Raises UserError where the matrices and the keys of the options do not fit together.
    """
    own, other = view.rules.get("own_payoffs"), view.rules.get("other_payoffs")
    keys = [option.key for option in view.options]
    fits = isinstance(own, list | tuple) and isinstance(other, list | tuple)
    try:
        cells = [
            [(float(mine), float(theirs)) for mine, theirs in zip(*rows, strict=True)]
            for rows in zip(own or (), other or (), strict=True)
        ]
    except (TypeError, ValueError):
        cells, fits = [], False
    numbers = [str(row) for row in range(1, len(cells) + 1)]
    if not fits or sorted(keys) != sorted(numbers) or len({len(row) for row in cells}) != 1:
        raise UserError(
            f"A one-shot game with the options {', '.join(keys)} has own_payoffs {own!r} and "
            f"other_payoffs {other!r}; give two matrices of the same shape, and use the row "
            'numbers, from "1", as keys of the options.'
        )
    return [cells[int(key) - 1] for key in keys]


def rules(view: View) -> list[str]:
    return [
        "You are playing a game with another player. The game is played once. Each of you chooses "
        "one option without knowing what the other chooses. The points that each of you gets "
        "depend on both choices. Both of you know the points for every combination of choices.",
        "Your goal is to get as many points as possible.",
    ]


def history(view: View) -> list[str]:
    rows = _payoffs(view)
    letters = [option.label for option in view.options]
    numbers = [str(number) for number in range(1, len(rows[0]) + 1)]
    lines = [
        f"Your options: {', '.join(letters)}. The other player's options: {', '.join(numbers)}."
    ]
    lines += [
        f"If you choose {letter} and the other player chooses {number}, you get {points(own)} and "
        f"the other player gets {points(other)}."
        for letter, row in zip(letters, rows, strict=True)
        for number, (own, other) in zip(numbers, row, strict=True)
    ]
    return lines


def question(view: View) -> str:
    return "Which option do you choose?"


def normative(view: View) -> Normative:
    """Own probabilities in equilibrium; see `games.theory.equilibria.own_play`."""
    rows = _payoffs(view)
    own, other = ([[cell[side] for cell in row] for row in rows] for side in (0, 1))
    return own_play(own, other, [option.key for option in view.options])


def numbers(view: View) -> dict[str, Any]:
    """`own` and `other` points, a list per own option in shown order, a number per other's."""
    rows = _payoffs(view)
    return {
        "own": [[mine for mine, _ in row] for row in rows],
        "other": [[theirs for _, theirs in row] for row in rows],
    }


FAMILY = Family(
    "one_shot_matrix",
    rules,
    history,
    question,
    both_orders=True,
    numbers=numbers,
    normative=normative,
    sides=lambda _: ("the player you are matched with", "the other player"),
    scaled=amounts(*PAYOFFS),
    on_the_table=PAYOFFS,
)
