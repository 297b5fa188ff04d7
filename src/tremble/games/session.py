"""Sessions: one participant's whole experiment as a transcript, as in Psych-101 and Psych-201.

Events: `text` (`text`) and `response` (`response`), which stands in the transcript between << and
>>, in the order of the session; nothing is added between them. `rules` is empty: the transcript
holds the instructions.

The transcript is read as it stands, earlier responses with their marks, up to and with the << of
the response asked for. Over this text the source scores models (Binz et al. 2024,
arXiv:2410.20268; arXiv:2605.07632), and in it the mark always means that a response follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tremble.decisions.record import Game
from tremble.decisions.sessions import BEGIN, written
from tremble.decisions.view import View
from tremble.games.base import Family
from tremble.games.theory.normative import Normative


def transcript(view: View) -> str:
    """Everything up to the response, with the mark that opens it."""
    return "".join([*map(written, view.events), BEGIN])


class Transcript(NamedTuple):
    """A whole session as one text; by the number of events before a response, where in the text
    that response begins."""

    text: str
    places: Mapping[int, int]


def whole(game: Game) -> Transcript:
    """The transcript of a session to its end, of which that of each response is a beginning."""
    parts: list[str] = []
    places: dict[int, int] = {}
    length = 0
    for number, event in enumerate(game.events):
        if event.type == "response":
            places[number] = length + len(BEGIN)
        parts.append(written(event))
        length += len(parts[-1])
    return Transcript("".join(parts), places)


def rules(view: View) -> list[str]:
    return []


def history(view: View) -> list[str]:
    return [transcript(view)]


def question(view: View) -> str:
    return ""


def normative(view: View) -> Normative:
    return Normative(None, "no game that tremble knows")


FAMILY = Family("session", rules, history, question, normative=normative, transcript=transcript)
