"""Reading a source's files: text and JSON; every fault one sentence with file, line and cure."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, NoReturn

from tremble.errors import UserError
from tremble.text import one_line

FRESH = "restore the file from a fresh copy of the source"


def _packed(stream: IO[bytes]) -> bool:
    """Whether gzip packed a file that was just opened, by how it begins."""
    packed = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    return packed


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """A file to read from, at any place; one that gzip packed is unpacked into a temporary file.

    Raises UserError where it cannot be unpacked.
    """
    with file.open("rb") as stream:
        if not _packed(stream):
            yield stream
            return
        with tempfile.TemporaryFile() as whole:
            try:
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    shutil.copyfileobj(unpacked, whole)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise UserError(
                    f"{str(file)!r} cannot be unpacked ({one_line(error)}); pack it again with "
                    "gzip."
                ) from error
            whole.seek(0)
            yield whole


def same_lines(first: Path, second: Path) -> bool:
    """Whether two files hold the same lines once unpacked, blank ones and the space round a line
    left out. Read as far as they agree."""
    try:
        return all(one == other for one, other in zip_longest(_lines(first), _lines(second)))
    except (OSError, EOFError, zlib.error):
        return False  # which file cannot be read is said when its records are


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        lines = gzip.GzipFile(fileobj=stream) if _packed(stream) else stream
        for number, line in enumerate(lines):
            if number == 0:
                line = line.removeprefix(BOM_UTF8)
            if text := line.strip():
                yield text


def text_of(file: Path) -> str:
    """The text of a UTF-8 file, a byte order mark left out.

    Raises UserError where it cannot be read or is not UTF-8.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"Cannot read {str(file)!r} ({error.strerror}); check the path.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(
            f"{file}, line {line}: byte {error.object[error.start]:#04x} is not UTF-8; save the "
            "file as UTF-8."
        ) from error


def json_of(file: Path, cure: str = FRESH) -> Any:
    """What a JSON file holds. Raises UserError where it is not JSON; `cure` ends the sentence."""
    return parsed(text_of(file), str(file), cure)


def parsed(text: str, where: str, cure: str, line: int | None = None) -> Any:
    """What a JSON text holds; `where` names it in errors, and `line` if it is one line of a file.

    Raises UserError where it is not JSON, or holds what no JSON file may: NaN, half a character, or
    a number too large to be one.
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

    try:
        value = json.loads(text, parse_constant=not_a_number, parse_float=finite)
    except json.JSONDecodeError as error:
        fail(error.lineno, f"not JSON ({error.msg} at column {error.colno}): {text[:60].strip()!r}")
    except ValueError:
        not_a_number("a whole number of more than 4300 digits", "is too large")
    except RecursionError:
        fail(1, "nested too deeply to be read")
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            fail(1, "half of a surrogate pair is no character")
    return value
