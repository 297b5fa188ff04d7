"""JSON: arrays of trials as jsPsych writes them, objects one a line, columns as pandas has them."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tremble.decisions.files import LONGEST
from tremble.errors import UserError
from tremble.tabular.files.cells import of_jspsych, pressed
from tremble.tabular.files.held import Held
from tremble.tabular.files.opened import ending_of
from tremble.tabular.files.streams import first_bytes, refuse_others, stream_of
from tremble.tabular.files.values import Column, flattened, text_of
from tremble.tabular.table import Reading

# What programs call the array of rows in an object that has further keys.
_WRAPPERS = frozenset({"trials", "data", "rows", "records", "results", "responses"})
_BETWEEN = re.compile(r"[\s,]*")
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECODER = json.JSONDecoder(parse_constant=lambda word: None)  # NaN and Infinity: missing


def opened(path: Path, how: Reading) -> Held:
    """As `open_table`; nested objects are taken apart by dots, lists by number.

    Raises UserError where the file is not JSON, or holds no rows.
    """
    source = str(path)
    start = first_bytes(path)
    refuse_others(path, (".json",), start)
    rows: list[dict[str, Any]] = []
    values = list(_values(path, how, start))
    if not values:
        raise UserError(f"{source} is empty; export the data again.")
    alone = len(values) == 1 and ending_of(path) == ".json"
    for value in values:
        rows += _rows(value, source, alone)
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [(name, [row.get(name) for row in rows]) for name in names]
    spread: list[Column] = []
    for name, held in columns:
        spread += flattened(name, held)
    return Held(source, spread, how, "row", _text_of_trial if of_jspsych(names) else _text)


def _text(value: Any) -> str | None:
    """A value as its file writes it: true, not True."""
    return str(value).lower() if isinstance(value, bool) else text_of(value)


def _text_of_trial(value: Any) -> str | None:
    return pressed(value) if isinstance(value, str) else _text(value)


def _values(path: Path, how: Reading, start: bytes) -> Iterator[Any]:
    """Each JSON value of the file, one after another."""
    source = str(path)
    with stream_of(path) as stream:
        content = stream.read(LONGEST * 4 + 1)
    if len(content) > LONGEST * 4:
        raise UserError(
            f"{source!r} has more than {LONGEST * 4 // 10**6} MB, too much for a JSON file; split "
            "it into several files in a separate folder."
        )
    encoding = how.encoding or next(
        (name for mark, name in _MARKS if start.startswith(mark)), "utf-8"
    )
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise UserError(
            f'{source}: encoding = "{encoding}" is not an encoding that Python knows, such as '
            '"cp1252" or "utf-8".'
        ) from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{source}, line {line}: byte {content[error.start]:#04x} is not {encoding.upper()}; "
            'save the file as UTF-8, or give its encoding, such as "cp1252", under [file].'
        ) from error
    except UnicodeError as error:
        raise UserError(f"{source} is not {encoding}; give its encoding under [file].") from error
    _refuse_halves(text, source)
    at = _end(_BETWEEN.match(text))
    while at < len(text):
        value, at = _decoded(text, at, source)
        yield value
        at = _end(_BETWEEN.match(text, at))


def _end(match: re.Match[str] | None) -> int:
    assert match is not None  # it may be empty
    return match.end()


def _decoded(text: str, at: int, source: str) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        shown = text[error.pos :].lstrip()[:40]
        raise UserError(
            f"{source}, line {error.lineno}: not JSON ({error.msg} at column {error.colno}): "
            f"{shown!r}; export the data again."
        ) from error
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        what = "is nested too deeply" if deep else "contains a number too long"
        line = text.count("\n", 0, at) + 1
        raise UserError(
            f"{source}, line {line}: it {what} to be read; export the data again."
        ) from error


def _refuse_halves(text: str, source: str) -> None:
    lower = text.lower()
    if "\\ud" not in lower:
        return
    pairs = re.sub(r"\\ud[89ab]..\\ud[c-f]..", "", lower.replace("\\\\", ""))
    lone = re.search(r"\\ud[89a-f]", pairs)
    if lone:
        raise UserError(
            f"{source} contains half of a surrogate pair, which is not a character; export the "
            "data again."
        )


def _rows(value: Any, source: str, alone: bool) -> list[dict[str, Any]]:
    """The rows of a JSON value, of one that is alone in its file or of one among several."""
    if isinstance(value, list):
        rows: list[dict[str, Any]] = []
        for item in value:
            rows += (
                _rows(item, source, alone=False) if isinstance(item, list) else [_row(item, source)]
            )
        return rows
    row = _row(value, source)
    arrays = [name for name, held in row.items() if _is_array_of_objects(held)]
    if len(arrays) == 1 and (alone or arrays[0] in _WRAPPERS):
        rest = {name: held for name, held in row.items() if name != arrays[0]}
        return [rest | _row(trial, source) for trial in row[arrays[0]]]
    if alone and len(arrays) > 1:
        names = ", ".join(map(repr, arrays))
        raise UserError(
            f"{source} contains several arrays of rows ({names}); save the one you mean as a "
            "separate file."
        )
    return _of_columns(row) if alone else [row]


def _row(value: Any, source: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        shown = json.dumps(value, ensure_ascii=False)[:60]
        raise UserError(
            f"{source} contains {shown} instead of a row, which is an object in braces; export "
            "the data as an array of objects."
        )
    return value


def _is_array_of_objects(held: Any) -> bool:
    return isinstance(held, list) and bool(held) and all(isinstance(one, dict) for one in held)


def _of_columns(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an object that maps names of columns to arrays, or to objects by row; an object
    that does not is one row."""
    if not row:
        return []
    if all(isinstance(held, dict) for held in row.values()):
        keys = [list(held) for held in row.values()]
        if all(key == keys[0] and _are_numbers(key) for key in keys):
            return [{name: held[key] for name, held in row.items()} for key in keys[0]]
    lengths = {len(held) if isinstance(held, list) else -1 for held in row.values()}
    if len(lengths) == 1 and -1 not in lengths:
        (length,) = lengths
        return [{name: held[place] for name, held in row.items()} for place in range(length)]
    return [row]


def _are_numbers(keys: Sequence[str]) -> bool:
    return bool(keys) and all(key.isdigit() for key in keys)
