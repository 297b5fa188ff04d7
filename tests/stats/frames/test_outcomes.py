"""Outcomes: what people did, as shares of the target."""

from __future__ import annotations

import pytest

from tests.support.stat_frames import decision, frames
from tremble.stats.frames.outcomes import outcomes


def test_the_rate_of_the_target_counts_wherever_it_is_listed() -> None:
    people = [decision(f"d{i}", target="no", rates=[0.1 * i, 1 - 0.1 * i]) for i in range(4)]
    _, frame = frames([], people)
    assert outcomes(frame)["outcome"].to_list() == pytest.approx([1.0, 0.9, 0.8, 0.7])


def test_a_choice_among_more_options_is_a_point_for_each_where_none_is_the_target() -> None:
    words = ["yes", "no", "maybe"]
    _, frame = frames(
        [],
        [
            decision("d1", keys=words, target=None, choice="no"),
            decision("d2", keys=words, target="no", choice="maybe"),
            decision("d3", target=None, choice="no"),
        ],
    )
    made = outcomes(frame).select("decision", "key", "outcome", "kind", "weight", "choice").rows()
    assert sorted(made) == [
        ("d1", "maybe", 0.0, "option", pytest.approx(1 / 3), "no"),
        ("d1", "no", 1.0, "option", pytest.approx(1 / 3), "no"),
        ("d1", "yes", 0.0, "option", pytest.approx(1 / 3), "no"),
        ("d2", "no", 0.0, "choice", 1.0, "maybe"),
    ]
