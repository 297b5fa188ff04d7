"""The program's entry. What it does is in `commands/`, and is loaded where its end is guarded."""

from __future__ import annotations

import sys

from tremble.commands.ending import NOTHING, catch_signals, ended, let_signals_end, open_streams


def main() -> None:
    """`tremble`, as it was called; ends the process with its exit code."""
    try:
        catch_signals()
        code = ended(_program, NOTHING)
    finally:
        let_signals_end()
    sys.exit(code)


def _program() -> None:
    open_streams()
    from tremble.commands.program import app

    app()
