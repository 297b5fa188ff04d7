"""Persuasion by a review: an expert who knows a hotel shows one review of it, and the reader, a
traveller, goes to the hotel or stays.

`rules`: `good_from`, the mean score of a hotel from which going is right. Events: `review` with the
two parts of the review, `positive` and `negative` (either may be an empty text); `decision` with
`choice` (go, stay) and, where the record tells, the `points` that the traveller and the
`expert_points` that the expert got in this round. Every event holds its `round`. The score of the
hotel, and that which its reviewer gave, are shown to nobody and stand nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tremble.decisions.record import Event
from tremble.decisions.view import View
from tremble.games.base import Family, amount, points
from tremble.games.dialogue import options_in_words, round_line
from tremble.games.theory.normative import Normative


def rules(view: View) -> list[str]:
    good = amount(view.rules["good_from"])
    meaning = {
        "go": f"You go to the hotel. This is right if its mean score is {good} or more.",
        "stay": f"You do not go to the hotel. This is right if its mean score is below {good}.",
    }
    return [
        "You are a traveller. There are several rounds, in all of which you meet the same expert. "
        "Each round is about another hotel. The expert knows the hotel and chooses one review of "
        "it, which you read. A review has a positive part and a negative part, either of which may "
        "be empty. You then decide whether to go to the hotel.",
        "Guests have given the hotel scores of up to 10, which you do not see. You get 1 point for "
        "each round in which your decision is right. The expert gets 1 point for each round in "
        "which you go. Your goal is to get as many points as possible.",
        f"In each round, you can choose one of these options:\n{options_in_words(view, meaning)}",
    ]


def history(view: View) -> list[str]:
    rounds: dict[int | None, list[Event]] = {}
    for event in view.events:
        rounds.setdefault(event.data["round"], []).append(event)
    current = rounds.pop(view.round, [])
    lines: list[str] = []
    for number, events in [*rounds.items(), (view.round, current)]:
        lines.append(round_line(view, number))
        for event in events:
            lines += _review(event.data) if event.type == "review" else [_decided(event.data)]
    return lines


def _review(data: Mapping[str, Any]) -> list[str]:
    """Both parts, as their writer typed them."""
    return [
        f'{part.capitalize()} part of the review: "{data[part]}"'
        if data[part].strip()
        else f"{part.capitalize()} part of the review: empty."
        for part in ("positive", "negative")
    ]


def _decided(data: Mapping[str, Any]) -> str:
    said = "You went to the hotel." if data["choice"] == "go" else "You did not go to the hotel."
    if data.get("points") is None:
        return said
    return (
        f"{said} You got {points(data['points'])} and the expert got "
        f"{points(data['expert_points'])}."
    )


def question(view: View) -> str:
    return "Do you go to the hotel of the current round?"


def normative(view: View) -> Normative:
    """None: which decision is right depends on a score that only the expert knows."""
    return Normative(None, "type unknown: the score of the hotel is not told")


def numbers(view: View) -> dict[str, Any]:
    """`lengths` of the positive and the negative part in characters (null where none is shown), and
    `history`: a list per round before of whether the traveller went and got the point."""
    shown, before = None, []
    for event in view.events:
        data = event.data
        if event.type == "review" and data["round"] == view.round:
            shown = [len(data["positive"]), len(data["negative"])]
        elif event.type == "decision":
            won = None if data.get("points") is None else data["points"] > 0
            before.append([data["choice"] == "go", won])
    return {"lengths": shown, "history": before, "round": view.round}


FAMILY = Family(
    "persuasion_review",
    rules,
    history,
    question,
    numbers=numbers,
    normative=normative,
    sides=lambda _: ("the traveller", "the expert"),
    retold=lambda event, there, here: event,  # its points are the same under all rules
    surface_forms={"go": ("yes",), "stay": ("no",)},
)
