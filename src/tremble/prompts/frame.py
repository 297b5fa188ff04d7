"""What a chat template prints around people's words, found out with words that stand for them.

A template is somebody else's program: it may know no system role, want texts as lists of parts, or
take another variable than `messages` and print nothing of what people read. So a system text and a
user text are rendered before it is used, and both must be there, once each, as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]
Render = Callable[[Sequence[Message]], str]
SYSTEM, USER, ANSWER = "tremble-marker-7f3a", "tremble-marker-2c9e", "tremble-marker-b518"
_SHOWN = 15  # characters before and behind the place where words are changed


class NotPrinted(ValueError):
    """A template does not print people's words; its text is the rest of a sentence on it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a template prints around people's words.

    `system_role`: whether it prints a system text of its own; else that heads the user text. `end`:
    what it prints behind people's words, with its generation prompt; `answered`: what it prints
    there before an assistant's answer, None where it prints no answers.
    """

    system_role: bool
    end: str
    answered: str | None


def frame_of(render: Render) -> Frame:
    """What a template prints around people's words.

    Raises NotPrinted where they are not printed, and what `render` raises for a user text alone.
    """
    own, headed = conversation(SYSTEM, USER), conversation("", f"{SYSTEM}\n\n{USER}")
    with suppress(Exception):  # a template can fail in any way, and so refuse the system role
        printed = render(own)
        if _fault(printed) is None:
            return Frame(True, _behind(printed), _answered(render, own))
    printed = render(headed)
    fault = _fault(printed)
    if fault is not None:
        raise NotPrinted(fault + _wanted(render))
    return Frame(False, _behind(printed), _answered(render, headed))


def conversation(system: str, user: str) -> list[Message]:
    """Texts as messages."""
    said = [{"role": "system", "content": system}] if system else []
    return [*said, {"role": "user", "content": user}]


def altered(words: str, printed: str) -> str | None:
    """Where the first of people's words stands that a template did not print as it is, with some
    characters around it; None where all are printed. White space around them does not count."""
    words = words.strip()
    if words in printed:
        return None
    whole, cut = 0, len(words)  # so many characters are printed, and so many are not
    while cut - whole > 1:
        middle = (whole + cut) // 2
        whole, cut = (middle, cut) if words[:middle] in printed else (whole, middle)
    return words[max(0, whole - _SHOWN) : whole + _SHOWN]


def _fault(printed: str) -> str | None:
    """What is wrong with people's words in what a template printed."""
    for marker, whose in ((USER, "user"), (SYSTEM, "system")):
        times = printed.count(marker)
        if times > 1:
            return f"prints the {whose} text {times} times"
        if not times and marker.lower() in printed.lower():
            return f"changes the letters of the {whose} text"
        if not times:
            return f"prints nothing of the {whose} text"
    return None


def _wanted(render: Render) -> str:
    """What a template wants that does not print texts, as far as it can be told."""
    with suppress(Exception):
        parts = [{"role": "user", "content": [{"type": "text", "text": USER}]}]
        if USER in render(parts):
            return " (it wants texts as lists of parts)"
    return ""


def _behind(printed: str) -> str:
    """What a template printed behind people's words."""
    return printed[max(printed.index(word) + len(word) for word in (SYSTEM, USER)) :]


def _answered(render: Render, asked: Sequence[Message]) -> str | None:
    """What a template prints between people's words and an answer."""
    with suppress(Exception):
        printed = render([*asked, {"role": "assistant", "content": ANSWER}])
        if _fault(printed) is None and _behind(printed).count(ANSWER) == 1:
            return _behind(printed).partition(ANSWER)[0]
    return None
