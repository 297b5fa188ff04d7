"""Progress of a run: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from tremble.report.terminal.shown import ShownConsole
from tremble.study.progress import Pace, Paced
from tremble.text import counted, duration, visible

LINE_SECONDS = 15.0  # between plain lines


class Lines(Paced):
    """Plain lines, for logs and pipes. `unit`: what is counted."""

    def __init__(
        self, out: TextIO, clock: Callable[[], float] = time.monotonic, unit: str = "prompt"
    ) -> None:
        super().__init__(clock)
        self.out, self.usual, self.unit = out, unit, unit
        self.what, self.total, self.done = "", 0, 0
        self.printed = 0.0
        self.to_the_end = False

    def notify(self, message: str) -> None:
        with suppress(OSError):  # a full disk of logs is no reason to stop
            print(visible(message), file=self.out, flush=True)

    def prepare(self, prompts: int) -> None:
        """Says nothing of what takes less than `LINE_SECONDS`."""
        self._begin("Rendering", prompts)
        self.to_the_end = False
        self.measure(prompts)

    def start(self, model: str, prompts: int, unit: str | None = None) -> None:
        self.unit = unit or self.usual
        self._begin(model, prompts)
        self.to_the_end = True
        to_do = "to do" if self.unit == "step" else "to score"
        self.notify(f"{model}: {counted(prompts, self.unit)} {to_do}")

    def _begin(self, what: str, prompts: int) -> None:
        self.what, self.total, self.done = what, prompts, 0
        self.pace, self.printed = None, self.clock()

    def advance(self, prompts: int, effort: float | None = None) -> None:
        self.done += prompts
        super().advance(prompts, effort)
        now = self.clock()
        ended = self.to_the_end and self.done >= self.total
        if not prompts or (not ended and now - self.printed < LINE_SECONDS):
            return
        self.printed = now
        left = "" if ended else f", {time_left(self.pace)}"
        of = counted(self.total, self.unit)
        self.notify(f"{self.what}: {self.done:,} of {of}{left}")


def time_left(pace: Pace | None) -> str:
    """What a user is told of the time left."""
    left = None if pace is None else pace.left()
    return "measuring the time left" if left is None else f"about {duration(left)} left"


class Terminal(Paced):
    """A bar for rendering, and one per model."""

    def __init__(self, bar: Bar) -> None:
        super().__init__()
        self.bar = bar
        self.task = bar.add_task("", visible=False, left="")

    def notify(self, message: str) -> None:
        self.bar.console.print(message, highlight=False)

    def start(self, model: str, prompts: int, unit: str | None = None) -> None:
        self.pace = None
        self.task = self.bar.add_task(visible(model), total=prompts, left="")

    def advance(self, prompts: int, effort: float | None = None) -> None:
        super().advance(prompts, effort)
        self.bar.advance(self.task, prompts)
        ended = self.bar.tasks[-1].finished
        self.bar.update(self.task, left="" if ended else time_left(self.pace))


@contextmanager
def shown_progress(out: TextIO, unit: str = "prompt") -> Iterator[Lines | Terminal]:
    """What tells the user how far a run is, fitting to where it is shown. `unit`: what lines say
    is counted."""
    if not out.isatty():
        yield Lines(out, unit=unit)
        return
    with shown_bar(out) as progress:
        yield progress


@contextmanager
def shown_bar(out: TextIO) -> Iterator[Terminal]:
    """The bars of a run on a terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Bar(*columns, console=ShownConsole(file=out)) as bar:
        yield Terminal(bar)


@contextmanager
def download_bar(
    filename: str, size: int | None, out: TextIO
) -> Iterator[Callable[[int, int | None], None]]:
    """A function of the bytes so far and in all, shown as a bar on a terminal, else not at all."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=ShownConsole(file=out), disable=not out.isatty()) as bar:
        task = bar.add_task(visible(filename), total=size)
        yield lambda done, total: bar.update(task, completed=done, total=total)
