"""A conversion in a process of its own, which ends when this one does, and says why it failed."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tremble.errors import ModelUnavailable
from tremble.text import visible

_CONVERTER = (sys.executable, "-P", "-m", "tremble.models.convert_gguf")


def convert(gguf: Path, made: Path) -> None:
    """Convert a GGUF file into the new folder `made`.

    Raises OSError where the converter could not write, ModelUnavailable for all other causes.
    """
    command = [*_CONVERTER, str(gguf), str(made)]
    # Nothing is ever written to its input: that ends with this process, and the converter with it.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as child:
        try:
            assert child.stdout is not None
            said = child.stdout.read().decode(errors="replace")
            code = child.wait()
        except BaseException:
            child.kill()
            child.wait()
            raise
    if code:
        raise _failure(gguf, code, said)


def _failure(gguf: Path, code: int, said: str) -> Exception:
    """Why a converter failed, by what it said last, or by how it ended."""
    line = (said.strip().splitlines() or ["no reason given"])[-1]
    report = _report(line)
    if report is not None and report["errno"] is not None:
        if report["errno"] == errno.ENOMEM:
            return _memory(gguf)
        return OSError(report["errno"], report["reason"])
    if code == -getattr(signal, "SIGKILL", 0):
        return _memory(gguf)
    if code < 0:
        line = f"the converter was stopped by signal {-code}"
    reason = visible(line if report is None else report["reason"])[:300].rstrip(". ")
    if report is not None and isinstance(report.get("cure"), str):
        return ModelUnavailable(f"The GGUF file {str(gguf)!r} {reason}; {report['cure']}.")
    return ModelUnavailable(
        f"The GGUF file {str(gguf)!r} cannot be read ({reason}); it is damaged, or transformers "
        "cannot read its architecture from GGUF."
    )


def _memory(gguf: Path) -> ModelUnavailable:
    return ModelUnavailable(
        f"There is not enough memory to convert the GGUF file {str(gguf)!r}; it takes about ten "
        "bytes per parameter, so close other programs, or use a smaller model."
    )


def _report(line: str) -> dict[str, Any] | None:
    """What the converter reports of a failure (see `convert_gguf`); None for other lines."""
    try:
        report = json.loads(line)
        return report if isinstance(report["reason"], str) and "errno" in report else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


class _Ended(BaseException):
    """A signal came that ends a process at once."""


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Signals that would end this process at once (SIGTERM, SIGHUP) do so when the block has been
    left, and with it what it tidies away. Other threads than the first get no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def leave(number: int, _: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            raise _Ended

    numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    taken = [n for n in numbers if n is not None and signal.getsignal(n) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    except _Ended:
        pass
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
        if came:
            signal.raise_signal(came[0])
