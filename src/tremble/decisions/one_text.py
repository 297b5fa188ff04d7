"""Names, texts and games that must be one: kept as hashes, so that a file may have millions."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from hashlib import blake2b
from typing import Generic, TypeVar

from tremble.decisions.record import Decision, Game
from tremble.decisions.sessions import Session

Place = TypeVar("Place")
_RESPONSE = re.compile(r"(.*)/r\d+", re.DOTALL)  # an id that a response of a session may have


class OneText(Generic[Place]):
    """Holds that an item has one text in one condition. Of texts and conditions it keeps hashes."""

    def __init__(self) -> None:
        self._items: dict[bytes, tuple[str, Place]] = {}  # condition and item -> its text, a place

    def other(self, decision: Decision, place: Place) -> Place | None:
        """Where the item of a decision, which stands at `place`, had another text before."""
        d = decision
        if d.item is None:
            return None
        condition = [d.dataset, d.family, d.item, d.role, d.round, d.config]
        mark = mark_of(json.dumps(condition, sort_keys=True))
        text, before = self._items.setdefault(mark, (d.read, place))
        return None if text == d.read else before


WORDS = 200  # characters of messages that nobody writes twice


class OneGame(Generic[Place]):
    """Holds that a game between named agents stands under one name: under two, what is left out
    with one of them would come back with the other. Of games it keeps hashes. Equal moves are met
    in different games, equal talks of `WORDS` characters are not."""

    def __init__(self) -> None:
        self._games: dict[bytes, Place] = {}

    def other(self, game: Game, place: Place) -> Place | None:
        """Where a game with all that this one says but its id was before; None where there was
        none, and for a game without agents or events."""
        if not game.agents or not game.events:
            return None
        events = [(event.type, event.data, event.seen) for event in game.events]
        about = [game.dataset, game.family, game.rules, events, game.person, game.config]
        mark = mark_of(json.dumps([*about, game.agents], sort_keys=True, default=dict))
        before = self._games.setdefault(mark, place)
        return None if before == place else before


def talks(game: Game) -> bool:
    """Whether a game holds words enough to be known by them."""
    messages = (event.data.get("message") for event in game.events)
    return sum(len(said) for said in messages if isinstance(said, str)) >= WORDS


def mark_of(name: str) -> bytes:
    """12 bytes that stand for a name."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).digest()


class Names:
    """Ids of decisions and of sessions, each once. A session may be in several lines, each with
    some of its responses; of one that is in a single line only its own name is kept."""

    def __init__(self) -> None:
        self._decisions: set[bytes] = set()
        self._of_sessions: set[bytes] = set()  # sessions that decisions are called after
        self._sessions: dict[bytes, bytes | None] = {}  # those in parts: what they say

    def decision(self, name: str) -> bool:
        """Take in the id of a decision; whether it is new."""
        mark, response = mark_of(name), _RESPONSE.fullmatch(name)
        session = mark_of(response[1]) if response else None
        if mark in self._decisions or (session and self._sessions.get(session, b"") is None):
            return False
        self._decisions.add(mark)
        if session:
            self._of_sessions.add(session)
        return True

    def session(self, session: Session) -> str | None:
        """Take in a line of a session; an id that was there before, None where there is none."""
        mark = mark_of(session.id)
        if session.asked is None:
            if mark in self._sessions or mark in self._of_sessions:
                return session.id
            self._sessions[mark] = None
            return None
        about = replace(session, options=None, target=None, asked=None, line=None)
        told = mark_of(repr(about))
        if self._sessions.setdefault(mark, told) != told:
            return session.id
        for number in session.asked:
            response = mark_of(f"{session.id}/r{number}")
            if response in self._decisions:
                return f"{session.id}/r{number}"
            self._decisions.add(response)
        return None

    def is_session(self, name: str) -> bool:
        return mark_of(name) in self._sessions
