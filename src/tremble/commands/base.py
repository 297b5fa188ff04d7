"""The commands, a few to a file: thin ways into the library, and what all of them share.

Exit codes: 0 done, 1 finished in part or an internal fault with its log named, 2 a user's error
with one clear sentence and the cure, 130 interrupted.

A command imports what it needs when it is called, and what takes long to load (the tables, through
scipy) after the checks that can refuse it: help and a mistake are to come at once.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console

from tremble.errors import TrembleError, UserError
from tremble.text import one_line

Parameters = ParamSpec("Parameters")
_UNLIMITED = 1_000_000  # columns
_PAGE = 100
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def complain(message: str) -> None:
    print(f"tremble: {message}", file=sys.stderr)


def logged_fault(error: Exception) -> str:
    """One sentence on an internal fault, whose full account is written to a file named in it."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="tremble-fault-", suffix=".log", delete=False
    ) as log:
        traceback.print_exception(error, file=log)
    kind = "" if isinstance(error, TrembleError) else f"{type(error).__name__}: "
    return f"internal fault ({kind}{one_line(error)}); the full account is in {log.name}."


def guarded(command: Callable[Parameters, int | None]) -> Callable[Parameters, None]:
    """Turns what a command raises or returns into the exit code the user was promised."""
    return _guarded(command, "what was done is kept, the same command goes on from there")


def guarded_reader(command: Callable[Parameters, int | None]) -> Callable[Parameters, None]:
    """`guarded` for a command that writes nothing before it is through."""
    return _guarded(command, "nothing was written")


def _guarded(
    command: Callable[Parameters, int | None], interrupted: str
) -> Callable[Parameters, None]:
    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or 0
        except UserError as error:
            complain(str(error))
            code = 2
        except KeyboardInterrupt:
            complain(f"interrupted; {interrupted}.")
            code = 130
        except BrokenPipeError:
            sys.stderr.close()
            code = 0
        except Exception as error:
            complain(logged_fault(error))
            code = 1
        raise typer.Exit(code)

    return run


def screen() -> Console:
    """The terminal; where the output goes into a pipe or a file, lines of any length."""
    console = Console()
    return console if console.is_terminal else Console(width=_UNLIMITED)


def prose() -> Console:
    """The terminal for texts; where the output goes into a pipe or a file, lines of a page's
    width."""
    console = Console()
    return console if console.is_terminal else Console(width=_PAGE)


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1))
