"""Repeated 2x2 matrix games: a told number of rounds, an end by chance, or an end nobody told.

`rules`: `rounds` (int, or None where it was not told) and `payoffs`, own option key -> other's
option key -> [own, other's]. Where the game has it: `continues`, the chance of another round after
every round (then `rounds` is None); `error`, the chance that the other option than the chosen one
is carried out; `lottery`, true where what a round pays is drawn by lot and `payoffs` are averages.

The other player's options carry the same keys: the reader's own names for the columns. The
letters say nothing about which option is the cooperative one. Events of type `moves` hold
`choice`, `other` (None where the record contradicts itself), `points`, `other_points` (or None);
with an `error` also `carried_out`, the own option that was, and `other` is what was carried out
for the other player, whose choice the reader never learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tremble.decisions.view import View
from tremble.games.altered import amounts
from tremble.games.base import Family, Told, points
from tremble.games.lottery import percent
from tremble.games.theory.equilibria import equilibria, own_play
from tremble.games.theory.normative import Normative

Table = list[list[float]]


def rules(view: View) -> list[str]:
    told = view.rules
    table, error = told["payoffs"], told.get("error")
    if_both = (
        "If option {} is carried out for you and option {} for the other player"
        if error
        else "If you choose {} and the other player chooses {}"
    )
    lines = [
        f"- {if_both.format(own.label, other.label)}, you get "
        f"{points(table[own.key][other.key][0])} and the other player gets "
        f"{points(table[own.key][other.key][1])}."
        for own in view.rows
        for other in view.rows
    ]
    first, second = (option.label for option in view.options)
    after = "After each round, both of you learn what the other chose."
    if error:
        after = (
            f"With a probability of {percent(error)}, the option that is carried out for you is "
            "not the one you chose but the other one. The same is true for the other player. After "
            "each round, both of you learn which options were carried out, but not what the other "
            "chose."
        )
    average = (
        ", on average (the points in a single round are drawn at random)"
        if told.get("lottery")
        else ""
    )
    return [
        f"You are playing a game with another player. {_length(told)} In each round, each of you "
        f"chooses option {first} or option {second} without knowing what the other chooses in that "
        f"round. {after}",
        f"Points in each round{average}:\n" + "\n".join(lines),
        "Your goal is to get as many points as possible over all rounds.",
    ]


def _length(told: Mapping[str, Any]) -> str:
    if told["rounds"] is not None:
        return f"The game has {told['rounds']} rounds."
    if told.get("continues") is not None:
        return (
            "The number of rounds is determined by chance. After each round, there is another "
            f"round with a probability of {percent(told['continues'])}."
        )
    return "The game has several rounds. You are not told how many."


def history(view: View) -> list[str]:
    lines = []
    total = view.rules["rounds"]
    of = "" if total is None else f" of {total}"
    for number, event in enumerate(view.events, start=1):
        lines += [f"Round {number}{of}:", _round(view, event.data)]
    lines.append(f"Round {len(view.events) + 1}{of}:")
    return lines


def _round(view: View, move: Mapping[str, Any]) -> str:
    """What one round was, in a line: both options and both payments, as far as they are known."""
    sentence = f"You chose {view.label(move['choice'])}"
    other, got = move.get("other"), move.get("points")
    if move.get("carried_out") is not None:
        sentence += f". Option {view.label(move['carried_out'])} was carried out for you"
        if other is not None:
            sentence += f" and option {view.label(other)} for the other player"
    elif other is not None:
        sentence += f" and the other player chose {view.label(other)}"
    sentence += "."
    if got is not None:
        sentence += f" You got {points(got)}"
        if other is not None:
            sentence += f" and the other player got {points(move['other_points'])}"
        sentence += "."
    return sentence


def question(view: View) -> str:
    return "Which option do you choose in the current round?"


def normative(view: View) -> Normative:
    """The equilibrium of the stage game, played in every round of a game whose end is told.

    Where options are carried out with an error, of the game of expected points. Without a told end
    None: see `_open_end`.
    """
    keys, total = [option.key for option in view.options], view.rules.get("rounds")
    if total is None and view.rules.get("continues") is None:
        return Normative(None, "not unique: no end is told")
    table, error = view.rules["payoffs"], view.rules.get("error") or 0
    own, other = (
        _with_error([[table[key][col][side] for col in keys] for key in keys], error)
        for side in (0, 1)
    )
    if total is None:
        return _open_end(own, other, view.rules["continues"], error)
    return own_play(own, other, keys, repeated=len(view.events) + 1 < total)


def _with_error(points: Table, error: float) -> Table:
    """Expected points of the options chosen, where each of the two players' is carried out as the
    other one with probability `error`; to 12 decimals, so that rounding breaks no tie."""
    if not error:
        return points
    right = 1 - error
    mixed = [
        [right * a + error * b for a, b in zip(row, points[1 - at], strict=True)]
        for at, row in enumerate(points)
    ]
    return [[round(right * row[at] + error * row[1 - at], 12) for at in (0, 1)] for row in mixed]


def _open_end(own: Table, other: Table, continues: float, error: float) -> Normative:
    """Theory of a game that goes on with probability `continues`: no probabilities, and why.

    Not unique where the stage game has several equilibria, or where going back to its one
    equilibrium for good keeps both from leaving a cell that both like better (J. W. Friedman 1971,
    Review of Economic Studies 38): what leaving gains once x (1 - continues) is at most what each
    later round loses x continues. Else, and where errors blur what was done, no claim is made.
    """
    solutions = equilibria(own, other)
    if len(solutions) > 1:
        return Normative(None, "not unique: no end is told")
    row, column = (next((at for at in (0, 1) if mix[at] == 1), None) for mix in solutions[0])
    if row is not None and column is not None and not error:
        cell = (1 - row, 1 - column)  # in the two others one player does no better
        kept = all(
            (table[cell[0]][cell[1]] - table[row][column]) * continues
            >= (best - table[cell[0]][cell[1]]) * (1 - continues) - 1e-9
            and table[cell[0]][cell[1]] > table[row][column]
            for table, best in (
                (own, max(own[at][cell[1]] for at in (0, 1))),
                (other, max(other[cell[0]])),
            )
        )
        if kept:
            return Normative(None, "not unique: no end is told")
    return Normative(None, "undetermined: no end is told")


def numbers(view: View) -> dict[str, Any]:
    """The payoffs as told, and what both did in every round before: `mine`, `theirs` (null where
    the record contradicts itself) and the reader's `points`. `continues` and `error` where told;
    with an error `mine` is what was chosen, `done` and `theirs` what was carried out."""
    moves = [event.data for event in view.events]
    parameters = {
        "payoffs": view.rules.get("payoffs"),
        "mine": [move["choice"] for move in moves],
        "theirs": [move.get("other") for move in moves],
        "points": [move.get("points") for move in moves],
        "rounds": view.rules.get("rounds"),
    }
    for key in ("continues", "error"):
        if view.rules.get(key) is not None:
            parameters[key] = view.rules[key]
    if view.rules.get("error"):
        parameters["done"] = [move["carried_out"] for move in moves]
    return parameters


def misled(view: View) -> dict[str, Any]:
    """The payoffs with the two options exchanged, for both players; where that is the same table,
    for the reader alone."""
    table = view.rules["payoffs"]
    keys = [option.key for option in view.rows]
    other = dict(zip(keys, reversed(keys), strict=True))
    both = {a: {b: table[other[a]][other[b]] for b in keys} for a in keys}
    own = {a: table[other[a]] for a in keys}
    return {**view.rules, "payoffs": own if both == table else both}


def retold(event: Told, there: Told, here: Told) -> dict[str, Any] | None:
    """A round of another game with the points it pays here; None where chance decides on them or
    where they are not known."""
    mine, theirs = event.get("carried_out") or event["choice"], event.get("other")
    if here.get("lottery") or theirs is None or event.get("points") is None:
        return None
    own, others = here["payoffs"][mine][theirs]
    return {**event, "points": own, "other_points": others}


FAMILY = Family(
    "repeated_matrix",
    rules,
    history,
    question,
    numbers=numbers,
    normative=normative,
    sides=lambda _: ("the player you are matched with", "the other player"),
    payoff_rows=True,
    misled=misled,
    scaled=amounts("payoffs", "points", "other_points"),
    retold=retold,
)
