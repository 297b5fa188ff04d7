"""The room of a pass, the cost of passes, and what a self-check says."""

from __future__ import annotations

import math

import pytest
import torch

from toys import tiny_model
from tremble.cost import Cost, Work, fit
from tremble.engines import Row
from tremble.engines.memory import Room, is_out_of_memory, room_in
from tremble.engines.self_check import compare, precision


def test_less_memory_gives_less_room_and_never_none() -> None:
    model = tiny_model("Llama")
    rooms = [
        room_in(model, torch.device("cpu"), memory, 0)
        for memory in (1, 10**5, 10**6, 10**7, 10**12)
    ]
    assert rooms[0] == Room(1, 1)
    assert [r.tokens for r in rooms] == sorted({r.tokens for r in rooms})
    assert rooms[-1] == Room(2048, 128)
    # Half of the bound is for logits: float32 logits, a copy, and their exponentials.
    assert rooms[2].rows == 10**6 // 2 // (420 * 12)


def test_long_histories_leave_less_room() -> None:
    """Keys and values of a path: two layers, two key heads of eight numbers, four bytes each."""
    model, cpu = tiny_model("Llama"), torch.device("cpu")
    short, long = (room_in(model, cpu, 10**6, longest) for longest in (100, 1000))
    assert long.tokens < short.tokens
    left = 10**6 - 2 * 4 * 2 * 8 * 1000 * 5  # two paths in two layers, and a copy of one
    assert long.rows == left // 2 // (420 * 12)
    assert room_in(model, cpu, 10**6, 10**6) == Room(1, 1)


def test_room_is_halved_until_it_fits() -> None:
    assert Room(2048, 64).half(700) == Room(350, 32)
    assert Room(1, 1).half(1) == Room(1, 1)
    assert Room(10, 9).least(Room(4, 20)) == Room(4, 9)


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (MemoryError(), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_running_out_of_memory_is_told_from_other_errors(error, is_it) -> None:
    assert is_out_of_memory(error) is is_it


def test_the_cost_of_passes_is_found_again() -> None:
    true = Cost(token=1e-3, pair=2e-7, row=2e-3, one_pass=0.05)
    works = [Work(100, 5_000, 3), Work(2000, 900_000, 50), Work(700, 90_000, 70), Work(50, 40, 1)]
    works += [Work(w.tokens * 2, w.pairs * 3, w.rows + 9) for w in works]
    found = fit([(work, true.seconds(work)) for work in works])
    assert found is not None
    unseen = Work(20_000, 10**7, 400, passes=12)
    assert found.seconds(unseen) == pytest.approx(true.seconds(unseen), rel=1e-3)
    assert fit([]) is None
    one = fit([(Work(100, 5000, 10), 2.0)])
    assert one is not None
    assert one.seconds(Work(100, 5000, 10)) == pytest.approx(2.0)


def rows(*logprobs: tuple[float, ...]) -> list[Row]:
    return [Row(index, found) for index, found in enumerate(logprobs)]


def test_a_comparison_takes_the_largest_difference() -> None:
    found = compare(rows((-1.0, -2.0), (-3.0, -4.0)), rows((-1.0, -2.0), (-3.5, -4.1)), 0.1)
    assert found.max_difference == pytest.approx(0.5)
    assert found.why is not None
    assert "0.5 nat" in found.why
    assert compare(rows((-math.inf, -1.0)), rows((-math.inf, -1.0)), 1e-6).why is None
    one_has = compare([Row(0, error="x")], rows((-1.0,)), 0.1)
    assert one_has.max_difference is None
    assert one_has.why is not None
    assert compare(rows((-1.0, math.nan)), rows((-1.0, -1.0)), 0.1).why is not None


def test_precision_is_the_change_in_log_odds() -> None:
    """A shift of all options alike moves no log-odds."""
    found = precision(
        rows((-1.1, -2.1), (-1.0, -2.3, -3.1)), rows((-1.0, -2.0), (-1.0, -2.0, -3.0))
    )
    assert found.max_log_odds == pytest.approx(0.3)
    assert found.mean_log_odds == pytest.approx(0.15)
    assert precision([Row(0, error="x")], rows((-1.0,))).why is not None
