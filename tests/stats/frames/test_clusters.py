"""Games, people and data sets as clusters."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tremble.stats.frames.clusters import (
    as_kinds,
    cluster_codes,
    effective,
    person,
    top_levels,
)


def test_games_within_participants_are_taken_along() -> None:
    participants = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    games = np.array([0, 0, 1, 2, 3, 4, 4, 5])
    (left,) = top_levels(as_kinds([participants, games]))
    assert left.codes.tolist() == participants.tolist()
    # Two people in one game, each in no other: the game is the outer unit.
    (left,) = top_levels(as_kinds([np.array([5, 6, 7, 8]), np.array([0, 0, 1, 1])]))
    assert left.codes.tolist() == [0, 0, 1, 1]
    assert len(top_levels(as_kinds([np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])]))) == 2
    assert len(top_levels(as_kinds([games, games]))) == 1


def test_an_unknown_participant_is_one_of_the_game_alone() -> None:
    people, games = cluster_codes(["a", "a", None, None, None], ["1", "2", "3", "3", "4"])
    assert [len(set(people[:2])), len(set(people[2:4])), len(set(people))] == [1, 1, 3]
    (left,) = top_levels(as_kinds([people, games]))
    assert left.codes.tolist() == people.tolist()


def test_effective_number_of_clusters() -> None:
    assert effective(np.repeat(np.arange(7), 3)) == pytest.approx(7)
    # One of 11 clusters has half of 20 decisions: 400 / (100 + 10).
    assert effective(np.array([0] * 10 + list(range(1, 11)))) == pytest.approx(400 / 110)


def test_equal_names_in_two_data_sets_are_two_people() -> None:
    frame = pl.DataFrame(
        {
            "decision": ["a", "b", "c", "d"],
            "dataset": ["one", "one", "two", "two"],
            "participant": ["7", "7", "7", None],
        }
    )
    assert frame.select(person()).to_series().to_list() == ["one/7", "one/7", "two/7", None]
