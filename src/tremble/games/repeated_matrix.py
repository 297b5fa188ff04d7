"""Repeated 2x2 matrix games: a told number of rounds, an end by chance, or an end nobody told.

`rules`: `rounds` (int, or None where it was not told) and `payoffs`, own option key -> other's
option key -> [own, other's]. Where the game has it: `continues`, the chance of another round after
every round (then `rounds` is None), or `ends`, the chance that there is none, where people were
told that; `error`, the chance that the other option than the chosen one is carried out; `lottery`,
true where what a round pays is drawn by lot and `payoffs` are averages; `penalties`, true where the
numbers are penalties, which everybody wants to be small.

The other player's options carry the same keys: the reader's own names for the columns. The
letters say nothing about which option is the cooperative one. Events of type `moves` hold
`choice`, `other` (None where the record contradicts itself), `points`, `other_points` (or None);
with an `error` also `carried_out`, the own option that was, and `other` is what was carried out
for the other player, whose choice the reader never learns.

Where both sides of a game decide, `roles` names them, [one, other]: `payoffs` and events are
recorded from the side of the first, and a decision of the second reads them turned round. Both
options of every round are known then, and there is no `error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tremble.decisions.record import Event
from tremble.decisions.view import View
from tremble.games.altered import amounts, times
from tremble.games.base import Family, Told, amount, points
from tremble.games.lottery import percent
from tremble.games.theory.equilibria import equilibria, own_play
from tremble.games.theory.normative import Normative

Table = list[list[float]]


_TURNED = {
    "choice": "other",
    "other": "choice",
    "points": "other_points",
    "other_points": "points",
}


def from_own_side(view: View) -> View:
    """The view as it stands; of the second of two `roles` with payoffs and rounds turned round."""
    roles = view.rules.get("roles")
    if roles is None or view.role != roles[1]:
        return view
    table = view.rules["payoffs"]
    turned = {own: {other: list(table[other][own])[::-1] for other in table} for own in table}
    events = tuple(
        Event(e.type, {_TURNED.get(key, key): value for key, value in e.data.items()}, e.seen)
        for e in view.events
    )
    return replace(view, rules={**view.rules, "payoffs": turned}, events=events)


def rules(view: View) -> list[str]:
    view = from_own_side(view)
    told = view.rules
    table, error, penalties = told["payoffs"], told.get("error"), told.get("penalties")
    if_both = (
        "If option {} is carried out for you and option {} for the other player"
        if error
        else "If you choose {} and the other player chooses {}"
    )
    lines = [
        f"- {if_both.format(own.label, other.label)}, you get "
        f"{_paid(told, table[own.key][other.key][0])} and the other player gets "
        f"{_paid(told, table[own.key][other.key][1])}."
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
        f"{'Penalties' if penalties else 'Points'} in each round{average}:\n" + "\n".join(lines),
        "Your goal is to make the sum of your penalties over all rounds as small as possible."
        if penalties
        else "Your goal is to get as many points as possible over all rounds.",
    ]


def _paid(told: Mapping[str, Any], value: float) -> str:
    """What a round paid, in words: '3 points', 'a penalty of 3'."""
    return f"a penalty of {amount(value)}" if told.get("penalties") else points(value)


def _length(told: Mapping[str, Any]) -> str:
    if told["rounds"] is not None:
        return f"The game has {told['rounds']} rounds."
    if told.get("continues") is not None:
        return (
            "The number of rounds is determined by chance. After each round, there is another "
            f"round with a probability of {percent(told['continues'])}."
        )
    if told.get("ends") is not None:
        return (
            "The number of rounds is determined by chance. After each round, the game ends with a "
            f"probability of {percent(told['ends'])}."
        )
    return "The game has several rounds. You are not told how many."


def _continues(told: Mapping[str, Any]) -> float | None:
    """The chance of another round, None where it was not told."""
    ends: float | None = told.get("ends")
    continues: float | None = told.get("continues")
    return continues if ends is None else round(1 - ends, 12)


def history(view: View) -> list[str]:
    view = from_own_side(view)
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
        sentence += f" You got {_paid(view.rules, got)}"
        if other is not None:
            sentence += f" and the other player got {_paid(view.rules, move['other_points'])}"
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
    continues = _continues(view.rules)
    if total is None and continues is None:
        return Normative(None, "not unique: no end is told")
    table, error = _gains(from_own_side(view)), view.rules.get("error") or 0
    own, other = (
        _with_error([[table[key][col][side] for col in keys] for key in keys], error)
        for side in (0, 1)
    )
    if total is None:
        return _open_end(own, other, continues or 0.0, error)
    return own_play(own, other, keys, repeated=len(view.events) + 1 < total)


def _gains(view: View) -> Any:
    """The payoffs as numbers that everybody wants to be large: penalties are below zero."""
    table = view.rules.get("payoffs")
    return times(table, -1) if view.rules.get("penalties") else table


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
    the record contradicts itself) and the reader's `points`; penalties as numbers below zero.
    `continues` and `error` where told; with an error `mine` is what was chosen, `done` and `theirs`
    what was carried out."""
    view = from_own_side(view)
    moves = [event.data for event in view.events]
    sign = -1 if view.rules.get("penalties") else 1
    got = [move.get("points") for move in moves]
    parameters = {
        "payoffs": _gains(view),
        "mine": [move["choice"] for move in moves],
        "theirs": [move.get("other") for move in moves],
        "points": [None if paid is None else times(paid, sign) for paid in got],
        "rounds": view.rules.get("rounds"),
    }
    told = {"continues": _continues(view.rules), "error": view.rules.get("error")}
    parameters |= {key: chance for key, chance in told.items() if chance is not None}
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
