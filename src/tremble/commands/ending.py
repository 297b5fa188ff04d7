"""How the program ends: its exit code, and one sentence for whatever went wrong.

Exit codes: 0 done, 1 finished in part or an internal fault with its log named, 2 a user's error
with one clear sentence and the cure, 128 and the number of the signal where it was told to end
(130 Ctrl-C, 143 SIGTERM, 129 SIGHUP).

Loaded before everything else, so that it guards the loading of the rest: next to nothing is
imported at the top.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from tremble.errors import TrembleError, UserError

KEPT = "finished work is kept; run the same command again to resume"
NOTHING = "nothing was written"
_PATIENCE = 1.0  # seconds in which one wish to end may arrive twice: from the shell and a wrapper

_received: int | None = None  # the first signal that told this process to end
_since = 0.0


def catch_signals() -> None:
    """Have SIGTERM and SIGHUP end a command as Ctrl-C does: everything unwinds. A signal that is
    ignored, as SIGHUP under nohup, stays so."""
    global _received
    _received = None
    for number in _endings():
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _unwind)


def let_signals_end() -> None:
    """From here on nothing is left to unwind: a signal ends the process at once, as the system has
    it, and no traceback of what Python does at its end is shown."""
    for number in _endings():
        if signal.getsignal(number) is _unwind:
            signal.signal(number, signal.SIG_DFL)


def _endings() -> list[signal.Signals]:
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is unknown to Windows
    return [signal.Signals[name] for name in names if name in signal.Signals.__members__]


def _unwind(number: int, _: FrameType | None) -> None:
    global _received, _since
    if _received is None:
        _received, _since = number, time.monotonic()
        raise KeyboardInterrupt
    if time.monotonic() - _since > _PATIENCE:  # unwinding hangs, and somebody insists
        os._exit(128 + number)


class Output(io.TextIOWrapper):
    """stdout; that it cannot be written is its reader's matter, and no fault of the program."""

    def write(self, text: str) -> int:
        with _writing():
            return super().write(text)

    def flush(self) -> None:
        with _writing():
            super().flush()


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read has enough
    except OSError as error:
        raise UserError(
            f"The standard output cannot be written to ({error.strerror}); redirect it somewhere "
            "else."
        ) from error


def open_streams() -> None:
    """See to it that all three standard streams are there, that no character stops a line, and
    that it is known when stdout cannot be written.

    A stream that was closed is opened in a way in which it cannot be used: otherwise the next file
    that is opened would get its number, and whatever is printed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest number that is free
        if getattr(sys, name) is None:
            stream = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    out = sys.stdout
    if out is sys.__stdout__ or sys.__stdout__ is None:
        sys.stdout = Output(
            open(1, "wb", closefd=False),  # noqa: SIM115
            encoding=out.encoding,
            errors="backslashreplace",
            line_buffering=bool(out.line_buffering or getattr(out, "write_through", False)),
        )


def ended(body: Callable[[], int | None], interrupted: str) -> int:
    """The exit code of `body`; whatever it raises is told in one sentence. `interrupted`: what of
    its work is there when it is told to end."""
    try:
        code = body() or 0
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:  # Rust's panics are no Exception
        code = _told(error, interrupted)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, UserError):
            _silence(stream)
    return code


def _told(error: BaseException, interrupted: str) -> int:
    # What loads modules turns an interrupt into errors of its own now and then.
    if _received is not None or isinstance(error, KeyboardInterrupt):
        complain(f"interrupted; {interrupted}.")
        return 128 + (_received or signal.SIGINT)
    if isinstance(error, BrokenPipeError):
        return 0  # whoever read has enough
    if isinstance(error, UserError):
        complain(str(error))
        return 2
    if isinstance(error, MemoryError):
        complain(f"not enough memory; {interrupted}. Free some memory, or use a machine with more.")
        return 2
    complain(logged_fault(error))
    return 1


def _silence(stream: TextIO) -> None:
    """What could not be written goes nowhere: Python would try again at its end, and complain."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass  # it is no file of the system


def complain(message: str) -> None:
    """One line to stderr, control characters shown; where nobody can read it, it is not lost on
    what goes on."""
    from tremble.text import visible

    try:
        print(f"tremble: {visible(message)}", file=sys.stderr, flush=True)  # noqa: T201
    except (OSError, ValueError):
        _silence(sys.stderr)


def logged_fault(error: BaseException) -> str:
    """One sentence on an internal fault, whose full account is written to a file named in it."""
    import tempfile
    import traceback

    from tremble.text import one_line

    kind = "" if isinstance(error, TrembleError) else f"{type(error).__name__}: "
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            errors="backslashreplace",
            prefix="tremble-fault-",
            suffix=".log",
            delete=False,
        ) as log:
            traceback.print_exception(error, file=log)
        account = f"the details are in {log.name}"
    except OSError as full:
        account = f"the details could not be written to a file ({one_line(full)})"
    return f"internal error ({kind}{one_line(error)}); {account}."
