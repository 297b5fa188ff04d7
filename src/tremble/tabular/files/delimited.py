"""CSV and its kin, streamed: memory holds the columns that are asked for, never the file."""

from __future__ import annotations

import codecs
import csv
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from tremble.decisions.files import LONGEST
from tremble.errors import UserError
from tremble.tabular.files.cells import (
    Cleaner,
    cell,
    of_asked,
    of_jspsych,
    positions,
    pressed,
    whole_numbers,
)
from tremble.tabular.files.headers import PEEKED, header_of
from tremble.tabular.files.streams import first_bytes, refuse_others, stream_of
from tremble.tabular.table import Cells, Reading, Table
from tremble.text import counted

_DELIMITERS = (",", ";", "\t", "|")
_BATCH = 10_000  # cells of the rows that are held whole
_BREAK = re.compile(r"\r\n|\r|\n")

Batch = tuple[Sequence[int], list[list[str]]]  # the lines where rows start, and their cells

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Delimited:
    """A file of rows of cells with a delimiter between them."""

    def __init__(self, path: Path, how: Reading) -> None:
        self.source = str(path)
        self._path, self._how = path, how
        start = first_bytes(path)
        refuse_others(path, (".csv",), start)
        self._encoding = _encoding(self.source, start, how)
        head = self._head()
        self._delimiter = how.delimiter or _found_delimiter(head)
        if len(self._delimiter) != 1 or self._delimiter in '"\r\n':
            raise UserError(
                f"delimiter = {self._delimiter!r} is not a single character such as ';'."
            )
        self._dialect: dict[str, Any] = {
            "delimiter": self._delimiter,
            "skipinitialspace": self._delimiter != " ",
            "strict": True,
        }
        with self._batches(even=False) as batches:
            rows = (row for starts, held in batches for row in zip(starts, held, strict=True))
            first = list(islice(((n, row) for n, row in rows if any(map(cell, row))), PEEKED))
        header = header_of(first, how, self.source, "line")
        if _has_row_names(first, head):
            header = replace(header, names=["", *header.names])
        self._width, self._header = len(header.names), header
        self.names: Sequence[str] = [name for name in header.names if name]
        self.questions = header.questions
        self.notes = [header.note] if header.note else []

    def read(self, names: Sequence[str]) -> Table:
        """As `OpenTable.read`; a row of another length than the names have is refused, except for
        empty cells at its end."""
        places = positions(self._header.names, names, self.source)
        clean = pressed if of_jspsych(self.names) else cell
        cleaners = [Cleaner(clean) for _ in places]
        # Tuples of texts are of no interest to the collector of garbage, which would go through
        # growing lists again and again.
        parts: list[list[tuple[str | None, ...]]] = [[] for _ in places]
        lines: array[int] = array("q")
        header = self._header.count
        with self._batches() as batches:
            for starts, rows in batches:
                while header and rows:  # the first rows that are not empty
                    header -= any(map(cell, rows.pop(0)))
                    starts = starts[1:]
                cells = [
                    cleaner.all(list(map(itemgetter(place), rows)))
                    for cleaner, place in zip(cleaners, places, strict=True)
                ]
                gone = _empty(rows, cells)
                if gone:
                    cells = [[c for row, c in enumerate(new) if row not in gone] for new in cells]
                    starts = [start for row, start in enumerate(starts) if row not in gone]
                lines.extend(starts)
                for held, new in zip(parts, cells, strict=True):
                    held.append(tuple(new))
        read: dict[str, Cells] = {
            name: whole_numbers(list(chain.from_iterable(held)), self._how)
            for name, held in zip(names, parts, strict=True)
        }
        questions = of_asked(self.questions, names)
        return Table(read, lines, [(self.source, len(lines))], "line", questions)

    def _head(self) -> str:
        """The first row that is not empty, with the beginning of the next line."""
        with self._text() as lines:
            row = ""
            for line in lines:
                row += line
                if (row.strip() and row.count('"') % 2 == 0) or len(row) > LONGEST:
                    break
            return row.lstrip() + next(lines, "")[:1]

    @contextmanager
    def _text(self) -> Iterator[Iterator[str]]:
        """The lines of the file. Raises UserError where bytes are none of the encoding."""
        with stream_of(self._path) as stream:
            text = io.TextIOWrapper(stream, encoding=self._encoding, newline="")
            try:
                yield self._without_nul(text)
            except UnicodeError as error:
                raise UserError(self._not_text()) from error
            finally:
                text.detach()

    def _without_nul(self, text: io.TextIOWrapper) -> Iterator[str]:
        for number, line in enumerate(text, 1):
            if "\0" in line:
                raise UserError(
                    f"{self.source}, line {number}: byte 0x00 cannot be part of a text; save the "
                    'file as UTF-8, or give its encoding, such as encoding = "utf-16-le" under '
                    "[file]."
                )
            yield line.removeprefix("\ufeff") if number == 1 else line

    @contextmanager
    def _batches(self, even: bool = True) -> Iterator[Iterator[Batch]]:
        """Some rows at a time, all of one length if `even`; not a first line that tells the
        delimiter."""
        with self._text() as lines:
            yield self._parsed(lines, even)

    def _parsed(self, lines: Iterator[str], even: bool) -> Iterator[Batch]:
        first = next(lines, "")
        told = re.fullmatch(r"sep=.\s*", first)
        source = lines if told else chain([first], lines)
        reader = csv.reader(source, **self._dialect)
        start = 2 if told else 1
        evened = _Evened(self._width, self.source) if even else None
        several = max(1, _BATCH // self._width) if even else PEEKED
        while True:
            rows: list[list[str]] = []
            passed = reader.line_num
            limit = csv.field_size_limit(LONGEST)  # the process's own, changed no longer than this
            try:
                rows.extend(islice(reader, several))
            except csv.Error as error:
                start = _starts(rows, start, None)[-1]
                raise UserError(
                    f"{self.source}, line {start}: a quoted cell that begins in this row has no "
                    "closing quote at its end; close it, and double any quote inside a quoted "
                    'cell ("").'
                ) from error
            finally:
                csv.field_size_limit(limit)
            if not rows:
                return
            starts = _starts(rows, start, reader.line_num - passed)
            start += reader.line_num - passed
            if evened:
                evened.fill(starts, rows)
            yield starts, rows

    def _not_text(self) -> str:
        """The sentence about the first byte that is none of the encoding."""
        decoder = codecs.getincrementaldecoder(self._encoding)()
        passed = 0  # line ends before
        with stream_of(self._path) as stream:
            for number, line in enumerate(stream, 1):
                try:
                    decoder.decode(line)
                except UnicodeDecodeError as error:
                    at = error.object[error.start]
                    lone = error.object[: error.start].count(b"\r") if b"\r\n" not in line else 0
                    place = f"{self.source}, line {number + passed + lone}: byte {at:#04x}"
                    return f"{place} is not {_shown(self._encoding)}; {_cure(self._encoding)}."
                except UnicodeError:  # of codecs that want a mark at the start, and odder ones
                    return (
                        f"{self.source} is not {_shown(self._encoding)}; {_cure(self._encoding)}."
                    )
                passed += line.count(b"\r") if b"\r\n" not in line else 0
        return f"{self.source} ends inside a character; export the table again."


def opened(path: Path, how: Reading) -> Delimited:
    """As `open_table`, for files of rows of cells."""
    return Delimited(path, how)


def _found_delimiter(head: str) -> str:
    """What stands between most cells of the first row; a space where R's write.table wrote it."""
    told = re.match(r"sep=(.)\s*$", head, re.MULTILINE)
    if told:
        return told[1]
    bare = re.sub(r'"[^"]*"', '""', head)
    found = max(_DELIMITERS, key=bare.count)
    return " " if found not in bare and '"" ""' in bare else found


def _has_row_names(first: Sequence[tuple[int, Sequence[str]]], head: str) -> bool:
    """Whether each row has one cell more than the names, and it is in quotes: R's write.table does
    not name the names of rows."""
    width = len(first[0][1]) + 1
    longer = [len(row) == width for _, row in first[1:]]
    return bool(longer) and all(longer) and head.startswith('"') and head.endswith('"')


def _encoding(source: str, start: bytes, how: Reading) -> str:
    if how.encoding is None:
        return next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")
    try:
        found = codecs.lookup(how.encoding)
        "".encode(found.name)  # some codecs make no text
        return found.name
    except (LookupError, ValueError) as error:
        raise UserError(
            f'{source}: encoding = "{how.encoding}" is not an encoding that Python knows, such as '
            '"cp1252" or "utf-8".'
        ) from error


def _shown(encoding: str) -> str:
    return encoding.upper() if encoding.startswith("utf") else encoding


def _cure(encoding: str) -> str:
    if encoding == "utf-8":
        return (
            'save the file as UTF-8, or, if Excel on Windows wrote it, put encoding = "cp1252" '
            "under [file]"
        )
    return "give the file's encoding under [file], or save it as UTF-8"


def _starts(rows: list[list[str]], start: int, passed: int | None) -> Sequence[int]:
    """The lines where rows start, and last where the next one does; `passed` lines hold them."""
    if passed == len(rows):
        return range(start, start + passed)
    starts = [start]
    for row in rows:
        breaks = sum(len(_BREAK.findall(text)) for text in row if "\n" in text or "\r" in text)
        starts.append(starts[-1] + 1 + breaks)
    return starts if passed is None else starts[:-1]


class _Evened:
    """Has each row hold as many cells as the names.

    A row that lacks cells at its end is filled up, unless it looks like a piece of a row that a
    line break without quotes took apart.
    """

    def __init__(self, width: int, source: str) -> None:
        self._width, self._source = width, source
        self._pieces = 0  # cells of short rows one after another, a break counted out for each

    def fill(self, starts: Sequence[int], rows: list[list[str]]) -> None:
        """Raises UserError for a row that is such a piece, and for one that is too long."""
        width = self._width
        if set(map(len, rows)) == {width}:
            self._pieces = 0
            return
        for number, row in enumerate(rows):
            if len(row) > width and any(map(cell, row[width:])):
                raise UserError(
                    f"{self._source}, line {starts[number]}: this row has "
                    f"{counted(len(row), 'cell')}, but the first row has {width}; put quotes "
                    "around a cell that contains the delimiter, and give each column a name."
                )
            if 0 < len(row) < width:
                self._pieces += len(row) - 1
                if (len(row) == 1 and cell(row[0])) or self._pieces == width - 1:
                    raise UserError(
                        f"{self._source}, line {starts[number]}: this row has "
                        f"{counted(len(row), 'cell')}, but the first row has {width}; put quotes "
                        "around a cell that contains a line break, and remove lines that are not "
                        "rows."
                    )
            elif row:
                self._pieces = 0
            rows[number] = [*row[:width], *[""] * (width - len(row))]


def _empty(rows: list[list[str]], cells: list[list[str | None]]) -> set[int]:
    """Rows of which no cell holds anything, also of columns that are not asked for."""
    if cells:
        bare = [row for row, held in enumerate(zip(*cells, strict=True)) if not any(held)]
    else:
        bare = list(range(len(rows)))
    return {row for row in bare if not any(map(cell, rows[row]))}
