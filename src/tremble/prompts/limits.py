"""Limits of time, memory and length for a template, which is somebody's program.

It may never end or take all memory, and jinja computes parts of it when it is compiled. So it is
first tried in a process of its own (`tried`, there `trial`); each rendering after that has a limit
of time (`in_time`).
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn

MEMORY = 10**9  # bytes of address space, where the system counts them
LENGTH = 10**7  # characters of what it prints
START = 60.0  # seconds more until its process runs, on a busy machine
_READY = b"ready"
_MEMORY = 3  # what the process returns where memory or length were not enough
_LATE = {1, -14}  # what it returns when time is up: by faulthandler, by SIGALRM


def in_time(render: Callable[[], str], seconds: float) -> str:
    """What `render` returns. Raises TimeoutError where it takes longer, since what was tried may go
    on without end for another text (in the first thread, and where the system has such a clock)."""
    if threading.get_ident() != threading.main_thread().ident or not _has_clock():
        return render()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return render()
    except TimeoutError:
        raise TimeoutError(f"it does not end within {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@cache
def _has_clock() -> bool:
    """Whether a rendering can be stopped; what stops it is set once, for it takes as long as a
    rendering."""
    if not hasattr(signal, "setitimer"):
        return False
    signal.signal(signal.SIGALRM, _late)
    return True


def _late(*_: object) -> NoReturn:
    raise TimeoutError


def tried(module: str, given: Any, seconds: float) -> str | None:
    """What is wrong with what `module`, run as a program, makes of `given` (JSON on its standard
    input; after it `seconds`), as the rest of a sentence; None where it ends well in time."""
    import subprocess  # not needed in the process that it starts

    late = f"does not end within {seconds:g} s"
    command = [sys.executable, "-P", "-m", module]
    try:  # `run` kills the process, and waits for it, when time is up and on every exception
        trial = subprocess.run(
            command,
            input=json.dumps([given, seconds]).encode(),
            capture_output=True,
            timeout=seconds + START,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return late
    if trial.stdout != _READY:
        raise RuntimeError(f"templates cannot be tried: {trial.stderr.decode(errors='replace')}")
    if trial.returncode == 0:
        return None
    if trial.returncode in _LATE:
        return late
    if trial.returncode == _MEMORY:
        return f"takes more than {MEMORY / 1e9:g} GB of memory, or prints without end"
    return "makes its process crash"


def trial(renderings: Callable[[Any], Iterable[Callable[[], str]]]) -> NoReturn:
    """Make the renderings of what is given on standard input, under limits, and end this process;
    the exit status says how it went."""
    given, seconds = json.loads(sys.stdin.buffer.read())
    _end_after(seconds)
    with suppress(ImportError, OSError, ValueError):  # a system without, or with a lower limit
        import resource  # noqa: TID251

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.write(1, _READY)
    os._exit(_status(renderings(given)))  # nothing to tidy up, and a crowded memory takes its time


def _status(renderings: Iterable[Callable[[], str]]) -> int:
    for render in renderings:
        try:
            if len(render()) > LENGTH:
                return _MEMORY
        except MemoryError:
            return _MEMORY
        except Exception:  # it will do the same where it is used, and be told there
            continue
    return 0


def _end_after(seconds: float) -> None:
    """End this process then, also where one long operation leaves no thread of Python's a turn,
    and with the parent gone."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    else:  # it prints the stack first, which can crash while the stack changes
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.stderr)
