"""Participants drawn from each experiment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.sessions import session
from tremble.decisions.participants import Participants, experiment_of, hash_order
from tremble.decisions.record import Decision, name_hash

TEXT = "You press <<J>>. You press <<F>>."


@pytest.fixture
def decisions() -> list[Decision]:
    five = [d for n in range(5) for d in session(TEXT, str(n), "one")]
    two = [d for n in range(2) for d in session(TEXT, str(n), "two")]
    other = replace(five[0], id="x", family="lottery", participant="9", game=None)
    return [*five, other, *two]


def test_the_first_by_hash_of_each_experiment(decisions: list[Decision]) -> None:
    drawn = Participants(iter(decisions), 3)
    kept = list(drawn.of(decisions))
    first = sorted((f"one/{n}" for n in range(5)), key=name_hash)[:3]
    assert {d.participant for d in kept} == {*first, "two/0", "two/1", "9"}
    assert kept == [d for d in decisions if d in kept]  # whole people, in the order of the file
    assert len(kept) == 3 * 2 + 2 * 2 + 1
    assert drawn.notes("mine.jsonl") == [
        "mine.jsonl: took 5 of 7 participants (1 of 2 experiments has more than 3)."
    ]


def test_a_larger_number_holds_a_smaller_one(decisions: list[Decision]) -> None:
    sizes = [{d.id for d in Participants(decisions, n).of(decisions)} for n in (1, 2, 5)]
    assert sizes[0] < sizes[1] < sizes[2] == {d.id for d in decisions}
    assert Participants(decisions, 5).notes("mine.jsonl") == []
    assert Participants(decisions[:10], 2).notes("a") == ["a: took 2 of 5 participants."]


def test_an_experiment_without_a_name_is_the_data_set(decisions: list[Decision]) -> None:
    assert experiment_of(decisions[0]) == "one"
    assert decisions[0].game is not None
    nameless = replace(decisions[0], game=replace(decisions[0].game, config={}), config={})
    assert experiment_of(nameless) == "mine"
    assert hash_order(["b", "a", "c"]) == sorted("abc", key=name_hash)
