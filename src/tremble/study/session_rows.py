"""The rows of a session's prompts: one text, tokenised once, in which every response is a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from operator import and_

import polars as pl

from tremble.decisions.record import Decision, in_blocks
from tremble.decisions.sessions import of_session
from tremble.games.session import Transcript, whole
from tremble.prompts.arms import People, persona_text, persona_texts
from tremble.prompts.chat import Template
from tremble.prompts.conversation import ControlNotApplicable, Conversation
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
        fits = self._fits(told, decisions)
        read = [one for one, has_room in zip(decisions, fits, strict=True) if has_room]
        found = self._paths(self._text(told, read, before)) if read else None
        waiting = iter([] if found is None else found.paths)
        why = Refusal("cut", f"the session is cut at the model's window, {self._window} tokens")
        drafts = [
            Draft(one, 0, one.options, "", None if has_room else why)
            for one, has_room in zip(decisions, fits, strict=True)
        ]
        paths = [next(waiting) if has_room else unread(why, FULL_LABEL) for has_room in fits]
        if read and self._source:  # control tokens count as such, and are looked for once
            talk = Conversation("", before + told.text, "", ())
            at = fits.index(True)
            drafts[at] = Draft(read[0], 0, read[0].options, "", conversation=talk)
        return builder.session(drafts, paths, found)

    def prompt(self, decision: Decision) -> tuple[str, TokenPaths]:
        """One response as the model reads it, cut or not: the text up to it, and its token paths.

        Raises ControlNotApplicable where there is no such interview.
        """
        assert decision.game is not None
        text = self._text(whole(decision.game), [decision], self._before(decision))
        (place,), (paths,) = text.places, self._paths(text).paths
        return text.text[: place.stop] + place.suffix, paths

    def _before(self, decision: Decision) -> str:
        """What is said before the session of a decision."""
        return persona_text(self._interviews.arm, decision, self._interviews.people)

    def _text(self, told: Transcript, decisions: Sequence[Decision], before: str) -> SessionText:
        own_bos = self._tokenizer.special.get("bos_token")
        return session_text(told, decisions, before, self._template, own_bos)

    def _fits(self, told: Transcript, decisions: Sequence[Decision]) -> list[bool]:
        """Of each response whether a model's window holds the session up to it, whatever an arm of
        the study says before it: so all arms keep the same ones. From the first response on that it
        does not hold (with any of its options) the session is cut."""
        if self._window is None:
            return [True] * len(decisions)
        arms = persona_texts(self._interviews.arms, decisions[0], self._interviews.people)
        lengths = [
            [one.length for one in self._paths(self._text(told, decisions, before)).paths]
            for before in dict.fromkeys(("", *arms.values()))
        ]
        holds = (max(of_one) <= self._window for of_one in zip(*lengths, strict=True))
        return list(accumulate(holds, and_))


def session_text(
    told: Transcript,
    decisions: Sequence[Decision],
    before: str = "",
    template: Template | None = None,
    own_bos: str | None = None,
) -> SessionText:
    """The text of a session as a model reads it, `before` first, and the places of the responses in
    it. `own_bos`: what begins a text for the model, where `template` may be another one's."""
    places = []
    for decision in decisions:
        assert decision.response is not None
        labels = tuple(option.label for option in decision.options)
        places.append(Place(told.places[decision.at], decision.response, labels))
    if template is not None:
        return _in_chat(told.text, places, before, _Chat(template, own_bos))
    moved = [replace(place, start=place.start + len(before)) for place in places]
    return SessionText(before + told.text, moved)


@dataclass(frozen=True, slots=True)
class _Chat:
    """A template, and the BOS of the model that reads it."""

    template: Template
    own_bos: str | None

    def render(self, talk: Conversation) -> str:
        return self.template.rendered_for(talk, self.own_bos)


def _in_chat(text: str, places: Sequence[Place], before: str, chat: _Chat) -> SessionText:
    """The same in a chat: what is before the last line of a prompt is the user's turn, `before`
    first, and the last line opens the answer. Every prompt leaves the common text where its user's
    turn ends."""
    talks = []
    for place in places:
        talk = begun(text[: place.start], ())
        talks.append(replace(talk, user=before + talk.user))
    rendered = [chat.render(talk) for talk in talks]
    words = before + text
    # The longest turn, which is in no template's own words; a template may trim it.
    said = talks[-1].user.strip()
    frame = max(rendered[-1].find(said), 0) if said else 0
    # What white space before the words the template leaves there, and what it cuts.
    lead = len(words) - len(words.lstrip())
    if rendered[-1][:frame].endswith(words[:lead]):
        frame, lead = frame - lead, 0
    common = rendered[-1][:frame] + words[lead:]
    shift = len(before) + frame - lead
    moved = []
    for place, talk, prompt in zip(places, talks, rendered, strict=True):
        # Of the common text no more than the template has of it: a turn may be all white space.
        cut = max(min(_shared(common, prompt), frame + len(talk.user) - lead), 0)
        suffix = prompt[cut:]
        spoken = min(len(talk.opening), len(suffix))
        moved.append(Place(place.start + shift, place.response, place.labels, suffix, cut, spoken))
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
