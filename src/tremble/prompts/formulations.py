"""From a decision to what a model reads: formulations (wordings) and formats (plain, chat).

A wording is a function of a decision and the number of a presentation. It puts the pieces together
that the decision's family gives (`parts.py`); none holds a text of its own per family.
"""

from __future__ import annotations

from typing import Any

from tremble.decisions.record import Decision, Option
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import Amiss, Extensions, Unfit, guarded
from tremble.prompts.answer_format import minimal, natural_language, simplified
from tremble.prompts.arms import People, with_persona
from tremble.prompts.asked import Asked
from tremble.prompts.controls import Control, control, under
from tremble.prompts.conversation import (
    AS_IT_WAS,
    Conversation,
    Formulation,
    Telling,
)
from tremble.prompts.framing import observer, predict_human, reversed_roles
from tremble.prompts.other_games import OtherGames
from tremble.prompts.own_wording import NOTHING_OWN, Own
from tremble.prompts.parts import own_prompt, parts, usable
from tremble.prompts.persona import PERSONAS, persona
from tremble.prompts.presentations import view
from tremble.prompts.structure import numbers_only, paragraphs_reversed, preamble_reversed
from tremble.text import did_you_mean, is_text


def standard(decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS) -> Conversation:
    """The standard formulation: the rules, the role, the question; an answer in JSON.

    Raises UserError where the record lacks something that its family needs.
    """
    return own_prompt(decision) or parts(decision, presentation, told).conversation()


FORMULATIONS: dict[str, Formulation] = {
    "standard": standard,
    "predict_human": predict_human,
    "observer": observer,
    "reversed_roles": reversed_roles,
    **{name: persona(name) for name in PERSONAS if name != "game_theorist"},
    "natural_language": natural_language,
    "simplified": simplified,
    "minimal": minimal,
    "numbers_only": numbers_only,
    "preamble_reversed": preamble_reversed,
    # Beside the fourteen of Shapira et al. (2026): other treatments than theirs.
    "game_theorist": persona("game_theorist"),
    "paragraphs_reversed": paragraphs_reversed,
}


def _of_package(found: Any, entry: Entry) -> Formulation:
    """The wording that an entry point leads to."""
    if not callable(found):
        raise Unfit("a function of a decision, a presentation and a Telling")

    def words(decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS) -> Conversation:
        made = found(decision, presentation, told)
        _check(made, decision, presentation, told)
        return made  # type: ignore[no-any-return]

    return guarded(entry, words)


def _check(made: Any, decision: Decision, presentation: int, told: Telling) -> None:
    """Raises Amiss where that is no conversation about the options as the decision shows them: in
    any order, since a wording may exchange them."""
    if not isinstance(made, Conversation):
        raise Amiss(f"returns {type(made).__name__}, not Conversation.")
    for part in ("system", "user", "opening"):
        if not is_text(held := getattr(made, part)):
            raise Amiss(
                f"gives {held!r:.60} as {part} of the decision {decision.id!r}, which is no text."
            )
    with usable(decision):
        wanted = [(one.key, one.label) for one in told.seen(view(decision, presentation)).options]
    options = made.options
    fits = isinstance(options, tuple) and all(isinstance(one, Option) for one in options)
    given = [(one.key, one.label) for one in options] if fits else []
    if sorted(given) != sorted(wanted):
        raise Amiss(
            f"gives the options {given if fits else options!r} in the decision {decision.id!r}, "
            f"which has {wanted!r} (key and label); a wording gives them as they are shown."
        )


EXTENSIONS = Extensions("wording", FORMULATIONS, _of_package)


def names(own: Own = NOTHING_OWN) -> list[str]:
    """The wordings of tremble, of installed packages, and the user's own."""
    return [*FORMULATIONS, *EXTENSIONS.names(), *(wording.name for wording in own.wordings)]


def formulation(name: str, own: Own = NOTHING_OWN) -> Formulation:
    """The wording of that name, which may be of the user's `own`. It raises NotApplicable for a
    decision it makes no sense of.

    Raises UserError for an unknown one, and for one of another package that cannot be loaded.
    """
    found = own.wording(name) or FORMULATIONS.get(name) or EXTENSIONS.get(name)
    if found is None:
        raise UserError(f"There is no wording {name!r}{did_you_mean(name, names(own))}")
    return found


def spoken(
    asked: Asked,
    others: OtherGames | None = None,
    own: Own = NOTHING_OWN,
    people: People | None = None,
) -> Formulation:
    """What is asked for as a wording, alone, under a control or behind an interview; `others` are
    games of the same data, `people` their participants, `own` the user's own wordings and
    controls.

    Raises UserError for an unknown wording or control.
    """
    if asked.wording not in names(own):
        raise UserError(
            f"There is no wording {asked.wording!r} (a + joins a wording and a control, as in "
            f"{Asked('standard', 'no_history').name!r})"
            f"{did_you_mean(asked.wording, names(own))}"
        )
    words = formulation(asked.wording, own)
    if asked.arm is not None:
        return with_persona(words, asked.arm, people)
    return words if asked.control is None else under(words, _control(asked.control, own), others)


def shown_under(
    asked: Asked, decision: Decision, presentation: int, others: OtherGames | None, own: Own
) -> View:
    """What the person could see, as a control changes it, before it is put into words. Raises
    NotApplicable where the control is not applicable."""
    with usable(decision):
        seen = view(decision, presentation)
        if asked.control is None:
            return seen
        return _control(asked.control, own)(decision, others).seen(seen)


def _control(name: str, own: Own) -> Control:
    return own.control(name) or control(name, [one.name for one in own.controls])
