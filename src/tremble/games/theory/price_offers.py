"""Negotiation by backward induction: whether to trade at the price on the table.

Nothing is discounted, and John trades at one's own value at any time: refusing is worth at least
0. With complete information and a told number of rounds the last proposer gets the whole surplus
(what the product is worth to the buyer minus what it is worth to the seller), as in the ultimatum
game (Stahl 1972, "Bargaining Theory"): until then the player who will make that offer refuses
less, and the other accepts any gain.
"""

from __future__ import annotations

from math import inf

from tremble.decisions.view import View
from tremble.games.theory.normative import Normative
from tremble.games.theory.rubinstein import NO_OFFER, on_the_table, rounds_after

_EQUAL = 1e-9  # of the reader's own value: closer than this, two gains are the same

_UNTOLD = "type unknown: the other's value is not told"
_NO_COST = "not unique: nothing is lost by waiting and no end is told"
_TIE = "AcceptOffer has probability 0; RejectOffer and DealWithJohn are not told apart"


def refusal(surplus: float | None, later: int | None) -> tuple[float, float]:
    """Between which gains lies what refusing is worth to a receiver, John's 0 included.

    `surplus` is the buyer's value minus the seller's (None where one of them is untold),
    `later` the rounds to come (None: untold). Both ends are equal where it is known. The
    other side never gains less than 0, so that nobody gets more than the surplus.
    """
    if later == 0:
        return 0.0, 0.0
    most = inf if surplus is None else max(surplus, 0.0)
    if surplus is None or later is None:
        return 0.0, most
    return (most, most) if later % 2 == 1 else (0.0, 0.0)


def answer(gain: float, low: float, high: float, why: str, scale: float = 1.0) -> Normative:
    """What to do with an offer that would gain `gain`, when refusing is worth `low` to `high`.

    Gains closer than 1e-9 of `scale` are equal. A loss is never accepted: DealWithJohn gains 0.
    How the rest divides between RejectOffer and DealWithJohn is determined only where rejecting
    gains more than 0; else those two shares are None, and `why` says so.
    """
    close = _EQUAL * scale
    if gain > high + close:
        return Normative({"AcceptOffer": 1.0, "RejectOffer": 0.0, "DealWithJohn": 0.0})
    if gain < low - close and low > close:
        return Normative({"AcceptOffer": 0.0, "RejectOffer": 1.0, "DealWithJohn": 0.0})
    if gain < -close:
        return Normative({"AcceptOffer": 0.0, "RejectOffer": None, "DealWithJohn": None}, _TIE)
    return Normative(None, "indifferent" if high - low <= close else why)


def _without_outsider(gain: float, scale: float) -> Normative:
    """What to do with an offer where nobody else trades: a loss is never accepted, and what
    refusing a gain is worth depends on the other's value, which is not told."""
    if gain < -_EQUAL * scale:
        return Normative({"AcceptOffer": 0.0, "RejectOffer": 1.0})
    return Normative(None, _UNTOLD)


def normative(view: View) -> Normative:
    """What backward induction says about the price on the table.

    Raises UserError for a round behind the last one, KeyError where rules or offer are incomplete.
    """
    told, offer = view.rules, on_the_table(view)
    if offer is None or view.events[-1].type == "message":
        return NO_OFFER
    price = offer["price"]
    sign = 1 if view.role == "Alice" else -1  # Alice sells
    gain = sign * (price - told["value"])
    other = told["other_value"] if told["complete_information"] else None
    surplus = None if other is None else sign * (other - told["value"])
    low, high = refusal(surplus, rounds_after(view))
    scale = max(abs(told["value"]), abs(price))
    if not told.get("outsider", True):
        return _without_outsider(gain, scale)
    return answer(gain, low, high, _UNTOLD if other is None else _NO_COST, scale)
