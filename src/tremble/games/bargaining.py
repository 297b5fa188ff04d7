"""Bargaining: two players take turns in offering how to divide a sum of money (Rubinstein).

`rules`: `money` (dollars), `delta` (own discount factor), `other_delta` (None where untold),
`complete_information`, `messages` (whether offers carry one), `rounds` (None where untold).
Events: `offer` with `player`, `gains` (player -> dollars) and perhaps a `message`; `decision` with
`player` and `choice`. Amounts are nominal: nobody saw a discounted one. Under incomplete
information the words never depend on the other's discount factor, not even on whether it is 1.
"""

from __future__ import annotations

from typing import Any

from tremble.decisions.view import View
from tremble.games.altered import amounts, in_proportion
from tremble.games.base import Family, money
from tremble.games.dialogue import (
    MESSAGES,
    ON_OFFER,
    in_shown_order,
    options_in_words,
    other,
    percent,
    round_line,
    sides,
    wrote,
)
from tremble.games.theory import rubinstein


def rules(view: View) -> list[str]:
    rival, first = other(view), "you make" if view.role == "Alice" else "Alice makes"
    told = view.rules
    verbs = in_shown_order(view, {"accept": "accept", "reject": "reject"})
    play = (
        f"You are {view.role}. You and {rival} have {money(told['money'])} to divide between you. "
        f"In round 1, {first} an offer that states how much money each of you would get. The "
        f"player who receives an offer can {verbs} it. A player who rejects an offer makes the "
        "offer in the next round."
    )
    if told["messages"]:
        play += MESSAGES
    if told["rounds"] is not None:
        play += (
            f" There are {told['rounds']} rounds. If no offer is accepted by the end of the last "
            "round, both of you get nothing."
        )
    end = (
        " In the last round, the game ends instead and both of you get nothing."
        if told["rounds"] is not None
        else ""
    )
    meaning = {
        "accept": "The money is divided as offered and the game ends.",
        "reject": f"The next round begins and you make the offer.{end}",
    }
    return [
        play,
        *_inflation(view),
        "Your goal is to get as much money as possible.",
        f"{ON_OFFER}\n{options_in_words(view, meaning)}",
    ]


def _inflation(view: View) -> list[str]:
    rival, own, others = other(view), view.rules["delta"], view.rules["other_delta"]
    loss = "There is inflation: in each round after the first, the money is worth "
    loss += f"{percent(1 - own)} less"
    before = "than in the round before."
    if not view.rules["complete_information"]:
        unknown = f"You are not told how inflation affects the money for {rival}."
        return [f"{loss} to you {before} {unknown}"]
    if own == others:
        return [f"{loss} {before}"] if own != 1 else []
    return [f"{loss} to you and {percent(1 - others)} less to {rival} {before}"]


def history(view: View) -> list[str]:
    lines: list[str] = []
    shown: int | None = None
    for event in view.events:
        data = event.data
        mine = data["player"] == view.role
        if data["round"] != shown:
            shown = data["round"]
            lines.append(round_line(view, shown))
        if event.type == "offer":
            if not mine:
                lines += _lost_so_far(view, data["round"])
            whose = "Your" if mine else f"{data['player']}'s"
            rival = other(view)
            lines.append(
                f"{whose} offer: You get {money(data['gains'][view.role])} and {rival} gets "
                f"{money(data['gains'][rival])}."
            )
            lines += wrote(view, data)
        else:
            who, whose = ("You", f"{other(view)}'s") if mine else (data["player"], "your")
            lines.append(f"{who} {_DONE[data['choice']]} {whose} offer.")
    return lines if shown == view.round else [*lines, round_line(view, view.round)]


_DONE = {"accept": "accepted", "reject": "rejected"}


def _lost_so_far(view: View, number: int) -> list[str]:
    lost = 1 - view.rules["delta"] ** (number - 1)
    if not lost:
        return []
    return [
        f"Because of inflation, each dollar you get in this round is worth {percent(lost)} less to "
        "you than a dollar in round 1."
    ]


def question(view: View) -> str:
    return f"How do you respond to {other(view)}'s offer in the current round?"


def numbers(view: View) -> dict[str, Any]:
    """`share` of the pot on offer to the reader, both discount factors, the round of how many.

    Null where there is no offer on the table, and for what the reader was not told.
    """
    offers = [event.data for event in view.events if event.type == "offer"]
    pot = sum(offers[-1]["gains"].values()) if offers else 0
    return {
        "share": offers[-1]["gains"][view.role] / pot if pot else None,
        "delta": view.rules.get("delta"),
        "other_delta": view.rules.get("other_delta"),
        "round": view.round,
        "rounds": view.rules.get("rounds"),
    }


def misled(view: View) -> dict[str, Any]:
    """Each discount factor told turned round: 0.9 is 0.1, and where nothing is lost, half is."""
    told = dict(view.rules)
    for name in ("delta", "other_delta"):
        if told[name] is not None:
            told[name] = 0.5 if told[name] in (0, 1) else round(1 - told[name], 9)
    return told


FAMILY = Family(
    "bargaining",
    rules,
    history,
    question,
    numbers=numbers,
    normative=rubinstein.normative,
    sides=sides,
    dialogue=True,
    misled=misled,
    scaled=amounts("money", "gains"),
    retold=in_proportion("money", "gains"),
)
