"""Conversations of many turns, as a template prints them: which of its text is people's words.

The same roles are first printed with words that stand for people's; what is then printed of
people's own is compared with that. So it is known where their words are, and what the template
prints right behind an answer, also where the two look alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from tremble.prompts.frame import Message, NotPrinted, Render, altered

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
Turn = tuple[str, str]  # role, content
_ANSWER: Final = "tremble-marker-answer-e17d"
_MARKS: Final = re.compile(r"tremble-mark-(\d+)-(begins|ends)-9d31")


class Piece(NamedTuple):
    """A piece of a printed conversation: people's words, or what the template adds."""

    text: str
    words: bool


@dataclass(frozen=True, slots=True)
class Printed:
    """A conversation up to where an answer is to come, and answers to it.

    `prompt`, and each of `answers`, are pieces in their order; an answer is what the template
    prints of it, behind the white space that it prints first. `closing`: all that the template
    prints behind an answer, its end of turn.
    """

    prompt: tuple[Piece, ...]
    answers: tuple[tuple[Piece, ...], ...]
    closing: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What a template prints for some roles: `frames` are its own texts before each message that
    it prints, with the number of that message; `end` is what is behind the last one, up to where
    the answer is to come. `lead` stands between that and an answer (None where an answer is printed
    in another place than where it is asked for), `closing` behind it."""

    frames: tuple[tuple[str, int], ...]
    end: str
    lead: str | None
    closing: str


def to_messages(talk: Sequence[Turn]) -> list[Message]:
    """As templates take them."""
    return [{"role": role, "content": content} for role, content in talk]


def folded(talk: Sequence[Turn], system_role: bool) -> list[Turn]:
    """The same conversation; its system text heads the first user text where the template has no
    system role."""
    if system_role or not talk or talk[0][0] != SYSTEM:
        return list(talk)
    (_, system), (role, first), *rest = talk
    return [(role, f"{system}\n\n{first}"), *rest]


def shape_of(render: Render, roles: Sequence[str]) -> Shape:
    """What a template prints for some roles, the last one the user.

    Raises NotPrinted where it does not print a system or user text once, or no answer, and what
    `render` raises.
    """
    markers = [f"tremble-marker-{number}-4c7b" for number in range(len(roles))]
    talk = list(zip(roles, markers, strict=True))
    printed = render(to_messages(talk))
    for role, marker in talk:
        times = printed.count(marker)
        if times != 1 and not (role == ASSISTANT and not times):  # earlier answers may be left out
            what = f"prints the {role} text of turn {markers.index(marker) + 1} {times} times"
            raise NotPrinted(f"{what} in a conversation of {len(roles)} turns")
    there = [marker for marker in markers if marker in printed]
    frames, rest = [], printed
    there.sort(key=printed.index)
    for marker in there:
        frame, _, rest = rest.partition(marker)
        frames.append((frame, markers.index(marker)))
    full = render(to_messages([*talk, (ASSISTANT, _ANSWER)]))
    if full.count(_ANSWER) != 1:
        raise NotPrinted(f"prints an assistant's answer {full.count(_ANSWER)} times")
    before, _, closing = full.partition(_ANSWER)
    # Its texts before what is said last may be others once there is an answer.
    _, last, behind = before.rpartition(there[-1])
    lead = behind.removeprefix(rest) if last and behind.startswith(rest) else None
    return Shape(tuple(frames), rest, lead, closing)


def pieces_of(printed: str, talk: Sequence[Turn], shape: Shape, render: Render) -> list[Piece]:
    """What `render` printed of a conversation in pieces, the last one of the template's own.

    Raises NotPrinted where a system or user text is not in it as it is (but for the white space
    around it).
    """
    pieces, at = [], 0
    behind = [*(frame for frame, _ in shape.frames[1:]), shape.end]
    for (frame, number), following in zip(shape.frames, behind, strict=True):
        start = at + len(frame)
        found = None
        if printed.startswith(frame, at):
            found = _said(printed[start:], talk[number], following)
        if found is None:
            return _looked_for(printed, talk, render)
        pieces += [Piece(frame, False), Piece(found, True)]
        at = start + len(found)
    if printed[at:] != shape.end:
        return _looked_for(printed, talk, render)
    return [*pieces, Piece(shape.end, False)]


def answer_of(full: str, answer: str, shape: Shape) -> str:
    """What a template prints of an answer, out of the whole conversation. Raises NotPrinted where
    it is changed or cut."""
    for form in _forms(answer):
        if form and full.endswith(f"{shape.lead or ''}{form}{shape.closing}"):
            return form
    place = altered(answer, full)
    where = "" if place is None else f", at {place!r}"
    raise NotPrinted(f"changes or cuts the answer{where}")


def _forms(words: str) -> list[str]:
    """In which ways a template may print a text: as it is, or without white space at its ends."""
    return list(dict.fromkeys((words, words.strip(), words.rstrip(), words.lstrip())))


def _said(printed: str, turn: Turn, following: str) -> str | None:
    """How a turn is printed at the beginning of a text, the template's `following` behind it; None
    where it is not. Of an earlier answer the end may be printed alone, without its thought."""
    role, content = turn
    for form in _forms(content):
        if printed.startswith(form + following):
            return form
    cut, there, _ = printed.partition(following)
    shortened = role == ASSISTANT and bool(there and following)
    return cut if shortened and content.strip().endswith(cut.strip()) else None


def _looked_for(printed: str, talk: Sequence[Turn], render: Render) -> list[Piece]:
    """The same where what a template prints by itself goes by what is said: the words are printed
    once more with a mark at either end, which must be all that makes a difference."""
    for role, content in talk:
        place = altered(content, printed) if role != ASSISTANT else None
        if place is not None:
            raise NotPrinted(f"changes or cuts the {role} text, at {place!r}")
    for bare in (str, str.strip):
        marked = [
            (role, f"{_mark(number, 'begins')}{bare(content)}{_mark(number, 'ends')}")
            for number, (role, content) in enumerate(talk)
        ]
        with suppress(Exception):  # a template can fail in any way
            text = render(to_messages(marked))
            parts = _MARKS.split(text)
            # Of an earlier answer only the end may be left.
            wanted = sum(role != ASSISTANT for role, _ in talk)
            whole = parts[2::3].count("begins") <= parts[2::3].count("ends") >= wanted
            if whole and "".join(parts[::3]) == printed:
                return _between_marks(parts, talk)
    raise NotPrinted("prints the conversation so that it cannot be told which of it was said")


def _between_marks(parts: Sequence[str], talk: Sequence[Turn]) -> list[Piece]:
    """The pieces of a text that was split at its marks: texts, and between any two the number and
    the end that a mark stands for. Of an answer that was shortened only the end is marked."""
    pieces, begun = [], False
    frame = parts[0]
    for number, end, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if end == "begins":
            pieces.append(Piece(frame, False))
            begun = True
        elif begun:
            pieces.append(Piece(frame, True))
            begun = False
        else:
            words = _end_of(talk[int(number)][1].strip(), frame)
            pieces += [Piece(frame[: len(frame) - len(words)], False), Piece(words, True)]
        frame = text
    return [*pieces, Piece(frame, begun)]


def _end_of(words: str, printed: str) -> str:
    """With how much of its end a text ends that is printed: that behind its thought, if it has one,
    else as much as they share."""
    answer = words.rpartition("</think>")[2].strip()
    if printed.endswith(answer):
        return answer
    shared = 0
    while shared < min(len(words), len(printed)) and words[-1 - shared] == printed[-1 - shared]:
        shared += 1
    return words[len(words) - shared :]


def _mark(number: int, end: str) -> str:
    return f"tremble-mark-{number}-{end}-9d31"
