"""Personas: one paragraph about who the reader is, before everything else."""

from __future__ import annotations

from tremble.decisions.record import Decision
from tremble.prompts.conversation import AS_IT_WAS, Conversation, Formulation, Telling
from tremble.prompts.parts import headed, own_prompt, parts

PERSONAS = {
    "naive": (
        "You know nothing of economics or the theory of games. You take what you read at face "
        "value and go by common sense."
    ),
    "expert": (
        "You are an expert in economics and the theory of games. You work out what follows from "
        "every option before you decide."
    ),
    "fairness": (
        "Fairness matters a great deal to you: it troubles you when one person gets far more than "
        "another, whoever that is."
    ),
    "selfish": "Only what you gain yourself matters to you; what others get is all one to you.",
    "emotional": (
        "You go by your feelings. Hope, fear, gratitude and anger move you strongly, and you act "
        "on them at once."
    ),
}


def persona(name: str) -> Formulation:
    """The standard wording with a paragraph of `PERSONAS` before it."""

    def wording(
        decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
    ) -> Conversation:
        conversation = own_prompt(decision) or parts(decision, presentation, told).conversation()
        return headed(conversation, PERSONAS[name])

    return wording
