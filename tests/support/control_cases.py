"""Decisions under controls, for their tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tremble.decisions.record import Decision, Event, Game, Option
from tremble.prompts.asked import Asked
from tremble.prompts.conversation import Conversation, NotApplicable
from tremble.prompts.formulations import spoken, standard
from tremble.prompts.other_games import OtherGames

IN_SIGHT = ("one_shot_matrix", "lottery")  # no history: payoffs are on the table
DEAL = {"Food": 2, "Water": 1, "Firewood": 0}, {"Food": 1, "Water": 2, "Firewood": 3}
CAMP = Game(
    "camp/1",
    "camp",
    "multi_issue",
    {
        "setting": "You are going camping.",
        "items": {"Food": 3, "Water": 3, "Firewood": 3},
        "points": {"High": 5, "Medium": 4, "Low": 3},
        "no_deal": 5,
        "messages": True,
        "private": {
            "a": {
                "priorities": {"High": "Water", "Medium": "Food", "Low": "Firewood"},
                "reasons": {"High": "I run.", "Medium": "We are many.", "Low": "It is warm."},
            }
        },
    },
    (
        Event("message", {"player": "b", "message": "Hello there"}),
        Event("deal", {"player": "b", "gets": {"a": DEAL[1], "b": DEAL[0]}}),
        Event("decision", {"player": "a", "choice": "reject"}),
        Event("message", {"player": "a", "message": "I need 2 more"}),
        Event("deal", {"player": "b", "gets": {"a": DEAL[0], "b": DEAL[1]}}),
        Event("decision", {"player": "a", "choice": "accept"}),
    ),
)
CAMPING = Decision(
    "camp/1/2",
    "camp",
    "multi_issue",
    (Option("accept", "accept"), Option("reject", "reject"), Option("walk away", "walk away")),
    game=CAMP,
    at=5,
    round=2,
    role="a",
    participant="one",
)


def told(
    name: str, decision: Decision, others: OtherGames | None = None, presentation: int = 0
) -> Conversation | None:
    try:
        return spoken(Asked.parse(name), others)(decision, presentation)
    except NotApplicable:
        return None


def each(
    control: str, decisions: list[Decision], others: OtherGames | None = None
) -> Iterator[tuple[Decision, Conversation, Conversation]]:
    """Decision, standard wording, the same under the control, where it fits."""
    for decision in decisions:
        found = told(f"standard+{control}", decision, others)
        if found is not None:
            yield decision, standard(decision), found


def without_headings(text: str) -> list[str]:
    return [
        line for line in text.split("\n") if not re.match(r"Round \d+|Because of inflation", line)
    ]


def play(name: str, moves: str, participant: str | None, **rules: Any) -> list[Decision]:
    """A repeated game: 'ab' are the person's moves, the other player's always a."""
    table = {"a": {"a": [8, 8], "b": [0, 10]}, "b": {"a": [10, 0], "b": [5, 5]}}
    events = tuple(
        Event("moves", {"choice": m, "other": "a", "points": own, "other_points": others})
        for m in moves
        for own, others in (table[m]["a"],)
    )
    told = {"rounds": 9, "payoffs": table, **rules}
    game = Game(name, "toy", "repeated_matrix", told, events)
    return [
        Decision(
            f"{name}/{at}",
            "toy",
            "repeated_matrix",
            (Option("a", "J"), Option("b", "F")),
            game=game,
            at=at,
            round=at + 1,
            participant=participant,
        )
        for at in range(len(moves))
    ]
