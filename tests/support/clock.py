"""A clock for tests of what depends on time."""

from __future__ import annotations


class Clock:
    """Stands still until a test moves it; in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
