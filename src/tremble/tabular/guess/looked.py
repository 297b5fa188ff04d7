"""A table that was looked at: its columns, what is missing in them, and how the file is read."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from tremble.tabular.cells import MISSING, number_of
from tremble.tabular.files.opened import ending_of, open_table
from tremble.tabular.files.streams import stream_of
from tremble.tabular.table import Cells, Reading, Table

_CODES = (-77, -88, -99, -999, -9999, -9, -8, -7, -66)  # of no answer, where all others are above
_HIGH = (77, 88, 99, 777, 888, 999, 9999)  # where all others are far below
_LOW_END = 11  # far below: at most so much
_SAID = re.compile(
    r"no answer|not answered|keine angabe|nicht beantwortet|missing|refused|skipped|n/a|na|\.|-|"
    r"no response|timeout|\[na\].*",
    re.IGNORECASE,
)
_FEW = 50  # values of a column in which codes are looked for
_COMMA = re.compile(r"-?\d+(,\d+)?")
_PART = 1 << 20


@dataclass(frozen=True)
class Field:
    """A column, or several that one name with a part in braces stands for.

    `name`: as a map writes it; `columns`: by the value of the part, "" for a single one; `cells`:
    of all columns, one after another, None where missing; `number` places it in the file.
    """

    name: str
    columns: Mapping[str, str]
    held: tuple[Cells, ...]
    number: int
    decimal: str = "."
    part: str | None = None
    questions: tuple[str, ...] = ()  # texts of the questions, as far as the file has them

    @property
    def cells(self) -> Iterator[str | None]:
        return chain.from_iterable(self.held)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value stands there, without missing cells."""
        found: Counter[str | None] = Counter()
        for cells in self.held:
            found.update(cells)
        del found[None]
        return found  # type: ignore[return-value]  # its one None is gone

    @cached_property
    def numbers(self) -> list[int | float] | None:
        """The different values as numbers, sorted; None where one is no number."""
        return numbers_of(self.counts, self.decimal)

    def at(self, place: str) -> Cells | None:
        """The cells of the column for a place of an outcome; those of a single one for all."""
        if self.part is None:
            return self.held[0]
        names = list(self.columns)
        return self.held[names.index(place)] if place in self.columns else None


def numbers_of(values: Iterable[str], decimal: str) -> list[int | float] | None:
    made = [number_of(value, decimal) for value in values]
    known = {number for number in made if number is not None}
    return sorted(known) if made and None not in made else None


@dataclass(frozen=True)
class Look:
    """A table as the guess sees it. `table`: as it was read; `columns`: cells of the rows that are
    left, None where missing; `missing`: column -> codes of no answer that were seen in it."""

    path: Path
    table: Table
    names: Sequence[str]
    columns: Mapping[str, Cells]
    how: Reading
    questions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()  # names that stand twice
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # label -> code

    @property
    def height(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def single(self, name: str) -> Field:
        """The field of one column."""
        text = self.questions.get(name)
        return Field(
            name,
            {"": name},
            (self.columns[name],),
            self.names.index(name),
            self.how.decimal,
            questions=(text,) if text else (),
        )

    def several(self, name: str, columns: Mapping[str, str], part: str) -> Field:
        """The field of columns with a part in their names."""
        texts = [self.questions[one] for one in columns.values() if self.questions.get(one)]
        return Field(
            name,
            columns,
            tuple(self.columns[one] for one in columns.values()),
            min(self.names.index(one) for one in columns.values()),
            self.how.decimal,
            part,
            tuple(texts),
        )

    def without(self, drop: Mapping[str, Sequence[str]]) -> Look:
        """The same table without rows that hold one of these values."""
        kept = list(range(self.height))
        for name, values in drop.items():
            cells, gone = self.columns[name], {value or None for value in values}
            kept = [row for row in kept if cells[row] not in gone]
        if len(kept) == self.height:
            return self
        columns = {name: [cells[row] for row in kept] for name, cells in self.columns.items()}
        return replace(self, columns=columns)


def looked_at(path: Path) -> Look:
    """The table of a file or a folder. Raises UserError where it is none that can be read."""
    how = Reading(encoding=_encoding_of(path))
    opened = open_table(path, how)
    if any("header_rows = 2" in note for note in opened.notes):
        how = replace(how, header_rows=2)
        opened = open_table(path, how)
    times = Counter(opened.names)
    names = [name for name in opened.names if times[name] == 1]
    table = opened.read(names)
    how = replace(how, decimal=_decimal_of(table.columns.values()))
    columns, missing = _without_codes(table.columns, how.decimal)
    questions = {name: text for name, text in opened.questions.items() if text != name}
    twice = tuple(name for name, count in times.items() if count > 1)
    codes = _codes_of_labels(path, how, table, names)
    notes = tuple(opened.notes)
    return Look(
        path, table, names, columns, how, questions, notes, twice, missing=missing, codes=codes
    )


def reading_of(look: Look) -> dict[str, Any]:
    """What [file] has to say, beside missing codes."""
    said: dict[str, Any] = {}
    if look.how.encoding:
        said["encoding"] = look.how.encoding
    if look.how.decimal != ".":
        said["decimal"] = look.how.decimal
    if look.how.header_rows:
        said["header_rows"] = look.how.header_rows
    return said


def codes_seen(look: Look, columns: Iterable[str]) -> list[str]:
    """The codes of no answer that are in some columns."""
    return sorted({code for column in columns for code in look.missing.get(column, ())})


def _encoding_of(path: Path) -> str | None:
    """cp1252 for a text that is no UTF-8 and says nothing else; None for all others."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        if not file.is_file() or ending_of(file) not in (".csv", ".tsv", ".txt"):
            continue
        with stream_of(file) as stream:
            decoder = codecs.getincrementaldecoder("utf-8")()
            start = stream.read(_PART)
            if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in start:
                return None
            try:
                while start:
                    decoder.decode(start)
                    start = stream.read(_PART)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                return "cp1252"
    return None


def _decimal_of(columns: Iterable[Cells]) -> str:
    """A comma where columns of numbers have one, and not only before three digits."""
    for cells in columns:
        held = {cell for cell in cells[:5000] if cell is not None and cell not in MISSING}
        marked = {cell for cell in held if "," in cell}
        told = any(len(cell.partition(",")[2]) != 3 for cell in marked)  # no thousands
        if told and all(map(_COMMA.fullmatch, held)):
            return ","
    return "."


def _without_codes(
    columns: Mapping[str, Cells], decimal: str
) -> tuple[dict[str, Cells], dict[str, tuple[str, ...]]]:
    """The columns with None for all that is missing, and the codes seen in each."""
    held = {
        name: {cell for cell in set(cells) if cell is not None} - MISSING
        for name, cells in columns.items()
    }
    found = {name: codes_in(values, decimal) for name, values in held.items()}
    codes = set().union(*found.values())
    for name, values in held.items():  # a code counts for the whole file, or for none of it
        inside = values & codes - found[name]
        if inside and len(values) > 2 and numbers_of(values, decimal) is not None:
            codes -= inside
    made: dict[str, Cells] = {}
    seen: dict[str, tuple[str, ...]] = {}
    for name, cells in columns.items():
        gone = codes | MISSING
        if held[name] & codes:
            seen[name] = tuple(sorted(held[name] & codes))
        some = not gone.isdisjoint(cells)
        made[name] = [None if cell in gone else cell for cell in cells] if some else cells
    return made, seen


def codes_in(held: set[str], decimal: str) -> set[str]:
    """Of some different values those that stand for no answer."""
    if not 2 < len(held) <= _FEW:
        return set()
    said = {value for value in held if _SAID.fullmatch(value)}
    rest = held - said
    known = {value: number_of(value, decimal) for value in rest}
    numbers = {value: number for value, number in known.items() if number is not None}
    if len(numbers) < len(rest):  # words, with codes among them
        coded = {value for value, number in numbers.items() if number in (*_CODES, *_HIGH)}
        return said | coded if coded == numbers.keys() else said
    low = {value for value, number in numbers.items() if number in _CODES}
    others = [number for value, number in numbers.items() if value not in low]
    found = low if others and min(others) >= 0 else set()
    high = {value for value, number in numbers.items() if number in _HIGH}
    others = [number for value, number in numbers.items() if value not in high | found]
    if len(others) > 1 and max(others) <= _LOW_END:
        found |= high
    return said | found


def _codes_of_labels(
    path: Path, how: Reading, table: Table, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Of a SPSS or Stata file: column -> label -> the code that it stands for."""
    if path.is_dir() or ending_of(path) not in (".sav", ".zsav", ".por", ".dta"):
        return {}
    bare = open_table(path, replace(how, codes=True)).read(names)
    found: dict[str, dict[str, float]] = {}
    for name in names:
        pairs = set(zip(table.columns[name], bare.columns[name], strict=True))
        codes = {label: number_of(code) for label, code in pairs if label and code}
        known = {label: float(code) for label, code in codes.items() if code is not None}
        if len(known) == len(codes) and any(label != code for label, code in pairs):
            found[name] = known
    return found
