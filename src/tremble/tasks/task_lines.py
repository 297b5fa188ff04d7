"""One line of a task file as a prompt and its answers, or what is wrong with it."""

from __future__ import annotations

import re
from typing import Any, Final

from tremble.decisions.lines import Line, short
from tremble.prompts.turns import ASSISTANT, SYSTEM, USER, Turn

Read = tuple[tuple[Turn, ...], tuple[str, ...]]
ROLES: Final = (SYSTEM, USER, ASSISTANT)
_KEYS = ("messages", "prompt", "completion", "chosen", "rejected")
READ: Final = frozenset((*_KEYS, "id", "subset", "schema"))  # all else on a line is not read
# How conversations are written as text in HH-RLHF.
_SPEAKER = re.compile(r"(?:\A|\n\n)(Human|Assistant):")
_OF_SPEAKER = {"Human": USER, "Assistant": ASSISTANT}


def kind_of(line: Line, value: dict[str, Any]) -> bool:
    """Whether a line is a pair, not a demonstration. Raises Fault where it is neither or both."""
    pair = [key for key in ("chosen", "rejected") if value.get(key) is not None]
    shown = [key for key in ("messages", "completion") if value.get(key) is not None]
    if pair and shown:
        line.fail(
            f"it has {pair[0]}, as pairs do, and {shown[0]}, as demonstrations do; keep preference "
            "pairs and demonstrations in two files."
        )
    if len(pair) == 1:
        other = "rejected" if pair == ["chosen"] else "chosen"
        line.fail(
            f"it has {pair[0]} but no {other}; a preference pair needs both, and a demonstration "
            "is written as prompt and completion, or as messages."
        )
    if not pair and not shown:
        keys = ", ".join(map(repr, value)) or "none"
        line.fail(
            f"it has neither chosen and rejected, nor messages, nor prompt and completion (its "
            f"keys: {keys}); rename the keys that hold them (docs/align.md#data shows how)."
        )
    return bool(pair)


def read_line(line: Line, value: dict[str, Any]) -> Read:
    """The prompt and the answers of a line: (chosen, rejected), or (answer,). Answers may be empty.

    Raises Fault for what is no text or message, and for roles out of order.
    """
    if "chosen" not in value or value["chosen"] is None:
        return _demonstration(line, value)
    if value.get("prompt") is None:
        return _implicit(line, value)
    prompt = _prompt(line, value["prompt"])
    return prompt, tuple(_answer(line, value, key, prompt) for key in ("chosen", "rejected"))


def _demonstration(line: Line, value: dict[str, Any]) -> Read:
    if value.get("messages") is None:
        if value.get("prompt") is None:
            line.fail("it has completion but no prompt; write what was asked as prompt.")
        prompt = _prompt(line, value["prompt"])
        return prompt, (_answer(line, value, "completion", prompt),)
    extra = next((key for key in ("prompt", "completion") if value.get(key) is not None), None)
    if extra is not None:
        line.fail(f"it has messages and {extra}; keep one of them.")
    said = _messages(line, value["messages"], "messages")
    return _checked(line, said[:-1], "messages"), (_last(line, said, "messages"),)


def _implicit(line: Line, value: dict[str, Any]) -> Read:
    """A pair of whole conversations."""
    sides = []
    for key in ("chosen", "rejected"):
        said = value[key]
        if isinstance(said, str):
            written = _conversation(said)
            if written is None:
                line.fail(
                    f"it has no prompt, and {key} is {short(said)}, which is no conversation; "
                    "write what was asked as prompt."
                )
            said = written
        else:
            said = _messages(line, said, key)
        answer = _last(line, said, key)
        sides.append((_checked(line, said[:-1], key), answer))
    (prompt, chosen), (other, rejected) = sides
    if prompt != other:
        pairs = enumerate(zip(prompt, other, strict=False), 1)
        at = next((n for n, (a, b) in pairs if a != b), min(len(prompt), len(other)) + 1)
        line.fail(
            f"chosen and rejected differ already in message {at}, before the answer; the two must "
            "share all but their last message."
        )
    return prompt, (chosen, rejected)


def _prompt(line: Line, value: Any) -> tuple[Turn, ...]:
    if isinstance(value, str):
        written = None
        if value.rstrip().endswith("\n\nAssistant:"):
            written = _conversation(value.rstrip())
        if written is not None and written[-1][1]:
            line.fail(
                f"the prompt ends in the middle of an answer ({short(written[-1][1])}); begin "
                "chosen and rejected, or completion, with it."
            )
        said = [(USER, value)] if written is None else written[:-1]
    else:
        said = _messages(line, value, "prompt")
    return _checked(line, said, "prompt")


def _answer(line: Line, value: dict[str, Any], key: str, prompt: tuple[Turn, ...]) -> str:
    given, asked = value[key], value["prompt"]
    if isinstance(given, str):
        written = _conversation(given)
        if written is None or not _is_whole(given, written, prompt):
            # Behind "Assistant:" the space before an answer belongs to the form.
            of_form = isinstance(asked, str) and prompt != ((USER, asked),)
            return given.strip() if of_form else given
        said = written
    else:
        said = _messages(line, given, key)
    answer = _last(line, said, key)
    if len(said) > 1 and tuple(said[:-1]) != prompt:
        line.fail(
            f"{key} has {len(said)} messages whose beginning is not the prompt; write the "
            "assistant's message alone, or leave prompt out."
        )
    return answer


def _is_whole(text: str, written: list[Turn], prompt: tuple[Turn, ...]) -> bool:
    """Whether a text in the form of HH-RLHF is a whole conversation, not an answer that looks like
    one: it begins with the prompt, or has the blank lines before it that only the form has."""
    begins = len(written) > len(prompt) and tuple(written[: len(prompt)]) == prompt
    return begins or (text.startswith("\n\n") and len(written) > 1)


def _last(line: Line, said: list[Turn], key: str) -> str:
    role, content = said[-1]
    if role != ASSISTANT:
        line.fail(
            f"{key} ends with the role {role!r}; the last message must be the assistant's, which "
            "is what is scored."
        )
    return content


def _messages(line: Line, value: Any, key: str) -> list[Turn]:
    if not isinstance(value, list) or not value:
        what = "a list of messages" if key == "messages" else "a text, or a list of messages"
        line.fail(f"{key} is {short(value)}; it must be {what}.")
    said: list[Turn] = []
    for number, one in enumerate(value, 1):
        if not isinstance(one, dict) or not isinstance(one.get("role"), str):
            line.fail(
                f'message {number} of {key} is {short(one)}; write {{"role": "user", "content": '
                '"..."}.'
            )
        role, content = one["role"], one.get("content")
        if role not in ROLES:
            line.fail(
                f"message {number} of {key} has the role {role!r}; the roles are "
                f"{', '.join(ROLES)}."
            )
        if not isinstance(content, str):
            line.fail(
                f"the content of message {number} of {key} is {short(content)}; it must be a text."
            )
        said.append((role, content))
    return said


def _checked(line: Line, said: list[Turn], key: str) -> tuple[Turn, ...]:
    """Messages before an answer: a system text or none, then user and assistant in turn, the user
    first and last; none of them empty."""
    for number, (role, content) in enumerate(said, 1):
        if not content.strip():
            line.fail(f"message {number} of {key}, the {role}'s, is empty; write its text.")
        before = said[number - 2][0] if number > 1 else None
        if role == SYSTEM and number > 1:
            line.fail(f"message {number} of {key} is the system's; it must be the first.")
        if role == ASSISTANT and before != USER:
            what = "starts with the assistant" if before != ASSISTANT else _twice(role, number)
            line.fail(f"{key} {what}; user and assistant must take turns, the user first.")
        if role == before == USER:
            line.fail(f"{key} {_twice(role, number)}; put the two into one message.")
    if not said or said[-1][0] != USER:
        role = said[-1][0] if said else "nobody"
        line.fail(f"what stands before the answer ends with {role!r}; it must end with the user.")
    return tuple(said)


def _twice(role: str, number: int) -> str:
    return f"has two {role} turns in a row, messages {number - 1} and {number}"


def _conversation(text: str) -> list[Turn] | None:
    """A conversation written as text; None for any other text. What one speaker says in several
    pieces is one turn, and the space around a turn belongs to the form."""
    if not text.lstrip("\n").startswith("Human:"):
        return None
    parts = _SPEAKER.split(text.lstrip("\n"))
    said: list[Turn] = []
    for speaker, content in zip(parts[1::2], parts[2::2], strict=True):
        role, words = _OF_SPEAKER[speaker], content.strip()
        if said and said[-1][0] == role:
            said[-1] = (role, f"{said[-1][1]}\n\n{words}".strip())
        else:
            said.append((role, words))
    return said
