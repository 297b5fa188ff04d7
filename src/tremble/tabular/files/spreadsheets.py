"""Spreadsheets (.xlsx, .xls, .ods), read by fastexcel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tremble.errors import MissingExtra, UserError
from tremble.tabular.files.cells import Cleaner, positions
from tremble.tabular.files.headers import PEEKED, header_of
from tremble.tabular.files.streams import first_bytes, refuse_others, stream_of
from tremble.tabular.files.values import finished
from tremble.tabular.table import Reading, Table
from tremble.text import did_you_mean, one_line

_OLE = b"\xd0\xcf\x11\xe0"
_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)  # no faults of the file
_TRUTH = {"true": "True", "false": "False"}
# fastexcel writes a day as its midnight, and a time as one of the day before Excel's first.
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]00:00:00(\.0+)?")
_TIME = re.compile(r"1899-12-3[01][ T](\d\d:\d\d:\d\d(\.\d+)?)")


class Spreadsheet:
    """One sheet of a spreadsheet; rows count as in the program that made it."""

    def __init__(self, path: Path, how: Reading) -> None:
        self.source, self._how = str(path), how
        columns = _columns(path, how)
        self._columns = [[_program_text(text) for text in column] for column in columns]
        height = len(self._columns[0]) if self._columns else 0
        held = (row for row in range(height) if any(column[row] for column in self._columns))
        first = []
        for row in held:
            first.append((row + 1, [column[row] or "" for column in self._columns]))
            if len(first) == PEEKED:
                break
        header = header_of(first, how, self.source, "row")
        self._names, self._start = header.names, first[min(header.count, len(first)) - 1][0]
        self._height = height
        self.names: Sequence[str] = [name for name in header.names if name]
        self.questions = header.questions
        self.notes = [header.note] if header.note else []

    def read(self, names: Sequence[str]) -> Table:
        """As `OpenTable.read`."""
        places = positions(self._names, names, self.source)
        cells = [self._columns[place][self._start :] for place in places]
        rows = range(self._start + 1, self._height + 1)

        def bare(row: int) -> bool:
            return not any(column[row + self._start] for column in self._columns)

        return finished(names, cells, rows, bare, (self.source, "row", self.questions, self._how))


def opened(path: Path, how: Reading) -> Spreadsheet:
    """As `open_table`. Raises UserError for what is no spreadsheet, one with a password, and a
    sheet that it has not, and MissingExtra without fastexcel."""
    return Spreadsheet(path, how)


def _columns(path: Path, how: Reading) -> list[list[str | None]]:
    fastexcel = _fastexcel()
    start = first_bytes(path)
    _refuse_password(path, start)
    refuse_others(path, (".xlsx", ".xls"), start)
    try:
        book = fastexcel.read_excel(str(path))
        names: list[str] = list(book.sheet_names)
    except _OURS:
        raise
    except (
        BaseException
    ) as error:  # fastexcel's own say no more than Exception, or that it panicked
        if "password" in str(error).lower():
            raise UserError(_password(path)) from error
        raise UserError(
            f"{str(path)!r} is not a spreadsheet, or is damaged ({one_line(error)}); save it "
            "again as .xlsx, or rename it to the ending for its format."
        ) from error
    if not names:
        raise UserError(f"{str(path)!r} contains no sheet; save it again as .xlsx.")
    if how.sheet is not None and how.sheet not in names:
        raise UserError(f"{path} has no sheet {how.sheet!r}{did_you_mean(how.sheet, names)}")
    sheet = how.sheet if how.sheet is not None else names[0]
    try:
        # Rows above the first that holds something count, too.
        frame: Any = book.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
        frame = frame.to_polars()
    except _OURS:
        raise
    except BaseException as error:
        raise UserError(
            f"Sheet {sheet!r} of {path} cannot be read ({one_line(error)}); save it as CSV."
        ) from error
    columns: list[list[str | None]] = []
    for name in frame.columns:
        cleaner = Cleaner()
        columns.append(cleaner.all([text or "" for text in frame[name].to_list()]))
    return columns


def _program_text(text: str | None) -> str | None:
    """A cell as fastexcel writes it, as it is written elsewhere."""
    if text is None or text in _TRUTH:
        return _TRUTH[text] if text else None
    if text[:2] in {"18", "19", "20"} and text[4:5] == "-":
        time = _TIME.fullmatch(text)
        day = _MIDNIGHT.fullmatch(text)
        return time[1] if time else day[1] if day else text
    return text


def _refuse_password(path: Path, start: bytes) -> None:
    """Refuse a spreadsheet that Office encrypted: a container of old Excel that holds a package."""
    if not start.startswith(_OLE):
        return
    with stream_of(path) as stream:
        held = stream.read(2**24)
    if "EncryptedPackage".encode("utf-16-le") in held:
        raise UserError(_password(path))


def _password(path: Path) -> str:
    return f"{str(path)!r} is protected by a password; save it without a password."


def _fastexcel() -> ModuleType:
    try:
        import fastexcel
    except ImportError as error:
        raise MissingExtra("Reading spreadsheets", "tables") from error
    module: ModuleType = fastexcel
    return module
