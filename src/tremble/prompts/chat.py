"""The chat format: a model's template, rendered to text, with the opened answer appended.

Templates come from model folders: they run in jinja's sandbox, with the date frozen, after a trial
in a process of their own (`sandbox`). Rendering follows the conventions of Hugging Face chat
templates (`messages`, `add_generation_prompt`, `bos_token`, `raise_exception`, `strftime_now`, the
`generation` block). People's words must be in what comes out, as they are (`frame`), and the answer
opens where answers stand: behind a thought that is closed, in its final channel (`prefill`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from typing import Literal, TypeVar

import jinja2

from tremble.decisions.files import text_of
from tremble.disk.paths import is_file, path_of
from tremble.errors import UserError
from tremble.prompts.answers import Answers
from tremble.prompts.conversation import Conversation
from tremble.prompts.frame import (
    SYSTEM,
    USER,
    Around,
    Frame,
    Message,
    NotPrinted,
    altered,
    around_of,
    behind,
    conversation,
    frame_of,
)
from tremble.prompts.prefill import NoPlaceForAnswer, Prefill, before_thought, prefill
from tremble.prompts.sandbox import Names, compiled, rendered, why_not
from tremble.prompts.thoughts import Thought, ThoughtNotPrinted, thought_of
from tremble.prompts.turns import Piece, Printed, Turn
from tremble.text import of_template, one_line
from tremble.tokenization.options import TokenizerFacts

# Switches with which templates turn visible reasoning off; passed where a template names them.
_THINKING_SWITCHES: dict[str, bool | int] = {
    "enable_thinking": False,
    "thinking": False,
    "thinking_budget": 0,  # Seed-OSS, in tokens
}

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
Made = TypeVar("Made")
_CURE = "give another with template = in [[model]], or with --template"


class TemplateError(UserError):
    """A chat template cannot be had, or refuses even a single user message."""


@dataclass(frozen=True)
class Template:
    """A chat template and the special tokens it prints, as texts.

    `source` says where it came from; `special` maps names such as `bos_token` to texts; `marks`
    are the texts that are one token each for the model it was written for. `thinks`: whether what
    is visible of its reasoning is turned off, or on, or left to the template.
    """

    text: str
    source: str
    special: Mapping[str, str] = field(default_factory=dict, hash=False)
    marks: tuple[str, ...] = field(default=(), compare=False)
    thinks: Literal["off", "default", "on"] = "off"

    @property
    def key(self) -> str:
        """Eight characters that stand for the template's text and special tokens."""
        content = json.dumps([self.text, sorted(self.special.items())])
        return sha256(content.encode()).hexdigest()[:8]

    @property
    def takes_system(self) -> bool:
        """Whether the system role is printed; else the system text heads the user text.

        Raises TemplateError as `render` does for every conversation.
        """
        return self._frame.system_role

    @cached_property
    def switches(self) -> dict[str, bool | int]:
        """Thinking switches that this template knows, as they are set: to off, but where answers
        hold thoughts."""
        if self.thinks == "default":
            return {}
        known = {
            name: off
            for name, off in _THINKING_SWITCHES.items()
            if re.search(rf"\b{name}\b", self.text)
        }
        if self.thinks == "on":
            return {name: True for name, off in known.items() if off is False}
        return known

    @property
    def prefill(self) -> Prefill | None:
        """What tremble writes behind the generation prompt, before the opened answer.

        Raises TemplateError as `render` does for every conversation.
        """
        return self._prefill_after(self._frame.end)

    def remarks(self) -> list[str]:
        """What a reader must know of what tremble adds to this template, a sentence each."""
        added = self.prefill
        if added is None:
            return []
        return [f"The chat template of {self.source}: tremble {added.why} ({added.text!r})."]

    def before_user(self) -> str | None:
        """What the template prints before a user text where no system text is given, its own system
        text often; None where it cannot do without one."""
        try:
            before, found, _ = self._printed(conversation("", USER)).partition(USER)
        except TemplateError:
            return None
        return before if found else None

    def rendered_for(self, talk: Conversation, own_bos: str | None) -> str:
        """`render` for a model whose BOS is another one than the template's: without the one that
        the template prints, which would be letters to that model."""
        text = self.render(talk)
        printed = self.special.get("bos_token")
        return text.removeprefix(printed) if printed and printed != own_bos else text

    def render(self, talk: Conversation) -> str:
        """The prompt as one text: the conversation's turns, then the opening.

        Raises TemplateError where the template refuses any conversation or this one, does not print
        people's words as they are, or leaves the answer no place.
        """
        frame, system, user = self._frame, talk.system, talk.user
        if system and not frame.system_role:
            system, user = "", f"{system}\n\n{user}"
        printed = self._printed(conversation(system, user))
        for whose, words in (("system", system), ("user", user)):
            place = altered(words, printed)
            if place is not None:
                raise self._error(f"changes or cuts the {whose} text, at {place!r}")
        around = frame.around if system else self._user_alone
        fault = around.fault({SYSTEM: system, USER: user}, printed, self.text)
        if fault is not None:
            raise self._error(fault)
        end = frame.end
        if not printed.endswith(end):  # it goes by what is said
            end = behind(system, user, printed)
            if before_thought(around.prompt).strip() not in end:
                raise self._error("does not print its generation prompt after people's words")
        added = self._prefill_after(end)
        return (printed if added is None else added.after(printed)) + talk.opening

    def turns(self, talk: Sequence[Turn], answers: Sequence[str], own_bos: str | None) -> Printed:
        """A conversation of (role, content), the last one the user's, as a model is asked it, and
        some answers as the template prints them. `own_bos` as in `rendered_for`.

        The prompt is what the template prints for the conversation with its generation prompt, and
        what of its own it, or tremble, puts before an answer: so a thought is closed. Earlier
        answers stand there as the template prints them, some without their thoughts.

        Where an answer holds a thought itself, nothing is closed before it: the template is then
        asked as it is without switches, as in training, and if need be with thinking on. All
        answers have one prompt; what is printed of one behind that, also a thought without words,
        belongs to the answer. Raises TemplateError as `render` does.
        """
        thoughts = [thought_of(one, self.text) for one in answers]
        if any(one is not None and one.own for one in thoughts):
            printed = self._with_thoughts(talk, answers, thoughts)
        else:
            printed, exact = self._held(lambda: self._answers.plain(talk, answers, thoughts))
            if (
                any(thoughts) and not exact
            ):  # of another family: before such, too, nothing is closed
                with suppress(TemplateError):
                    printed = self._with_thoughts(talk, answers, thoughts)
        bos = self.special.get("bos_token")
        first, *rest = printed.prompt
        if bos and bos != own_bos:
            first = Piece(first.text.removeprefix(bos), first.words)
        return replace(printed, prompt=(first, *rest))

    def _with_thoughts(
        self, talk: Sequence[Turn], answers: Sequence[str], thoughts: Sequence[Thought | None]
    ) -> Printed:
        faults = []
        for one in self._thinking:
            try:
                return one._held(partial(one._answers.thinking, talk, answers, thoughts))
            except TemplateError as fault:
                faults.append(fault)
        raise faults[0]

    def _held(self, made: Callable[[], Made]) -> Made:
        """What is made of what it prints. Raises TemplateError where that is not people's words."""
        try:
            return made()
        except ThoughtNotPrinted as fault:
            raise self._error(
                str(fault), f"take the thought out of the answer, or {_CURE}"
            ) from fault
        except NotPrinted as fault:
            raise self._error(str(fault)) from fault

    @cached_property
    def _answers(self) -> Answers:
        return Answers(self._printed, self._prefill_after, self._frame.system_role)

    @cached_property
    def _thinking(self) -> tuple[Template, ...]:
        """The same template as it is asked for answers with thoughts, one after another."""
        if not self.switches:
            return (self,)
        return replace(self, thinks="default"), replace(self, thinks="on")

    @cached_property
    def _frame(self) -> Frame:
        self._compiled  # noqa: B018 - its own errors are not those of people's words
        try:
            frame = frame_of(self._printed, self._unprompted)
            prefill(frame.end, frame.answered, self.text)
        except (NotPrinted, NoPlaceForAnswer) as fault:
            raise self._error(str(fault)) from fault
        return frame

    @cached_property
    def _user_alone(self) -> Around:
        """Around a user text without a system text."""
        try:
            return around_of(self._printed, self._unprompted, conversation("", USER))
        except NotPrinted as fault:
            raise self._error(str(fault)) from fault

    def _prefill_after(self, end: str) -> Prefill | None:
        try:
            return prefill(end, self._frame.answered, self.text)
        except NoPlaceForAnswer as fault:
            raise self._error(str(fault)) from fault

    def _error(self, fault: str, cure: str = _CURE) -> TemplateError:
        return TemplateError(f"The chat template of {self.source} {fault}; {cure}.")

    @cached_property
    def _compiled(self) -> jinja2.Template:
        if self.text not in (*NAMED.values(), MOCK):
            fault = why_not(self.text, self._names)
            if fault is not None:
                raise self._error(fault)
        try:
            return compiled(self.text)
        except Exception as error:  # jinja computes parts of a template when it compiles it
            raise self._error(f"is not valid jinja ({of_template(one_line(error))})") from error

    @property
    def _names(self) -> Names:
        return {**self.special, **self.switches}

    def _unprompted(self, messages: Sequence[Message]) -> str:
        return self._printed(messages, prompted=False)

    def _printed(self, messages: Sequence[Message], prompted: bool = True) -> str:
        """What it prints. Raises TemplateError where it raises anything."""
        template = self._compiled
        try:
            return rendered(template, messages, self._names, prompted)
        except Exception as error:  # a template is somebody else's program and can fail in any way
            raise self._error(f"cannot be rendered ({of_template(one_line(error))})") from error


def check_template(asked: str) -> None:
    """Raises TemplateError for what is neither a named template nor a file."""
    if asked not in NAMED and not is_file(path_of(asked)):
        raise TemplateError(
            f"The template {asked!r} is neither a readable file nor one of: {', '.join(NAMED)}; "
            "correct the name."
        )


def template_of(asked: str | None, tokenizer: TokenizerFacts, model: str) -> Template:
    """The template of a model: the one asked for (a name or a jinja file), else its own.

    Raises TemplateError where there is none, UserError where the file cannot be read.
    """
    special = tokenizer.special
    marks = tuple(text for text in tokenizer.special_texts if text.strip())
    if asked is not None and asked in NAMED:
        return Template(NAMED[asked], f"{model} (named template {asked!r})", special, marks)
    if asked is not None:
        check_template(asked)
        path = path_of(asked)
        text = text_of(path).replace("\r\n", "\n").replace("\r", "\n")
        return Template(text, asked, special, marks)
    if tokenizer.template is None:
        raise TemplateError(
            f"The model {model!r} has no chat template; give one with template = in [[model]] "
            f"(a jinja file, or one of: {', '.join(NAMED)}), or ask for the plain format."
        )
    return Template(tokenizer.template, model, special, marks)
