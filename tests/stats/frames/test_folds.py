"""Folds that never split a game or a person."""

from __future__ import annotations

import random
from typing import cast

import polars as pl

from tests.support.stat_frames import decision, frames
from tremble.stats.frames.folds import folds_of


def test_folds_never_split_a_game_or_a_person() -> None:
    rng = random.Random(9)
    people = [
        decision(f"d{i}", cluster=f"g{rng.randrange(40)}", participant=f"p{rng.randrange(60)}")
        for i in range(70)
    ]
    frame = frames([], people)[1]
    found = frame.join(folds_of(frame, 5), on="decision")
    for name in ("cluster", "participant"):
        assert found.group_by(name).agg(pl.col("fold").n_unique())["fold"].max() == 1
    lone = frames([], [decision(f"d{i}") for i in range(500)])[1]
    counts = folds_of(lone, 5)["fold"].value_counts()["count"]
    assert len(counts) == 5 and cast(int, counts.min()) > 60
    # The same units, whatever else is in the table.
    some = folds_of(lone.head(100), 5)
    assert some.equals(folds_of(lone, 5).head(100))
