"""Bargaining by backward induction: what refusing an offer is worth, and so whether to accept.

All amounts are shares of the money as of the current round; a share got one round later is worth
`own` times as much. The receiver of an offer proposes in the next round. With a told number of
rounds the last offer is worth taking however small (Stahl 1972, "Bargaining Theory"); with an
untold one the horizon is infinite (Rubinstein 1982, "Perfect Equilibrium in a Bargaining Model",
Econometrica 50). Offers were whole dollars; the theory's are any amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from typing import Any

from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.games.theory.normative import Normative

_EQUAL = 1e-9  # of the money: closer than this, an offer and the threshold are the same

_UNTOLD = "type unknown: the other's discount factor is not told"
NO_OFFER = Normative(None, "no offer is on the table")
_NO_COST = "not unique: neither side loses by waiting and no end is told"


def proposer_share(own: float, other: float, rounds: int | None) -> float | None:
    """The share of who proposes now, with the discount factor `own` against `other`, when `rounds`
    rounds remain, this one included (None: without end).

    Finite: 1 in the last round, before it 1 minus what the receiver gets by refusing. Without
    end: (1 - other) / (1 - own * other), None where both are 1 (any division is an equilibrium).
    """
    if rounds is None:
        return None if own == other == 1 else (1 - other) / (1 - own * other)
    share = 1.0
    for left in range(1, rounds):
        # Who proposes with `left` rounds to go is the one who could refuse the round before.
        share = 1 - (own if (rounds - left) % 2 == 0 else other) * share
    return share


def refusal(own: float, other: float | None, later: int | None) -> tuple[float, float]:
    """Between which shares lies what refusing is worth to a receiver with discount factor `own`,
    with `later` rounds to come (None: without end).

    Both ends are equal where it is known. With `other` None (untold) no belief about the other
    side is assumed: at most everything in the next round, `own`; at least nothing, or, where the
    receiver makes the last offer, everything then: `own ** later`.
    """
    if later == 0:
        return 0.0, 0.0
    if other is None:
        makes_last = later is not None and later % 2 == 1
        return (float(own**later) if makes_last and later else 0.0), own
    share = proposer_share(own, other, later)
    return (0.0, own) if share is None else (own * share, own * share)


def answer(share: float, low: float, high: float, why: str) -> Normative:
    """Accept an offer of `share` above what refusing is worth (between `low` and `high`), reject
    one below; None where equal ("indifferent") or, for `why`, where the two ends differ on it."""
    if isclose(low, high, rel_tol=0, abs_tol=_EQUAL):
        why = "indifferent"
    if share > high + _EQUAL:
        return Normative({"accept": 1.0, "reject": 0.0})
    if share < low - _EQUAL:
        return Normative({"accept": 0.0, "reject": 1.0})
    return Normative(None, why)


def normative(view: View) -> Normative:
    """What backward induction says about the offer on the table.

    Raises UserError for a round behind the last one, KeyError where rules or offer are incomplete.
    """
    told, offer = view.rules, on_the_table(view)
    if offer is None or not told["money"]:
        return NO_OFFER if offer is None else Normative(None, "indifferent")
    share = offer["gains"][view.role] / told["money"]
    other = told["other_delta"] if told["complete_information"] else None
    low, high = refusal(told["delta"], other, rounds_after(view))
    return answer(share, low, high, _UNTOLD if other is None else _NO_COST)


def on_the_table(view: View) -> Mapping[str, Any] | None:
    """The data of the other side's latest offer, None where there is none."""
    offers = [e.data for e in view.events if e.type == "offer" and e.data["player"] != view.role]
    return offers[-1] if offers else None


def rounds_after(view: View) -> int | None:
    """How many rounds follow the current one, None where their number is not told.

    Without a round of its own the decision stands in that of the last event. Raises UserError
    where the current round lies behind the last.
    """
    total = view.rules["rounds"]
    if total is None:
        return None
    now = view.round if view.round is not None else view.events[-1].data["round"]
    if now > total:
        raise UserError(
            f"A decision is in round {now} of a game with {total} rounds; correct one of the two."
        )
    return int(total - now)
