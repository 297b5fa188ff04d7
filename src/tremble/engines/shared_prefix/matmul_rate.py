"""How fast this machine multiplies two square matrices."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SQUARE = 2048  # rows and columns of the plain product
LEAST, SECONDS = 5, 1.0  # repeats of a measurement, and how long to go on with it


def best(call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of several timings, in seconds: what the machine can do when left alone."""
    call()
    fastest, total, done = float("inf"), 0.0, 0
    while done < LEAST or total < SECONDS:
        started = clock()
        call()
        took = clock() - started
        fastest, total, done = min(fastest, took), total + took, done + 1
    return fastest


def square_rate(dtype: str = "float32") -> float:
    """GFLOP/s of a square matrix product on the processor."""
    import torch

    a, b = (torch.randn(SQUARE, SQUARE).to(getattr(torch, dtype)) for _ in range(2))
    return 2 * SQUARE**3 / best(lambda: a @ b) / 1e9
