"""Where chat templates run: jinja's sandbox with the date frozen, first in a process of its own.

A template is somebody else's program, which may never end or take all memory; jinja computes parts
of it when it is compiled. So each is first tried by this module as a program, under limits; each
rendering after that has a limit of time.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache, lru_cache
from itertools import product
from typing import Any, NoReturn

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

# The day every template believes it is: fixed, so that the same study renders the same text.
FROZEN_DATE = datetime(2026, 1, 1)

SECONDS = 10.0  # that a template may take for all of `_TALKS`; it takes some thousandths of one
MEMORY = 10**9  # bytes of address space, where the system counts them
LENGTH = 10**7  # characters of what it prints
_START = 60.0  # seconds more until its process runs, on a busy machine
_READY = b"ready"
_MEMORY = 3  # what the process returns where memory or length were not enough
_LATE = {1, -14}  # what it returns when time is up: by faulthandler, by SIGALRM

Messages = Sequence[Mapping[str, Any]]
Names = Mapping[str, str | int]  # special tokens and switches, as a template takes them

# What real prompts look like: many lines, with and without a system text; with an answer, and as
# parts, as `frame` tries them; each also without the generation prompt.
_LINES = "Round 1 of 10:\nYou chose J, the other player chose F. You got 5 points.\n" * 100
_USER = {"role": "user", "content": f"{_LINES}Which option do you choose?"}
_SYSTEM = {"role": "system", "content": "You play a game.\n\n- If you choose J, you get 8 points."}
_ANSWER = {"role": "assistant", "content": "J"}
_PARTS = {"role": "user", "content": [{"type": "text", "text": _LINES}]}
_TALKS: tuple[Messages, ...] = (
    [_SYSTEM, _USER],
    [_USER],
    [_SYSTEM, _USER, _ANSWER],
    [_USER, _ANSWER],
    [_PARTS],
)


def rendered(
    template: jinja2.Template, messages: Messages, names: Names, prompted: bool = True
) -> str:
    """A conversation as one text, with the generation prompt where an answer is to come, and
    `prompted` asks for it.

    Raises TimeoutError where it takes more than `SECONDS`, since what was tried may go on without
    end for another text (in the first thread, and where the system has such a clock).
    """
    if threading.get_ident() != threading.main_thread().ident or not _has_clock():
        return _render(template, messages, names, prompted)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return _render(template, messages, names, prompted)
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
    raise TimeoutError(f"it does not end within {SECONDS:g} s")


def _render(template: jinja2.Template, messages: Messages, names: Names, prompted: bool) -> str:
    asked = prompted and messages[-1]["role"] != "assistant"
    return template.render(
        messages=messages, add_generation_prompt=asked, tools=None, documents=None, **names
    )


def compiled(text: str) -> jinja2.Template:
    """Raises jinja2.TemplateError for what is no template."""
    return _environment().from_string(text)


def why_not(text: str, names: Names) -> str | None:
    """What is wrong with a template that does not end in time or within memory, as the rest of a
    sentence on it; None for one that does, whatever it prints or raises. Found once a process."""
    return _tried(text, tuple(sorted(names.items())), SECONDS)


@lru_cache(maxsize=1024)
def _tried(text: str, names: tuple[tuple[str, str | int], ...], seconds: float) -> str | None:
    import subprocess  # not needed in the process that it starts

    given = json.dumps([text, dict(names), seconds]).encode()
    late = f"does not end within {seconds:g} s"
    command = [sys.executable, "-P", "-m", __name__]
    try:  # `run` kills the process, and waits for it, when time is up and on every exception
        trial = subprocess.run(
            command, input=given, capture_output=True, timeout=seconds + _START, check=False
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


def _try() -> int:
    """Render what is given on standard input, under limits; the exit status says how it went."""
    text, names, seconds = json.loads(sys.stdin.buffer.read())
    _end_after(seconds)
    with suppress(ImportError, OSError, ValueError):  # a system without, or with a lower limit
        import resource  # noqa: TID251

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.write(1, _READY)
    for messages, prompted in product(_TALKS, (True, False)):
        try:
            if len(_render(compiled(text), messages, names, prompted)) > LENGTH:
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


class _GenerationBlock(jinja2.ext.Extension):
    """`{% generation %}` marks what an assistant says; for rendering it is transparent."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own convention

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_GenerationBlock, "jinja2.ext.loopcontrols"],
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _frozen_date()
    return environment


def _frozen_date() -> Callable[[str], str]:
    return FROZEN_DATE.strftime


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers has it, also in the order of what it takes."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


if __name__ == "__main__":
    os._exit(_try())  # nothing to tidy up, and a crowded memory takes its time
