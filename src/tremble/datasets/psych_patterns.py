"""Labels that a regular expression finds in what people read, in a process of its own.

A pattern is the user's, and some never end on some texts. Python cannot stop one, so it runs in a
process that is ended when its time is up: this file, run as a program, which knows nothing but the
standard library.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

SECONDS = 10.0  # for one transcript, which takes milliseconds
START = 60.0  # until the process runs, on a busy machine


class Late(Exception):
    """A pattern that does not come to its end in time."""


class Finder:
    """One pattern at work. To be closed."""

    def __init__(self, pattern: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._exchange(pattern, START)

    def labels(self, texts: Sequence[str]) -> list[list[str] | None]:
        """The labels in each text, None where it has fewer than two. Raises Late."""
        found: list[list[str] | None] = self._exchange(list(texts), SECONDS)
        return found

    def _exchange(self, given: object, seconds: float) -> list[list[str] | None]:
        into, out = self._process.stdin, self._process.stdout
        assert into is not None and out is not None
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            into.write(json.dumps(given).encode() + b"\n")
            into.flush()
            answer = out.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            timer.cancel()
        if not answer:
            raise Late
        said: list[list[str] | None] = json.loads(answer)
        return said

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:  # what was not sent is of no use any more
                pass


def labels_in(pattern: re.Pattern[str], text: str) -> list[str] | None:
    """The different groups of the last match that has two or more; if each match has one, those of
    all matches. None where that makes fewer than two."""
    last: list[str] | None = None
    single: dict[str, None] = {}
    for match in pattern.finditer(text):
        groups = list(dict.fromkeys(group for group in match.groups() if group and group.strip()))
        if len(groups) > 1:
            last = groups
        single.update(dict.fromkeys(groups))
    return last or (list(single) if len(single) > 1 else None)


def _serve() -> None:
    pattern = re.compile(json.loads(sys.stdin.buffer.readline()))
    sys.stdout.write("[]\n")
    sys.stdout.flush()
    for line in sys.stdin.buffer:
        found = [labels_in(pattern, text) for text in json.loads(line)]
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
