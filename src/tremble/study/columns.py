"""Columns of tables out of Python values, and tables that are put together part by part.

Polars makes a column of lists value by value, which takes far longer than all else about a table
of prompts; equal lists are made once here, and different ones out of one flat array.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

PART_BYTES = 1 << 24  # of a part in memory, about


def in_parts(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Small frames put together to parts of some size; none is empty."""
    waiting: list[pl.DataFrame] = []
    size = 0
    for frame in frames:
        waiting.append(frame)
        size += int(frame.estimated_size())
        if size >= PART_BYTES:
            yield pl.concat(waiting, rechunk=True)
            waiting, size = [], 0
    if waiting:
        yield pl.concat(waiting, rechunk=True)


def rows_of_a_part(size: int, rows: int) -> int:
    """How many rows of a table of so many bytes and rows make a part: all of them at most."""
    return max(1, min(rows, PART_BYTES * rows // max(1, size)))


def repeated(values: Iterable[Hashable], dtype: pl.DataType) -> pl.Series:
    """A column of values, nulls among them, of which most are equal to another one."""
    places: dict[Hashable, int] = {}
    codes = [places.setdefault(value, len(places)) for value in values]
    return pl.Series(list(places), dtype=dtype).gather(codes)


def token_lists(values: Sequence[Sequence[int]]) -> pl.Series:
    """A column of lists of token ids, pl.List(pl.UInt32)."""
    flat = array("I")
    for value in values:
        flat.extend(value)
    return _cut(pl.Series(np.frombuffer(flat, np.uint32)), _lengths(values))


def number_lists(values: Sequence[Sequence[float | None] | None]) -> pl.Series:
    """A column of lists of numbers, nulls among them, pl.List(pl.Float64); null for None."""
    lists = [value for value in values if value is not None]
    flat = pl.Series(list(chain.from_iterable(lists)), dtype=pl.Float64)
    made = _cut(flat, _lengths(lists))
    if len(lists) == len(values):
        return made
    places = iter(range(len(lists)))
    at = [None if value is None else next(places) for value in values]
    return made.gather(pl.Series(at, dtype=pl.UInt32))


def _lengths(values: Sequence[Sequence[Any]]) -> npt.NDArray[np.int64]:
    return np.fromiter(map(len, values), np.int64, len(values))


def _cut(flat: pl.Series, lengths: npt.NDArray[np.int64]) -> pl.Series:
    """A column of lists out of all their items, one after the other."""
    owner = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)
    frame = pl.DataFrame({"owner": owner, "item": flat})
    made = frame.group_by("owner", maintain_order=True).agg("item")["item"]
    if lengths.all():
        return made
    # An empty list has no item that would be its group.
    found = np.cumsum(lengths > 0) - 1
    places = pl.Series(np.where(lengths > 0, found, len(made)))
    return pl.concat([made, pl.Series([[]], dtype=made.dtype)]).gather(places)
