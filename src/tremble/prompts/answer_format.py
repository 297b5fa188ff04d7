"""Formats of the answer: what the label follows, and how the reader is told to answer.

The label follows the opening verbatim. All three openings end in a space, which tokens span in most
vocabularies: `reading = "joint"` scores the straddling token whole, `reading = "next_token"` the
space apart, as Shapira et al. (2026) did. Without an open quote nothing can close an answer, so a
decision of which one label begins another cannot be scored in these formats.
"""

from __future__ import annotations

from dataclasses import replace

from tremble.decisions.record import Decision
from tremble.prompts.conversation import (
    AS_IT_WAS,
    Conversation,
    Formulation,
    NotApplicable,
    Telling,
)
from tremble.prompts.parts import choices_in_words, own_prompt, parts


def answered(opening: str, sentence: str) -> Formulation:
    """A wording whose answer opens with `opening`; `{}` in `sentence` stands for the choices."""

    def wording(
        decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
    ) -> Conversation:
        if own_prompt(decision) is not None:
            raise NotApplicable(
                "your own prompt says how to answer, and tremble cannot change that"
            )
        pieces = parts(decision, presentation, told)
        answer = sentence.format(choices_in_words(pieces.options))
        return replace(pieces, answer=answer, opening=opening).conversation()

    return wording


natural_language = answered(
    "The decision is: ",
    'Answer with a sentence of the form "The decision is: ...", where the decision is {}.',
)
simplified = answered("Answer: ", 'Answer by completing the line "Answer: ..." with only {}.')
# "I accept" is a sentence and "I J" is none, so what is asked for is a line to complete.
minimal = answered("I ", 'Answer by completing the line "I ..." with {}.')
