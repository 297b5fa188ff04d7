"""A line of a file of records as a JSON object whose numbers can be computed with, or its fault."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from tremble.decisions.files import DEEPEST, LONGEST, may_be_too_deep, too_deep
from tremble.decisions.record import SCHEMA
from tremble.errors import UserError
from tremble.text import abridged, as_written

LARGEST = 10**15  # in absolute value: products of such numbers are still finite
# Where numbers are computed with; a name is a text, however large a number it is written as.
_NUMBERS = (*("rules", "events", "history", "config", "person", "n", "rate_sd", "choices_each"),)


class Fault(UserError):
    """A line that is not a valid record. `line` is its number, from 1, `message` what is wrong."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        self.message = abridged(message)
        super().__init__(f"{path}, line {line}: {self.message}")
        self.line = line


class GameFault(Fault):
    """A sound decision whose game is on a faulty line, `game_line`."""

    def __init__(self, path: Path, line: int, game: str, game_line: int) -> None:
        super().__init__(path, line, f"its game {game!r} is on line {game_line}, which has errors.")
        self.game_line = game_line


class NoResponses(Fault):
    """A sound session that no study uses, since no response of it is a decision: told to who checks
    a file, and never raised."""


class Line:
    """One line of a file; what is wrong with it is said with its number, and the cure."""

    def __init__(self, path: Path, line: int) -> None:
        self.path = path
        self.line = line
        self.large = False  # whether the line has a number that is perhaps too large

    def fail(self, message: str) -> NoReturn:
        raise Fault(self.path, self.line, message)

    def parse(self, raw: bytes) -> dict[str, Any]:
        """The object on a line, of at most `LONGEST` bytes. Raises Fault where there is none."""
        if len(raw) > LONGEST:
            self.fail(
                f"a line of more than {LONGEST // 10**6} MB; write one JSON object per line, and "
                "write a long history as a game with its decisions."
            )
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            self.fail(f"not UTF-8 at byte {error.start}; save the file as UTF-8.")
        try:
            value = json.loads(
                text,
                parse_constant=self._constant,
                parse_float=self._finite,
                parse_int=self._digits,
                object_pairs_hook=self._object,
            )
            if may_be_too_deep(text) and too_deep(value):
                raise RecursionError
        except json.JSONDecodeError as error:
            self.fail(
                f"not JSON ({error.msg} at column {error.colno}); write one JSON object per line."
            )
        except ValueError:
            self.fail("a whole number of more than 4300 digits; write it as a text.")
        except RecursionError:
            self.fail(
                f"nested too deeply to be read (at most {DEEPEST} levels); a record is a flat JSON "
                "object."
            )
        if "\\ud" in text.lower():
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                self.fail("half of a surrogate pair is not a character; write the text as UTF-8.")
        if not isinstance(value, dict):
            self.fail(f"a JSON {type(value).__name__}, not an object; write one object per line.")
        if value.get("schema", SCHEMA) != SCHEMA:
            written = as_written(value["schema"])
            self.fail(f"schema is {written}; this version reads schema {SCHEMA}.")
        for key in _NUMBERS if self.large else ():
            self._not_too_large(value.get(key), key)
        return value

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(pairs)
        if len(entries) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = next(key for key, count in counts.items() if count > 1)
            self.fail(f"the key {twice!r} appears twice in one object; keep one.")
        return entries

    def _digits(self, word: str) -> int:
        self.large = self.large or len(word) > 15
        return int(word)

    def _constant(self, word: str) -> NoReturn:
        self.fail(f"{word} is not a number; leave a missing value out or write null.")

    def _finite(self, word: str) -> float:
        number = float(word)
        if math.isinf(number):
            self.fail(f"{word} is too large a number; write it as a text.")
        self.large = self.large or abs(number) > LARGEST
        return number

    def _not_too_large(self, value: Any, where: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                self._not_too_large(inner, f"{where}.{key}")
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                self._not_too_large(inner, f"{where}[{place}]")
        elif isinstance(value, int | float) and abs(value) > LARGEST:
            self.fail(
                f"{where} is {short(value)}, which is too large a number (at most 1e15); use a "
                "larger unit, or write it as a text."
            )


def short(value: Any) -> str:
    """A value as it is written in the file, of a long one the beginning."""
    written = as_written(value)
    return written if len(written) <= 40 else f"{written[:30]}... ({len(written)} characters)"
