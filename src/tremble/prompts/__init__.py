"""From a decision to what a model reads: formulations (wordings) and formats (plain, chat)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tremble.decisions import Decision, Option
from tremble.errors import UserError, did_you_mean, one_line
from tremble.games import Family, View, family


@dataclass(frozen=True, slots=True)
class Conversation:
    """One system text (rules, role, question, options), one user text (history up to what is on
    the table) and the opening of the answer. `options` as shown: key and label, in shown order."""

    system: str
    user: str
    opening: str
    options: tuple[Option, ...]

    def plain(self) -> str:
        """The text completion format: an empty opening leaves the text as it is."""
        body = "\n\n".join(part for part in (self.system, self.user) if part)
        return f"{body}\n{self.opening}" if self.opening else body


Formulation = Callable[[Decision, int], Conversation]


def shown_options(decision: Decision, order: int) -> tuple[Option, ...]:
    """The options in shown order. Order 1 reverses the keys; labels stay with the positions."""
    if order == 0:
        return decision.options
    keys = [option.key for option in reversed(decision.options)]
    return tuple(replace(o, key=key) for key, o in zip(keys, decision.options, strict=True))


def orders(decision: Decision) -> tuple[int, ...]:
    """The presentations of a decision: (0,), or (0, 1) where both orders are shown."""
    if decision.prompt is None and family(decision.family).both_orders:
        return (0, 1)
    return (0,)


def view(decision: Decision, order: int = 0) -> View:
    """What this person could see, for the words of a family."""
    return View(
        rules=decision.parameters,
        role=decision.role or "",
        round=decision.round,
        events=decision.visible(),
        options=shown_options(decision, order),
        order=order,
    )


def own_prompt(decision: Decision) -> Conversation:
    """The conversation of a decision that brings its own prompt, in the user's words alone."""
    return Conversation(
        decision.system or "", decision.prompt or "", decision.opening, decision.options
    )


def choices_in_words(options: tuple[Option, ...]) -> str:
    """The labels, quoted, in shown order: '"accept" or "reject"'."""
    quoted = [f'"{option.label}"' for option in options]
    return ", ".join(quoted[:-1]) + " or " + quoted[-1]


def standard(decision: Decision, order: int = 0) -> Conversation:
    """The standard formulation: the rules, the role, the question; an answer in JSON."""
    if decision.prompt is not None:
        return own_prompt(decision)
    words: Family = family(decision.family)
    seen = view(decision, order)
    try:
        return _in_words(words, seen, decision.opening)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = f"{type(error).__name__}: {one_line(error)}"
        raise UserError(
            f"The decision {decision.id!r} lacks something that {decision.family} needs in its "
            f"rules or events ({reason}); see src/tremble/games/{decision.family}.py."
        ) from error


def _in_words(words: Family, seen: View, opening: str) -> Conversation:
    """The standard formulation of what a person saw."""
    answer = (
        f'Answer with a JSON object of the form {{"decision": "..."}}, where the decision is '
        f"{choices_in_words(seen.options)}."
    )
    system = "\n\n".join([*words.rules(seen), f"{words.question(seen)} {answer}"])
    return Conversation(system, "\n".join(words.history(seen)), opening, seen.options)


FORMULATIONS: dict[str, Formulation] = {"standard": standard}


def formulation(name: str) -> Formulation:
    """The wording of that name.

    Raises UserError for an unknown one.
    """
    if name not in FORMULATIONS:
        raise UserError(f"There is no formulation {name!r}{did_you_mean(name, list(FORMULATIONS))}")
    return FORMULATIONS[name]
