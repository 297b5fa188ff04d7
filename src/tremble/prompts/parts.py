"""The pieces of which wordings are put together: a family's words about one decision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tremble.decisions.record import Decision, Option
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.extensions.extensions import Failed
from tremble.games.base import NOT_USABLE, family
from tremble.prompts.conversation import AS_IT_WAS, Conversation, Telling
from tremble.prompts.presentations import view
from tremble.text import one_line

Answer = Callable[[tuple[Option, ...]], str]


@dataclass(frozen=True, slots=True)
class Parts:
    """`rules` as paragraphs, `question` and `answer` (how to answer) as sentences, `history` as
    lines, the opening of the answer, and the options as shown."""

    rules: tuple[str, ...]
    question: str
    answer: str
    history: tuple[str, ...]
    opening: str
    options: tuple[Option, ...]

    def conversation(self) -> Conversation:
        """The pieces in their usual order."""
        system = "\n\n".join([*self.rules, f"{self.question} {self.answer}"])
        return Conversation(system, "\n".join(self.history), self.opening, self.options)


def parts(
    decision: Decision,
    presentation: int,
    told: Telling = AS_IT_WAS,
    change: Callable[[View], View] = lambda seen: seen,
) -> Parts:
    """The words of the decision's family about what the person saw, or about what `change` makes
    of that, as they are `told`.

    Raises UserError where the record lacks something that the family needs.
    """
    words = family(decision.family)
    with usable(decision):
        seen = change(told.seen(view(decision, presentation)))
        return Parts(
            tuple(told.rules(words, seen)),
            words.question(seen),
            in_json(seen.options),
            tuple(told.history(words, seen)),
            decision.opening,
            seen.options,
        )


@contextmanager
def usable(decision: Decision) -> Iterator[None]:
    """Raises UserError in place of what a family raises where rules or events are not as it takes
    them."""
    try:
        yield
    except NOT_USABLE as error:
        raise UserError(
            f"The rules or events of the decision {decision.id!r} lack something that "
            f"{decision.family} needs, or have it in another form ({type(error).__name__}: "
            f"{one_line(error)}); see docs/data.md."
        ) from error
    except Failed as error:  # of a package, which may be to blame itself
        raise UserError(
            f"{str(error).removesuffix('.')} for the decision {decision.id!r}; either the package "
            "has an error, or the decision's rules or events lack something that it needs."
        ) from error


def own_prompt(decision: Decision) -> Conversation | None:
    """The conversation of a decision that brings its own prompt, or belongs to a family that has a
    transcript: in those words alone. None for any other decision.

    Raises UserError where the record lacks something that the transcript needs.
    """
    if decision.prompt is not None:
        return Conversation(
            decision.system or "", decision.prompt, decision.opening, decision.options
        )
    words = family(decision.family)
    if words.transcript is None:
        return None
    with usable(decision):
        return begun(words.transcript(view(decision)), decision.options)


def begun(text: str, options: tuple[Option, ...]) -> Conversation:
    """A text that the answer continues, unchanged in the plain format. Its last line opens the
    answer, so that a chat model goes on with what is begun."""
    before, _, last = text.rpartition("\n")
    return (
        Conversation("", before, last, options) if before else Conversation("", text, "", options)
    )


def headed(conversation: Conversation, sentence: str) -> Conversation:
    """`sentence` as a paragraph of its own before everything else."""
    system = f"{sentence}\n\n{conversation.system}" if conversation.system else sentence
    return Conversation(system, conversation.user, conversation.opening, conversation.options)


def choices_in_words(options: tuple[Option, ...]) -> str:
    """The labels, quoted, in shown order: '"accept" or "reject"'."""
    quoted = [f'"{option.label}"' for option in options]
    return ", ".join(quoted[:-1]) + " or " + quoted[-1]


def in_json(options: tuple[Option, ...]) -> str:
    """The standard way to answer."""
    return (
        f'Answer with a JSON object of the form {{"decision": "..."}}, where the decision is '
        f"{choices_in_words(options)}."
    )
