"""What the tests of wordings and of controls share."""

from __future__ import annotations

import re

from tremble.decisions.record import Decision, Option

SIZES = {
    "bargaining": 12,
    "negotiation": 6,
    "persuasion": 20,
    "persuasion_seller": 20,
    "repeated_matrix": 20,
    "one_shot_matrix": 3,
    "lottery": 3,
}
LABELS = {"accept", "reject", "AcceptOffer", "RejectOffer", "DealWithJohn", "yes", "no"}
OWN = Decision(
    "own",
    "mine",
    "custom",
    (Option("stay", "stay"), Option("go", "go")),
    prompt="Stay or go?",
    system="A game.",
    opening="You ",
)


def named(text: str) -> set[str]:
    """The labels of GLEE's options that stand in a text as words with a capital or in quotes."""
    quoted = set(re.findall(r'"(\w+)"', text))
    return (quoted & LABELS) | {word for word in LABELS if word[0].isupper() and word in text}
