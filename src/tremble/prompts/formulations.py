"""From a decision to what a model reads: formulations (wordings) and formats (plain, chat).

A wording is a function of a decision and the number of a presentation. It puts the pieces together
that the decision's family gives (`parts.py`); none holds a text of its own per family.
"""

from __future__ import annotations

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.answer_format import minimal, natural_language, simplified
from tremble.prompts.controls import CONTROLS, control, under
from tremble.prompts.conversation import (
    AS_IT_WAS,
    ControlNotApplicable,
    Conversation,
    Formulation,
    NotApplicable,
    Telling,
)
from tremble.prompts.framing import observer, predict_human, reversed_roles
from tremble.prompts.other_games import OtherGames
from tremble.prompts.parts import own_prompt, parts
from tremble.prompts.persona import PERSONAS, persona
from tremble.prompts.presentations import COUNTERBALANCES, presentations, view
from tremble.prompts.structure import numbers_only, preamble_reversed
from tremble.text import did_you_mean
from tremble.tokenization.options import READINGS

__all__ = [
    "CONTROLS",
    "COUNTERBALANCES",
    "FORMULATIONS",
    "ControlNotApplicable",
    "Conversation",
    "Formulation",
    "NotApplicable",
    "OtherGames",
    "control",
    "control_of",
    "controlled",
    "formulation",
    "own_prompt",
    "presentations",
    "spoken",
    "standard",
    "view",
]


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
    **{name: persona(name) for name in PERSONAS},
    "natural_language": natural_language,
    "simplified": simplified,
    "minimal": minimal,
    "numbers_only": numbers_only,
    "preamble_reversed": preamble_reversed,
}


def formulation(name: str) -> Formulation:
    """The wording of that name. It raises DoesNotFit for a decision it makes no sense of.

    Raises UserError for an unknown one.
    """
    if name not in FORMULATIONS:
        raise UserError(f"There is no formulation {name!r}{did_you_mean(name, list(FORMULATIONS))}")
    return FORMULATIONS[name]


def controlled(wording: str, name: str) -> str:
    """How a wording under a control is called: 'standard+no_history'. Another reading than the
    study's stands in the place of a control: 'standard+next_token'."""
    return f"{wording}+{name}"


def control_of(name: str) -> tuple[str, str | None]:
    """The wording and the control of such a name, None where there is no control."""
    wording, _, found = name.partition("+")
    return wording, found or None


def spoken(name: str, others: OtherGames | None = None) -> Formulation:
    """The wording of that name, alone or under a control; `others` are games of the same data.

    Raises UserError for an unknown wording or control.
    """
    wording, found = control_of(name)
    if wording not in FORMULATIONS:
        raise UserError(
            f"There is no formulation {wording!r} (a + joins one and a control, as in "
            f"{controlled('standard', 'no_history')!r}){did_you_mean(wording, list(FORMULATIONS))}"
        )
    words = formulation(wording)
    return words if found is None or found in READINGS else under(words, found, others)
