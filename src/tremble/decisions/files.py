"""Reading what is given: lines, texts and JSON of bounded size; every fault one sentence with file,
line and cure.

A line, and a file that is read whole, has at most 64 MB. A file of lines may be of any size, also
one that gzip packed: it is unpacked as it is read.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, NoReturn

from tremble.disk.paths import why
from tremble.errors import UserError
from tremble.text import one_line

FRESH = "replace the file by a fresh copy of the source"
LONGEST = 64_000_000  # bytes of a line, and of a file that is read whole
DEEPEST = 100  # levels of lists and objects within each other


_Stream = IO[bytes] | gzip.GzipFile
Place = tuple[int, int]  # where a line begins, and of how many bytes it is


class Lines:
    """The lines of a file, once from its top, and those that are kept any time after."""

    def __init__(self, file: Path, stream: _Stream, seekable: bool = False) -> None:
        """`file` names `stream` in faults; `seekable`: a line is read again where it stands, not
        from a copy."""
        self._file = file
        self._stream = stream
        self._copies: _Stream | None = stream if seekable else None
        self._seekable = seekable
        self._last = (0, b"")  # where the line read last begins, and what it holds
        self._stack = ExitStack()

    def close(self) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Number, from 1, and content of each line that is not blank; a byte order mark before it
        is left out. Of a line of more than `LONGEST` bytes comes one byte more than that.

        Raises UserError where the file cannot be read or unpacked.
        """
        number = start = 0
        while raw := self._line():
            number += 1
            self._last, start = (start, raw), start + len(raw)
            too_long = len(raw) > LONGEST and not raw.endswith(b"\n")
            line = raw if too_long else _bare(raw)
            while too_long and raw and not raw.endswith(b"\n"):
                raw = self._line()
                start += len(raw)
            if line:
                yield number, line

    def keep(self) -> Place:
        """By what `again` has the line that came last. Raises UserError where the disk has no room
        for it."""
        start, raw = self._last
        if self._seekable:
            return start, len(raw)
        try:
            if self._copies is None:  # unbuffered: nothing is left to fail when it is closed
                copies = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
                self._copies = self._stack.enter_context(copies)
            start = self._copies.seek(0, os.SEEK_END)
            rest = memoryview(raw)
            while rest:
                rest = rest[self._copies.write(rest) :]
        except OSError as error:
            raise UserError(
                f"{str(self._file)!r} cannot be unpacked into a temporary file ({why(error)}); "
                "set TMPDIR to a folder with more space, or unpack the file yourself."
            ) from error
        return start, len(raw)

    def again(self, place: Place) -> bytes:
        """A line that was kept."""
        assert self._copies is not None
        here = self._copies.tell()
        self._copies.seek(place[0])
        line = self._copies.read(place[1])
        self._copies.seek(here)
        return _bare(line)

    def _line(self) -> bytes:
        try:
            return self._stream.readline(LONGEST + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(
                f"{str(self._file)!r} cannot be unpacked ({one_line(error)}); compress it again "
                "with gzip."
            ) from error
        except OSError as error:
            raise UserError(f"Cannot read {str(self._file)!r} ({why(error)}).") from error


def _bare(line: bytes) -> bytes:
    """A line without a byte order mark, space round it, and its end."""
    return line.removeprefix(BOM_UTF8).strip()


@contextmanager
def lines_of(file: Path) -> Iterator[Lines]:
    """The lines of a file, or of what gzip packed in it. Raises UserError where it cannot be read.

    Memory holds a line; a temporary file without a name holds what is kept of a packed file.
    """
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(file.open("rb"))
            packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
        except OSError as error:
            raise UserError(f"Cannot read {str(file)!r} ({why(error)}); check the path.") from error
        unpacked = stack.enter_context(gzip.GzipFile(fileobj=stream)) if packed else stream
        lines = Lines(file, unpacked, seekable=not packed)
        stack.callback(lines.close)
        yield lines


def same_lines(first: Path, second: Path) -> bool:
    """Whether two files hold the same lines once unpacked, blank ones and the space round a line
    left out. Read as far as they agree."""
    try:
        with lines_of(first) as one, lines_of(second) as other:
            pairs = zip_longest((line for _, line in one), (line for _, line in other))
            return all(mine == theirs for mine, theirs in pairs)
    except UserError:
        return False  # which file cannot be read is said when its records are


def text_of(file: Path, cure: str = "save the file as UTF-8") -> str:
    """The text of a UTF-8 file, a byte order mark left out; `cure` is for one that is none.

    Raises UserError where it cannot be read, is not UTF-8, or has more than `LONGEST` bytes.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(LONGEST + 1)
    except OSError as error:
        raise UserError(f"Cannot read {str(file)!r} ({why(error)}); check the path.") from error
    if len(content) > LONGEST:
        raise UserError(
            f"{str(file)!r} has more than {LONGEST // 10**6} MB, too much for a file of this "
            "kind; check that it is the right file, or split it."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(
            f"{file}, line {line}: byte {error.object[error.start]:#04x} is not UTF-8; {cure}."
        ) from error


def too_deep(value: Any) -> bool:
    """Whether lists and objects stand within each other more than `DEEPEST` levels deep. What does
    not can be gone through by functions that call themselves."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for held in level
            if isinstance(held, dict | list)
            for inner in (held.values() if isinstance(held, dict) else held)
        ]
        if not level:
            return False
    return any(isinstance(held, dict | list) for held in level)


def may_be_too_deep(text: str) -> bool:
    """Whether a JSON text has brackets enough to be too deep: most have not, and are spared."""
    return text.count("[") + text.count("{") > DEEPEST


def json_of(file: Path, cure: str = FRESH) -> Any:
    """What a JSON file holds. Raises UserError where it is not JSON; `cure` ends the sentence."""
    return parsed(text_of(file), str(file), cure)


def parsed(
    text: str, where: str, cure: str, line: int | None = None, nan_is_null: bool = False
) -> Any:
    """What a JSON text holds; `where` names it in errors, and `line` if it is one line of a file.
    `nan_is_null`: NaN and Infinity, which Python writes, are read as null.

    Raises UserError where it is not JSON, or holds what no JSON file may: NaN, half a character, or
    a number too large to be one, and where it is nested too deeply.
    """

    def fail(place: int, what: str) -> NoReturn:
        raise UserError(f"{where}, line {line or place}: {what}; {cure}.")

    # Called before the line of the fault is known.
    def not_a_number(word: str, why: str = "is not JSON") -> NoReturn:
        at = where if line is None else f"{where}, line {line}"
        raise UserError(f"{at}: it holds {word[:100]}, which {why}; {cure}.")

    def finite(word: str) -> float:
        number = float(word)
        return number if abs(number) < float("inf") else not_a_number(word, "is too large")

    def constant(word: str) -> None:
        if not nan_is_null:
            not_a_number(word)

    try:
        value = json.loads(text, parse_constant=constant, parse_float=finite)
        if may_be_too_deep(text) and too_deep(value):
            raise RecursionError
    except json.JSONDecodeError as error:
        fail(error.lineno, f"not JSON ({error.msg} at column {error.colno}): {text[:60].strip()!r}")
    except ValueError:
        not_a_number("a whole number of more than 4300 digits", "is too large")
    except RecursionError:
        fail(1, f"nested too deeply to be read (at most {DEEPEST} levels)")
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            fail(1, "half of a surrogate pair is not a character")
    return value
