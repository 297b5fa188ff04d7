"""What players of GLEE were told, in numbers, and the parameters of the experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tremble.datasets.glee_rows import PLAYERS

TOLD_UP_TO = 20  # rounds; GLEE announces a longer horizon to nobody
_OF_A_SIDE = ("delta", "other_delta", "value", "other_value")


def rules_for(family: str, human: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What this person was told, in numbers; None where something was kept from them."""
    first = human == "Alice"
    if family in ("persuasion", "persuasion_seller"):
        buyer, price = family == "persuasion", settings["product_price"]
        knows_worths = buyer or settings["is_seller_know_cv"]
        return {
            "price": price,
            "p": settings["p"] if settings["is_buyer_know_p"] or not buyer else None,
            "worth_high": settings["v"] * price if knows_worths else None,
            "worth_low": settings["c"] * price if knows_worths else None,
            "seller_knows_worths": settings["is_seller_know_cv"],
            "buyer_knows_p": settings["is_buyer_know_p"],
            "messages": settings["seller_message_type"],
            "rounds": settings["total_rounds"],
            "myopic": settings["is_myopic"],
        }
    complete, rounds = settings["complete_information"], settings["max_rounds"]
    announced = {
        "complete_information": complete,
        "messages": settings["messages_allowed"],
        "rounds": rounds if rounds <= TOLD_UP_TO else None,
    }
    if family == "bargaining":
        own, other = ("delta_1", "delta_2") if first else ("delta_2", "delta_1")
        return {
            "money": settings["money_to_divide"],
            "delta": settings[own],
            "other_delta": settings[other] if complete else None,
            **announced,
        }
    own, other = ("seller_value", "buyer_value") if first else ("buyer_value", "seller_value")
    scale = settings["product_price_order"]
    return {
        "value": settings[own] * scale,
        "other_value": settings[other] * scale if complete else None,
        **announced,
    }


def rules_for_both(family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the two sides were told: what was told to both alike, and under `private` the rest, also
    where it happens to be the same."""
    told = {role: rules_for(family, role, settings) for role in PLAYERS}
    alike = {key: value for key, value in told[PLAYERS[0]].items() if key not in _OF_A_SIDE}
    private = {
        role: {key: value for key, value in rules.items() if key in _OF_A_SIDE}
        for role, rules in told.items()
    }
    return {**alike, "private": private}


def config_of(family: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The six parameters that Shapira et al. (2026) break a family down by, as named there."""
    if family == "persuasion":
        return {
            "Quality prob. p": f"{round(settings['p'], 2):g}",
            "Value v": str(settings["v"]),
            "Seller knowledge": "Knows" if settings["is_seller_know_cv"] else "Uninformed",
            "Buyer myopic": "Yes" if settings["is_myopic"] else "No",
            "Message type": settings["seller_message_type"].capitalize(),
            "Price": _stakes(settings["product_price"]),
        }
    shared = {
        "Information": "Complete" if settings["complete_information"] else "Incomplete",
        "Messages": "Allowed" if settings["messages_allowed"] else "Not allowed",
    }
    rounds = settings["max_rounds"]
    if family == "bargaining":
        return {
            "Stakes": _stakes(settings["money_to_divide"]),
            **shared,
            "Discount delta1": str(settings["delta_1"]),
            "Discount delta2": str(settings["delta_2"]),
            "Max rounds": str(rounds) if rounds <= TOLD_UP_TO else "infinite",
        }
    return {
        "Price": _stakes(settings["product_price_order"]),
        **shared,
        "Max rounds": str(rounds),
        "Buyer value": str(settings["buyer_value"]),
        "Seller value": str(settings["seller_value"]),
    }


def asymmetry(settings: Mapping[str, Any]) -> dict[str, str]:
    """Their seventh cut of negotiation, which follows from two of the six."""
    buyer, seller = settings["buyer_value"], settings["seller_value"]
    which = "Equal" if buyer == seller else "Buyer > Seller" if buyer > seller else "Seller > Buyer"
    return {"Value asymmetry": which}


def _stakes(value: float) -> str:
    """$100, $10K, $1M: an amount as Shapira et al. (2026) write it."""
    for size, letter in ((1e6, "M"), (1e3, "K")):
        if value >= size and value % size == 0:
            return f"${value / size:g}{letter}"
    return f"${value:g}"
