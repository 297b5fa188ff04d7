"""The chat format: a model's template, rendered to text, with the opened answer appended.

Templates come from model folders: they run in jinja's sandbox, with the date frozen, after a trial
in a process of their own (`sandbox`). Rendering follows the conventions of Hugging Face chat
templates (`messages`, `add_generation_prompt`, `bos_token`, `raise_exception`, `strftime_now`, the
`generation` block).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import jinja2

from tremble.decisions.files import text_of
from tremble.disk.paths import is_file, path_of
from tremble.errors import UserError
from tremble.prompts.conversation import Conversation
from tremble.prompts.sandbox import compiled, rendered, why_not
from tremble.text import one_line
from tremble.tokenization.options import TokenizerFacts

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
# The made-up models' template: a chat format without a model.
MOCK = (
    "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)
_CURE = "give another with template = in [[model]]"


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
        """Whether the system role is printed; else the system text heads the user text.

        Raises TemplateError for a template that does not compile, or does not end.
        """
        self._compiled  # noqa: B018 - its own errors are not those of the system role
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
                f"The chat template of {self.source} cannot be rendered ({one_line(error)}); "
                f"{_CURE}."
            ) from error

    @cached_property
    def _compiled(self) -> jinja2.Template:
        if self.text not in (*NAMED.values(), MOCK):
            fault = why_not(self.text, self._names)
            if fault is not None:
                raise TemplateError(f"The chat template of {self.source} {fault}; {_CURE}.")
        try:
            return compiled(self.text)
        except Exception as error:  # jinja computes parts of a template when it compiles it
            raise TemplateError(
                f"The chat template of {self.source} is not valid jinja ({one_line(error)}); "
                f"{_CURE}."
            ) from error

    @property
    def _names(self) -> dict[str, str | bool]:
        return {**self.special, **self.switches}

    def _render(self, messages: list[dict[str, str]]) -> str:
        return rendered(self._compiled, messages, self._names)


def template_of(asked: str | None, tokenizer: TokenizerFacts, model: str) -> Template:
    """The template of a model: the one asked for (a name or a jinja file), else its own.

    Raises TemplateError where there is none, UserError where the file cannot be read.
    """
    special = tokenizer.special
    marks = tuple(text for text in tokenizer.special_texts if text.strip())
    if asked is not None and asked in NAMED:
        return Template(NAMED[asked], f"{model} (named template {asked!r})", special, marks)
    if asked is not None:
        path = path_of(asked)
        if not is_file(path):
            raise TemplateError(
                f"The template {asked!r} is neither a readable file nor one of: "
                f"{', '.join(NAMED)}; correct its name."
            )
        text = text_of(path).replace("\r\n", "\n").replace("\r", "\n")
        return Template(text, asked, special, marks)
    if tokenizer.template is None:
        raise TemplateError(
            f"The model {model!r} has no chat template; give one with template = in [[model]] "
            f"(a jinja file, or one of: {', '.join(NAMED)}), or ask for the plain format."
        )
    return Template(tokenizer.template, model, special, marks)


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
