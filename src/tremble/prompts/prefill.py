"""What stands between a template's generation prompt and the opened answer, so that the answer
opens where the template's own family prints answers.

A generation prompt that opens a thought leaves the answer inside it; one with channels ends in an
unfinished header. A thought is closed as a thought without words, a header is given its final
channel. How a family writes that is taken from the template, first from how it prints an
assistant's answer, then from its words; where it says nothing, from what the family has published
(Qwen 3 and DeepSeek R1: the model cards; gpt-oss: the harmony format; Seed-OSS, Magistral, Kimi,
Command A Reasoning, Gemma 4: their templates).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

CLOSED: Final = "closes the thought that it opens"
FINAL: Final = "gives the answer its final channel"
AS_ANSWERS: Final = "writes what it prints before answers"
Why = Literal[
    "closes the thought that it opens",
    "gives the answer its final channel",
    "writes what it prints before answers",
]

_TAG = re.compile(r"<[^<>\s]{1,60}>|\[/?[A-Z][A-Z_]{1,30}\]|◁[^◁▷\s]{1,60}▷")
_THOUGHT = re.compile(r"think|thought|reason|analy[sz]|scratchpad|reflect|ponder", re.IGNORECASE)
_CLOSING = re.compile(r"^[<\[◁]\|?(?:/|end)|[_-]end\|?[>\]▷]$|^<[^|]*\|>$", re.IGNORECASE)
_OPENING = re.compile(r"begin|start", re.IGNORECASE)
# What turns thoughts on or off opens none: <|no_think|>, <think_off>, /no_think.
_SWITCH = re.compile(
    rf"(?<![a-z])(?:no|non|not|skip|without|disabled?|enabled?)[\W_]*(?:{_THOUGHT.pattern})"
    rf"|(?:{_THOUGHT.pattern})(?:ing)?(?:[a-z]*[\W_](?:\w*[\W_])?)?"
    r"(?:off|on|none|false|true|disabled?|enabled?)[\W_]*$",
    re.IGNORECASE,
)
# What a header or a thought may be followed by where a template prints an answer.
_OF_ANSWERS = re.compile(
    r"think|thought|reason|final|content|response|answer|message|solution", re.IGNORECASE
)
# White space within and behind a thought without words, where the template does not say.
_SPACE = ("\n\n", "\n\n")
_SPACES = {"[THINK]": ("", ""), "<|START_THINKING|>": ("", ""), "<seed:think>": ("\n", "")}
_SPACES |= {"◁think▷": ("", ""), "<|begin_of_thought|>": ("\n\n", "\n\n")}
# What opens the answer behind a thought, in templates that name it.
_ANSWERS = {
    "<|START_THINKING|>": "<|START_RESPONSE|>",
    "<|begin_of_thought|>": "<|begin_of_solution|>\n\n",
}
# What Seed-OSS writes where it is given no budget to think.
_SAID = {
    "<seed:cot_budget_reflect>": "The current thinking budget is 0, so I will directly start "
    "answering the question."
}
_ROLE = re.compile(r"assistant|model|answer|response|\bai\b", re.IGNORECASE)
_TURN = re.compile(r"assistant|model|chatbot|turn|header|role|\bai\b", re.IGNORECASE)
# Who speaks: "Human-like reasoning bot:", <|thinker|>.
_SPEAKER = re.compile(
    r"(?:bot|agent|analyst|thinker|reasoner|expert|machine|gpt|llm)[\W_]*$", re.IGNORECASE
)
FINAL_RESPONSE: Final = "[BEGIN FINAL RESPONSE]"  # Apriel, whose thoughts begin in words
_CHANNEL_OPENS = "<|channel>"  # Gemma 4
_CHANNEL, _MESSAGE, _START = "<|channel|>", "<|message|>", "<|start|>"  # of the harmony format


class NoPlaceForAnswer(ValueError):
    """An answer has no place behind what a template prints; its text is the rest of a sentence on
    the template."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """`text` stands before the opened answer; `replaced` is the end of what the template prints in
    whose place it stands, empty but where a family writes a thought without words in a way of its
    own."""

    text: str
    why: Why
    replaced: str = ""

    @classmethod
    def in_place(cls, replaced: str, text: str, why: Why) -> Prefill:
        """What is already there is kept."""
        if text.startswith(replaced):
            return cls(text.removeprefix(replaced), why)
        return cls(text, why, replaced)

    def after(self, rendered: str) -> str:
        """What a template printed, with this behind it."""
        return rendered.removesuffix(self.replaced) + self.text


@lru_cache(maxsize=1024)  # nearly all prompts of a template end alike
def prefill(end: str, answered: str | None, template: str) -> Prefill | None:
    """What must stand before the opened answer; None where it may follow at once.

    `end` is what the template prints behind people's words with its generation prompt, `answered`
    what it prints there before an assistant's answer (None where it prints none), `template` its
    text. Raises NoPlaceForAnswer where it cannot be told how the answer is reached.
    """
    if all(mark in template for mark in (_START, _CHANNEL, _MESSAGE)):
        return _final_channel(end)
    before = "" if answered is None else answered
    opened = _opened(end)
    if opened is not None:
        return _closed(opened, end, before, template)
    if (in_words := _begun_in_words(end, template)) is not None:
        return in_words
    rest = before.removeprefix(end) if before.startswith(end) else ""
    tags = _TAG.findall(rest)
    if tags and not _TAG.sub("", rest).strip() and all(map(_OF_ANSWERS.search, tags)):
        return Prefill(rest, AS_ANSWERS)
    return None


def before_thought(prompt: str) -> str:
    """A generation prompt up to the first thought in it, opened or closed."""
    for tag in _TAG.finditer(prompt):
        if _THOUGHT.search(tag[0]) or tag[0] == _CHANNEL_OPENS:
            return prompt[: tag.start()]
    return prompt


def before_words(prompt: str) -> str:
    """A generation prompt up to the thought that it begins in words, without a tag of its own."""
    last = _last_line(prompt)
    return prompt[: prompt.rindex(last)] if _thinks_aloud(last) else prompt


def begins_thought(text: str) -> str | None:
    """The mark with which a text begins that opens a thought, or a channel for one."""
    for channel in (f"{_CHANNEL_OPENS}thought", f"{_CHANNEL}analysis{_MESSAGE}"):
        if text.startswith(channel):
            return channel
    tag = _TAG.match(text)
    return tag[0] if tag is not None and _opens_thought(tag[0]) else None


def opened_before(mark: str, before: str) -> bool:
    """Whether a mark closes the one that stands right before an answer, such as that of a response;
    not one that names who speaks, whose end is that of the turn."""
    *_, last = [None, *_TAG.finditer(before)]
    if last is None or before[last.end() :].strip() or _TURN.search(last[0]):
        return False
    return mark == closing_of(last[0], mark)


def is_named(mark: str, template: str) -> bool:
    """Whether a template names a mark, as `begins_thought` gives it; of channels any."""
    return (_CHANNEL if mark.startswith(_CHANNEL) else mark) in template


def opening_marks(template: str) -> list[str]:
    """The marks that a template names and that open a thought."""
    channels = [one for one in (f"{_CHANNEL_OPENS}thought",) if one in template]
    return channels + [tag for tag in dict.fromkeys(_TAG.findall(template)) if _opens_thought(tag)]


def closing_of(mark: str, named_in: str) -> str | None:
    """The mark that closes what a mark opens, as `begins_thought` gives it; None where it is not
    known."""
    if mark.startswith(_CHANNEL_OPENS):
        return "<channel|>"
    if mark.startswith(_CHANNEL):
        return "<|end|>"
    try:
        return _closing(mark, named_in)
    except NoPlaceForAnswer:
        return None


def is_thought(text: str) -> bool:
    """Whether a text holds a mark that opens a thought, or a channel that may be one."""
    tags = [tag[0] for tag in _TAG.finditer(text)]
    return any(tag in (_CHANNEL_OPENS, _CHANNEL) or _opens_thought(tag) for tag in tags)


def _final_channel(end: str) -> Prefill | None:
    """The rest of the header of an answer, in the harmony format."""
    _, start, header = end.rpartition(_START)
    if not start:
        raise NoPlaceForAnswer("has channels, but does not begin a turn for the answer")
    named = header.partition(_CHANNEL)[2] if _CHANNEL in header else None
    final = f"{_CHANNEL}final{_MESSAGE}"
    if named is None:
        return Prefill(final, FINAL, _MESSAGE if _MESSAGE in header else "")
    name, message, _ = named.partition(_MESSAGE)
    if name.strip() == "final":
        return None if message else Prefill(_MESSAGE, FINAL)
    if not message:
        return Prefill.in_place(_CHANNEL + named, final, FINAL)
    role = header.partition(_CHANNEL)[0]
    return Prefill(f"<|end|>{_START}{role}{final}", FINAL)


def _opened(end: str) -> str | None:
    """The end of a generation prompt from the thought that it leaves open; None where none is."""
    tags = list(_TAG.finditer(end))
    if not tags:
        return None
    if tags[-1][0] == _CHANNEL_OPENS and end[tags[-1].end() :].startswith("thought"):
        return end[tags[-1].start() :]
    start = None
    for tag in reversed(tags):  # one thought may be opened within another
        inside = start is None or not end[tag.end() : start].strip()
        if not inside or not _opens_thought(tag[0]):
            break
        start = tag.start()
    return None if start is None else end[start:]


def _opens_thought(tag: str) -> bool:
    other = (_CLOSING, _SWITCH, _SPEAKER)
    return _THOUGHT.search(tag) is not None and not any(kind.search(tag) for kind in other)


def _closed(opened: str, end: str, answered: str, template: str) -> Prefill:
    """Closes a thought; `opened` is the end of the generation prompt from its tag on."""
    tags = [tag[0] for tag in _TAG.finditer(opened)]
    begun = opened[opened.rindex(tags[-1]) + len(tags[-1]) :]
    if tags == [_CHANNEL_OPENS]:  # Gemma 4: <|channel>thought\n<channel|>
        return Prefill(("" if begun.endswith("\n") else "\n") + "<channel|>", CLOSED)
    closings = [_closing(tag, answered + template) for tag in reversed(tags)]
    if answered.startswith(end) and closings[-1] in answered[len(end) :]:
        return Prefill(answered.removeprefix(end), CLOSED)
    inside, behind = _space(tags[0], closings[-1], answered, template)
    behind += _answer(tags[0], template)
    if tags[-1] in _SAID:
        return Prefill(_SAID[tags[-1]] + "\n".join(closings) + behind, CLOSED)
    if begun.strip() or len(tags) > 1:  # what the template thinks already stays
        before = "" if opened.endswith("\n") else "\n"
        return Prefill(before + "\n".join(closings) + behind, CLOSED)
    return Prefill.in_place(opened, tags[0] + inside + closings[0] + behind, CLOSED)


def _begun_in_words(end: str, template: str) -> Prefill | None:
    """Closes a thought that a generation prompt begins in words, without a tag of its own."""
    last = _last_line(end)
    if not _thinks_aloud(last):
        return None
    if FINAL_RESPONSE in template:
        return Prefill(f"\n{FINAL_RESPONSE}\n", CLOSED)
    raise NoPlaceForAnswer(
        f"begins a thought ({last[:60]!r}) and does not say how it ends, so the answer would be "
        "inside it"
    )


def _last_line(end: str) -> str:
    """What is behind the last tag of a generation prompt, of several lines the last."""
    return _TAG.split(end)[-1].rstrip().rpartition("\n")[2]


def _thinks_aloud(line: str) -> bool:
    other = (_ROLE, _SPEAKER, _SWITCH)
    return _THOUGHT.search(line) is not None and not any(kind.search(line) for kind in other)


def _closing(tag: str, named_in: str) -> str:
    """The tag that closes a thought. Raises NoPlaceForAnswer where it is not known."""
    name = tag.strip("<>[]◁▷|")
    if _OPENING.search(name):
        swap = {"begin": "end", "start": "end", "BEGIN": "END", "START": "END"}
        return _OPENING.sub(lambda found: swap.get(found[0], "End"), tag)
    if not tag.startswith("<|"):
        return f"{tag[0]}/{tag[1:]}"
    for known in (f"<|/{name}|>", f"<|end_{name}|>", f"<|end_of_{name}|>", f"<|{name}_end|>"):
        if known in named_in:
            return known
    if f"</{name}>" in named_in:
        return f"</{name}>"
    raise NoPlaceForAnswer(
        f"begins a thought ({tag}) and does not say how it ends, so the answer would be inside it"
    )


def _space(tag: str, closing: str, answered: str, template: str) -> tuple[str, str]:
    """White space within a thought without words, and behind it."""
    pair = rf"{re.escape(tag)}(\s*){re.escape(closing)}"
    if found := re.search(pair + r"(\s*)$", answered):
        return found[1], found[2]
    # In the template itself line ends are written as \n in quotes, or are there.
    end = r"(?:\\n|\n)*"
    written = rf"{re.escape(tag)}({end}){re.escape(closing)}({end})(?=['\"{{])"
    if found := re.search(written, template):
        return found[1].replace("\\n", "\n"), found[2].replace("\\n", "\n")
    return _SPACES.get(tag, _SPACE)


def _answer(tag: str, template: str) -> str:
    answer = _ANSWERS.get(tag, "")
    return answer if answer.strip() and answer.strip() in template else ""
