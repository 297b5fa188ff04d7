"""A conversation and answers to it, as a template prints them: one prompt, and all behind it.

What is scored of an answer is what the template prints behind its generation prompt in the
conversation that ends with this answer. Where it asks for answers in another place than it prints
them, `prefill` stands between the two; an answer that holds its own thought has none before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tremble.prompts.frame import Render
from tremble.prompts.prefill import CLOSED, Prefill, before_thought, before_words, is_thought
from tremble.prompts.thoughts import (
    Thought,
    ThoughtNotPrinted,
    behind_prompt,
    in_pieces,
    joined,
    left_of,
)
from tremble.prompts.turns import (
    ASSISTANT,
    Piece,
    Printed,
    Shape,
    Turn,
    answer_of,
    folded,
    pieces_of,
    shape_of,
    to_messages,
)


class Answers:
    """What `render` prints of answers; `prefill_after` says what tremble writes behind a generation
    prompt, `system_role` whether the template has one.

    Both methods raise NotPrinted as `turns` does, and what `render` and `prefill_after` raise.
    """

    def __init__(
        self, render: Render, prefill_after: Callable[[str], Prefill | None], system_role: bool
    ) -> None:
        self._render, self._prefill_after = render, prefill_after
        self._system_role = system_role
        self._shapes: dict[tuple[str, ...], Shape] = {}

    def plain(
        self, talk: Sequence[Turn], answers: Sequence[str], thoughts: Sequence[Thought | None]
    ) -> tuple[Printed, bool]:
        """Answers behind a thought that is closed, and whether the conversation with each is
        printed just like that behind what was said last. `thoughts` say which of a text are
        marks."""
        talk = folded(talk, self._system_role)
        shape, pieces = self._asked(talk)
        wholes = [self._whole(talk, one) for one in answers]
        said = [answer_of(*pair, shape) for pair in zip(wholes, answers, strict=True)]
        asked, end, lead = pieces[-2].text, pieces[-1].text, shape.lead or ""

        def exact() -> bool:
            ends = [f"{asked}{end}{lead}{one}{shape.closing}" for one in said]
            return all(map(str.endswith, wholes, ends))

        if not exact():  # what it prints around answers goes by what is said
            lead = ""
        if lead.strip():
            end, lead = end + lead, ""
        elif (added := self._prefill_after(end)) is not None:
            end, lead = added.after(end), ""
        opened = (Piece(lead, False),) if lead else ()
        found = []
        for one, thought in zip(said, thoughts, strict=True):
            parts = None if thought is None else in_pieces(one, thought)
            found.append((*opened, *((Piece(one, True),) if parts is None else parts[1])))
        prompt = (*pieces[:-1], Piece(end, False))
        return Printed(prompt, tuple(found), shape.closing), exact()

    def thinking(
        self, talk: Sequence[Turn], answers: Sequence[str], thoughts: Sequence[Thought | None]
    ) -> Printed:
        """Answers of which some hold thoughts. The prompt is the generation prompt, or where one of
        them is not printed behind the thought that it opens or closes, what is before that."""
        talk = folded(talk, self._system_role)
        shape, pieces = self._asked(talk)
        asked, end = pieces[-2].text, pieces[-1].text
        before = before_words(before_thought(end))
        added = self._prefill_after(end)
        opens = added is not None and added.why == CLOSED
        found = []  # of each answer all behind what was said last
        for answer, thought in zip(answers, thoughts, strict=True):
            if thought is None:
                printed, _ = self.plain(talk, [answer], [None])
                found.append([printed.prompt[-1], *printed.answers[0]])
                continue
            whole = self._whole(talk, answer)
            said = behind_prompt(whole, shape.closing, answer, thought, asked + before)
            goes_on = opens and not thought.opening and not is_thought(said[0].text)
            found.append([Piece(end if goes_on else before, False), *said])
        texts = [joined(one) for one in found]
        shared = next((one for one in (end, before) if all(t.startswith(one) for t in texts)), None)
        if shared is None:
            raise ThoughtNotPrinted("asks otherwise for answers with a thought and without")
        prompt = (*pieces[:-1], Piece(shared, False))
        parts = (tuple(left_of(one, len(shared))) for one in found)
        return Printed(prompt, tuple(parts), shape.closing)

    def _whole(self, talk: Sequence[Turn], answer: str) -> str:
        return self._render(to_messages([*talk, (ASSISTANT, answer)]))

    def _asked(self, talk: Sequence[Turn]) -> tuple[Shape, list[Piece]]:
        """What is printed for the roles of a conversation, and for the conversation itself."""
        roles = tuple(role for role, _ in talk)
        if roles not in self._shapes:
            self._shapes[roles] = shape_of(self._render, roles)
        shape = self._shapes[roles]
        return shape, pieces_of(self._render(to_messages(talk)), talk, shape, self._render)
