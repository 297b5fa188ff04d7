"""Reading a source's files: text, CSV, JSON; every fault one sentence with file, line and cure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tremble.errors import UserError, one_line

FRESH = "restore the file from a fresh copy of the source"


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

    Raises UserError where it is not JSON, or holds what no JSON file may: NaN, half a character.
    """

    def fail(place: int, what: str) -> NoReturn:
        raise UserError(f"{where}, line {line or place}: {what}; {cure}.")

    def not_a_number(word: str) -> NoReturn:  # called before the line of the fault is known
        at = where if line is None else f"{where}, line {line}"
        raise UserError(f"{at}: it holds {word}, which is not JSON; {cure}.")

    try:
        found = json.loads(text, parse_constant=not_a_number)
    except json.JSONDecodeError as error:
        fail(error.lineno, f"not JSON ({error.msg} at column {error.colno}): {text[:60].strip()!r}")
    except RecursionError:
        fail(1, "nested too deeply to be read")
    if "\\ud" in text.lower():
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            fail(1, "half of a surrogate pair is no character")
    return found


def csv_rows(
    file: Path, needed: Sequence[str], optional: Sequence[str] = (), cure: str = FRESH
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column of every row of a CSV file; blank lines are passed over.

    Raises UserError for columns that are not `needed` (in any order) with some of `optional`, for a
    row of another length, and for a file without rows.
    """
    reader = csv.reader(io.StringIO(text_of(file), newline=""), strict=True)
    header: list[str] | None = None
    empty = True
    try:
        for row in reader:
            if not row:
                continue
            if header is None:
                header = row
                _check_header(file, header, needed, optional, cure)
                continue
            if len(row) != len(header):
                raise UserError(
                    f"{file}, line {reader.line_num}: {len(row)} cells where the header has "
                    f"{len(header)}; {cure}."
                )
            empty = False
            yield reader.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise UserError(
            f"{file}, line {reader.line_num}: not CSV ({one_line(error)}); {cure}."
        ) from error
    if empty:
        raise UserError(f"{file}, line 1: there are no rows in it; {cure}.")


def _check_header(
    file: Path, header: list[str], needed: Sequence[str], optional: Sequence[str], cure: str
) -> None:
    found = set(header)
    if len(found) == len(header) and set(needed) <= found <= {*needed, *optional}:
        return
    also = f", with or without {','.join(optional)!r}" if optional else ""
    raise UserError(
        f"{file}, line 1: the columns are {','.join(header)[:200]!r}, not {','.join(needed)!r}"
        f"{also}; {cure}."
    )
