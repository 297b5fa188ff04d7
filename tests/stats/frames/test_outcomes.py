"""Outcomes: what people did, as shares of the target."""

from __future__ import annotations

import pytest

from tests.support.stat_frames import decision, frames
from tremble.stats.frames.outcomes import outcomes


def test_the_rate_of_the_target_counts_wherever_it_is_listed() -> None:
    people = [decision(f"d{i}", target="no", rates=[0.1 * i, 1 - 0.1 * i]) for i in range(4)]
    _, frame = frames([], people)
    assert outcomes(frame)["outcome"].to_list() == pytest.approx([1.0, 0.9, 0.8, 0.7])
