"""CSV files of a source: every cell as text, with the line it stands in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tremble.decisions.files import FRESH, text_of
from tremble.errors import UserError
from tremble.text import one_line

CheckHeader = Callable[[Path, int, list[str]], None]


def read_rows(
    file: Path, check_header: CheckHeader, cure: str = FRESH
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column of every row; rows and columns without any cell, which
    spreadsheets leave, are passed over.

    `check_header` raises where the columns are not those of the source. Raises UserError, with
    file and line, for a file that is not CSV in UTF-8, for a row of another length, and for none.
    """
    reader = csv.reader(io.StringIO(text_of(file), newline=""), strict=True)
    header: list[str] | None = None
    empty = True
    try:
        for row in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if header is not None and len(row) > len(header):
                row = _without_empty(row, len(header))
            if header is None:
                header = _without_empty(row)
                check_header(file, line, header)
                continue
            if len(row) != len(header):
                raise UserError(
                    f"{file}, line {line}: {len(row)} cells where the header has {len(header)}; "
                    f"{cure}."
                )
            empty = False
            yield line, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise UserError(
            f"{file}, line {reader.line_num}: not CSV ({one_line(error)}); {cure}."
        ) from error
    if empty:
        raise UserError(f"{file}, line 1: there are no rows in it; {cure}.")


def _without_empty(row: list[str], least: int = 0) -> list[str]:
    """A row without the empty cells at its end, beyond `least` cells."""
    while len(row) > least and not row[-1].strip():
        row = row[:-1]
    return row


def exactly(needed: Sequence[str], optional: Sequence[str] = (), cure: str = FRESH) -> CheckHeader:
    """A check that the columns are `needed`, in any order, with some of `optional`."""

    def check(file: Path, line: int, header: list[str]) -> None:
        names = set(header)
        if len(names) == len(header) and set(needed) <= names <= {*needed, *optional}:
            return
        also = f", with or without {','.join(optional)!r}" if optional else ""
        raise UserError(
            f"{file}, line {line}: the columns are {','.join(header)[:200]!r}, not "
            f"{','.join(needed)!r}{also}; {cure}."
        )

    return check


def needs(columns: Sequence[str], give: str) -> CheckHeader:
    """A check that all of `columns` are there, once each; others may be. `give` is the cure."""

    def check(file: Path, line: int, header: list[str]) -> None:
        for name in columns:
            times = header.count(name)
            if times != 1:
                how = f"is there {times} times" if times else "is missing"
                raise UserError(
                    f"{file}, line {line}: the column {name!r} {how} among "
                    f"{','.join(header)[:200]!r}; {give}."
                )

    return check


def rate(text: str) -> float | None:
    """The share that a cell holds, None where it is no number from 0 to 1."""
    value = number(text)
    return value if value is not None and 0 <= value <= 1 else None


def whole(text: str) -> int | None:
    """The whole number of at most 15 digits that a cell holds, None where it holds none."""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def number(text: str) -> float | None:
    """The finite number that a cell holds, None where it holds none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
