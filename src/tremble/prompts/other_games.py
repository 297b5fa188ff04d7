"""Other people's games, as many as fit in memory, to put their history in place of one's own."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from tremble.decisions import Decision, Event
from tremble.games import family, known
from tremble.prompts.conversation import DoesNotFit

MOST = 512  # games of a family


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
                heapq.heappush(heap, (-_number(decision.cluster), decision.cluster))
                games[decision.cluster] = []
                if len(heap) > most:
                    del games[heapq.heappop(heap)[1]]
                    if decision.cluster not in games:
                        continue
            games[decision.cluster].append(decision)
        self._kept = kept
        self._places: dict[str, list[Decision]] = {}
        for games in kept.values():
            for name in sorted(games, key=_number):
                for decision in games[name]:
                    for key in _keys(decision):
                        self._places.setdefault(key, []).append(decision)

    def games(self, family: str) -> list[str]:
        """The ids of the games kept of a family."""
        return list(self._kept.get(family, {}))

    def seen_elsewhere(self, decision: Decision) -> tuple[Event, ...]:
        """What another person had seen in another game, in the same role at the same round.

        Of games with the same rules, where there are any; else with rules of the same kind. Which
        one follows from the decision's id; it is never alike in all. Raises DoesNotFit where there
        is none.
        """
        for key in _keys(decision):
            found = self._places.get(key, [])
            start = _number(decision.id)
            for step in range(len(found)):
                other = found[(start + step) % len(found)]
                own = other.participant is not None and other.participant == decision.participant
                if other.cluster == decision.cluster or own:
                    continue
                seen = other.visible()
                if told_by(seen) != told_by(decision.visible()):  # the same is no other history
                    return seen
        raise DoesNotFit("no other game of such rules has this round in this role")


def told_by(events: Iterable[Event]) -> list[tuple[str, Any]]:
    """What events say, whoever saw them."""
    return [(event.type, event.data) for event in events]


def _has_history(decision: Decision) -> bool:
    return (
        decision.prompt is None
        and known(decision.family)
        and family(decision.family).transcript is None
        and bool(decision.visible())
    )


def _keys(decision: Decision) -> tuple[str, str]:
    """What another game must share: as much as can be, and as much as must be for its events to be
    told in the words of these rules."""
    told = decision.parameters
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
    return type(told).__name__ if isinstance(told, str) else 0


def _number(name: str) -> int:
    return int.from_bytes(
        blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )
