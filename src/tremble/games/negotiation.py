"""Negotiation: a seller (Alice) and a buyer (Bob) take turns in naming the price of one product.

`rules`: `value` (what the product is worth to the reader, dollars), `other_value` (None where
untold), `complete_information`, `messages` (whether offers carry one), `rounds` (None where
untold; then nobody saw a round number either), and perhaps `product` (what is sold). Events:
`offer` with `player`, `price` (dollars) and perhaps a `message`; `decision` with `player` and
`choice`; `message`, a turn without an offer. John, an outsider, trades at exactly the reader's own
value, a gain of nothing; with `outsider` false there is none, and a turn may go without an offer.
"""

from __future__ import annotations

from typing import Any

from tremble.decisions.view import View
from tremble.games.altered import amounts, exchanged, in_proportion, times
from tremble.games.base import Family, money
from tremble.games.dialogue import (
    MESSAGES,
    ON_OFFER,
    options_in_words,
    other,
    round_line,
    sides,
    wrote,
)
from tremble.games.theory import price_offers


def rules(view: View) -> list[str]:
    sells, rival, told = view.role == "Alice", other(view), view.rules
    value = money(told["value"])
    play = _play(view)
    outsider = told.get("outsider", True)
    opens = f"{'You make' if sells else 'Alice makes'} the first offer, which states a price."
    next_ = "makes the next offer" if outsider else "can make the next offer, or none"
    turns = f"{opens} A player who rejects an offer {next_}."
    if told["messages"] and not outsider:
        turns += " Players can send a message in each turn."
    elif told["messages"]:
        turns += MESSAGES
    last = ""
    if told["rounds"] is not None:
        turns += (
            f" There are {told['rounds']} rounds, with one offer in each round. If the offer in "
            "the last round is rejected, the negotiation ends without a deal."
        )
        last = " in the next round. In the last round, the negotiation ends without a deal instead"
    trade = "sell the product to" if sells else "buy the product from"
    john = (
        f"John, another buyer, is willing to buy the product from you for {value}"
        if sells
        else f"John, another seller, is willing to sell you the product for {value}"
    )
    meaning = {
        "AcceptOffer": f"You {trade} {rival} at the price offered.",
        "RejectOffer": f"You reject the offer and make your own offer to {rival}{last}.",
        "DealWithJohn": f"You stop negotiating with {rival} and {trade} John for {value}.",
    }
    if not outsider:
        meaning = {
            "AcceptOffer": meaning["AcceptOffer"],
            "RejectOffer": f"You reject the offer and can make your own offer to {rival}{last}.",
        }
    gain = (
        "the price minus what the product is worth to you"
        if sells
        else "what the product is worth to you minus the price"
    )
    return [
        play,
        turns,
        *([f"{john} at any time during the negotiation."] if outsider else []),
        f"Your gain from a deal is {gain}. Your goal is to gain as much as possible.",
        f"{ON_OFFER}\n{options_in_words(view, meaning)}",
    ]


def _play(view: View) -> str:
    """Who the reader is, what is sold, and what it is worth to whom."""
    told, rival, value = view.rules, other(view), money(view.rules["value"])
    product = f": {told['product']}" if told.get("product") else ""
    if view.role == "Alice":
        play = (
            f"You are Alice, a seller. You have one product for sale{product}. It is worth {value} "
            "to you. Bob is a potential buyer."
        )
    else:
        play = (
            f"You are Bob, a buyer. You are looking to buy one product{product}. It is worth "
            f"{value} to you. Alice is a potential seller."
        )
    play += (
        f" The product is worth {money(told['other_value'])} to {rival}."
        if told["other_value"] is not None
        else f" You are not told how much the product is worth to {rival}."
    )
    return play


def history(view: View) -> list[str]:
    lines: list[str] = []
    numbered = view.rules["rounds"] is not None
    shown: int | None = None
    for event in view.events:
        data = event.data
        mine = data["player"] == view.role
        if numbered and data["round"] != shown:
            lines.append(round_line(view, data["round"]))
        shown = data["round"]
        if event.type == "offer":
            whose = "Your" if mine else f"{data['player']}'s"
            lines.append(f"{whose} offer: {money(data['price'])}.")
            lines += wrote(view, data)
        elif event.type == "message":
            lines.append(f"{'You' if mine else data['player']} made no offer.")
            lines += wrote(view, data)
        else:
            who, whose = ("You", f"{other(view)}'s") if mine else (data["player"], "your")
            lines.append(who + _DONE[data["choice"]].format(whose))
    if numbered and shown != view.round:
        lines.append(round_line(view, view.round))
    return lines


_DONE = {
    "AcceptOffer": " accepted {} offer.",
    "RejectOffer": " rejected {} offer.",
    "DealWithJohn": " rejected {} offer and left the negotiation.",
}


def question(view: View) -> str:
    if view.events and view.events[-1].type == "message":
        return f"How do you respond to {other(view)}?"
    return f"How do you respond to {other(view)}'s current offer?"


def numbers(view: View) -> dict[str, Any]:
    """`gain` and `other_gain` at the price on the table, as shares of the reader's value.

    Null where there is no price or no value, and for what the reader was not told.
    """
    prices = [event.data["price"] for event in view.events if event.type == "offer"]
    own, others = view.rules.get("value"), view.rules.get("other_value")
    sign = 1 if view.role == "Alice" else -1
    offered = bool(prices) and view.events[-1].type != "message"
    known = bool(offered and own)
    return {
        "gain": sign * (prices[-1] - own) / own if known else None,
        "other_gain": sign * (others - prices[-1]) / own if known and others is not None else None,
        "sells": view.role == "Alice",
        "round": len(prices),
        "rounds": view.rules.get("rounds"),
    }


def misled(view: View) -> dict[str, Any]:
    """Both values exchanged; where the other's is not told or the same, the own one four
    times as high for a seller and a quarter for a buyer, so that a fair price is a loss."""
    told = view.rules
    if told["other_value"] not in (None, told["value"]):
        return exchanged(told, "value", "other_value")
    return {**told, "value": times(told["value"], 4 if view.role == "Alice" else 0.25)}


FAMILY = Family(
    "negotiation",
    rules,
    history,
    question,
    numbers=numbers,
    normative=price_offers.normative,
    sides=sides,
    dialogue=True,
    misled=misled,
    scaled=amounts("value", "other_value", "price"),
    retold=in_proportion("value", "price"),
    surface_forms={
        "AcceptOffer": ("accept",),
        "RejectOffer": ("reject",),
        "DealWithJohn": ("Deal with John",),
    },
)
