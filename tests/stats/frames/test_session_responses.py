"""Responses of sessions as a frame: what is kept, whose it is, in which arm, and at what chance."""

from __future__ import annotations

import math

import polars as pl
import pytest

from tests.support.scored_sessions import said, scored, study
from tremble.stats.frames.session_responses import session_responses

TWO = ["A", "B"]


def test_one_row_per_run_and_response_that_it_kept() -> None:
    first = said("one", "p", 1, "B", keys=TWO, category="Memory")
    second = said("one", "p", 2, "a word of their own")
    log = [math.log(0.3), math.log(0.1)]
    scores, decisions = study(
        [first, second],
        [
            scored(first, 2.5, logprobs=log, mass=0.4, response_tokens=2),
            scored(second, 7.0, response_tokens=4),
            scored(first, None, "aligned"),
            scored(second, 6.0, "aligned", formulation="standard+persona_own"),
        ],
    )
    found = session_responses(scores, decisions)
    assert found.responses.rows(named=True)[0] == {
        "response": 0,
        "session": 0,
        "experiment": "one",
        "category": "Memory",
        "participant": "one/p",
        "position": 1,
        "even": pytest.approx(math.log(2)),
        "own": pytest.approx(math.log(2)),
        "repeat": pytest.approx(math.log(2)),
    }
    rows = found.frame.select(
        *("model", "wording", "persona", "position", "nats", "nats_closed", "tokens", "first", "p"),
        "mass",
    ).rows()
    closing = -math.log(0.9)
    assert rows == [
        (
            *("base", "standard", "none", 1, 2.5, pytest.approx(2.5 + closing), 2, False),
            *(pytest.approx(0.25), 0.4),
        ),
        (*("base", "standard", "none", 2, 7.0, pytest.approx(7 + closing), 4, False), None, None),
        (*("aligned", "standard", "own", 2, 6.0, pytest.approx(6 + closing), 1, False), None, None),
    ]
    assert found.runs["persona"].to_list() == ["none", "none", "own"]


def test_the_order_is_that_of_the_session_not_of_the_file() -> None:
    rows = [said("one", "p", number, "A", keys=TWO) for number in (3, 1, 2)]
    scores, decisions = study(rows, [scored(row, 1.0 + row["round"]) for row in rows])
    found = session_responses(scores, decisions)
    assert found.responses["position"].to_list() == [1, 2, 3]
    # A said once, then twice: even odds, 2/3, 3/4.
    assert found.responses["own"].to_list() == pytest.approx(
        [-math.log(x) for x in (1 / 2, 2 / 3, 3 / 4)]
    )
    frame = found.frame
    assert (frame["nats"] - frame["position"]).to_list() == [1.0, 1.0, 1.0]


def test_other_controls_are_no_arm() -> None:
    row = said("one", "p", 1, "A")
    scores, decisions = study([row], [scored(row, 1.0, formulation="standard+no_history")])
    assert session_responses(scores, decisions).runs["persona"].to_list() == [None]


def test_a_score_that_is_no_number_is_not_kept_and_the_last_counts() -> None:
    row = said("one", "p", 1, "A")
    scores, decisions = study(
        [row],
        [scored(row, 1.0), scored(row, 2.0), scored(row, math.inf, "other")],
    )
    found = session_responses(scores, decisions)
    assert found.scored["nats"].to_list() == [2.0]


def test_decisions_that_are_no_responses_and_old_frames_have_none() -> None:
    row = said("one", "p", 1, "A") | {"response": None}
    scores, decisions = study([row], [scored(row, 1.0)])
    assert session_responses(scores, decisions).scored.is_empty()
    old = session_responses(scores.drop("response_logprob"), decisions.drop("response"))
    assert old.scored.is_empty() and old.frame.is_empty()


def test_without_an_experiment_the_data_set_is_one_and_a_category_can_be_named() -> None:
    rows = [said("one", "p", 1, "A", config="{}"), said("two", "p", 1, "A", category="Memory")]
    scores, decisions = study(rows, [scored(row, 1.0) for row in rows])
    found = session_responses(scores, decisions).with_categories({"psych": "X", "two": "Y"})
    named = found.responses.select("experiment", "category").sort("experiment").rows()
    assert named == [("psych", "X"), ("two", "Memory")]


def test_people_of_two_experiments_with_one_name_are_two() -> None:
    rows = [said(name, "p", 1, "A", participant="p", keys=TWO) for name in ("one", "two")]
    scores, decisions = study(rows, [scored(row, 1.0) for row in rows])
    found = session_responses(scores, decisions).responses
    assert found["session"].n_unique() == 2
    assert found["own"].to_list() == pytest.approx([math.log(2)] * 2)


def test_an_empty_study() -> None:
    scores, decisions = study([], [])
    found = session_responses(scores, decisions)
    assert (found.scored.height, found.responses.height) == (0, 0)
    assert isinstance(found.frame, pl.DataFrame)
