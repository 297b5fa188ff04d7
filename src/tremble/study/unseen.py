"""What wordings and controls that tremble has not built in are checked with before anything is
scored: a sample of the decisions, and the same decisions with what their people could not see
changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from heapq import heappush, heapreplace
from typing import Any

from tremble.decisions.record import Decision, Event, name_hash
from tremble.prompts.asked import Asked
from tremble.prompts.conversation import Conversation, Formulation, NotApplicable
from tremble.study.cells import Cell

SAMPLE = 20  # decisions of each family of an entry of data, those with the lowest hashes
_OTHER = "zz tremble zz"  # stands where a person could not see


def asked_of(
    cells: Iterable[Cell], checked: Callable[[Asked], bool]
) -> dict[str, dict[Asked, set[str] | None]]:
    """By entry of data what is asked of it that is `checked`, in tremble's usual reading, each with
    the families, None for all."""
    found: dict[str, dict[Asked, set[str] | None]] = {}
    for cell in cells:
        if cell.asked.reading is None and checked(cell.asked):
            families = None if cell.families is None else {*cell.families}
            found.setdefault(cell.dataset, {})[cell.asked] = families
    return found


def sampled(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    """Of each family the `SAMPLE` decisions whose ids have the lowest hashes, lowest first."""
    lowest: dict[str, list[tuple[int, int, Decision]]] = {}
    for at, decision in enumerate(decisions):
        held = lowest.setdefault(decision.family, [])
        entry = (-name_hash(decision.id), -at, decision)
        if len(held) < SAMPLE:
            heappush(held, entry)
        elif entry > held[0]:
            heapreplace(held, entry)
    return {
        family: [decision for _, _, decision in sorted(held, reverse=True)]
        for family, held in lowest.items()
    }


def shown_by(words: Formulation, decision: Decision, number: int) -> Conversation | None:
    """A decision in a wording, None where that is not applicable."""
    try:
        return words(decision, number)
    except NotApplicable:
        return None


def unseen(decision: Decision) -> Iterator[tuple[str, Decision]]:
    """The decision with what its person could not see changed, and what that is."""
    keys = [option.key for option in decision.options]
    for key in [key for key in keys if decision.choice not in (None, key)][:1]:
        yield "the choice", replace(decision, choice=key)
    if decision.rates is not None:
        rates = dict(zip(decision.rates, [*decision.rates.values()][::-1], strict=True))
        yield "what people chose", replace(decision, rates=rates, n=77, rate_sd=None)
    yield "a parameter of the data", replace(decision, config={"hidden": _OTHER})
    game = decision.game
    if game is None:
        return
    hidden = replace(game, config={"hidden": _OTHER})
    yield "a parameter of the data", replace(decision, game=hidden)
    later = tuple(Event(e.type, {**e.data, "text": _OTHER}, e.seen) for e in game.events)
    after = replace(game, events=(*game.events[: decision.at], *later))
    yield "what happened later", replace(decision, game=after)
    seen = {id(event) for event in decision.visible()}
    dark = tuple(e if id(e) in seen else Event(e.type, {}, e.seen) for e in game.events)
    yield "a hidden event", replace(decision, game=replace(game, events=dark))
    others = replace(
        game,
        rules=_without_others(game.rules, decision.role),
        person=_without_others(game.person, decision.role),
    )
    yield "what only others knew", replace(decision, game=others)


def _without_others(told: Mapping[str, Any], role: str | None) -> Mapping[str, Any]:
    private = told.get("private")
    if not isinstance(private, Mapping):
        return told
    return {**told, "private": {who: held for who, held in private.items() if who == role}}
