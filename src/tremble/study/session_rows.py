"""The rows of a session's prompts: one text, tokenised once, in which every response is a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from tremble.decisions.record import Decision, in_blocks
from tremble.games.session import Transcript, of_session, whole
from tremble.prompts.chat import Template
from tremble.prompts.conversation import Conversation
from tremble.prompts.parts import begun
from tremble.study.draft import Draft
from tremble.study.table_builder import TableBuilder
from tremble.tokenization.options import Tokenizer, TokenPaths
from tremble.tokenization.session_paths import Place, SessionText, session_paths


def in_groups(decisions: Iterable[Decision]) -> Iterator[list[Decision]]:
    """Decisions as many at a time as are rendered and tokenised together: those of one session, or
    a block of others."""
    for session, some in groupby(decisions, lambda d: d.game if of_session(d) else None):
        if session is None:
            yield from in_blocks(some)
        else:
            yield list(some)


@dataclass(frozen=True, slots=True)
class SessionReader:
    """Makes the rows of sessions for one model. `template`: the chat's, None for plain text."""

    builder: TableBuilder
    tokenizer: Tokenizer
    template: Template | None

    def rows(self, decisions: Sequence[Decision], before: str = "") -> pl.DataFrame:
        """The rows of the decisions of one session, in its order; `before` is said before it."""
        game = decisions[0].game
        assert game is not None
        told = whole(game)
        text = session_text(told, decisions, before, self.template)
        paths, found = session_paths(self.tokenizer, text)
        drafts = [Draft(decision, 0, decision.options, "") for decision in decisions]
        # What people read is looked through once, and stands at the first of the prompts.
        drafts[0] = Draft(
            decisions[0],
            0,
            decisions[0].options,
            "",
            conversation=Conversation("", before + told.text, "", ()),
        )
        return self.builder.session(drafts, paths, found.added)

    def prompt(self, decision: Decision, before: str = "") -> tuple[str, TokenPaths]:
        """One response as the model reads it: the text up to it, and its token paths."""
        assert decision.game is not None
        text = session_text(whole(decision.game), [decision], before, self.template)
        (place,), (paths,) = text.places, session_paths(self.tokenizer, text)[0]
        read = text.text[: place.start] if place.cut is None else text.text[: place.cut]
        return read + place.suffix, paths


def session_text(
    told: Transcript, decisions: Sequence[Decision], before: str, template: Template | None
) -> SessionText:
    """The text of a session as a model reads it, `before` first, and the places of the responses in
    it."""
    text = before + told.text
    places = []
    for decision in decisions:
        response = decision.response
        start = told.places[decision.at] + len(before)
        if response is None:  # records of earlier versions have it among the events alone
            response = _said(decision)
        labels = tuple(option.label for option in decision.options)
        places.append(Place(start, response, labels))
    return SessionText(text, places) if template is None else _in_chat(text, places, template)


def _said(decision: Decision) -> str:
    assert decision.game is not None
    return str(decision.game.events[decision.at].data["response"])


def _in_chat(text: str, places: Sequence[Place], template: Template) -> SessionText:
    """The same in a chat: what is before the last line of a prompt is the user's turn, the last
    line opens the answer. Every prompt leaves the common text where its user's turn ends."""
    rendered = [template.render(begun(text[: place.start], ())) for place in places]
    said = begun(text[: places[0].start], ()).user
    common = rendered[0][: max(rendered[0].find(said), 0)] + text
    moved = []
    for place, prompt in zip(places, rendered, strict=True):
        cut = _shared(common, prompt)
        moved.append(Place(place.start, place.response, place.labels, prompt[cut:], cut))
    return SessionText(common, moved)


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common from the start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[:middle]):
            low = middle
        else:
            high = middle - 1
    return low
