"""Repeated 2x2 matrix games: ten rounds of the prisoner's dilemma or the battle of the sexes.

`rules`: `rounds` (int) and `payoffs`, own option key -> other's option key -> [own, other's].
The other player's options carry the same keys: the reader's own names for the columns. The
letters say nothing about which option is the cooperative one. Events of type `moves` hold
`choice`, `other` (None where the record contradicts itself), `points`, `other_points` (or None).
"""

from __future__ import annotations

from typing import Any

from tremble.games import Family, Normative, View, amount
from tremble.games.equilibria import own_play


def rules(view: View) -> list[str]:
    table = view.rules["payoffs"]
    lines = [
        f"- If you choose {own.label} and the other player chooses {other.label}, you get "
        f"{amount(table[own.key][other.key][0])} points and the other player gets "
        f"{amount(table[own.key][other.key][1])} points."
        for own in view.rows
        for other in view.rows
    ]
    first, second = (option.label for option in view.options)
    return [
        f"You play a game with another player for {view.rules['rounds']} rounds. In every round "
        f"each of you chooses option {first} or option {second}, without knowing what the other "
        "chooses in that round. After the round both of you learn both choices.",
        "Points per round:\n" + "\n".join(lines),
        "You want as many points as possible over all rounds.",
    ]


def history(view: View) -> list[str]:
    lines = []
    total = view.rules["rounds"]
    for number, event in enumerate(view.events, start=1):
        move = event.data
        lines.append(f"Round {number} of {total}:")
        own = f"You chose {view.label(move['choice'])}"
        if move.get("other") is None:
            lines.append(f"{own}. You got {amount(move['points'])} points.")
        else:
            lines.append(
                f"{own}, the other player chose {view.label(move['other'])}. You got "
                f"{amount(move['points'])} points, the other player got "
                f"{amount(move['other_points'])}."
            )
    lines.append(f"Round {len(view.events) + 1} of {total}:")
    return lines


def question(view: View) -> str:
    return "Which option do you choose in the current round?"


def normative(view: View) -> Normative:
    """The equilibrium of the stage game, played in every round of a game whose end is told."""
    keys, total = [option.key for option in view.options], view.rules.get("rounds")
    if total is None:
        return Normative(None, "not unique: no end is told")
    table = view.rules["payoffs"]
    own, other = ([[table[key][col][side] for col in keys] for key in keys] for side in (0, 1))
    return own_play(own, other, keys, repeated=len(view.events) + 1 < total)


def numbers(view: View) -> dict[str, Any]:
    """The payoffs as told, and what both did in every round before: `mine`, `theirs` (null where
    the record contradicts itself) and the reader's `points`."""
    moves = [event.data for event in view.events]
    return {
        "payoffs": view.rules.get("payoffs"),
        "mine": [move["choice"] for move in moves],
        "theirs": [move.get("other") for move in moves],
        "points": [move.get("points") for move in moves],
        "rounds": view.rules.get("rounds"),
    }


FAMILY = Family(
    "repeated_matrix",
    rules,
    history,
    question,
    numbers=numbers,
    normative=normative,
    sides=lambda _: ("the player you face", "the other player"),
    payoff_rows=True,
)
