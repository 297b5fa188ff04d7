"""Other people's histories and payoffs: never one's own, never a later round, in these rules."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.support.control_cases import CAMPING, each, play, told, without_headings
from tremble.decisions.record import Decision, Event
from tremble.games.base import family
from tremble.prompts.asked import Asked
from tremble.prompts.conversation import Conversation, NotApplicable
from tremble.prompts.formulations import spoken, standard
from tremble.prompts.other_games import OtherGames


def test_another_game_is_never_ones_own_nor_a_later_round() -> None:
    mine, again = play("g1", "aabb", "p1"), play("g2", "bbbb", "p1")
    other, longer = play("g3", "bbab", "p2"), play("g4", "bbaa", "p3", rounds=20)
    for decision in mine[1:]:
        with pytest.raises(NotApplicable, match="no other game"):
            spoken(Asked.parse("standard+other_history"), OtherGames([*mine, *again]))(decision, 0)
        pool = OtherGames([*mine, *again, *other, *longer])
        found = told("standard+other_history", decision, pool)
        counterpart = other[decision.at]  # the same rules go before others of the same kind
        assert found is not None and found.user == standard(counterpart).user
        assert found.system == standard(decision).system
        kind = told("standard+other_history", decision, OtherGames([*mine, *longer]))
        assert kind is not None
        assert kind.user == standard(longer[decision.at]).user.replace(" of 20:", " of 9:")
    # The first round has nothing to replace, and a round that nobody else reached nothing to put.
    assert told("standard+other_history", mine[0], OtherGames(other)) is None
    assert told("standard+other_history", play("g5", "aaaaa", "p5")[4], OtherGames(other)) is None
    # Rules of another kind: a chance to go on needs other words.
    apart = play("g6", "abab", "p6", rounds=None, continues=0.9)
    assert told("standard+other_history", mine[2], OtherGames(apart)) is None


def test_few_games_stay_in_memory_and_always_the_same() -> None:
    games = [play(f"g{n}", "aab"[: n % 3 + 1] + "b", f"p{n}") for n in range(50)]
    in_turn = [decision for game in games for decision in game]
    mixed = sorted(in_turn, key=lambda decision: (decision.at, decision.cluster[::-1]))
    asked = play("me", "abba", "me")[2]
    pools = [OtherGames(some, most=8) for some in (in_turn, mixed, in_turn[::-1])]
    assert all(len(pool.games("repeated_matrix")) == 8 for pool in pools)
    seen = [told("standard+other_history", asked, pool) for pool in pools]
    assert len({found.user for found in seen if found is not None}) == 1
    assert None not in seen


def test_other_history_is_what_somebody_else_read(
    everything: list[Decision], embedded: list[Decision], others: OtherGames
) -> None:

    def lines(found: Conversation) -> tuple[str, ...]:
        """Without what follows from the reader's own rules: amounts, inflation, rounds to go."""
        amounts = r"\$[\d,.]*\d|-?[\d,.]*\d points?\b"
        return tuple(without_headings(re.sub(amounts, "", found.user)))

    read: dict[tuple[str, ...], set[str]] = {}
    for decision in everything:
        read.setdefault(lines(standard(decision)), set()).add(decision.cluster)
    count = 0
    for decision, usual, found in each("other_history", embedded, others):
        assert found.system == usual.system
        assert read[lines(found)] - {decision.cluster}, decision.id
        heads = [re.findall(r"^Round \d+.*$", text, re.M) for text in (usual.user, found.user)]
        assert heads[0][-1:] == heads[1][-1:]
        count += 1
    assert count > 30


def test_a_history_that_is_alike_is_no_other_one() -> None:
    mine, alike, other = (
        play("g1", "aabb", "p1"),
        play("g2", "aabb", "p2"),
        play("g3", "bbab", "p3"),
    )
    for decision in mine[1:]:
        with pytest.raises(NotApplicable, match="no other game"):
            spoken(Asked.parse("standard+other_history"), OtherGames([*mine, *alike]))(decision, 0)
        found = told("standard+other_history", decision, OtherGames([*mine, *alike, *other]))
        assert found is not None and found.user == standard(other[decision.at]).user


def seen_by(decision: Decision, name: str, rules: dict[str, Any], *events: Event) -> Decision:
    """The same seat in a game of that name, with other rules and what had happened there."""
    assert decision.game is not None
    game = replace(
        decision.game, id=name, rules={**decision.game.rules, **rules}, events=tuple(events)
    )
    return replace(
        decision, id=f"{name}/1", game=game, at=len(events), participant=name, choice=None
    )


def test_events_of_other_rules_are_told_as_these_would_have_them(
    invented: dict[str, Decision],
) -> None:
    def lines(mine: Decision, other: Decision) -> list[str]:
        found = told("standard+other_history", mine, OtherGames([mine, other]))
        assert found is not None
        return found.user.split("\n")

    def offer(message: str, **data: Any) -> Event:
        return Event("offer", {"player": "Alice", "round": 1, "message": message, **data})

    # $500 to divide here, $10,000 there: 9,000 and 1,000 are 450 and 50.
    first = replace(invented["bargaining"], round=1)
    mine = seen_by(first, "mine", {}, offer("Half?", gains={"Alice": 250, "Bob": 250}))
    rich = {"money": 10_000, "delta": 0.5}
    there = seen_by(first, "there", rich, offer("Fair!", gains={"Alice": 9_000, "Bob": 1_000}))
    assert lines(mine, there)[1:] == [
        "Alice's offer: You get $50 and Alice gets $450.",
        'Alice wrote: "Fair!"',
    ]
    for message in ("I keep 9000", "I keep Nine Thousand"):  # no such amount is here
        number = seen_by(first, "there", rich, offer(message, gains={"Alice": 9_000, "Bob": 1_000}))
        assert told("standard+other_history", mine, OtherGames([mine, number])) is None
        # With the same rules it may say what it will.
        alike = seen_by(first, "there", {}, offer(message, gains={"Alice": 450, "Bob": 50}))
        assert lines(mine, alike)[2] == f'Alice wrote: "{message}"'
    # Worth 60 to the buyer here, 90 there: 100 is 66.67, to the cent.
    first = replace(invented["negotiation"], round=1)
    mine = seen_by(first, "mine", {}, offer("Well?", price=58))
    dear = seen_by(first, "there", {"value": 90, "other_value": 80}, offer("Please.", price=100))
    assert lines(mine, dear)[1:] == ["Alice's offer: $66.67.", 'Alice wrote: "Please."']
    # A product of high quality is worth $60 here.
    second = replace(invented["persuasion"], round=2)
    past = [
        Event("recommendation", {"player": "Alice", "round": 1, "message": "Good one."}),
        Event("decision", {"player": "Bob", "round": 1, "choice": "no"}),
        Event("quality", {"round": 1, "quality": "high", "worth": 900}),
        Event("recommendation", {"player": "Alice", "round": 2, "message": "Good again."}),
    ]
    other = {"price": 450, "worth_high": 900, "p": 0.2}
    mine = seen_by(second, "mine", {}, *second.game.events[:3], past[-1]) if second.game else second
    assert "The product was of high quality. It would have been worth $60 to you." in lines(
        mine, seen_by(second, "there", other, *past)
    )


def test_points_of_other_payoffs_are_those_of_this_game() -> None:
    double = {"a": {"a": [16, 16], "b": [1, 20]}, "b": {"a": [20, 1], "b": [9, 9]}}
    mine, other = play("g1", "aabb", "p1"), play("g2", "baab", "p2", payoffs=double)
    found = told("standard+other_history", mine[2], OtherGames([*mine, *other]))
    assert found is not None and found.user.split("\n")[1:4:2] == [
        "You chose F and the other player chose J. You got 10 points and the other player got 0 "
        "points.",
        "You chose J and the other player chose J. You got 8 points and the other player got 8 "
        "points.",
    ]


def test_of_a_one_shot_game_and_a_lottery_the_payoffs_are_another_ones(
    everything: list[Decision], others: OtherGames
) -> None:
    for name in ("lottery", "one_shot_matrix"):
        some = [d for d in everything if d.family == name]
        tables = {standard(d).user: d.cluster for d in some}
        pool, count = OtherGames(some), 0
        for decision in some:
            found = told("standard+other_history", decision, pool)
            if found is None:
                continue
            assert tables[found.user] != decision.cluster
            assert found.system == standard(decision).system
            count += 1
        assert count > 100
    words = {"text_a": "26 for sure", "text_b": "a die"}
    gamble = next(d for d in everything if d.family == "lottery")
    text = replace(gamble, id="text", game=None, rules=words)
    assert told("standard+other_history", text, others) is None  # none is told in words there
    again = replace(text, id="again", rules={**words, "text_a": "27 for sure"})
    found = told("standard+other_history", text, OtherGames([text, again]))
    assert found is not None and "27 for sure" in found.user


def test_shares_told_in_proportion_add_up(invented: dict[str, Decision]) -> None:
    """Every division of $1,000,000 in steps of $37 is one of $500, to the cent."""
    retold = family("bargaining").retold
    assert retold is not None
    for share in range(0, 1_000_001, 37):
        gains = {"Alice": share, "Bob": 1_000_000 - share}
        found = retold({"gains": gains}, {"money": 1_000_000}, {"money": 500})
        assert found is not None
        cents = [round(100 * part) for part in found["gains"].values()]
        assert sum(cents) == 50_000 and abs(cents[0] - share / 20) <= 0.5 + 1e-6


def test_another_dialogue_is_by_somebody_who_wanted_the_same() -> None:
    def camper(name: str, high: str, text: str) -> Decision:
        assert CAMPING.game is not None
        told = CAMPING.game.rules["private"]["a"]
        other = next(v for v in ("Water", "Food") if v != high)
        wants = {**told, "priorities": {"High": high, "Medium": other, "Low": "Firewood"}}
        first = Event("message", {"player": "b", "message": text})
        rules = {**CAMPING.game.rules, "private": {"a": wants}}
        events = (first, *CAMPING.game.events[1:])
        game = replace(CAMPING.game, id=name, rules=rules, events=events)
        return replace(CAMPING, id=f"{name}/2", game=game, participant=name)

    mine = camper("mine", "Water", "Hello")
    others = [camper("food", "Food", "Food!"), camper("water", "Water", "3 water?")]
    found = told("standard+other_history", mine, OtherGames([mine, *others]))
    assert found is not None and '"3 water?"' in found.user  # a count of things, no amount
    assert told("standard+other_history", mine, OtherGames([mine, others[0]])) is None


def test_a_game_with_errors_is_no_game_without() -> None:
    mine = play("g1", "aabb", "p1", error=0)
    other = play("g2", "bbaa", "p2", error=0.1)
    assert told("standard+other_history", mine[2], OtherGames([*mine, *other])) is None
