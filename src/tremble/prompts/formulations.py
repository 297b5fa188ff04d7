"""From a decision to what a model reads: formulations (wordings) and formats (plain, chat).

A wording is a function of a decision and the number of a presentation. It puts the pieces together
that the decision's family gives (`parts.py`); none holds a text of its own per family.
"""

from __future__ import annotations

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.prompts.answer_format import minimal, natural_language, simplified
from tremble.prompts.asked import Asked
from tremble.prompts.controls import under
from tremble.prompts.conversation import (
    AS_IT_WAS,
    Conversation,
    Formulation,
    Telling,
)
from tremble.prompts.framing import observer, predict_human, reversed_roles
from tremble.prompts.other_games import OtherGames
from tremble.prompts.parts import own_prompt, parts
from tremble.prompts.persona import PERSONAS, persona
from tremble.prompts.structure import numbers_only, preamble_reversed
from tremble.text import did_you_mean


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
    """The wording of that name. It raises NotApplicable for a decision it makes no sense of.

    Raises UserError for an unknown one.
    """
    if name not in FORMULATIONS:
        raise UserError(f"There is no formulation {name!r}{did_you_mean(name, list(FORMULATIONS))}")
    return FORMULATIONS[name]


def spoken(asked: Asked, others: OtherGames | None = None) -> Formulation:
    """What is asked for as a wording, alone or under a control; `others` are games of the same
    data.

    Raises UserError for an unknown wording or control.
    """
    if asked.wording not in FORMULATIONS:
        raise UserError(
            f"There is no formulation {asked.wording!r} (a + joins a wording and a "
            f"control, as in {Asked('standard', 'no_history').name!r})"
            f"{did_you_mean(asked.wording, list(FORMULATIONS))}"
        )
    words = formulation(asked.wording)
    return words if asked.control is None else under(words, asked.control, others)
