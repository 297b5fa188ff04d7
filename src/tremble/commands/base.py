"""What all commands share: how they end, and the one way in which they print.

A command imports what it needs when it is called, and what takes long to load (the tables, through
scipy) after the checks that can refuse it: help and a mistake are to come at once.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TextIO

import typer

from tremble.commands.ending import KEPT, NOTHING, ended
from tremble.disk.paths import path_of
from tremble.report.terminal.shown import ShownConsole
from tremble.text import UNSEEN, encodable, visible

Parameters = ParamSpec("Parameters")
_UNLIMITED = 1_000_000  # columns
_PAGE = 100
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

Contrasts = Annotated[
    list[str] | None,
    typer.Option(
        "--contrast",
        metavar="KEY[=CONTROL]",
        help="Show the effects of this treatment on people and models instead of the study's own "
        "contrasts; KEY:KEY for an interaction.",
    ),
]


def guarded(command: Callable[Parameters, int | None]) -> Callable[Parameters, None]:
    """Turns what a command raises or returns into the exit code the user was promised, and holds
    the paths it is given to what a path may be."""
    return guarded_with(KEPT, command)


def guarded_reader(command: Callable[Parameters, int | None]) -> Callable[Parameters, None]:
    """`guarded` for a command that writes nothing before it is through."""
    return guarded_with(NOTHING, command)


def guarded_with(
    interrupted: str, command: Callable[Parameters, int | None]
) -> Callable[Parameters, None]:
    """`guarded` with what is said of the work of a command that is told to end."""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        def checked() -> int | None:
            given: Any = {
                name: path_of(value) if isinstance(value, Path) else value
                for name, value in kwargs.items()
            }
            return command(*args, **given)

        raise typer.Exit(ended(checked, interrupted))

    return run


def say(text: str = "", out: TextIO | None = None) -> None:
    """A line to stdout, or to another stream; control characters are shown, not obeyed, and so are
    those that the stream cannot hold."""
    out = sys.stdout if out is None else out
    print(encodable(visible(text), out.encoding or "utf-8"), file=out)


def screen() -> ShownConsole:
    """The terminal; where the output goes into a pipe or a file, lines of any length."""
    console = ShownConsole()
    return console if console.is_terminal else ShownConsole(width=_UNLIMITED)


def prose() -> ShownConsole:
    """The terminal for texts; where the output goes into a pipe or a file, lines of a page's
    width."""
    console = ShownConsole()
    return console if console.is_terminal else ShownConsole(width=_PAGE)


def print_json(value: Any, indent: int | None = 1, out: TextIO | None = None) -> None:
    """A value as JSON; characters that a terminal would obey or the stream cannot hold are written
    as \\uXXXX, which is the same text to whoever reads it."""
    out = sys.stdout if out is None else out
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    try:
        text.encode(out.encoding or "utf-8", errors="surrogatepass")
    except UnicodeEncodeError:
        text = json.dumps(value, allow_nan=False, indent=indent)
    print(UNSEEN.sub(lambda one: f"\\u{ord(one[0]):04x}", text), file=out, flush=True)
