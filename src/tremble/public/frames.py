"""Rows as Polars frames, and frames of Polars or pandas as records."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

import polars as pl

from tremble.errors import UserError

Row = Mapping[str, Any]
# What begins the name of a column that is a key of `config`, or of facts about the person.
CONFIG, PERSON = "config.", "person."
_MISSING = ("NAType", "NaTType")  # of pandas


def frame_of(rows: Iterable[Row], columns: Sequence[str] = ()) -> pl.DataFrame:
    """Rows as a frame; `columns` are those of one without rows."""
    made = list(rows)
    if not made:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.Null()))
    return pl.DataFrame(made, infer_schema_length=None, strict=False)


def column_of(name: str, values: Sequence[Any]) -> pl.Series:
    """Values as a column: numbers, flags or texts where all of them are, else texts, those of other
    kinds as JSON."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in known):
        return pl.Series(name, values, pl.Boolean if known else pl.Null)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return pl.Series(name, values, strict=False)
    texts = [
        value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in values
    ]
    return pl.Series(name, texts, pl.String)


def is_frame(source: object) -> bool:
    """Whether something is a frame of Polars or of pandas, which is not imported to find out."""
    return isinstance(source, pl.DataFrame) or _is_pandas(source)


def _is_pandas(source: object) -> bool:
    kind = type(source)
    return kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] == "pandas"


def records_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame as records (docs/data.md): what is missing is left out, columns
    `config.NAME` and `person.NAME` are put under `config` and `person`, and numbers of a column
    that is whole throughout are whole (12.0 is 12, as pandas has it beside missing values).

    Raises UserError if two columns of a pandas frame have the same name.
    """
    if _is_pandas(frame):
        if not frame.columns.is_unique:
            raise UserError("Two columns of the frame have the same name; rename one of them.")
        names = [str(name) for name in frame.columns]
        rows = [dict(zip(names, row, strict=True)) for row in _rows_of_pandas(frame)]
    else:
        rows = frame.to_dicts()
    rows = [{name: _known(plain(value)) for name, value in row.items()} for row in rows]
    whole = _whole(rows)
    return [dict(_record(row, whole)) for row in rows]


def _rows_of_pandas(frame: Any) -> Iterator[tuple[Any, ...]]:
    yield from frame.itertuples(index=False, name=None)


def _whole(rows: Sequence[Row]) -> set[str]:
    """The columns of which every known value is a whole number, some of them written as 12.0."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name
        for name in names
        if all(
            isinstance(value, float) and value.is_integer() and abs(value) < 2**53
            for row in rows
            if (value := row.get(name)) is not None
        )
    }


def _record(row: Row, whole: set[str]) -> Iterator[tuple[str, Any]]:
    tables: dict[str, dict[str, Any]] = {"config": {}, "person": {}}
    for name, value in row.items():
        known = int(value) if name in whole and value is not None else value
        if known is None or known == {}:
            continue
        table, dot, key = name.partition(".")
        if table in tables and dot:
            tables[table][key] = known
        elif name in tables and isinstance(known, dict):
            tables[name] |= known
        else:
            yield name, known
    yield from ((name, table) for name, table in tables.items() if table)


def _known(value: Any) -> Any:
    """A value without what is missing in it: a column of objects has every key in every row."""
    if isinstance(value, dict):
        return {name: _known(inner) for name, inner in value.items() if inner is not None}
    return [_known(inner) for inner in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """A value of a frame or of a record as JSON has it; None for what is missing. numpy's numbers
    and arrays are Python's own, dates and times are texts."""
    if value is None or type(value).__name__ in _MISSING:
        return None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, date | time):  # a time stamp is a date, too
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple | pl.Series):
        return [plain(inner) for inner in value]
    return plain(value.tolist()) if hasattr(value, "tolist") else value
