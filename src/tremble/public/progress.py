"""The progress of a run: a line in a notebook, a bar on a terminal, else nothing.

Nothing goes to stdout, and nothing into pipes and logs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from tremble.report.terminal.progress import shown_bar, time_left
from tremble.study.progress import Paced, Progress
from tremble.text import counted, visible

_EACH = 0.5  # seconds between two looks of a notebook


@contextmanager
def shown(asked: bool, unit: str = "prompt") -> Iterator[Progress]:
    """What is told of a run's progress, and shows it if `asked` to where it can. `unit`: what is
    counted."""
    display = notebook_display() if asked else None
    if display is not None:
        line = NotebookLine(display, unit=unit)
        try:
            yield line
        finally:
            line.close()
    elif asked and sys.stderr is not None and sys.stderr.isatty():
        with shown_bar(sys.stderr) as bar:
            yield bar
    else:
        yield Progress()


def notebook_display() -> Callable[[str], Callable[[str], Any]] | None:
    """What shows a piece of HTML below a notebook's cell and gives what replaces it; None where
    this is no notebook. IPython is there already if it is one, and not imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if ipython is None or shell is None or not hasattr(shell, "kernel"):
        return None
    from importlib import import_module

    made: Any = import_module("IPython.display")

    def show(html: str) -> Callable[[str], Any]:
        handle = made.display(made.HTML(html), display_id=True)
        return lambda changed: handle.update(made.HTML(changed))

    return show


class NotebookLine(Paced):
    """One line of HTML that changes: what is done, of how much, and the time left."""

    def __init__(
        self,
        show: Callable[[str], Callable[[str], Any]],
        clock: Callable[[], float] = time.monotonic,
        unit: str = "prompt",
    ) -> None:
        super().__init__(clock)
        self._show, self._usual, self._unit = show, unit, unit
        self._change: Callable[[str], Any] | None = None
        self._what, self._total, self._done = "", 0, 0
        self._shown = 0.0

    def start(self, model: str, prompts: int, unit: str | None = None) -> None:
        self._unit = unit or self._usual
        self._what, self._total, self._done = model, prompts, 0
        self.pace = None
        self._draw()

    def advance(self, prompts: int, effort: float | None = None) -> None:
        self._done += prompts
        super().advance(prompts, effort)
        if self.clock() - self._shown >= _EACH or self._done >= self._total:
            self._draw()

    def close(self) -> None:
        """Shows how far it came."""
        if self._change is not None:
            self._draw()

    def _draw(self) -> None:
        self._shown = self.clock()
        left = "" if self._done >= self._total else f", {time_left(self.pace)}"
        line = (
            f'<progress value="{self._done}" max="{max(self._total, 1)}"></progress> '
            f"{escape(visible(self._what))}: {self._done:,} of "
            f"{counted(self._total, self._unit)}{left}"
        )
        if self._change is None:
            self._change = self._show(line)
        else:
            self._change(line)
