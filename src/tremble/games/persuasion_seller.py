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
from tremble.games.dialogue import (
    EACH_ROUND,
    advice_numbers,
    options_in_words,
    quality_odds,
    round_line,
)
from tremble.games.theory import expected_value


def rules(view: View) -> list[str]:
    told = view.rules
    buyer = "the buyer" if told["myopic"] else "Bob"
    starts = buyer[0].upper() + buyer[1:]
    knows = "knows" if told["buyer_knows_p"] else "does not know"
    whom = "a new buyer" if told["myopic"] else "Bob, who is the same buyer in every round"
    worths = (
        f"A product of high quality is worth {money(told['worth_high'])} to {buyer}, and a product "
        f"of low quality is worth {money(told['worth_low'])} to {buyer}."
        if told["worth_high"] is not None
        else f"You are not told how much the products are worth to {buyer}."
    )
    record = (
        " Buyers in later rounds learn only how many products you sold before and how many of "
        "them were of high quality."
        if told["myopic"]
        else ""
    )
    meaning = {
        "yes": f"You recommend that {buyer} buy the product offered in this round.",
        "no": f"You do not recommend that {buyer} buy the product offered in this round.",
    }
    return [
        f"You are Alice, a seller. There are {told['rounds']} rounds. In each round, you offer one "
        f"product at a fixed price of {money(told['price'])} to {whom}. You see whether the "
        f"quality of the product is high or low; {buyer} does not. You then decide whether to "
        f"recommend that {buyer} buy the product. {starts} then decides whether to buy the "
        f"product, and you learn this decision. After the decision, {buyer} learns the quality of "
        f"the product.{record}",
        f"{quality_odds(told['p'])} {starts} {knows} these probabilities. {worths}",
        "You receive the price of each product that you sell. Your goal is to earn as much as "
        "possible over all rounds.",
        f"{EACH_ROUND}\n{options_in_words(view, meaning)}",
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
        return f"Quality of the product: {data['quality']}."
    yes, myopic = data["choice"] == "yes", view.rules["myopic"]
    if event.type == "recommendation":
        buyer = "the buyer" if myopic else "Bob"
        did = "recommended" if yes else "did not recommend"
        return f"You {did} that {buyer} buy the product."
    buyer = "The buyer" if myopic else "Bob"
    return f"{buyer} {'bought' if yes else 'did not buy'} the product."


def question(view: View) -> str:
    buyer = "the buyer" if view.rules["myopic"] else "Bob"
    return f"Do you recommend that {buyer} buy the product offered in the current round?"


def numbers(view: View) -> dict[str, Any]:
    """The parameters told, whether this product's quality is `high`, and `history`: a list per
    round before of high quality, recommended, bought, null where unknown."""
    parts = ("quality", "recommendation", "decision")
    return advice_numbers(view, parts, now="quality", name="high")


def sides(view: View) -> tuple[str, str]:
    """What the seller and the buyer are called; of many buyers the one of this round."""
    return "Alice", "the buyer in the current round" if view.rules["myopic"] else "Bob"


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
