"""The prompt of a guessed task: simple, honest, made of the columns."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

ASKS = "Which do you choose: "  # begins the line that asks
_FEW = 4  # options that are written out as answers
_TAG = re.compile(r"<[a-zA-Z/!][^<>]*>")


@dataclass(frozen=True, slots=True)
class Shown:
    """A column that the prompt prints. `alone`: it is a text that needs no name before it;
    `gaps`: it is missing in some rows; `tagged`: it holds HTML."""

    name: str
    called: str
    alone: bool = False
    gaps: bool = False
    tagged: bool = False


def is_tagged(values: Sequence[str]) -> bool:
    """Whether texts hold HTML."""
    return any(_TAG.search(value) for value in values)


def prompt_of(
    shown: Sequence[Shown], labels: Sequence[str], question: str | None, past: Sequence[Shown]
) -> str:
    """The template. `question`: the line that asks, where the file tells what was asked; `past`:
    columns of earlier rounds that it tells of."""
    lines = []
    if past:
        told = "".join(f", {one.called} {{{{ past.{one.name} }}}}" for one in past)
        lines += [
            "{% for past in history %}",
            f"Round {{{{ past.round }}}}{told}: you chose {{{{ past.choice }}}}.",
            "{% endfor %}",
        ]
    alone = [one for one in shown if one.alone]
    lines += [line_of(one) for one in alone]
    lines += [question] if question else []
    lines += [line_of(one) for one in shown if not one.alone]
    listed = " or ".join(labels) if len(labels) == 2 else ", ".join(labels)
    lines.append(f"{ASKS}{literal(listed)}?")
    lines.append(f"Answer as JSON: {literal(_answers(labels))}")
    return "\n".join(lines)


def _answers(labels: Sequence[str]) -> str:
    """What can be answered, as it is written; of many options none as an example, which would be
    likelier for it."""
    few = [json.dumps({"decision": label}, ensure_ascii=False) for label in labels]
    if len(few) > _FEW:
        return '{"decision": "..."}, with one of these in place of the dots.'
    return f"{', '.join(few[:-1])} or {few[-1]}."


def literal(text: str) -> str:
    """A text that a template prints as it is."""
    if any(mark in text for mark in ("{{", "{%", "{#")):
        return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}"
    return text


def line_of(one: Shown) -> str:
    """The line of a prompt that prints a column."""
    value = f"{{{{ {one.name}{' | striptags' if one.tagged else ''} }}}}"
    line = value if one.alone else f"{literal(one.called)}: {value}"
    return f"{{% if {one.name} %}}{line}{{% endif %}}" if one.gaps else line


def called(name: str) -> str:
    """What a column is called in a prompt: "left_offer" -> left offer."""
    last = re.sub(r"[._]?\{\w+\}[._]?", " ", name)
    last = re.split(r"[.]", last.strip(" ."))[-1]
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", last).split()) or name
