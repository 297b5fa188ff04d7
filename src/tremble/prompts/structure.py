"""Structures: the same decision with less to read, or with the preamble in another order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tremble.decisions.record import Decision, Event
from tremble.decisions.view import View
from tremble.games.base import family
from tremble.prompts.conversation import AS_IT_WAS, Conversation, NotApplicable, Telling
from tremble.prompts.parts import own_prompt, parts

LEFT_OUT = "The messages that were sent have been removed from the record below."
_AROUND = {"round", "player", "message"}  # what an event holds that is nothing but a message


def numbers_only(
    decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
) -> Conversation:
    """Without the dialogue: messages are dropped, moves and amounts stay.

    Where a game had messages, the rules say that they are left out. A game without any reads as
    in the standard wording, and a family in which nobody ever writes does not fit.
    """
    if own_prompt(decision) is not None:
        raise NotApplicable("tremble does not know which part of your own prompt is dialogue")
    if not family(decision.family).dialogue:
        raise NotApplicable(f"{decision.family} has no dialogue to drop")
    pieces = parts(decision, presentation, told, _without_messages)
    if _written(decision.parameters) and pieces.rules:
        pieces = replace(pieces, rules=(*pieces.rules, LEFT_OUT))
    return pieces.conversation()


def _written(rules: Mapping[str, Any]) -> bool:
    """Whether anybody could write: told as true, or as text where recommendations may be binary."""
    return rules.get("messages") in (True, "text")


def _without_messages(seen: View) -> View:
    if not _written(seen.rules):
        return seen
    events = tuple(
        Event(e.type, {k: v for k, v in e.data.items() if k != "message"}, e.seen)
        for e in seen.events
        if set(e.data) - _AROUND
    )
    return replace(seen, events=events)


def preamble_reversed(
    decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
) -> Conversation:
    """The first two options in the other order, wherever the instructions name them: reject before
    accept, no before yes."""
    _preamble(decision)
    return parts(decision, presentation, told, _first_two_exchanged).conversation()


def _first_two_exchanged(seen: View) -> View:
    first, second, *others = seen.options
    rows = seen.rows[1:2] + seen.rows[:1] + seen.rows[2:]
    return replace(seen, options=(second, first, *others), rows=rows)


def paragraphs_reversed(
    decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
) -> Conversation:
    """The paragraphs before the history from the last to the first: the question comes first."""
    _preamble(decision)
    pieces = parts(decision, presentation, told)
    paragraphs = [f"{pieces.question} {pieces.answer}", *reversed(pieces.rules)]
    return replace(pieces.conversation(), system="\n\n".join(paragraphs))


def _preamble(decision: Decision) -> None:
    if own_prompt(decision) is not None:
        raise NotApplicable("it is not known which part of your own prompt is the instructions")
