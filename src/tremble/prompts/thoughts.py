"""Answers that hold a thought of their own, and where a template prints them.

Data of models that think hold the thought in the answer: `<think>...</think>` and what is said
then. A template may move the white space around its marks, and a generation prompt may have opened
the thought already; the words of the thought and of what is said stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tremble.prompts.frame import NotPrinted, altered
from tremble.prompts.prefill import (
    FINAL_RESPONSE,
    begins_thought,
    closing_of,
    is_named,
    opening_marks,
)
from tremble.prompts.turns import Piece


class ThoughtNotPrinted(NotPrinted):
    """A template does not print an answer with its thought; its text is that of `NotPrinted`."""


@dataclass(frozen=True, slots=True)
class Thought:
    """An answer in its parts. `opening`: the mark that opens the thought, empty where the answer
    goes on with one that the prompt opened; `closing`: empty where it does not end. `own`: whether
    the template names these marks."""

    opening: str
    words: str
    closing: str
    rest: str
    own: bool


def thought_of(answer: str, template: str) -> Thought | None:
    """The thought that an answer begins with, or ends where the prompt has begun it; None where it
    has none. Marks that `template` does not name count where they are closed."""
    text = answer.strip()
    if (mark := begins_thought(text)) is not None:
        closing = closing_of(mark, template + text) or ""
        behind = text.removeprefix(mark)
        words, ends, rest = behind.partition(closing) if closing else (behind, "", "")
        own = is_named(mark, template)
        return Thought(mark, words, ends, rest, own) if own or ends else None
    known = (closing_of(mark, template) for mark in opening_marks(template))
    for end in (*known, FINAL_RESPONSE if FINAL_RESPONSE in template else None):
        if end is not None and end in text:
            words, ends, rest = text.partition(end)
            return Thought("", words, ends, rest, True)
    return None


def in_pieces(printed: str, thought: Thought) -> tuple[str, list[Piece]] | None:
    """What stands before the answer at the end of a text, and the answer in pieces, of which its
    words are people's and its marks the template's. None where the text does not end with it (but
    for white space around its parts)."""
    before, pieces = printed, list[Piece]()
    parts = ((thought.rest, True), (thought.closing, False), (thought.words, True))
    for part, words in (*parts, (thought.opening, False)):
        part = part.strip()
        if not part:
            continue
        bare = before.rstrip()
        if not bare.endswith(part):
            return None
        pieces = [Piece(part, words), Piece(before[len(bare) :], False), *pieces]
        before = bare.removesuffix(part)
    return before, [piece for piece in pieces if piece.text]


def behind_prompt(
    whole: str, closing: str, answer: str, thought: Thought, asked: str
) -> list[Piece]:
    """An answer with a thought out of a whole conversation: all between `asked`, the end of what is
    printed before an answer and its thought, and `closing`.

    Raises ThoughtNotPrinted where the answer is changed or cut, or more than the opening of its
    thought is printed before it.
    """
    found = in_pieces(whole.removesuffix(closing), thought) if whole.endswith(closing) else None
    if found is None:
        place = altered(answer, whole)
        where = "" if place is None else f", at {place!r}"
        raise ThoughtNotPrinted(f"changes or cuts the answer{where}")
    before, pieces = found
    start = before.rfind(asked) + len(asked)
    if asked not in before:
        raise ThoughtNotPrinted("prints answers in another place than where it asks for them")
    between = before[start:]
    opened = begins_thought(between.strip()) if not thought.opening else None
    if between.strip() and between.strip() != opened:
        raise ThoughtNotPrinted(
            f"prints {between.strip()!r} before the thought that an answer holds"
        )
    return [Piece(between, False), *pieces] if between else pieces


def left_of(pieces: Sequence[Piece], start: int) -> Iterator[Piece]:
    """What is left of some pieces without their first characters."""
    for piece in pieces:
        if start < len(piece.text):
            yield Piece(piece.text[start:], piece.words)
        start = max(0, start - len(piece.text))


def joined(pieces: Sequence[Piece]) -> str:
    """Pieces as one text."""
    return "".join(piece.text for piece in pieces)
