"""The rate of a square product: the best of several timings."""

from __future__ import annotations

from tremble.engines.shared_prefix import matmul_rate


def test_the_best_of_several_timings() -> None:
    takes = iter([9.0, 4.0, 0.5, 7.0, 3.0, 2.0, 0.1])
    now = [0.0]

    def call() -> None:
        now[0] += next(takes)

    # The first call warms up; then five are timed, and the last is not needed.
    assert matmul_rate.best(call, lambda: now[0]) == 0.5
    assert next(takes) == 0.1
