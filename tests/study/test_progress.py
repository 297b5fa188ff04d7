"""The time left of a run, told by the work of its passes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.clock import Clock
from tests.support.studies import study_file
from tremble.study.file import read_study
from tremble.study.progress import Pace, Progress
from tremble.study.run import score_study


def told(passes: Sequence[tuple[float, Sequence[float]]], total: float) -> list[float | None]:
    """The time left at the end of each pass; a pass is its seconds and the efforts of the prompts
    that it ended, whose scores come at once."""
    clock = Clock()
    pace = Pace(total, clock)
    found = []
    for seconds, efforts in passes:
        clock.now += seconds
        for effort in efforts:
            pace.advance(effort)
        found.append(pace.left())
    return found


def test_nothing_is_told_before_a_whole_pass_was_timed() -> None:
    """Whatever came before the first scores, loading and checks, is no part of the rate."""
    passes = [(36_000.0, [1.0]), (5.0, [9.0] * 11), (5.0, [9.0] * 11)]
    first, second, third = told(passes, 1000.0)
    assert first is second is None  # all of the second pass is there once the third has come
    assert third == pytest.approx(5 / 99 * (1000 - 199))


def test_time_goes_by_work_not_by_number() -> None:
    """Ten passes of the same work; the prompts of the first five are many and short."""
    short, long = [1.0] * 100, [50.0, 50.0]
    passes = [(10.0, short)] * 5 + [(10.0, long)] * 5
    left = told(passes, 1000.0)
    for done, seconds in enumerate(left[2:], 3):
        assert seconds == pytest.approx(10.0 * (10 - done))


def test_at_a_constant_rate_the_time_left_falls_and_ends_at_nothing() -> None:
    sizes = [[3.0] * (1 + number % 5) for number in range(40)]
    passes = [(1.1 * len(size), size) for size in sizes]
    left = [one for one in told(passes, sum(map(sum, sizes))) if one is not None]
    assert len(left) > 30
    assert all(later < earlier for earlier, later in itertools.pairwise(left))
    assert left[-1] == 0


def test_scores_of_half_a_pass_do_not_count_as_fast() -> None:
    """The scores of a pass come one by one, with no time between them to speak of."""
    clock = Clock()
    pace = Pace(400.0, clock)
    for done in range(4):
        clock.now += 10
        for number in range(100):
            pace.advance(1.0)
            clock.now += 1e-6
            left = pace.left()
            if done >= 2:
                assert left == pytest.approx(0.1 * (400 - 100 * done - number - 1), rel=1e-3)


def test_checks_between_jobs_are_no_part_of_the_rate() -> None:
    clock = Clock()
    pace = Pace(100.0, clock)
    pace.pause(77.0)  # before the first scores, as a first check is
    pace.advance(10.0)
    clock.now += 60 + 10
    pace.pause(60.0)
    pace.advance(10.0)
    clock.now += 10
    pace.advance(10.0)
    assert pace.left() == pytest.approx(70.0)


class Heard(Progress):
    """The efforts that a run told of: what was to come, and what was done since."""

    def __init__(self) -> None:
        self.total: list[float] = []
        self.done: list[float] = []

    def measure(self, effort: float) -> None:
        self.total.append(effort)
        self.done.append(0.0)

    def advance(self, prompts: int, effort: float | None = None) -> None:
        if effort is not None:
            self.done[-1] += effort


def test_efforts_add_up_over_all_jobs_of_a_model(tmp_path: Path) -> None:
    records = [f'{{"prompt": "{n}?", "options": ["yes", "no"], "choice": "no"}}' for n in range(5)]
    (tmp_path / "mine.jsonl").write_text("\n".join(records), encoding="utf-8")
    study = read_study(study_file(tmp_path, formats=["plain", "chat"]))
    heard = Heard()
    score_study(study, tmp_path / "out", lambda _: None, heard)
    assert heard.total == heard.done == [10.0, 10.0]
