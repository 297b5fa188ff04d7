"""Time and memory of a wide table grow as it does, not faster."""

from __future__ import annotations

import csv
import time
import tracemalloc
from collections import deque
from pathlib import Path

import pytest

from tests.support.tables import a_map, task
from tremble.datasets.base import Notes
from tremble.tabular.maps.map_file import Map, map_from
from tremble.tabular.rows.load import load_table

ROUNDS = 10
PAST = (
    "{% for past in history %}{{ past.round }}: {{ past.offer }}, {{ past.choice }}.\n{% endfor %}"
)
MAP = a_map(
    task(
        participant="id",
        outcome="g.{round}.choice",
        columns={"offer": "g.{round}.offer"},
        config=["arm"],
        prompt=PAST + "{{ round }}: {{ offer }}?",
    )
)


def wide(path: Path, people: int) -> Path:
    names = [
        f"g.{at}.{what}" for at in range(1, ROUNDS + 1) for what in ("choice", "offer", "note")
    ]
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "arm", *names])
        for person in range(people):
            cells = [
                cell
                for at in range(ROUNDS)
                for cell in (
                    ("yes", "no")[(person + at) % 2],
                    (person * 7 + at) % 100,
                    f"note {at}",
                )
            ]
            writer.writerow([f"p{person}", "ab"[person % 2], *cells])
    return path


def seconds(path: Path, map_: Map) -> float:
    """Of the processor, the least of three times."""
    times = []
    for _ in range(3):
        start = time.process_time()
        deque(load_table(path, map_, Notes(), "mine"), maxlen=0)
        times.append(time.process_time() - start)
    return min(times)


def peak(path: Path, map_: Map) -> int:
    tracemalloc.start()
    deque(load_table(path, map_, Notes(), "mine"), maxlen=0)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


@pytest.mark.slow
def test_four_times_the_people_take_four_times_as_much(tmp_path: Path) -> None:
    map_ = map_from(MAP)
    few, many = wide(tmp_path / "few.csv", 80), wide(tmp_path / "many.csv", 320)
    assert sum(1 for _ in load_table(many, map_, Notes(), "mine")) == 320 * ROUNDS
    assert seconds(many, map_) < 2 * 4 * seconds(few, map_)
    assert peak(many, map_) < 1.5 * 4 * peak(few, map_)
