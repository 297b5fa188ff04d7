"""The room of a pass: less memory, longer histories, and running out of it."""

from __future__ import annotations

import pytest
import torch

from tests.support.toys import tiny_model
from tremble.engines.memory import Room, is_out_of_memory, room_in


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


def test_layers_with_a_window_carry_no_more_than_it() -> None:
    """Two key heads of eight numbers, four bytes each: eight tokens in one layer, all in the other;
    of a history that is ten times as long, masks are no longer."""
    model, cpu = tiny_model("Gemma3Text"), torch.device("cpu")
    words = model.config.vocab_size
    left = 10**6 - 2 * 4 * 2 * 8 * (2 * (8 + 1000) + 1000)
    assert room_in(model, cpu, 10**6, 1000).rows == left // 2 // (words * 12)
    long, longer = (room_in(model, cpu, 10**9, longest) for longest in (4_000, 40_000))
    assert long == longer == Room(2048, 128)


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
def test_running_out_of_memory_is_told_from_other_errors(error: Exception, is_it: bool) -> None:
    assert is_out_of_memory(error) is is_it
