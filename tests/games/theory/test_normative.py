"""What theory says in each family: games solved by exhaustive backward induction or by hand."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.glee_games import source_games
from tremble.datasets import akata2025, demo
from tremble.datasets.base import Notes
from tremble.decisions.record import Decision, Event, Option
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.games.base import family
from tremble.games.one_shot_matrix import options
from tremble.games.theory import price_offers, rubinstein
from tremble.games.theory.normative import Normative
from tremble.prompts.presentations import view
from tremble.study.decision_frame import decision_frame

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(not DATA, reason="TREMBLE_DATA is not set: no source files")


def see(
    name: str,
    keys: Sequence[str],
    rules: dict[str, Any],
    event: Event | None = None,
    role: str = "",
    number: int | None = None,
) -> Any:
    """The normative shares of a view, or the reason why there are none."""
    shown = tuple(Option(key, key) for key in keys)
    events = () if event is None else (event,)
    said = family(name).normative(View(rules, role, number, events, shown))  # type: ignore[misc]
    assert isinstance(said, Normative)
    return said.why if said.shares is None else dict(said.shares)


# Bargaining.


def best_by_search(own: float, other: float, rounds: int, pot: int = 2000) -> float:
    """What the proposer of the first of `rounds` rounds keeps of `pot` units, every offer of a
    whole number of units tried, accepted where it is worth no less than refusing."""
    if rounds == 0:
        return 0.0
    kept_later = best_by_search(other, own, rounds - 1, pot)
    refusing = other * kept_later * pot
    return max(pot - offer for offer in range(pot + 1) if offer >= refusing - 1e-9) / pot


@pytest.mark.parametrize(("own", "other"), [(0.9, 0.8), (0.5, 0.95), (1, 0.7), (0.8, 1), (1, 1)])
def test_bargaining_with_an_end_against_a_search(own: float, other: float) -> None:
    for rounds in range(1, 8):
        share = rubinstein.proposer_share(own, other, rounds)
        assert share == pytest.approx(best_by_search(own, other, rounds), abs=rounds / 2000)


def test_a_long_horizon_approaches_the_split_without_end() -> None:
    # (1 - .8) / (1 - .72) = 5/7 (Rubinstein 1982).
    assert rubinstein.proposer_share(0.9, 0.8, None) == pytest.approx(5 / 7)
    for rounds in (200, 201):  # whoever makes the last offer
        assert rubinstein.proposer_share(0.9, 0.8, rounds) == pytest.approx(5 / 7, abs=1e-9)
    gaps = [(rubinstein.proposer_share(0.9, 0.8, n) or 0) - 5 / 7 for n in range(1, 40)]
    # Two rounds more, with the same last proposer, bring it closer by the product of the factors.
    assert gaps[2:] == pytest.approx([0.72 * gap for gap in gaps[:-2]], abs=1e-12)
    # Equal factors close to 1: nearly half each.
    assert rubinstein.proposer_share(0.999, 0.999, None) == pytest.approx(0.5, abs=1e-3)
    assert rubinstein.proposer_share(1, 1, None) is None


ACCEPT, REJECT = {"accept": 1.0, "reject": 0.0}, {"accept": 0.0, "reject": 1.0}
UNTOLD = "type unknown: the other's discount factor is not told"


def bargain(mine: float, number: int, rounds: int | None, own: float, other: float | None) -> Any:
    rules = {
        "money": 1000,
        "delta": own,
        "other_delta": other,
        "complete_information": other is not None,
        "messages": False,
        "rounds": rounds,
    }
    gains = {"Alice": mine, "Bob": 1000 - mine}
    offer = Event("offer", {"round": number, "player": "Bob", "gains": gains})
    return see("bargaining", ["accept", "reject"], rules, offer, "Alice", number)


def test_bargaining_the_last_rounds_by_hand() -> None:
    assert bargain(1, 12, 12, 0.9, 0.8) == ACCEPT
    assert bargain(0, 12, 12, 0.9, 0.8) == "indifferent"
    # One round before: refusing gets everything, worth .9 of it.
    assert [bargain(m, 11, 12, 0.9, 0.8) for m in (901, 900, 899)] == [
        ACCEPT,
        "indifferent",
        REJECT,
    ]
    # Two before: in round 11 the other must be left .8, so .2 is kept, worth .18 now.
    assert [bargain(m, 10, 12, 0.9, 0.8) for m in (181, 180, 179)] == [
        ACCEPT,
        "indifferent",
        REJECT,
    ]


def test_bargaining_without_end_by_hand() -> None:
    # .9 x 5/7 = .642857: above it accept, below it refuse, in any round.
    assert [bargain(m, n, None, 0.9, 0.8) for m, n in ((643, 2), (642, 2), (643, 41))] == [
        ACCEPT,
        REJECT,
        ACCEPT,
    ]
    assert bargain(999, 2, None, 1, 0.8) == REJECT  # waiting is free for one side alone
    assert bargain(1, 2, None, 0.8, 1) == ACCEPT
    assert bargain(500, 2, None, 1, 1) == (
        "not unique: neither side loses by waiting and no end is told"
    )
    # With a told end and no discounting, the last proposer gets it all.
    assert bargain(999, 11, 12, 1, 1) == REJECT
    assert bargain(1, 10, 12, 1, 1) == ACCEPT


def test_bargaining_against_an_untold_discount_factor() -> None:
    assert bargain(950, 2, None, 0.9, None) == ACCEPT  # more than everything a round later
    assert bargain(850, 2, None, 0.9, None) == UNTOLD
    assert bargain(1, 12, 12, 0.9, None) == ACCEPT
    assert bargain(0, 12, 12, 0.9, None) == "indifferent"
    assert bargain(899, 11, 12, 0.9, None) == REJECT  # own last offer: .9 whoever the other is
    assert bargain(700, 9, 12, 0.9, None) == REJECT  # waiting for it still brings .9 ** 3 = .729
    assert bargain(750, 9, 12, 0.9, None) == UNTOLD
    assert bargain(10, 10, 12, 0.9, None) == UNTOLD
    assert bargain(0, 2, None, 0.0, None) == "indifferent"


@pytest.mark.parametrize("later", range(1, 9))
@pytest.mark.parametrize("own", [0.0, 0.5, 0.9, 1.0])
def test_the_bounds_hold_whatever_the_other_is(own: float, later: int) -> None:
    low, high = rubinstein.refusal(own, None, later)
    for other in (n / 20 for n in range(21)):
        known, same = rubinstein.refusal(own, other, later)
        assert known == same and low - 1e-12 <= known <= high + 1e-12


def test_a_round_behind_the_last_is_refused() -> None:
    with pytest.raises(UserError, match="round 13 of a game with 12 rounds"):
        bargain(500, 13, 12, 0.9, 0.8)


def test_nothing_to_answer_is_null() -> None:
    rules = {"rounds": None, "money": 100}
    assert see("bargaining", ["accept", "reject"], rules) == "no offer is on the table"
    assert see("negotiation", KEYS, rules) == "no offer is on the table"


# Negotiation.


def price_search(seller: int, buyer: int, rounds: int, seller_first: bool) -> tuple[int, int]:
    """(seller's, buyer's) gain from the first of `rounds` rounds, all whole prices tried, offers
    accepted that gain no less than refusing; John is worth 0 to either."""
    if rounds == 0:
        return 0, 0
    then = price_search(seller, buyer, rounds - 1, not seller_first)
    refusing = tuple(max(0, gain) for gain in then)
    outcomes = []
    for price in range(0, 301):
        gains = (price - seller, buyer - price)
        outcomes.append(gains if gains[seller_first] >= refusing[seller_first] else then)
    return max(outcomes, key=lambda gains: gains[not seller_first])


@pytest.mark.parametrize(("seller", "buyer"), [(80, 150), (150, 80), (100, 100)])
def test_what_refusing_a_price_is_worth_against_a_search(seller: int, buyer: int) -> None:
    for later in range(0, 6):
        for receiver in (0, 1):  # the seller, the buyer
            found = price_search(seller, buyer, later, seller_first=receiver == 0)[receiver]
            worth = max(0, found)
            assert price_offers.refusal(buyer - seller, later) == (worth, worth)


KEYS = ["AcceptOffer", "RejectOffer", "DealWithJohn"]
TAKE, REFUSE, NOT_THIS = (
    dict(zip(KEYS, shares, strict=True))
    for shares in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, None, None))
)


def haggle(
    price: float, number: int | None, rounds: int | None, other: float | None, role: str = "Alice"
) -> Any:
    """An offer to Alice, to whom the product is worth 80, or to Bob, to whom it is worth 150."""
    rules = {
        "value": 80 if role == "Alice" else 150,
        "other_value": other,
        "complete_information": other is not None,
        "messages": False,
        "rounds": rounds,
    }
    rival = "Bob" if role == "Alice" else "Alice"
    offer = Event("offer", {"round": number, "player": rival, "price": price})
    return see("negotiation", KEYS, rules, offer, role, number)


def test_negotiation_by_hand() -> None:
    # The last of 10 rounds is Bob's offer to Alice: any gain; at a loss nothing but not to sell.
    assert haggle(81, 10, 10, 150) == TAKE
    assert haggle(80, 10, 10, 150) == "indifferent"
    assert haggle(79, 10, 10, 150) == NOT_THIS
    # In round 9 Bob refuses less than the whole surplus of 70, his in round 10.
    assert haggle(81, 9, 10, 80, role="Bob") == REFUSE
    assert haggle(160, 9, 10, 80, role="Bob") == REFUSE  # a loss as well
    assert haggle(80, 9, 10, 80, role="Bob") == "indifferent"
    assert haggle(79, 9, 10, 80, role="Bob") == TAKE
    # In round 8 Alice has nothing to wait for.
    assert haggle(81, 8, 10, 150) == TAKE
    assert haggle(79, 8, 10, 150) == NOT_THIS
    # Without a surplus nobody has: a price above 80 is a mistake in her favour.
    assert haggle(81, 9, 10, 50) == TAKE
    assert haggle(79, 9, 10, 50) == NOT_THIS


def test_negotiation_without_a_told_end_or_value() -> None:
    assert haggle(100, 4, None, 150) == (
        "not unique: nothing is lost by waiting and no end is told"
    )
    assert haggle(151, 4, None, 150) == TAKE  # more than the whole surplus
    assert haggle(79, 4, None, 150) == NOT_THIS
    assert haggle(81, 4, None, 50) == TAKE
    assert haggle(100, 4, 10, None) == "type unknown: the other's value is not told"
    assert haggle(1e9, 4, None, None) == "type unknown: the other's value is not told"
    assert haggle(79, 4, None, None) == NOT_THIS
    assert haggle(81, 10, 10, None) == TAKE


def test_a_loss_that_could_be_avoided_is_never_accepted_and_the_rest_stays_open() -> None:
    said = price_offers.answer(-1, 0, 0, "")
    assert said.shares == NOT_THIS
    assert said.why is not None and said.why.startswith("AcceptOffer has probability 0")


# Persuasion.


def buy(p: float | None, high: float, low: float, price: float = 100) -> Any:
    rules = {"p": p, "worth_high": high, "worth_low": low, "price": price}
    return see("persuasion", ["yes", "no"], rules)


BUY, LEAVE = {"yes": 1.0, "no": 0.0}, {"yes": 0.0, "no": 1.0}


def test_the_buyer_goes_by_the_prior() -> None:
    assert buy(0.5, 300, 0) == BUY  # 150
    assert buy(0.333333333, 200, 0) == LEAVE  # 66.67
    assert buy(0.8, 125, 0) == buy(0.5, 200, 0) == "indifferent"
    assert buy(1 / 3, 300, 0) == "indifferent"
    assert buy(0.5, 150, 50) == "indifferent"
    assert buy(0.5, 150, 51) == BUY
    assert buy(None, 300, 0) == "type unknown: the share of high quality is not told"
    assert buy(None, 300, 101) == BUY  # worth it whatever the share
    assert buy(None, 99, 0) == LEAVE
    assert buy(None, 100, 100) == "indifferent"


def test_the_sellers_advice_is_undetermined() -> None:
    assert see("persuasion_seller", ["yes", "no"], {}).startswith("not unique")


@needs_source
def test_a_third_of_the_samples_persuasion_games_are_indifferent() -> None:
    said = []
    for folder in source_games():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if config["game_type"] == "persuasion":
            args = config["game_args"]
            price = args["product_price"]
            said.append(buy(args["p"], args["v"] * price, args["c"] * price, price))
    assert len(said) == 45
    assert said.count("indifferent") == 16


# Lotteries.


def gamble(a: Any, b: Any) -> Any:
    return see("lottery", ["a", "b"], {"gamble_a": a, "gamble_b": b})


def test_the_higher_expectation() -> None:
    assert gamble([[1, 3]], [[0.8, 4], [0.2, 0]]) == {"a": 0.0, "b": 1.0}  # Allais: 3 and 3.2
    assert gamble([[1, 3.21]], [[0.8, 4], [0.2, 0]]) == {"a": 1.0, "b": 0.0}
    assert gamble([[0.1, 3], [0.9, 0]], [[0.3, 1], [0.7, 0]]) == "indifferent"  # .30000000000000004
    assert gamble([[1, 0]], [[0.5, 1000], [0.5, -1000]]) == "indifferent"
    third = 0.333333  # printed: adds up to .999999
    assert gamble([[1, 5]], [[third, 5], [third, 5], [third, 5]]) == "indifferent"
    unstated = "type unknown: the chances of a gamble are not all stated"
    assert gamble([[1, 3]], [[None, 4], [None, 0]]) == unstated
    assert gamble([[1, 3]], [[0.5, 4], [0.2, 0]]) == unstated


# Matrix games.


def test_the_stage_games_of_the_repeated_ones() -> None:
    for game, cooperate in (("PD", 0.0), ("BoS", 7 / 17)):
        keys = [option.key for option in akata2025.OPTIONS[game]]
        rules = {"rounds": 10, "payoffs": akata2025.PAYOFFS[game]}
        said = see("repeated_matrix", keys, rules)
        assert list(said.values()) == pytest.approx([cooperate, 1 - cooperate])
    unknown = {"rounds": None, "payoffs": akata2025.PAYOFFS["PD"]}
    said = see("repeated_matrix", ["cooperate", "defect"], unknown)
    assert said == "not unique: no end is told"


def test_a_one_shot_game_in_either_order() -> None:
    rules = {"own_payoffs": [[40, 80], [80, 40]], "other_payoffs": [[320, 40], [40, 80]]}
    decision = Decision("d", "toy", "one_shot_matrix", options(2), target="1", rules=rules)
    for order in (0, 1):
        said = family("one_shot_matrix").normative(view(decision, order))  # type: ignore[misc]
        assert said.shares == {"1": 0.125, "2": 0.875}


# All of it as a table.


@pytest.mark.slow
def test_no_null_becomes_a_half() -> None:
    """Every decision of the embedded data has shares or a reason; where nothing but one option is
    determined the others stay null; 0.5 appears where an exact mixed equilibrium has it alone."""
    frame = decision_frame(demo.load(Path(), Notes()))
    counted = 0
    for row in frame.iter_rows(named=True):
        shares, why = row["normative"], row["normative_why"]
        if shares is None:
            assert why
            counted += 1
        elif None in shares:
            assert why and (shares[0], row["keys"][0]) == (0.0, "AcceptOffer")
        else:
            assert why is None and math.isclose(sum(shares), 1)
            assert row["family"] in ("one_shot_matrix", "repeated_matrix") or set(shares) == {0, 1}
    assert frame["normative"].null_count() == counted > 0
    indifferent = frame.filter(frame["normative_why"] == "indifferent")
    assert indifferent["normative"].null_count() == len(indifferent) > 0
