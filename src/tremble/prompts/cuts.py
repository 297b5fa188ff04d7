"""Cuts of sessions by characters: how many whole responses stay.

A cut ends a session behind a response, never within one: what stays is read and scored as if the
rest had never been. Cuts to a window are made where tokens are known (`study.session_rows`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from tremble.decisions.record import Decision, Event, Game
from tremble.decisions.sessions import BEGIN, END, FAMILY, written
from tremble.text import counted

_MARKS = len(BEGIN) + len(END)


def character_ends(events: Iterable[Event]) -> list[int]:
    """Of every response of a transcript, empty ones included, how many characters (code points) the
    transcript has up to and with its closing mark."""
    ends, length = [], 0
    for event in events:
        length += len(written(event))
        if event.type == "response":
            ends.append(length)
    return ends


def kept_in_characters(ends: Sequence[int], most: int) -> int:
    """How many responses lie whole, with their marks, within the first `most` characters, as the
    source cuts at 32,768: `text[:most]`, and of it the whole responses. `ends`: ascending."""
    return bisect_right(ends, most)


def least_characters(decisions: Iterable[Decision]) -> int | None:
    """How many characters a cut must leave to keep a response of any of these decisions; None where
    none is of a session."""
    cut = CharacterCut(0)
    ends = [
        cut.end(one, one.game) for one in decisions if one.family == FAMILY and one.game is not None
    ]
    return min(ends, default=None)


class CharacterCut:
    """`session_characters`: of every session the responses within its first `most` characters; of
    other families all decisions. What was cut is counted as decisions pass."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.responses = self.kept = self.sessions = self.cut = self.without_room = 0
        self._of: tuple[Game | None, list[int]] = None, []

    def of(self, decisions: Iterable[Decision]) -> Iterator[Decision]:
        """Those kept, in their order."""
        for decision in decisions:
            if decision.family != FAMILY or decision.game is None:
                yield decision
                continue
            self.responses += 1
            if self.end(decision, decision.game) <= self.most:
                self.kept += 1
                yield decision

    def notes(self, entry: str) -> list[str]:
        """What was cut of the decisions that passed, in a sentence or two."""
        if not self.cut:
            return []
        notes = [
            f"{entry}: cut {self.cut:,} of {counted(self.sessions, 'session')} at {self.most:,} "
            f"characters, which keeps {self.kept:,} of {counted(self.responses, 'response')}."
        ]
        if self.without_room:
            notes.append(
                f"{entry}: {counted(self.without_room, 'session')} kept no response, because the "
                f"first one does not end within {self.most:,} characters."
            )
        return notes

    def end(self, decision: Decision, game: Game) -> int:
        """The characters up to and with the response of a decision."""
        if self._of[0] is not game:
            ends = character_ends(game.events)
            kept = kept_in_characters(ends, self.most)
            self.sessions += 1
            self.cut += kept < len(ends)
            self.without_room += kept == 0
            lengths = [0]
            for event in game.events:
                lengths.append(lengths[-1] + len(written(event)))
            self._of = game, lengths
        before = self._of[1][decision.at]
        if decision.at < len(game.events) and game.events[decision.at].type == "response":
            return self._of[1][decision.at + 1]
        return before + _MARKS + len(decision.response or decision.choice or "")
