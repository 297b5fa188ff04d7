"""Other people's games, as many as fit in memory, to put what they saw in place of one's own."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tremble.decisions.record import Decision, Event, name_hash
from tremble.decisions.view import View
from tremble.games.base import Family, family, known
from tremble.prompts.conversation import NotApplicable

MOST = 512  # games of a family
COUNTS_OF_THINGS = ("multi_issue",)  # numbers in its messages are no amounts
# "One" is mostly no number; halves and doubles hold in any amounts.
_NUMBERS = re.compile(
    r"\d|\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|"
    r"seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-?(?:one|first))?|hundred|"
    r"thousand|[mb]illion|dozen|grand|one (?:dollar|buck|cent|point))s?\b",
    re.IGNORECASE,
)


class OtherGames:
    """The decisions of at most `most` games of each family: those whose ids have the lowest
    hashes, so that the same data always give the same ones."""

    def __init__(self, decisions: Iterable[Decision], most: int = MOST) -> None:
        kept: dict[str, dict[str, list[Decision]]] = {}
        highest: dict[str, list[tuple[int, str]]] = {}  # heaps, the highest hash first
        for decision in decisions:
            if not _has_history(decision):
                continue
            games = kept.setdefault(decision.family, {})
            if decision.cluster not in games:
                heap = highest.setdefault(decision.family, [])
                heapq.heappush(heap, (-name_hash(decision.cluster), decision.cluster))
                games[decision.cluster] = []
                if len(heap) > most:
                    del games[heapq.heappop(heap)[1]]
                    if decision.cluster not in games:
                        continue
            games[decision.cluster].append(decision)
        self._kept = kept
        self._places: dict[str, list[Decision]] = {}
        for games in kept.values():
            for name in sorted(games, key=name_hash):
                for decision in games[name]:
                    for key in _keys(decision):
                        self._places.setdefault(key, []).append(decision)

    def games(self, family: str) -> list[str]:
        """The ids of the games kept of a family."""
        return list(self._kept.get(family, {}))

    def in_place_of(self, decision: Decision, seen: View) -> View:
        """The view with what another person had seen in another game, in the same role at the same
        round; where all there is to decide about stands in the rules, with another game's.

        Of games with the same rules, where there are any; else with rules of the same kind, whose
        events are told as these rules would have them (`Family.retold`) and whose messages have no
        numbers. Which one follows from the decision's id; it is never alike in all. Raises
        NotApplicable where there is none.
        """
        words = family(decision.family)
        for same, key in zip((True, False), _keys(decision), strict=True):
            others = self._places.get(key, [])
            start = name_hash(decision.id)
            for step in range(len(others)):
                other = others[(start + step) % len(others)]
                own = other.participant is not None and other.participant == decision.participant
                if other.cluster == decision.cluster or own:
                    continue
                view = (
                    _laid_out(words, other, seen)
                    if words.on_the_table
                    else _with_events(words, other, seen, same)
                )
                if view is not None and _told(view) != _told(seen):  # the same is no other history
                    return view
        raise NotApplicable("no other game with the same rules has this round in this role")


def amounts_in(message: Any) -> bool:
    """Whether a message has numbers, in digits or in words, which may be amounts."""
    return bool(_NUMBERS.search(str(message or "")))


def _with_events(words: Family, other: Decision, seen: View, same: bool) -> View | None:
    """The view with the events another person saw, None where they do not go with its rules."""
    events = other.visible()
    if same:
        return replace(seen, events=events)
    if words.retold is None:
        return None
    if other.family not in COUNTS_OF_THINGS and any(
        amounts_in(event.data.get("message")) for event in events
    ):
        return None
    told: list[Event] = []
    for event in events:
        data = words.retold(event.data, other.parameters, seen.rules)
        if data is None:
            return None
        told.append(Event(event.type, data, event.seen))
    return replace(seen, events=tuple(told))


def _laid_out(words: Family, other: Decision, seen: View) -> View:
    """The view with what is decided about in another game, which tells the same of it (`_keys`)."""
    told = [name for name in words.on_the_table if seen.rules.get(name) is not None]
    theirs = {name: other.parameters[name] for name in told}
    return replace(seen, rules={**seen.rules, **theirs})


def _told(seen: View) -> Any:
    return told_by(seen.events), seen.rules


def told_by(events: Iterable[Event]) -> list[tuple[str, Any]]:
    """What events say, whoever saw them."""
    return [(event.type, event.data) for event in events]


def _has_history(decision: Decision) -> bool:
    if decision.prompt is not None or not known(decision.family):
        return False
    words = family(decision.family)
    return words.transcript is None and bool(decision.visible() or words.on_the_table)


def _keys(decision: Decision) -> tuple[str, str]:
    """What another game must share: as much as can be, and as much as must be for its events to be
    told in the words of these rules."""
    table = family(decision.family).on_the_table
    told = {k: v for k, v in decision.parameters.items() if k not in table}
    # Of what is on the table whether it is told, in which form: a gamble in words stays one.
    told |= {k: True for k in table if decision.parameters.get(k) is not None}
    at = [
        decision.dataset,
        decision.family,
        decision.role,
        decision.round if decision.round is not None else len(decision.visible()),
        sorted(option.key for option in decision.options),
    ]
    return (
        json.dumps(["rules", *at, told], sort_keys=True, default=str),
        json.dumps(["kind", *at, _kind(told)], sort_keys=True, default=str),
    )


def _kind(told: Any, depth: int = 0) -> Any:
    """Rules without their numbers, and without texts that are not parameters themselves."""
    if isinstance(told, Mapping):
        return {key: _kind(value, depth + 1) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_kind(value, depth + 1) for value in told]
    if told is None or isinstance(told, bool) or (isinstance(told, str) and depth == 1):
        return told
    if isinstance(told, str):
        return "text"
    return int(depth > 1 or told != 0)  # no chance of an error is another kind of rules
