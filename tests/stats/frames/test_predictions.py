"""Predictions: presentations averaged, options matched, missing scores."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.support.stat_frames import decision, frames, score
from tremble.stats.frames.predictions import predictions
from tremble.stats.tables.analysis import analyze


def test_presentations_are_normalised_before_they_are_averaged() -> None:
    rows = [score("d", [0.3, 0.1]), score("d", [0.02, 0.03], presentation=1)]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    by_key = {row["key"]: row for row in found.to_dicts()}
    # (3/4 + 2/5) / 2; the mean of the raw probabilities would give .16 / .225 = .711.
    assert by_key["yes"]["prediction"] == pytest.approx(0.575)
    assert by_key["no"]["prediction"] == pytest.approx(0.425)
    assert by_key["yes"]["mass"] == pytest.approx((0.4 + 0.05) / 2)


def test_options_are_matched_by_key_not_by_position() -> None:
    rows = [
        score("d", [0.6, 0.2]),
        score("d", [0.1, 0.3], keys=["no", "yes"], presentation=1),
    ]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    assert dict(found.select("key", "prediction").iter_rows())["yes"] == pytest.approx(0.75)


@pytest.mark.parametrize(
    "second",
    [
        score("d", [0.5, 0.5], presentation=1, error="too long"),
        score("d", [0.5, None], presentation=1),
        score("d", [0.5, 0.5], presentation=1, logprobs=None),
        score("d", [0.5, 0.5], presentation=1, logprobs=[-1.0, math.nan]),
        score("d", [0.0, 0.0], presentation=1),
        score("d", [0.5, 0.5], presentation=1, logprobs=[-1.0]),
    ],
)
def test_a_decision_with_a_missing_presentation_is_missing(second: dict[str, Any]) -> None:
    rows, people = frames([score("d", [0.5, 0.4]), second], [decision("d", choice="yes")])
    assert predictions(rows, people).is_empty()
    (row,) = analyze(rows, people).models
    assert (row["n"], row["missing"], row["r"], row["mass"]) == (0, 1, None, None)


def test_a_presentation_that_another_run_has_is_expected_of_every_run() -> None:
    rows = [
        score("d", [0.5, 0.4], model=m, presentation=p) for m, p in [("a", 0), ("a", 1), ("b", 0)]
    ]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    assert set(found["model"]) == {"a"}


def test_the_number_of_presentations_can_be_given() -> None:
    rows, people = frames([score("d", [0.5, 0.4])], [decision("d", choice="yes")])
    assert predictions(rows, people.with_columns(presentations=2)).is_empty()
    assert predictions(rows, people.with_columns(presentations=1)).height == 2


def test_an_option_without_any_probability_is_a_prediction_of_zero_not_a_missing_one() -> None:
    found = predictions(*frames([score("d", [0.0, 0.4])], [decision("d", choice="yes")]))
    assert dict(found.select("key", "prediction").iter_rows()) == {"yes": 0.0, "no": 1.0}


def test_very_small_probabilities_do_not_vanish() -> None:
    rows = [score("d", [0.5, 0.5], logprobs=[-2000.0, -2000.0 + math.log(3)])]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    assert dict(found.select("key", "prediction").iter_rows())["yes"] == pytest.approx(0.25)


def test_of_two_rows_for_one_presentation_the_last_good_one_counts_once() -> None:
    rows = [
        score("d", [0.5, 0.5]),
        score("d", [0.3, 0.1]),
        score("d", [0.9, 0.1], error="stopped"),
    ]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    assert dict(found.select("key", "prediction").iter_rows())["yes"] == pytest.approx(0.75)
