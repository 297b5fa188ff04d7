"""What a run tells of its progress, and how long it makes what is left."""

from __future__ import annotations

import time
from collections.abc import Callable

_SAMPLE = 1.0  # seconds between two looks at the clock
_LEAST = 2.0  # seconds of work by which a rate is told


class Progress:
    """Told of prompts as they are scored; the command line shows it, the library ignores it."""

    def prepare(self, prompts: int) -> None:
        """`prompts` prompts, of all models, are about to be rendered."""

    def start(self, model: str, prompts: int, unit: str | None = None) -> None:
        """`prompts` distinct prompts of a model are about to be scored. Those that no model can be
        asked are not among them. `unit`: what is counted, where it is not what all else counts."""

    def measure(self, effort: float) -> None:
        """What comes now takes `effort` in all, in a unit of its own; the first part of it is
        there, so that its rate can be told from now on."""

    def pause(self, seconds: float) -> None:
        """So many of the seconds before went into something else."""

    def advance(self, prompts: int, effort: float | None = None) -> None:
        """So many more prompts are done, which took so much effort (None: as many as they are)."""


class Paced(Progress):
    """Progress that is shown: it has the pace of what is done now, and by it the time left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.pace: Pace | None = None  # None: nothing is measured

    def prepare(self, prompts: int) -> None:
        self.start("Rendering", prompts)
        self.measure(prompts)

    def measure(self, effort: float) -> None:
        self.pace = Pace(effort, self.clock)

    def pause(self, seconds: float) -> None:
        if self.pace is not None:
            self.pace.pause(seconds)

    def advance(self, prompts: int, effort: float | None = None) -> None:
        if self.pace is not None:
            self.pace.advance(prompts if effort is None else effort)


class Pace:
    """How long what is left of `total` will take, by the rate of what was done.

    Parts come at once, all of a pass, and after its time. So a rate is told from one look at the
    clock to another, with the work that was there behind each of them; the clock runs from the
    first part on, since what came before it was not all work, and that part is not counted.
    """

    def __init__(self, total: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done = total, 0.0
        self._clock = clock
        self._began: float | None = None
        self._first = 0.0  # what was done behind the first look
        self._looked = 0.0
        self._paused = 0.0
        self._spent = 0.0  # from the first look to the last
        self._looks = 0
        self._each: float | None = None  # seconds

    def advance(self, effort: float) -> None:
        now = self._clock()
        if self._began is None:
            self._begin(now)
        elif now - self._looked >= _SAMPLE:
            self._look(now)
        self.done += effort

    def _begin(self, now: float) -> None:
        self._began = self._looked = now
        self._paused = 0.0  # what was paused before the clock ran is no part of it

    def _look(self, now: float) -> None:
        """At the begin of a part: how much was done behind the look before is known now."""
        assert self._began is not None
        if self._looks == 0:
            self._first = self.done
        elif self._spent >= _LEAST and self.done > self._first:
            self._each = self._spent / (self.done - self._first)
        self._looks += 1
        self._looked = now
        self._spent = now - self._began - self._paused

    def pause(self, seconds: float) -> None:
        self._paused += seconds

    def left(self) -> float | None:
        """Seconds; None while no rate is known."""
        return None if self._each is None else self._each * max(0.0, self.total - self.done)
