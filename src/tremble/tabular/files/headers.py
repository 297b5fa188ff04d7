"""The rows before the data: names of columns, then the texts of questions as Qualtrics has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tremble.errors import UserError
from tremble.tabular.files.cells import cell
from tremble.tabular.table import Reading

PEEKED = 30  # rows that are looked at for headers

Row = tuple[int, Sequence[str]]  # the line where it starts, and its cells

# Columns that Qualtrics always writes, and what a cell of data in them looks like.
_QUALTRICS = {
    "StartDate": re.compile(r".*\d"),
    "EndDate": re.compile(r".*\d"),
    "RecordedDate": re.compile(r".*\d"),
    "Progress": re.compile(r"\d+$"),
    "ResponseId": re.compile(r"R_"),
}


@dataclass(frozen=True, slots=True)
class Header:
    """`names`: of all columns, "" where there is none; `count`: rows that are header; `note`: a
    sentence where the second row looks like one and was taken for data."""

    names: list[str]
    questions: dict[str, str]
    count: int
    note: str | None = None


def header_of(first: Sequence[Row], how: Reading, source: str, unit: str) -> Header:
    """The header among the first rows of a file that are not empty.

    Raises UserError where there is none.
    """
    if not first:
        raise UserError(f"{source} is empty; export the table again.")
    if how.header_rows is not None and how.header_rows < 1:
        raise UserError(
            f"header_rows = {how.header_rows} is less than 1; give at least 1, the row with the "
            "column names."
        )
    rows = [[cell(text) or "" for text in row] for _, row in first]
    names = rows[0]
    texts = [row for row in rows[1:3] if not _is_import_ids(row)]
    found = _qualtrics_rows(rows)
    count = how.header_rows or found
    questions: dict[str, str] = {}
    if count > 1 and texts and (texts[0] is rows[1]):
        questions = {n: t for n, t in zip(names, texts[0], strict=False) if n and t}
    note = None
    if count == 1 and _looks_like_texts(rows):
        note = (
            f"{source}, {unit} {first[1][0]}, looks like a second header row ({_sample(rows)}); "
            "if it is one, put header_rows = 2 under [file]."
        )
    return Header(names, questions, count, note)


def _qualtrics_rows(rows: list[list[str]]) -> int:
    if len(rows) > 2 and _is_import_ids(rows[2]):
        return 3
    if len(rows) > 1 and _is_import_ids(rows[1]):
        return 2
    if len(rows) > 1:
        second = dict(zip(rows[0], rows[1], strict=False))
        known = [(second[name], data) for name, data in _QUALTRICS.items() if second.get(name)]
        if len(known) > 1 and not any(data.match(text) for text, data in known):
            return 2
    return 1


def _is_import_ids(row: list[str]) -> bool:
    held = [text for text in row if text]
    return bool(held) and all(re.match(r'\{\s*"ImportId"', text) for text in held)


_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")


def _looks_like_texts(rows: list[list[str]]) -> bool:
    """Whether the second row has a text in most columns whose further cells are all numbers."""
    if len(rows) < 3:
        return False
    numbers = texts = 0
    for place in range(len(rows[0])):
        below = [row[place] for row in rows[2:] if place < len(row) and row[place]]
        if not below or not all(map(_NUMBER.fullmatch, below)):
            continue
        numbers += 1
        second = rows[1][place] if place < len(rows[1]) else ""
        texts += bool(second) and not any(character.isdigit() for character in second[:1])
    return numbers >= 1 and texts > numbers / 2


def _sample(rows: list[list[str]]) -> str:
    held = [text for text in rows[1] if text][:3]
    return ", ".join(repr(text[:40]) for text in held)
