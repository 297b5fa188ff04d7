"""The chat format: a model's template, rendered to text, with the opened answer appended.

Templates come from model folders: they run in jinja's sandbox, with the date frozen. Rendering
follows the conventions of Hugging Face chat templates (`messages`, `add_generation_prompt`,
`bos_token`, `raise_exception`, `strftime_now`, the `generation` block).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tremble.errors import UserError
from tremble.prompts.conversation import Conversation
from tremble.text import one_line
from tremble.tokenization.options import TokenizerFacts

# The day every template believes it is: fixed, so that the same study renders the same text.
FROZEN_DATE = datetime(2026, 1, 1)

# Switches with which templates turn visible reasoning off; passed where a template names them.
_THINKING_SWITCHES = ("enable_thinking", "thinking")
_MARKER = "tremble-marker-7f3a"

# Gemma's turn format, for Gemma models whose files hold no template of their own.
GEMMA = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) "
    "+ '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
NAMED = {"gemma": GEMMA}


class TemplateError(UserError):
    """A chat template cannot be had, or refuses even a single user message."""


@dataclass(frozen=True)
class Template:
    """A chat template and the special tokens it prints, as texts.

    `source` says where it came from; `special` maps names such as `bos_token` to texts; `marks`
    are the texts that are one token each for the model it was written for.
    """

    text: str
    source: str
    special: Mapping[str, str] = field(default_factory=dict, hash=False)
    marks: tuple[str, ...] = field(default=(), compare=False)

    @property
    def key(self) -> str:
        """Eight characters that stand for the template's text and special tokens."""
        content = json.dumps([self.text, sorted(self.special.items())])
        return sha256(content.encode()).hexdigest()[:8]

    @cached_property
    def takes_system(self) -> bool:
        """Whether the system role is printed; else the system text heads the user text."""
        messages = [_message("system", _MARKER), _message("user", "Hello")]
        try:
            return _MARKER in self._render(messages)
        except Exception:  # a template is somebody else's program and can fail in any way
            return False

    @cached_property
    def switches(self) -> dict[str, bool]:
        """Thinking switches this template knows, all set to off."""
        return {name: False for name in _THINKING_SWITCHES if re.search(rf"\b{name}\b", self.text)}

    def render(self, conversation: Conversation) -> str:
        """The prompt as one text: the conversation's turns, then the opening.

        Raises TemplateError where the template refuses the conversation.
        """
        system, user = conversation.system, conversation.user
        if system and not self.takes_system:
            system, user = "", f"{system}\n\n{user}"
        messages = [_message("user", user)]
        if system:
            messages.insert(0, _message("system", system))
        try:
            return self._render(messages) + conversation.opening
        except TemplateError:
            raise
        except Exception as error:
            raise TemplateError(
                f"The chat template of {self.source} cannot be rendered "
                f"({one_line(error)}); give another with template = in [[model]]."
            ) from error

    @cached_property
    def _compiled(self) -> jinja2.Template:
        try:
            return _environment().from_string(self.text)
        except jinja2.TemplateError as error:
            raise TemplateError(
                f"The chat template of {self.source} is not valid jinja ({one_line(error)}); "
                "give another with template = in [[model]]."
            ) from error

    def _render(self, messages: list[dict[str, str]]) -> str:
        return self._compiled.render(
            messages=messages,
            add_generation_prompt=True,
            tools=None,
            documents=None,
            **self.special,
            **self.switches,
        )


def template_of(asked: str | None, tokenizer: TokenizerFacts, model: str) -> Template:
    """The template of a model: the one asked for (a name or a jinja file), else its own.

    Raises TemplateError where there is none, or the file cannot be read.
    """
    special = tokenizer.special
    marks = tuple(text for text in tokenizer.special_texts if text.strip())
    if asked is not None and asked in NAMED:
        return Template(NAMED[asked], f"{model} (named template {asked!r})", special, marks)
    if asked is not None:
        try:
            return Template(Path(asked).read_text(encoding="utf-8"), asked, special, marks)
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(
                f"The template {asked!r} is neither a readable file nor one of: "
                f"{', '.join(NAMED)}; correct its name."
            ) from error
    if tokenizer.template is None:
        raise TemplateError(
            f"The model {model!r} has no chat template; give one with template = in [[model]] "
            f"(a jinja file, or one of: {', '.join(NAMED)}), or ask for the plain format."
        )
    return Template(tokenizer.template, model, special, marks)


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


def _tojson(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
