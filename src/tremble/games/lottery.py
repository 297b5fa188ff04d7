"""Choices between two gambles whose chances are known, without feedback.

`rules`: `gamble_<key>` for each option, a list of [probability, payoff in points]. Outcomes of
probability 0 are not shown, the order of the others is kept. Labels go by position, so that in
the reversed presentation the gamble with key b is called A.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tremble.decisions import Option
from tremble.errors import UserError
from tremble.games import Family, View, amount, expected_value

OPTIONS = (Option("a", "A"), Option("b", "B"))


def percent(probability: float) -> str:
    """A probability as a percentage, ten significant digits at most: 0.002734 -> '0.2734%'."""
    number = Decimal(f"{float(probability) * 100:.10g}").normalize()
    return f"{number:f}%"


def in_words(gamble: Any, name: str) -> str:
    """'26 for certain', or '80% chance of -5, 20% chance of 24'.

    Raises UserError where `gamble` is no list of [probability, payoff].
    """
    try:
        outcomes = [(float(chance), float(payoff)) for chance, payoff in gamble]
        shown = [(chance, payoff) for chance, payoff in outcomes if chance != 0]
        sound = bool(shown) and all(0 < chance <= 1 for chance, _ in shown)
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise UserError(
            f"A lottery has {name} {gamble!r}; give a list of [probability, payoff] with "
            "probabilities between 0 and 1."
        )
    if len(shown) == 1 and shown[0][0] == 1:
        return f"{amount(shown[0][1])} for certain"
    return ", ".join(f"{percent(chance)} chance of {amount(payoff)}" for chance, payoff in shown)


def rules(view: View) -> list[str]:
    return [
        "You choose between two gambles. The one you choose is played once and pays one of its "
        "amounts, in points, with the chances stated; a negative amount is a loss."
    ]


def history(view: View) -> list[str]:
    return [
        f"Gamble {option.label}: "
        f"{in_words(view.rules.get(f'gamble_{option.key}'), f'gamble_{option.key}')}."
        for option in view.options
    ]


def question(view: View) -> str:
    return "Which gamble do you choose?"


def numbers(view: View) -> dict[str, Any]:
    """`options`: key to [probability, payoff], outcomes of probability 0 left out."""
    gambles = {option.key: view.rules.get(f"gamble_{option.key}") or () for option in view.options}
    return {
        "options": {
            key: [[float(chance), float(payoff)] for chance, payoff in gamble if chance != 0]
            for key, gamble in gambles.items()
        }
    }


FAMILY = Family(
    "lottery",
    rules,
    history,
    question,
    both_orders=True,
    numbers=numbers,
    normative=expected_value.gambles,
)
