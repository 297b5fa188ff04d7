"""Choices that only expectations decide: a gamble, and a purchase on a seller's word.

Advice is cheap talk (Crawford & Sobel 1982, "Strategic Information Transmission", Econometrica
50): it costs a seller nothing, and she gains by a sale whatever the quality. Were one message
followed by more purchases than another she would always send that one, so that in equilibrium the
buyer does what the prior says, as under babbling: buys for certain where a product is worth more
than its price on average, never where it is worth less. Between rounds of known number nothing
changes, by backward induction. Where average worth and price are equal, many equilibria exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose
from typing import Any

from tremble.decisions.view import View
from tremble.games.theory.normative import Normative

_EQUAL = 1e-9  # relative to the largest amount in play
_ADDS_UP = 1e-4  # probabilities are printed with rounding errors of up to 4e-6


def buyer(view: View) -> Normative:
    """Whether to buy: the average worth of a product against its price. None where they are equal
    ("indifferent") or the share of high quality is untold and worth matters."""
    told = view.rules
    price, high, low = (float(told[key]) for key in ("price", "worth_high", "worth_low"))
    close = _EQUAL * max(abs(price), abs(high), abs(low))
    least, most = (0.0, 1.0) if told["p"] is None else (told["p"], told["p"])
    worths = [share * high + (1 - share) * low for share in (least, most)]
    gains = [worth - price for worth in worths]
    if min(gains) > close:
        return Normative({"yes": 1.0, "no": 0.0})
    if max(gains) < -close:
        return Normative({"yes": 0.0, "no": 1.0})
    if max(abs(gain) for gain in gains) <= close:
        return Normative(None, "indifferent")
    return Normative(None, "type unknown: the share of high quality is not told")


def seller(view: View) -> Normative:
    """What to recommend: undetermined, since in equilibrium no message changes what buyers do."""
    return Normative(None, "not unique: buyers heed no advice, so any recommendation does as well")


def gambles(view: View) -> Normative:
    """The gamble with the higher expected payoff.

    Probabilities are divided by their sum, which may be off by 1e-4. None where the expectations
    are equal ("indifferent"), the chances of a gamble are not all stated, or no numbers are known.
    """
    worth: dict[str, float] = {}
    largest = 0.0
    for option in view.options:
        gamble = view.rules.get(f"gamble_{option.key}")
        if not gamble:
            return Normative(None, "type unknown: a gamble is known in words alone")
        if not _stated(gamble):
            return Normative(None, "type unknown: the chances of a gamble are not all stated")
        chances = sum(chance for chance, _ in gamble)
        worth[option.key] = sum(chance * payoff for chance, payoff in gamble) / chances
        largest = max(largest, *(abs(payoff) for chance, payoff in gamble if chance))
    best = max(worth.values())
    chosen = [key for key, value in worth.items() if best - value <= _EQUAL * largest]
    if len(chosen) > 1:
        return Normative(None, "indifferent")
    return Normative({key: float(key == chosen[0]) for key in worth})


def _stated(gamble: Sequence[Sequence[Any]]) -> bool:
    if any(chance is None for chance, _ in gamble):
        return False
    return isclose(sum(chance for chance, _ in gamble), 1, abs_tol=_ADDS_UP)
