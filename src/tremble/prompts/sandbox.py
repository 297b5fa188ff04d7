"""Where chat templates run: jinja's sandbox with the date frozen, first in a process of its own.

A template is somebody else's program. So each is first tried by this module as a program, under
limits; each rendering after that has a limit of time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from itertools import product
from typing import Any

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tremble.prompts.limits import in_time, trial, tried

# The day every template believes it is: fixed, so that the same study renders the same text.
FROZEN_DATE = datetime(2026, 1, 1)

SECONDS = 10.0  # that a template may take for all of `_TALKS`; it takes some thousandths of one

Messages = Sequence[Mapping[str, Any]]
Names = Mapping[str, str | int]  # special tokens and switches, as a template takes them

# What real prompts look like: many lines, with and without a system text; with an answer, and as
# parts, as `frame` tries them; each also without the generation prompt.
_LINES = "Round 1 of 10:\nYou chose J, the other player chose F. You got 5 points.\n" * 100
_USER = {"role": "user", "content": f"{_LINES}Which option do you choose?"}
_SYSTEM = {"role": "system", "content": "You play a game.\n\n- If you choose J, you get 8 points."}
_ANSWER = {"role": "assistant", "content": "J"}
_PARTS = {"role": "user", "content": [{"type": "text", "text": _LINES}]}
_TALKS: tuple[Messages, ...] = (
    [_SYSTEM, _USER],
    [_USER],
    [_SYSTEM, _USER, _ANSWER],
    [_USER, _ANSWER],
    [_PARTS],
)


def rendered(
    template: jinja2.Template, messages: Messages, names: Names, prompted: bool = True
) -> str:
    """A conversation as one text, with the generation prompt where an answer is to come, and
    `prompted` asks for it.

    Raises TimeoutError where it takes more than `SECONDS`, see `limits.in_time`.
    """
    return in_time(partial(_render, template, messages, names, prompted), SECONDS)


def _render(template: jinja2.Template, messages: Messages, names: Names, prompted: bool) -> str:
    asked = prompted and messages[-1]["role"] != "assistant"
    return template.render(
        messages=messages, add_generation_prompt=asked, tools=None, documents=None, **names
    )


def compiled(text: str) -> jinja2.Template:
    """Raises jinja2.TemplateError for what is no template."""
    return _environment().from_string(text)


def why_not(text: str, names: Names) -> str | None:
    """What is wrong with a template that does not end in time or within memory, as the rest of a
    sentence on it; None for one that does, whatever it prints or raises. Found once a process."""
    return _tried(text, tuple(sorted(names.items())), SECONDS)


@lru_cache(maxsize=1024)
def _tried(text: str, names: tuple[tuple[str, str | int], ...], seconds: float) -> str | None:
    return tried(__name__, [text, dict(names)], seconds)


def _renderings(given: tuple[str, Names]) -> Iterator[Callable[[], str]]:
    text, names = given
    for messages, prompted in product(_TALKS, (True, False)):
        yield partial(_compiled_and_rendered, text, messages, names, prompted)


def _compiled_and_rendered(text: str, messages: Messages, names: Names, prompted: bool) -> str:
    return _render(compiled(text), messages, names, prompted)


class _GenerationBlock(jinja2.ext.Extension):
    """`{% generation %}` marks what an assistant says; for rendering it is transparent."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own convention

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_GenerationBlock, "jinja2.ext.loopcontrols"],
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _frozen_date()
    return environment


def _frozen_date() -> Callable[[str], str]:
    return FROZEN_DATE.strftime


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers has it, also in the order of what it takes."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


if __name__ == "__main__":
    trial(_renderings)
