"""What baselines compute with: worked examples, and nothing that the person could not know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tremble.decisions.record import Decision, Event
from tremble.errors import UserError
from tremble.study.data import load_data
from tremble.study.decision_frame import decision_frame

FAMILIES = (
    "repeated_matrix",
    "one_shot_matrix",
    "lottery",
    "bargaining",
    "negotiation",
    "persuasion",
    "persuasion_seller",
)


@pytest.fixture(scope="module")
def demo() -> list[Decision]:
    return list(load_data("demo", Path()))


def numbers(decisions: list[Decision]) -> list[str | None]:
    return decision_frame(decisions)["numbers"].to_list()


def one(demo: list[Decision], id_: str) -> dict[str, Any]:
    (found,) = [d for d in demo if d.id == id_]
    (text,) = numbers([found])
    said: dict[str, Any] = json.loads(text or "null")
    return said


@pytest.mark.slow
def test_every_family_has_numbers(demo: list[Decision]) -> None:
    found = decision_frame(demo)
    assert set(found["family"]) == set(FAMILIES)
    assert found["numbers"].null_count() == 0


def _other_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data with everything in it changed but who acts, and when."""

    def changed(value: Any, place: int = 0) -> Any:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return value + 17 + 5 * place
        if isinstance(value, Mapping):
            return {key: changed(part, i) for i, (key, part) in enumerate(value.items())}
        swap = {"yes": "no", "no": "yes", "high": "low", "low": "high"}
        return swap.get(value, "changed")

    return {key: v if key in ("player", "round") else changed(v) for key, v in data.items()}


def _tampered(decision: Decision, keep: set[int]) -> Decision:
    assert decision.game is not None
    events = tuple(
        e if i in keep else Event(e.type, _other_values(e.data), e.seen)
        for i, e in enumerate(decision.game.events)
    )
    return replace(decision, game=replace(decision.game, events=events))


def _with_game(demo: list[Decision]) -> Iterator[Decision]:
    return (d for d in demo if d.game is not None)


@pytest.mark.slow
def test_the_choice_and_what_comes_after_it_change_nothing(demo: list[Decision]) -> None:
    after = [
        replace(_tampered(d, set(range(d.at))), choice=d.options[-1].key) for d in _with_game(demo)
    ]
    assert numbers(after) == numbers(list(_with_game(demo)))
    rates = [
        replace(d, rates=dict.fromkeys(d.rates, 0.0), n=1, rate_sd=0.0) for d in demo if d.rates
    ]
    assert numbers(rates) == numbers([d for d in demo if d.rates])


@pytest.mark.slow
def test_what_is_hidden_from_the_person_changes_nothing(demo: list[Decision]) -> None:
    hidden, seen = [], []
    for d in _with_game(demo):
        visible = {id(event) for event in d.visible()}
        assert d.game is not None
        keep = {i for i, event in enumerate(d.game.events) if id(event) in visible}
        hidden.append(_tampered(d, keep))
        seen.append(d)
    assert numbers(hidden) == numbers(seen)
    private = [replace(d, config={"secret": 1}, n=99) for d in demo]
    assert numbers(private) == numbers(demo)


def test_a_buyer_does_not_know_this_rounds_quality_before_buying(demo: list[Decision]) -> None:
    first = next(d for d in demo if d.family == "persuasion" and d.round == 2)
    assert first.game is not None
    (text,) = numbers([first])
    found = json.loads(text or "")
    assert len(found["history"]) == 1
    flipped = [
        e
        if not (e.type == "quality" and e.data["round"] == 2)
        else Event(e.type, _other_values(e.data), e.seen)
        for e in first.game.events
    ]
    assert flipped != list(first.game.events)
    assert numbers([replace(first, game=replace(first.game, events=tuple(flipped)))]) == [text]


@pytest.mark.slow
def test_what_was_seen_does_change_the_numbers(demo: list[Decision]) -> None:
    late = [d for d in _with_game(demo) if d.at > 2]
    changed = numbers([_tampered(d, set()) for d in late])
    same = [a == b for a, b in zip(changed, numbers(late), strict=True)]
    assert sum(same) == 0


def test_a_second_round_by_hand(demo: list[Decision]) -> None:
    # Person 1, prisoner's dilemma: chose 0 (defect) while the other chose 1: ten points.
    found = one(demo, "demo/repeated_matrix/1/PD/r2")
    assert (found["mine"], found["theirs"], found["points"]) == (["defect"], ["cooperate"], [10])
    assert found["payoffs"]["defect"]["cooperate"] == [10, 0]


def test_an_offer_in_shares_and_gains(demo: list[Decision]) -> None:
    # Bob is offered 100,000 of 1,000,000; his discount factor is 1, Alice's untold.
    found = one(demo, "demo/bargaining/14667D27F6439073/r1")
    assert found == {"share": 0.1, "delta": 1.0, "other_delta": None, "round": 1, "rounds": 12}
    # A buyer for whom the product is worth 120 is asked for 150: a loss of a quarter.
    found = one(demo, "demo/negotiation/119DBAA8AB02D2BE/r1")
    assert (found["gain"], found["other_gain"], found["sells"]) == (-0.25, None, False)


def test_problems_hold_payoffs_in_the_order_of_the_keys(demo: list[Decision]) -> None:
    found = one(demo, "demo/one_shot_matrix/stahlwilson1994/1/row")
    assert found["own"] == [[40, 10, 70], [20, 80, 0], [30, 100, 60]]
    assert found["other"] == [[40, 20, 30], [10, 80, 100], [70, 0, 60]]
    assert one(demo, "demo/lottery/8")["options"] == {"a": [[1, 27]], "b": [[0.5, -24], [0.5, 89]]}


def test_a_prompt_of_ones_own_has_what_was_read_and_a_damaged_record_is_refused(
    demo: list[Decision],
) -> None:
    own = Decision("x", "toy", "bargaining", demo[0].options, prompt="Accept?")
    first = demo[0]
    assert first.game is not None
    broken = replace(first, at=1, game=replace(first.game, events=(Event("moves", {}),)))
    (what,) = numbers([own])
    assert what is not None
    assert set(json.loads(what)) == {"read"}  # a hash of what was read
    with pytest.raises(UserError, match="lack something that repeated_matrix needs"):
        numbers([own, broken])
