"""Persuasion, the other side: the reader is the seller (Alice), who recommends a product or not.

`rules`: `price` (dollars), `p` (share of high-quality products), `worth_high`, `worth_low`
(dollars, to the buyer; None where the seller is not told), `buyer_knows_p`, `myopic` (a new buyer
in every round), `rounds`. Events: `quality` with `quality` (high or low), seen at once;
`recommendation` and `decision` with `choice` (yes, no). Only recommendations made as yes or no are
decisions.
"""

from __future__ import annotations

from typing import Any

from tremble.decisions.record import Event
from tremble.decisions.view import View
from tremble.games.altered import amounts, exchanged
from tremble.games.base import Family, money
from tremble.games.dialogue import advice_numbers, options_in_words, percent, round_line
from tremble.games.theory import expected_value


def rules(view: View) -> list[str]:
    told = view.rules
    buyer = "the buyer" if told["myopic"] else "Bob"
    knows = "knows" if told["buyer_knows_p"] else "does not know"
    whom = "a new buyer" if told["myopic"] else "Bob, the same buyer throughout,"
    worths = (
        f"To {buyer} a product of high quality is worth {money(told['worth_high'])} and one of low "
        f"quality {money(told['worth_low'])}."
        if told["worth_high"] is not None
        else f"You are not told what products are worth to {buyer}."
    )
    record = (
        " Buyers of later rounds learn only how many products you have sold before and how many "
        "of those were of high quality."
        if told["myopic"]
        else ""
    )
    meaning = {
        "yes": f"you recommend {buyer} to buy the product of this round.",
        "no": f"you do not recommend {buyer} to buy it.",
    }
    return [
        f"You are Alice, a seller. In each of {told['rounds']} rounds you offer {whom} one product "
        f"at a fixed price of {money(told['price'])}. You see whether the product is of high or of "
        f"low quality; {buyer} does not. You then recommend buying it or not, and {buyer} decides "
        f"whether to buy it. After deciding, {buyer} learns the quality.{record}",
        f"A product is of high quality with a probability of {percent(told['p'])} and of low "
        f"quality with a probability of {percent(1 - told['p'])}; {buyer} {knows} this. {worths}",
        "You get the price of every product that is bought. You want to earn as much as you can "
        "over all rounds.",
        "What you can do in each round:\n" + options_in_words(view, meaning),
    ]


def history(view: View) -> list[str]:
    lines: list[str] = []
    shown: int | None = None
    for event in view.events:
        if event.data["round"] != shown:
            shown = event.data["round"]
            lines.append(round_line(view, shown))
        lines.append(_line(view, event))
    return lines if shown == view.round else [*lines, round_line(view, view.round)]


def _line(view: View, event: Event) -> str:
    data = event.data
    if event.type == "quality":
        return f"The product is of {data['quality']} quality."
    yes = data["choice"] == "yes"
    if event.type == "recommendation":
        return f"You {'recommended' if yes else 'did not recommend'} buying it."
    buyer = "The buyer" if view.rules["myopic"] else "Bob"
    return f"{buyer} {'bought' if yes else 'did not buy'} it."


def question(view: View) -> str:
    buyer = "the buyer" if view.rules["myopic"] else "Bob"
    return f"Do you recommend {buyer} to buy the product of the current round?"


def numbers(view: View) -> dict[str, Any]:
    """The parameters told, whether this product's quality is `high`, and `history`: a list per
    round before of high quality, recommended, bought, null where unknown."""
    parts = ("quality", "recommendation", "decision")
    return advice_numbers(view, parts, now="quality", name="high")


def sides(view: View) -> tuple[str, str]:
    """What the seller and the buyer are called; of many buyers the one of this round."""
    return "Alice", "the buyer of the current round" if view.rules["myopic"] else "Bob"


def misled(view: View) -> dict[str, Any]:
    """What products are worth to the buyer exchanged; where it is not told, how many are good."""
    if view.rules["worth_high"] is not None:
        return exchanged(view.rules, "worth_high", "worth_low")
    return {**view.rules, "p": round(1 - view.rules["p"], 9)}


FAMILY = Family(
    "persuasion_seller",
    rules,
    history,
    question,
    numbers=numbers,
    normative=expected_value.seller,
    sides=sides,
    misled=misled,
    scaled=amounts("price", "worth_high", "worth_low", "worth"),
    retold=lambda event, there, here: event,  # its events hold no amounts
    surface_forms={"yes": ("recommend",), "no": ("don't", "do not")},
)
