"""What a chat template prints around people's words, found out with words that stand for them.

A template is somebody else's program: it may know no system role, want texts as lists of parts, or
take another variable than `messages` and print nothing of what people read. So a system text and a
user text are rendered before it is used, and both must be there, once each, as they are, before its
generation prompt. What it then prints of people's own words is held against that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]
Render = Callable[[Sequence[Message]], str]
SYSTEM, USER, ANSWER = "tremble-marker-7f3a", "tremble-marker-2c9e", "tremble-marker-b518"
_WHOSE = {USER: "user", SYSTEM: "system"}
_SHOWN = 15  # characters before and behind the place where words are changed


class NotPrinted(ValueError):
    """A template does not print people's words; its text is the rest of a sentence on it."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a template prints for one kind of conversation: `text`, with the words that stand for
    people's, and `prompt`, the generation prompt behind them (all that stands there where it is
    printed whether or not an answer is asked for)."""

    text: str
    prompt: str

    def fault(self, said: Mapping[str, str], printed: str, template: str) -> str | None:
        """What is wrong with how often people's words are printed, as the rest of a sentence on the
        template; `said` maps SYSTEM and USER to them.

        They may stand in each other, or in what the template prints by itself. How often it prints
        words of its own text can go by what is said, as with switches: those are not counted.
        """
        whole = self._with(said)
        trimmed = self._with({marker: words.strip() for marker, words in said.items()})
        for marker, words in said.items():
            text = words.strip()
            if not text or text in template:
                continue
            times, wanted = printed.count(text), (whole.count(text), trimmed.count(text))
            if times > max(wanted):
                return f"prints the {_WHOSE[marker]} text {times - max(wanted) + 1} times"
            if times < min(wanted):
                return f"prints nothing of the {_WHOSE[marker]} text"
        return None

    def _with(self, said: Mapping[str, str]) -> str:
        text = self.text
        for marker, words in said.items():
            text = text.replace(marker, words)
        return text


@dataclass(frozen=True, slots=True)
class Frame:
    """What a template prints around people's words.

    `system_role`: whether it prints a system text of its own; else that heads the user text. `end`:
    what it prints behind people's words, with its generation prompt; `answered`: what it prints
    there before an assistant's answer, None where it prints no answers. `around`: all that it
    prints for both texts.
    """

    system_role: bool
    end: str
    answered: str | None
    around: Around


def frame_of(render: Render, unprompted: Render) -> Frame:
    """What a template prints around people's words; `unprompted` prints no generation prompt.

    Raises NotPrinted where they are not printed, once each and before the generation prompt, and
    what `render` raises for a user text alone.
    """
    own, headed = conversation(SYSTEM, USER), conversation("", f"{SYSTEM}\n\n{USER}")
    with suppress(Exception):  # a template can fail in any way, and so refuse the system role
        around = around_of(render, unprompted, own)
        return Frame(True, _behind(around.text), _answered(render, own), around)
    around = around_of(render, unprompted, headed)
    return Frame(False, _behind(around.text), _answered(render, headed), around)


def around_of(render: Render, unprompted: Render, talk: Sequence[Message]) -> Around:
    """What a template prints for a conversation of words that stand for people's.

    Raises NotPrinted as `frame_of` does, and what `render` raises.
    """
    said = [marker for marker in _WHOSE if any(marker in message["content"] for message in talk)]
    printed = render(talk)
    fault = _fault(printed, said)
    if fault is not None:
        raise NotPrinted(fault + _wanted(render))
    end = prompt = _behind(printed)
    with suppress(Exception):  # a template may want to be asked for an answer
        bare = unprompted(talk)
        if bare != printed and _fault(bare, said) is None:
            prompt = end.removeprefix(_behind(bare))
            if _behind(bare) == end:
                prompt = ""
                fault = "prints its generation prompt before people's words"
    if fault is not None:
        raise NotPrinted(fault)
    return Around(printed, prompt)


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


def behind(system: str, user: str, printed: str) -> str:
    """What a template printed behind people's words, with those of its own words that are the same
    as the user text."""
    system, user = system.strip(), user.strip()
    start = printed.find(system) + len(system)
    return printed[max(printed.find(user, start), printed.find(user)) + len(user) :]


def _fault(printed: str, said: Iterable[str] = tuple(_WHOSE)) -> str | None:
    """What is wrong with people's words in what a template printed."""
    for marker in said:
        times, whose = printed.count(marker), _WHOSE[marker]
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
    return printed[max(printed.index(word) + len(word) for word in _WHOSE if word in printed) :]


def _answered(render: Render, asked: Sequence[Message]) -> str | None:
    """What a template prints between people's words and an answer."""
    with suppress(Exception):
        printed = render([*asked, {"role": "assistant", "content": ANSWER}])
        if _fault(printed) is None and _behind(printed).count(ANSWER) == 1:
            return _behind(printed).partition(ANSWER)[0]
    return None
