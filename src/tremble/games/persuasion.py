"""Persuasion: twenty rounds of a seller's advice (Alice) and a buyer's decision (Bob, the reader).

`rules`: `price`, `worth_high`, `worth_low` (dollars; to the buyer), `p` (share of high-quality
products, None where untold), `seller_knows_worths`, `messages` (text or binary), `rounds`. Events:
`quality` with `quality` (high or low) and `worth`, seen by the buyer after deciding, whether
bought or not; `recommendation` with a `message` or a `choice` (yes, no); `decision` with `choice`.
"""

from __future__ import annotations

from typing import Any

from tremble.decisions.record import Event
from tremble.decisions.view import View
from tremble.games.altered import amounts, exchanged
from tremble.games.base import Family, Told, money
from tremble.games.dialogue import (
    EACH_ROUND,
    advice_numbers,
    options_in_words,
    quality_odds,
    round_line,
    sides,
    wrote,
)
from tremble.games.theory import expected_value


def rules(view: View) -> list[str]:
    told = view.rules
    price = money(told["price"])
    text = told["messages"] == "text"
    advice = (
        "Alice then sends you a message about the product."
        if text
        else "Alice then either recommends that you buy the product or does not."
    )
    knows = "knows" if told["seller_knows_worths"] else "does not know"
    meaning = {
        "yes": f"You buy the product offered in this round for {price}.",
        "no": "You do not buy the product, and you pay nothing.",
    }
    return [
        f"You are Bob, a buyer. There are {told['rounds']} rounds. In each round, Alice, a seller, "
        f"offers you one product at a fixed price of {price}. Each product is offered only once. "
        f"Alice sees whether the quality of the product is high or low. {advice} You then decide "
        "whether to buy the product. After your decision, you learn the quality of the product, "
        "even if you did not buy it.",
        f"{quality_odds(told['p'])} A product of high quality is worth "
        f"{money(told['worth_high'])} to you, and a product of low quality is worth "
        f"{money(told['worth_low'])} to you. Alice {knows} how much the products are worth to you.",
        "If you buy a product, your gain is what it is worth to you minus the price. Your goal is "
        "to gain as much as possible over all rounds.",
        f"{EACH_ROUND}\n{options_in_words(view, meaning)}",
    ]


def history(view: View) -> list[str]:
    rounds: dict[int | None, dict[str, Event]] = {}
    for event in view.events:
        rounds.setdefault(event.data["round"], {})[event.type] = event
    current = rounds.pop(view.round, {})
    lines: list[str] = []
    # Decision and quality become known together; people read them in this order.
    for number, events in [*rounds.items(), (view.round, current)]:
        lines.append(round_line(view, number))
        if "recommendation" in events:
            lines += _advice(view, events["recommendation"])
        if "decision" in events:
            bought = events["decision"].data["choice"] == "yes"
            price = money(view.rules["price"])
            lines.append(
                f"You bought the product for {price}." if bought else "You did not buy the product."
            )
        if "quality" in events:
            data = events["quality"].data
            worth = money(data["worth"])
            missed = "decision" in events and events["decision"].data["choice"] == "no"
            was = "would have been" if missed else "was"
            lines.append(
                f"The product was of {data['quality']} quality. It {was} worth {worth} to you."
            )
    return lines


def _advice(view: View, event: Event) -> list[str]:
    if view.rules["messages"] == "text":
        return wrote(view, event.data) or ["Alice sent no message."]
    if event.data["choice"] == "yes":
        return ["Alice recommended that you buy the product."]
    return ["Alice did not recommend that you buy the product."]


def question(view: View) -> str:
    return "Do you buy the product offered in the current round?"


def numbers(view: View) -> dict[str, Any]:
    """The parameters told, whether Alice `recommends` buying now (null for advice in words), and
    `history`: a list per round before of recommended, high quality, bought, null where unknown."""
    parts = ("recommendation", "quality", "decision")
    return advice_numbers(view, parts, now="recommendation", name="recommends")


def retold(event: Told, there: Told, here: Told) -> dict[str, Any]:
    """An event of another game, with what products of that quality are worth here."""
    if event.get("worth") is None:
        return dict(event)
    return {**event, "worth": here[f"worth_{event['quality']}"]}


FAMILY = Family(
    "persuasion",
    rules,
    history,
    question,
    numbers=numbers,
    normative=expected_value.buyer,
    sides=sides,
    dialogue=True,
    misled=lambda view: exchanged(view.rules, "worth_high", "worth_low"),
    scaled=amounts("price", "worth_high", "worth_low", "worth"),
    retold=retold,
    surface_forms={"yes": ("buy",), "no": ("don't", "do not")},
)
