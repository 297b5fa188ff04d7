"""Positions in a session and arms of a persona, on studies small enough to compute by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.support.scored_sessions import Row, drawn, of, plain_d, said, scored, sessions
from tremble.prompts.arms import Interviewed
from tremble.stats.tables.personas import persona_table
from tremble.stats.tables.positions import NAMES, position_table


def test_positions_hold_every_response_once_and_gains_are_paired() -> None:
    decisions, nats, scores = drawn(experiments=1, people=9, models=("base",))
    rows = position_table(sessions(decisions, scores))
    assert sum(row["responses"] for row in rows) == len(decisions)
    rounds = np.array([row["round"] for row in decisions])
    third = of(rows, position="3-5")
    values = nats["base"]
    assert third["nats"] == pytest.approx(values[(rounds >= 3) & (rounds <= 5)].mean())
    gains = []
    for name in dict.fromkeys(row["participant"] for row in decisions):
        own = np.array([row["participant"] == name for row in decisions])
        later = own & (rounds >= 3) & (rounds <= 5)
        if later.any():
            gains.append(values[own & (rounds == 1)].item() - values[later].mean())
    low, high = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    assert (third["gain"], third["gain_low"], third["gain_high"]) == pytest.approx(
        (np.mean(gains), low, high)
    )
    assert of(rows, position="1")["gain"] is None


def test_bins_of_response_numbers_begin_where_their_names_say() -> None:
    bounds = [tuple(map(int, name.split("-"))) for name in NAMES[:-1]]
    ends = [bound[-1] for bound in bounds]
    assert [bound[0] for bound in bounds] == [1, *(end + 1 for end in ends[:-1])]
    assert NAMES[-1] == f"{ends[-1] + 1} on"
    numbers = [1, 2, 3, 5, 6, 10, 11, 2000, 2001, 9999]
    rows = [said("one", "p", number, "A") for number in numbers]
    found = position_table(sessions(rows, [scored(row, 1.0) for row in rows]))
    assert [(row["position"], row["responses"]) for row in found] == [
        *[("1", 1), ("2", 1), ("3-5", 2), ("6-10", 2), ("11-20", 1)],
        *[("1001-2000", 1), ("2001 on", 2)],
    ]


def arms(people: int = 12, lacking: tuple[str, ...] = ("p11",)) -> tuple[list[Row], list[Row], Any]:
    """One experiment with all arms; those lacking have no `other`."""
    random = np.random.default_rng(8)
    decisions = [said("one", f"p{p}", n, "A") for p in range(people) for n in range(1, 4 + p % 3)]
    nats = {arm: random.normal(3, 1, len(decisions)) for arm in ("none", "own", "other", "refused")}
    scores = [
        scored(
            row, float(x), formulation="standard" if arm == "none" else f"standard+persona_{arm}"
        )
        for arm, values in nats.items()
        for row, x in zip(decisions, values, strict=True)
        if arm != "other" or row["participant"].partition("/")[2] not in lacking
    ]
    return decisions, scores, nats


def test_own_facts_are_compared_with_others_on_people_with_all_arms() -> None:
    decisions, scores, nats = arms()
    same = {f"one/p{p}": p % 4 == 0 for p in range(11)}
    rows = persona_table(sessions(decisions, scores), same)
    assert [row["arms"] for row in rows] == [
        *("own - other", "own - none", "own - refused", "other - none", "refused - none"),
    ]
    who = np.array([row["participant"] for row in decisions])
    told = who != "one/p11"
    for row in rows:
        first, second = row["arms"].split(" - ")
        difference = nats[second] - nats[first]  # above 0 the first is the better one
        people = [difference[who == f"one/p{p}"].mean() for p in range(11)]
        test = stats.ttest_1samp(people, 0)
        low, high = test.confidence_interval(0.95)
        assert (row["difference"], row["low"], row["high"]) == pytest.approx(
            (np.mean(people), low, high)
        )
        assert (row["n"], row["missing"], row["responses"]) == (11, 1, told.sum())
        assert row["d"] == pytest.approx(plain_d(nats[first][told], nats[second][told]), abs=1e-9)
        assert row["smallest"] > 2.8 * np.std(people, ddof=1) / math.sqrt(11)
        if "other" in row["arms"]:
            rest = [x for p, x in enumerate(people) if p % 4]
            low, high = stats.ttest_1samp(rest, 0).confidence_interval(0.95)
            assert (row["equal"], row["unequal_n"]) == (pytest.approx(3 / 11), 8)
            assert (row["unequal"], row["unequal_low"], row["unequal_high"]) == pytest.approx(
                (np.mean(rest), low, high)
            )
        else:
            assert (row["equal"], row["unequal"]) == (None, None)


def test_arms_that_were_not_asked_for_have_no_row() -> None:
    decisions, scores, _ = arms(lacking=())
    scores = [row for row in scores if row["formulation"] in ("standard", "standard+persona_own")]
    (row,) = persona_table(sessions(decisions, scores))
    assert (row["arms"], row["n"], row["equal"]) == ("own - none", 12, None)
    assert persona_table(sessions(decisions, scores[: len(decisions)])) == []


def test_equal_answers_are_those_of_the_person_whose_facts_are_told() -> None:
    answers = {"a": {"age": "3"}, "b": {"age": "3"}, "c": {"age": "4"}, "d": {"sex": "f"}}
    others = {"a": "b", "b": "c", "c": "a", "d": None}
    assert Interviewed((), answers, others).equal() == {"a": True, "b": False, "c": False}


def test_people_without_an_arm_and_responses_ruled_out_are_counted() -> None:
    """Whoever has no facts is read alone only; a response that an arm gives the probability 0
    leaves all arms, and the table says so."""
    decisions, scores, _ = arms(lacking=("p10", "p11"))
    alone = [said("one", f"q{n}", 1, "A") for n in range(3)]
    scores += [scored(row, 1.0) for row in alone]
    of_own = next(row for row in scores if row["formulation"] == "standard+persona_own")
    of_own["response_logprob"] = -math.inf
    rows = persona_table(sessions([*decisions, *alone], scores))
    assert {row["missing"] for row in rows} == {5} and {row["n"] for row in rows} == {10}
    assert all(row["note"].endswith("1 with the probability 0 left out") for row in rows)
    places = position_table(sessions([*decisions, *alone], scores))
    assert not any(row["note"] and "probability 0" in row["note"] for row in places)  # read alone


def test_so_few_people_show_no_smallest_difference() -> None:
    decisions, scores, _ = arms(people=3, lacking=())
    rows = persona_table(sessions(decisions, scores))
    assert {(row["low"], row["smallest"]) for row in rows} == {(None, None)}
