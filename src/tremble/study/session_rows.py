"""The rows of a session's prompts: one text, tokenised once, in which every response is a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from tremble.decisions.record import Decision, in_blocks
from tremble.decisions.sessions import of_session
from tremble.games.session import Transcript, whole
from tremble.prompts.arms import People, persona_text, persona_texts
from tremble.prompts.chat import Template
from tremble.prompts.conversation import ControlNotApplicable, Conversation
from tremble.prompts.cuts import kept_in_window
from tremble.prompts.parts import begun
from tremble.study.draft import Draft
from tremble.study.table_builder import TableBuilder
from tremble.tokenization.options import FULL_LABEL, Tokenizer, TokenPaths, unread
from tremble.tokenization.refusal import Refusal
from tremble.tokenization.session_paths import SessionPaths, SpecialTokens
from tremble.tokenization.session_text import Place, SessionText


def in_groups(decisions: Iterable[Decision]) -> Iterator[list[Decision]]:
    """Decisions as many at a time as are rendered and tokenised together: those of one session, or
    a block of others."""
    for session, some in groupby(decisions, lambda d: d.game if of_session(d) else None):
        if session is None:
            yield from in_blocks(some)
        else:
            yield list(some)


@dataclass(frozen=True, slots=True)
class Interviews:
    """The `arm` that sessions are read in ("none": alone), the participants whose facts are told,
    and all arms of the study, the longest of which a cut leaves room for."""

    arm: str
    arms: Sequence[str]
    people: People


class SessionReader:
    """Reads sessions as one model does. `template`: the chat's, None for plain text; `window`: that
    of the model where sessions are cut to it, else None."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: Template | None,
        interviews: Interviews,
        special_tokens: SpecialTokens = "plain",
        window: int | None = None,
    ) -> None:
        self._tokenizer, self._template, self._window = tokenizer, template, window
        self._interviews, self._source = interviews, special_tokens == "source"
        self._paths = SessionPaths(tokenizer, special_tokens)

    def rows(self, decisions: Sequence[Decision], builder: TableBuilder) -> pl.DataFrame:
        """The rows of the decisions of one session, in its order.

        Raises UserError for a response whose options cannot be told apart.
        """
        game, first = decisions[0].game, decisions[0]
        assert game is not None
        try:
            before = self._before(first)
        except ControlNotApplicable as reason:
            why = Refusal("control_not_applicable", str(reason))
            drafts = [Draft(one, 0, one.options, "", why) for one in decisions]
            return builder.session(drafts, [unread(why, FULL_LABEL)] * len(drafts))
        told = whole(game)
        kept = self._kept(told, decisions)
        read, cut = decisions[:kept], decisions[kept:]
        found = self._paths(session_text(told, read, before, self._template)) if read else None
        paths = [] if found is None else list(found.paths)
        drafts = [Draft(one, 0, one.options, "") for one in read]
        if drafts and self._source:  # control tokens count as such, and are looked for once
            talk = Conversation("", before + told.text, "", ())
            drafts[0] = Draft(first, 0, first.options, "", conversation=talk)
        if cut:
            why = Refusal("cut", f"the session is cut at the model's window, {self._window} tokens")
            drafts += [Draft(one, 0, one.options, "", why) for one in cut]
            paths += [unread(why, FULL_LABEL)] * len(cut)
        return builder.session(drafts, paths, found)

    def prompt(self, decision: Decision) -> tuple[str, TokenPaths]:
        """One response as the model reads it, cut or not: the text up to it, and its token paths.

        Raises ControlNotApplicable where there is no such interview.
        """
        assert decision.game is not None
        text = session_text(
            whole(decision.game), [decision], self._before(decision), self._template
        )
        (place,), (paths,) = text.places, self._paths(text).paths
        return text.text[: place.stop] + place.suffix, paths

    def _before(self, decision: Decision) -> str:
        """What is said before the session of a decision."""
        return persona_text(self._interviews.arm, decision, self._interviews.people)

    def _kept(self, told: Transcript, decisions: Sequence[Decision]) -> int:
        """How many responses of a session a model's window holds, whatever is said before it."""
        if self._window is None:
            return len(decisions)
        alone = self._paths(session_text(told, decisions, "", self._template))
        ends = [one.length for one in alone.paths]
        arms = self._interviews.arms
        texts = list(persona_texts(arms, decisions[0], self._interviews.people).values())
        longest = max(map(len, self._tokenizer.encode(texts)), default=0)
        return kept_in_window(ends, self._window, longest)


def session_text(
    told: Transcript, decisions: Sequence[Decision], before: str, template: Template | None
) -> SessionText:
    """The text of a session as a model reads it, `before` first, and the places of the responses in
    it."""
    text = before + told.text
    places = []
    for decision in decisions:
        assert decision.response is not None
        labels = tuple(option.label for option in decision.options)
        places.append(Place(told.places[decision.at] + len(before), decision.response, labels))
    return SessionText(text, places) if template is None else _in_chat(text, places, template)


def _in_chat(text: str, places: Sequence[Place], template: Template) -> SessionText:
    """The same in a chat: what is before the last line of a prompt is the user's turn, the last
    line opens the answer. Every prompt leaves the common text where its user's turn ends."""
    talks = [begun(text[: place.start], ()) for place in places]
    rendered = [template.render(talk) for talk in talks]
    frame = max(rendered[0].find(talks[0].user), 0)
    common = rendered[0][:frame] + text
    moved = []
    for place, talk, prompt in zip(places, talks, rendered, strict=True):
        cut = min(_shared(common, prompt), frame + len(talk.user))
        suffix = prompt[cut:]
        spoken = min(len(talk.opening), len(suffix))
        moved.append(Place(place.start + frame, place.response, place.labels, suffix, cut, spoken))
    return SessionText(common, moved, frame)


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
