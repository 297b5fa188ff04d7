"""What a run says of the time left, line by line."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress as Bar

from tests.support.clock import Clock
from tremble.report.terminal.progress import Lines, Terminal


def test_lines_tell_no_time_left_before_a_pass_was_timed() -> None:
    out, clock = io.StringIO(), Clock()
    lines = Lines(out, clock)
    lines.start("m", 100)
    clock.now += 36_000
    lines.measure(1000.0)
    lines.advance(1, 10.0)
    for _ in range(11):
        clock.now += 20
        for _ in range(9):
            lines.advance(1, 10.0)
    said = out.getvalue().splitlines()
    assert said[:3] == [
        "m: 100 prompts to score",
        "m: 1 of 100 prompts, measuring the time left",
        "m: 2 of 100 prompts, measuring the time left",
    ]
    # Nine prompts in the 20 seconds of the second pass, and 89 of them are left.
    assert said[3] == "m: 11 of 100 prompts, about 3 min left"
    assert said[-2:] == [
        "m: 92 of 100 prompts, about 18 s left",
        "m: 100 of 100 prompts",
    ]


def test_a_bar_tells_it_too() -> None:
    bar = Bar(console=Console(file=io.StringIO()))
    terminal = Terminal(bar)
    terminal.start("[m]", 3)
    terminal.advance(1)
    assert bar.tasks[-1].fields["left"] == "measuring the time left"
    terminal.advance(2)
    assert (bar.tasks[-1].completed, bar.tasks[-1].fields["left"]) == (3, "")


def test_one_part_of_a_run_may_count_something_else() -> None:
    out = io.StringIO()
    lines = Lines(out, Clock(), unit="step")
    lines.start("DPO, the reference", 2, "answer")
    lines.advance(2)
    lines.start("DPO", 1)
    lines.advance(1)
    assert out.getvalue().splitlines() == [
        "DPO, the reference: 2 answers to score",
        "DPO, the reference: 2 of 2 answers",
        "DPO: 1 step to do",
        "DPO: 1 of 1 step",
    ]
