"""Why a prompt has no score: of which kind, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ErrorKind = Literal[
    "wording_not_applicable",  # the wording makes no sense of the decision
    "control_not_applicable",  # the wording does, the control over it does not
    "shared_first_token",  # two labels begin alike, and the reading takes first tokens alone
    "too_long",  # for the model's window
    "cut",  # from a session that is longer than the model's window
    "not_a_number",  # what the model returned
    "template",  # the chat template does not print the messages of a task's item
    "no_token",  # the tokenizer makes no token of an answer, or of what is before it
]
# How the sentence of a kind begins for people.
BEGINS: dict[ErrorKind, str] = {
    "wording_not_applicable": "the wording does not fit: ",
    "control_not_applicable": "the control does not fit: ",
}
# Of these the decision is to blame, not the prompt: they do not count as failures.
NOT_APPLICABLE: tuple[ErrorKind, ...] = ("wording_not_applicable", "control_not_applicable")
# Nor are those that a study asked to leave out.
NO_FAILURE: tuple[ErrorKind, ...] = (*NOT_APPLICABLE, "cut")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one prompt has no score. `reason` is the sentence without what its kind says."""

    kind: ErrorKind
    reason: str

    @property
    def sentence(self) -> str:
        """The whole reason, as it is stored beside the kind and shown to people."""
        return BEGINS.get(self.kind, "") + self.reason

    @property
    def not_applicable(self) -> bool:
        """Whether a wording or a control makes no sense of the decision."""
        return self.kind in NOT_APPLICABLE


NOT_A_NUMBER = Refusal("not_a_number", "the model returned logits that are not numbers")
