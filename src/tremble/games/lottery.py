"""Choices between two gambles, without feedback.

`rules`: `gamble_<key>` for each option, a list of [probability, payoff in points]. Outcomes of
probability 0 are not shown, the order of the others is kept. An ambiguous gamble, whose chances the
person was not told, has null for every probability. `text_<key>`, for both options or for neither,
is what the person read instead; the numbers, if known, then never reach a prompt. Labels go by
position, so that in the reversed presentation the gamble with key b is called A.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tremble.decisions.record import Option
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.games.altered import times
from tremble.games.base import Family, points
from tremble.games.theory import expected_value

OPTIONS = (Option("a", "A"), Option("b", "B"))


def percent(probability: float) -> str:
    """A probability as a percentage, ten significant digits at most: 0.002734 -> '0.2734%'."""
    number = Decimal(f"{float(probability) * 100:.10g}").normalize()
    return f"{number:f}%"


def in_words(gamble: Any, name: str) -> str:
    """'26 points for sure', '80% chance of -5 points, 20% chance of 24 points', or '-5 points or 24
    points, with probabilities that are not stated'.

    Raises UserError where `gamble` is no list of [probability, payoff], or has some probabilities
    and not others.
    """
    if ambiguous(gamble):
        amounts = [points(payoff) for _, payoff in gamble]
        return f"{', '.join(amounts[:-1])} or {amounts[-1]}, with probabilities that are not stated"
    try:
        outcomes = [(float(chance), float(payoff)) for chance, payoff in gamble]
        shown = [(chance, payoff) for chance, payoff in outcomes if chance != 0]
        sound = bool(shown) and all(0 < chance <= 1 for chance, _ in shown)
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise UserError(
            f"A lottery has {name} {gamble!r}; give a list of [probability, payoff] with "
            "probabilities between 0 and 1, or with null as probability of each of two or more "
            "payoffs."
        )
    if len(shown) == 1 and shown[0][0] == 1:
        return f"{points(shown[0][1])} for sure"
    return ", ".join(f"{percent(chance)} chance of {points(payoff)}" for chance, payoff in shown)


def ambiguous(gamble: Any) -> bool:
    """Whether this is a gamble of two amounts or more of which no chance is stated."""
    try:
        chances = [chance for chance, _ in gamble]
    except (TypeError, ValueError):
        return False
    return len(chances) > 1 and all(chance is None for chance in chances)


def rules(view: View) -> list[str]:
    if any(_text(view, option.key) for option in view.options):
        return [
            "You choose one of two gambles. The gamble you choose is played once and pays what its "
            "description says."
        ]
    if any(ambiguous(view.rules.get(f"gamble_{option.key}")) for option in view.options):
        return [
            "You choose one of two gambles. The gamble you choose is played once. Its result is "
            "one of the stated amounts. A negative amount means that you lose points. If the "
            "probabilities of a gamble are not stated, you know its possible amounts but not how "
            "likely each of them is."
        ]
    return [
        "You choose one of two gambles. The gamble you choose is played once. Its result is one of "
        "the stated amounts, with the stated probability. A negative amount means that you lose "
        "points."
    ]


def history(view: View) -> list[str]:
    texts = [_text(view, option.key) for option in view.options]
    if any(texts):
        if not all(texts):
            raise UserError("A lottery in words has only one text; give both text_a and text_b.")
        return [f"Gamble {o.label}: {text}" for o, text in zip(view.options, texts, strict=True)]
    return [
        f"Gamble {option.label}: "
        f"{in_words(view.rules.get(f'gamble_{option.key}'), f'gamble_{option.key}')}."
        for option in view.options
    ]


def _text(view: View, key: str) -> str | None:
    return view.rules.get(f"text_{key}")


def question(view: View) -> str:
    return "Which gamble do you choose?"


def numbers(view: View) -> dict[str, Any]:
    """`options`: key to [probability, payoff], outcomes of probability 0 left out.

    Raises UserError where a gamble is known in words alone or its chances are not stated.
    """
    gambles = {option.key: view.rules.get(f"gamble_{option.key}") or () for option in view.options}
    if any(not gamble or ambiguous(gamble) for gamble in gambles.values()):
        raise UserError("The chances of this lottery are not all known as numbers; leave it out.")
    return {
        "options": {
            key: [[float(chance), float(payoff)] for chance, payoff in gamble if chance != 0]
            for key, gamble in gambles.items()
        }
    }


def scaled(told: Mapping[str, Any], factor: float) -> dict[str, Any] | None:
    """The payoffs of both gambles times `factor`; None where the gambles are told in words."""
    if any(name.startswith("text_") and text for name, text in told.items()):
        return None
    return {
        name: [[chance, times(payoff, factor)] for chance, payoff in value]
        if name.startswith("gamble_")
        else value
        for name, value in told.items()
    }


FAMILY = Family(
    "lottery",
    rules,
    history,
    question,
    both_orders=True,
    numbers=numbers,
    normative=expected_value.gambles,
    scaled=scaled,
    on_the_table=("gamble_a", "gamble_b", "text_a", "text_b"),
)
