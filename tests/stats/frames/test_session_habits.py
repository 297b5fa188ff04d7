"""Habits against a loop over responses, by hand, and on real sessions."""

from __future__ import annotations

import json
import math
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tremble.stats.frames.session_habits import HABITS, habits

DATA = os.environ.get("TREMBLE_DATA")
ROOT = Path(DATA or ".") / "sources" / "psych201"
real = pytest.mark.skipif(not (DATA and ROOT.is_dir()), reason="TREMBLE_DATA has no psych201")
Session = list[tuple[str | None, list[str]]]  # what was chosen, and what was on the table


def frame(sessions: list[Session]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": [i for i, one in enumerate(sessions) for _ in one],
            "choice": [choice for one in sessions for choice, _ in one],
            "keys": [keys for one in sessions for _, keys in one],
        },
        schema={"session": pl.UInt32, "choice": pl.String, "keys": pl.List(pl.String)},
    )


def by_loop(session: Session) -> list[tuple[float, float, float] | None]:
    """One response after another, with counts in dicts."""
    counts: dict[str, int] = {}
    repeats = switches = 0
    last = None
    found: list[tuple[float, float, float] | None] = []
    for choice, table in session:
        if choice is None or choice not in table:
            found.append(None)
            continue
        even = 1 / len(table)
        own = (counts.get(choice, 0) + 1) / sum(counts.get(label, 0) + 1 for label in table)
        habit = even
        if last in table and len(table) > 1:
            again = (repeats + 1) / (repeats + switches + 2)
            habit = again if choice == last else (1 - again) / (len(table) - 1)
            repeats, switches = repeats + (choice == last), switches + (choice != last)
        counts[choice] = counts.get(choice, 0) + 1
        last = choice
        found.append((-math.log(even), -math.log(own), -math.log(habit)))
    return found


def test_three_responses_by_hand() -> None:
    """A, A, B of two: even odds; then A has been said once of once, and nothing repeated yet;
    then A twice, one repeat."""
    two = ["A", "B"]
    found = habits(frame([[("A", two), ("A", two), ("B", two)]]))
    chances = [[1 / 2, 1 / 2, 1 / 2], [1 / 2, 2 / 3, 1 / 4], [1 / 2, 1 / 2, 1 / 3]]
    for name, line in zip(HABITS, chances, strict=True):
        assert np.exp(-found[name].to_numpy()) == pytest.approx(line)


def test_a_switch_among_three_is_spread_evenly() -> None:
    three = ["A", "B", "C"]
    found = habits(frame([[("A", three), ("C", three)]]))
    assert np.exp(-found["repeat"].to_numpy()) == pytest.approx([1 / 3, 1 / 4])


def test_as_a_loop_over_many_sessions() -> None:
    """Labels drawn anew, two questions by turns, unknown options, one option alone."""
    random = np.random.default_rng(5)
    tables = [["A", "B"], ["A", "C", "D"], ["E", "F"], ["A"], []]
    sessions: list[Session] = []
    for _ in range(60):
        one: Session = []
        for _ in range(int(random.integers(1, 40))):
            table = tables[random.choice(5, p=[0.5, 0.2, 0.15, 0.05, 0.1])]
            said = str(random.choice(table)) if table and random.random() < 0.95 else None
            one.append((said, table))
        sessions.append(one)
    found = habits(frame(sessions)).rows()
    expected = [line for one in sessions for line in by_loop(one)]
    assert len(found) == len(expected)
    assert sum(line is None for line in expected) > 20
    for row, line in zip(found, expected, strict=True):
        assert row == ((None,) * 3 if line is None else pytest.approx(line))


def test_without_options_there_is_nothing() -> None:
    found = habits(frame([[(None, []), (None, [])]]))
    assert found.rows() == [(None, None, None)] * 2
    assert habits(frame([])).height == 0


def real_sessions(experiment: str) -> list[Session]:
    """Every mark of a transcript, with the letters that the session's marks hold."""
    with zipfile.ZipFile(ROOT / experiment / "prompts.jsonl.zip") as packed:
        texts = [json.loads(line)["text"] for line in packed.read("prompts.jsonl").splitlines()]
    said = [re.findall(r"<<([A-Z])>>", text) for text in texts]
    return [[(one, sorted(set(session))) for one in session] for session in said]


@real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "count", "nats"),
    [("dezfouli2019", 132_251, 0.37), ("thoma2025problearn", 47_817, 0.62)],
)
def test_repeating_or_switching_as_before_on_real_people(
    experiment: str, count: int, nats: float
) -> None:
    sessions = real_sessions(experiment)
    found = habits(frame(sessions))
    assert found.height == count
    assert found["repeat"].mean() == pytest.approx(nats, abs=0.005)
    expected = [line for one in sessions[:5] for line in by_loop(one)]
    assert found.head(len(expected)).rows() == [pytest.approx(line) for line in expected]
