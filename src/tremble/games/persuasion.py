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
    advice_numbers,
    options_in_words,
    percent,
    round_line,
    sides,
    wrote,
)
from tremble.games.theory import expected_value


def rules(view: View) -> list[str]:
    told = view.rules
    price = money(told["price"])
    text = told["messages"] == "text"
    advice = "sends you a message about it" if text else "says whether Alice recommends buying it"
    odds = (
        f"A product is of high quality with a probability of {percent(told['p'])} and of low "
        f"quality with a probability of {percent(1 - told['p'])}."
        if told["p"] is not None
        else "You are not told how likely a product is to be of high quality."
    )
    knows = "knows" if told["seller_knows_worths"] else "does not know"
    meaning = {
        "yes": f"you buy the product of this round for {price}.",
        "no": "you let it go and pay nothing; it is not offered again.",
    }
    return [
        f"You are Bob, a buyer. In each of {told['rounds']} rounds Alice, a seller, offers you one "
        f"product at a fixed price of {price}. Alice sees whether the product is of high or of low "
        f"quality, {advice}, and then you decide whether to buy it. After your decision, whether "
        "you bought it or not, you learn the quality.",
        f"{odds} To you a product of high quality is worth {money(told['worth_high'])} and one of "
        f"low quality {money(told['worth_low'])}. Alice {knows} what products are worth to you.",
        "If you buy, you gain what the product is worth to you minus the price. You want to gain "
        "as much as you can over all rounds.",
        "What you can do in each round:\n" + options_in_words(view, meaning),
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
            lines.append(f"You bought the product for {price}." if bought else "You did not buy.")
        if "quality" in events:
            data = events["quality"].data
            worth = money(data["worth"])
            lines.append(f"It was of {data['quality']} quality, worth {worth} to you.")
    return lines


def _advice(view: View, event: Event) -> list[str]:
    if view.rules["messages"] == "text":
        return wrote(view, event.data) or ["Alice sent no message."]
    if event.data["choice"] == "yes":
        return ["Alice recommends buying the product."]
    return ["Alice does not recommend buying the product."]


def question(view: View) -> str:
    return "Do you buy the product that is offered in the current round?"


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
