"""Columns of values as files of every format, written by other programs than tremble."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import polars as pl
import pyreadstat

DELIMITERS = {"csv": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "txt": "\t", "gz": ","}
JSON = ("json", "jsonl", "arrays", "nested")
ENDINGS = {
    **{"semicolon": ".csv", "tab": ".tsv", "pipe": ".csv", "gz": ".csv.gz"},
    **{"arrays": ".json", "nested": ".json"},
}
CODECS = {
    **{"utf8": "utf-8", "bom": "utf-8-sig", "cp1252": "cp1252"},
    **{"utf16le": "utf-16-le", "utf16be": "utf-16-be"},
}
NBSP = "\u00a0"
NO_ANSWERS = ("NA", "", "N/A", "null")  # by row, in files of texts


@dataclass(frozen=True)
class Column:
    """`values`: int for whole numbers, float for amounts, str, bool, datetime; None is missing."""

    name: str
    values: list[Any]
    labels: Mapping[int, str] = field(default_factory=dict)  # value labels of SPSS and Stata


def shown(case: Mapping[str, str], value: Any) -> str:
    """What a cell of the file is as text, as docs/tables.md has it."""
    kind = case["format"]
    if isinstance(value, bool):
        if kind in DELIMITERS:
            return _truth(case, value)
        if kind in JSON:
            return "true" if value else "false"
        return str(int(value)) if kind in ("sav", "dta") else str(value)
    if isinstance(value, float):
        if kind not in DELIMITERS:
            return str(int(value)) if value.is_integer() else str(value)
        return str(value).replace(".", "," if case["values"] == "comma" else ".")
    return str(value)


def write(
    case: Mapping[str, str], columns: Sequence[Column], folder: Path, stem: str
) -> tuple[Any, list[int]]:
    """The file, or the data frame, and for each row the line, row or case where it stands."""
    columns, empty = _with_header(case, columns)
    kind = case["format"]
    path = folder / f"{stem}{ENDINGS.get(kind, f'.{kind}')}"
    height = len(columns[0].values)
    numbers = [row + 1 for row in range(height) if row not in empty]
    if kind in DELIMITERS:
        text, numbers = _delimited(case, columns, empty)
        content = _encoded(case, text)
        path.write_bytes(gzip.compress(content) if kind == "gz" else content)
    elif kind in JSON:
        path.write_bytes(_encoded(case, _json(case, columns)))
    elif kind == "xlsx":
        numbers = _xlsx(case, columns, empty, path)
    elif kind == "pandas":
        frame = pd.concat([pd.Series(c.values, name=_value(case, c.name)) for c in columns], axis=1)
        return frame, numbers
    elif kind in ("parquet", "polars"):
        polars = pl.DataFrame({_value(case, c.name): _of_one_type(case, c.values) for c in columns})
        if kind == "polars":
            return polars, numbers
        polars.write_parquet(path)
    else:
        _statistics(case, columns, path)
    return path, numbers


def _truth(case: Mapping[str, str], value: bool) -> str:
    """The three ways to write it, by the dimension that has most of them."""
    way = sum(map(ord, case["header"])) % 3
    return (str(value), str(value).upper(), str(int(value)))[way]


def _with_header(
    case: Mapping[str, str], columns: Sequence[Column]
) -> tuple[list[Column], set[int]]:
    """The columns with those that the header brings, and the rows that it leaves empty."""
    made, height = list(columns), len(columns[0].values)
    header = case["header"]
    if header == "many":
        extra = [Column(f"x{at:03}", [f"text {at}"] * height) for at in range(200 - len(made))]
        return [*extra[:90], *made, *extra[90:]], set()
    if header == "odd":  # what people wrote, over several lines
        return [Column("remark", [f"first\nsecond {at}" for at in range(height)]), *made], set()
    if header == "twice":
        first, second = Column("note", ["one"] * height), Column("note", ["other"] * height)
        return [first, *made, second], set()
    if header == "qualtrics":
        start = ["2026-03-01 10:05:00"] * height
        ids = Column("ResponseId", [f"R_{at}" for at in range(height)])
        own = [
            Column("StartDate", start),
            Column("EndDate", start),
            Column("Progress", [100] * height),
        ]
        return [*own, ids, *made], set()
    if header == "empty":
        empty = {1, height + 1}
        spread = [Column(c.name, [c.values[0], None, *c.values[1:], None], c.labels) for c in made]
        return [*spread, Column("leer", [None] * (height + 2))], empty
    return made, set()


def _text(case: Mapping[str, str], value: Any, row: int) -> str:
    """A cell of a file of texts."""
    if value is None:
        return NO_ANSWERS[row % len(NO_ANSWERS)]
    text = shown(case, value)
    if case["values"] == "floats" and type(value) is int:
        text += ".0"
    if case["letters"] == "decomposed":
        text = unicodedata.normalize("NFD", text)
    return f"{NBSP}{text} {NBSP}" if case["letters"] == "nbsp" else text


def _value(case: Mapping[str, str], value: Any) -> Any:
    """A value of a file that has types; texts with the letters that the case wants."""
    if isinstance(value, str) and case["letters"] in ("decomposed", "nbsp"):
        text = unicodedata.normalize("NFD", value)
        return f"{NBSP}{text} " if case["letters"] == "nbsp" else text
    if case["values"] == "floats" and type(value) is int:
        return float(value)
    return value


def _heads(case: Mapping[str, str], columns: Sequence[Column]) -> list[list[str]]:
    """The rows before the data."""
    names = [_text({**case, "values": ""}, column.name, 0) for column in columns]
    texts = [f"Question {at}:\nwhat, “{name}”?" for at, name in enumerate(names)]
    if case["encoding"] == "cp1252" or case["header"] == "qualtrics":
        texts = [f"Question {at}" for at in range(len(names))]
    if case["header"] == "qualtrics":
        return [names, texts, [f'{{"ImportId":"QID{at}"}}' for at in range(len(names))]]
    return [names, texts] if case["header"] == "sosci" else [names]


def _delimited(
    case: Mapping[str, str], columns: Sequence[Column], empty: set[int]
) -> tuple[str, list[int]]:
    out = io.StringIO()
    end = "\r\n" if case["format"] in ("semicolon", "txt") else "\n"
    writer = csv.writer(out, delimiter=DELIMITERS[case["format"]], lineterminator=end)
    beyond = [""] if case["header"] == "trailing" else []
    for names in _heads(case, columns):
        writer.writerow([*names, *(["", ""] if empty else []), *beyond])
    starts = []
    for row in range(len(columns[0].values)):
        if row in empty:
            out.write(end if row == 1 else DELIMITERS[case["format"]] * (len(columns) + 1) + end)
            continue
        starts.append(out.getvalue().count("\n") + 1)
        cells = [_text(case, column.values[row], row) for column in columns]
        if columns[-1].name == "leer":
            cells[-1] = ""
        writer.writerow([*cells, *(["", ""] if empty else []), *beyond])
    return out.getvalue(), starts


def _encoded(case: Mapping[str, str], text: str) -> bytes:
    mark = "\ufeff" if case["encoding"].startswith("utf16") else ""
    return (mark + text).encode(CODECS[case["encoding"]])


def _json(case: Mapping[str, str], columns: Sequence[Column]) -> str:
    rows: list[dict[str, Any]] = []
    for row in range(len(columns[0].values)):
        made: dict[str, Any] = {}
        for at, column in enumerate(columns):
            value = _value(case, column.values[row])
            value = str(value) if isinstance(value, dt.datetime) else value
            if value is not None or (row + at) % 2:
                _put(made, _value(case, column.name), value, case["format"] == "nested")
        rows.append(made)
    escaped = case["shape"] in ("long", "rates")
    if case["format"] == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=escaped) + "\n" for row in rows)
    parts = [rows[:2], rows[2:]] if case["format"] == "arrays" else [rows]
    return "\n".join(json.dumps(part, ensure_ascii=escaped, indent=1) for part in parts)


def _put(row: dict[str, Any], name: str, value: Any, nested: bool) -> None:
    """A value under its name, in objects within each other where that has dots."""
    *outer, last = name.split(".") if nested else [name]
    for part in outer:
        row = row.setdefault(part, {})
    row[last] = value


def _xlsx(
    case: Mapping[str, str], columns: Sequence[Column], empty: set[int], path: Path
) -> list[int]:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    heads = _heads(case, columns)
    for line, names in enumerate(heads, 1):
        for at, name in enumerate(names, 1):
            sheet.cell(line, at, name)
    for at, column in enumerate(columns, 1):
        for row, value in enumerate(column.values):
            if value is not None:
                sheet.cell(len(heads) + row + 1, at, _value(case, value))
    book.save(path)
    height = len(columns[0].values)
    return [len(heads) + row + 1 for row in range(height) if row not in empty]


def _of_one_type(case: Mapping[str, str], values: Sequence[Any]) -> list[Any]:
    """Values of a column that has one type: texts where any is a text."""
    if any(isinstance(value, str) for value in values):
        values = [None if value is None else shown(case, value) for value in values]
    return [_value(case, value) for value in values]


def _statistics(case: Mapping[str, str], columns: Sequence[Column], path: Path) -> None:
    made: dict[str, Any] = {}
    for column in columns:
        values = _of_one_type(case, column.values)
        if any(isinstance(value, str) for value in values):
            made[column.name] = ["" if value is None else value for value in values]
        elif any(isinstance(value, dt.datetime) for value in values):
            made[column.name] = pd.to_datetime(pd.Series(values))
        else:
            made[column.name] = [float("nan") if v is None else float(v) for v in values]
    labels = {column.name: dict(column.labels) for column in columns if column.labels}
    frame = pd.DataFrame(made)
    if path.suffix == ".dta":
        pyreadstat.write_dta(frame, path, variable_value_labels=labels)
    else:
        pyreadstat.write_sav(frame, path, variable_value_labels=labels)
