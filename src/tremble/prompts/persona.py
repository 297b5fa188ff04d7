"""Personas: one paragraph about who the reader is, before everything else."""

from __future__ import annotations

from tremble.decisions.record import Decision
from tremble.prompts.conversation import AS_IT_WAS, Conversation, Formulation, Telling
from tremble.prompts.parts import headed, own_prompt, parts

PERSONAS = {
    "naive": ("You have no prior experience with games or decision tasks like the one below."),
    "expert": "You are a researcher in behavioral economics.",
    "fairness": "You care a lot about fairness.",
    "selfish": (
        "You care only about making your own gain as large as possible, not about how much others "
        "get."
    ),
    "emotional": "You follow your gut feeling when you make decisions.",
    # Not of the published study: it works everything out, which pushes towards the norm.
    "game_theorist": (
        "You are an expert in game theory. You work out the consequences of every option before "
        "you decide."
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
