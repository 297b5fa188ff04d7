"""The token paths of a table of prompts, made one at a time when asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, overload
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import polars as pl

from tremble.disk.tables import read_rows, read_table
from tremble.study.columns import rows_of_a_part
from tremble.tokenization.options import Reading, TokenPaths
from tremble.tokenization.refusal import Refusal
from tremble.tokenization.surface_forms import SurfaceForms
from tremble.tokenization.trunk import Stretch, Trunk

_REST = ["closing", "join", "reason", "error_kind", "spelled", "response", "trunk", "stop"]
_TOKENS = ["prefix", "paths", "closed", *_REST]
_JUMPS = 32  # back and forth between blocks of a table, before it is read whole


class TableView(Sequence[TokenPaths]):
    """Token paths, made one at a time when asked for. Of a large table only the rows around the
    last one asked for are in memory; one that is read crosswise is read whole.

    All methods raise UserError where the file is missing or damaged.
    """

    def __init__(self, path: Path, reading: Reading, prompts: pl.Series | None = None) -> None:
        self._path, self._reading = path, reading
        facts = read_table(path, ["held", "spelled", "trunk"])
        is_first = facts["held"].is_not_null()
        self._firsts = is_first.arg_true().to_numpy()  # rows, by the number of the prompt
        self._numbers = None if prompts is None else prompts.to_numpy()
        spelled = facts["spelled"].filter(is_first)
        self._spelled = None if spelled.null_count() == len(spelled) else spelled
        texts = read_table(path, ["spelled_as"])["spelled_as"].drop_nulls()
        self._surface_forms = [SurfaceForms.from_json(text) for text in texts]
        sets = read_table(path, ["closing_ids"])["closing_ids"].drop_nulls()
        self._terminators = [tuple(ids) for ids in sets.to_list()]
        # Where each trunk stands, and those that somebody holds: one trunk is one object.
        self._trunk_rows = (
            facts["trunk"].is_first_distinct() & facts["trunk"].is_not_null()
        ).arg_true()
        self._trunks: WeakValueDictionary[int, Trunk] = WeakValueDictionary()
        self._recent: deque[Trunk] = deque(maxlen=2)
        tokens = int(facts["held"].sum())
        self._rows = rows_of_a_part(4 * tokens, facts.height)  # of a block
        self._at = -1  # which block is in memory
        self._block: _Block | None = None
        self._jumps = 0
        if facts.height <= self._rows:
            self._read(0)

    def __len__(self) -> int:
        return len(self._firsts if self._numbers is None else self._numbers)

    @overload
    def __getitem__(self, index: int) -> TokenPaths: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenPaths]: ...
    def __getitem__(self, index: int | slice) -> TokenPaths | list[TokenPaths]:
        if isinstance(index, slice):
            return [self._one(at) for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"prompt {index} of {len(self)}")
        return self._one(at)

    def surface_forms(self, index: int) -> SurfaceForms | None:
        """The surface forms that a prompt's paths are; None where they are those of the labels."""
        which = None if self._spelled is None else self._spelled[self._number(index)]
        return None if which is None else self._surface_forms[which]

    def _number(self, index: int) -> int:
        return index if self._numbers is None else int(self._numbers[index])

    def _one(self, index: int) -> TokenPaths:
        number = self._number(index)
        wanted = int(self._firsts[number]) // self._rows
        if self._block is None or wanted != self._at:
            self._read(wanted)
        assert self._block is not None
        prefix, paths, terminated, closing, join, reason, kind, spelled, response, trunk, stop = (
            self._block.of(number)
        )
        return TokenPaths(
            prefix if trunk is None else Stretch(self._trunk(trunk), stop, prefix),
            paths,
            terminated,
            () if closing is None else self._terminators[closing],
            join,
            self._reading,
            None if kind is None else Refusal(kind, reason),
            None if spelled is None else self._surface_forms[spelled],
            response,
        )

    def _trunk(self, number: int) -> Trunk:
        held = self._trunks.get(number)
        if held is None:
            row = read_rows(self._path, ["trunk_ids"], int(self._trunk_rows[number]), 1)
            held = self._trunks[number] = Trunk(row["trunk_ids"].explode().to_numpy())
            self._recent.append(held)
        return held

    def _read(self, wanted: int) -> None:
        """Puts a block into memory in place of the last one."""
        if self._block is not None and wanted not in (0, self._at + 1):
            self._jumps += 1
            if self._jumps > _JUMPS:
                self._rows, wanted = max(1, int(self._firsts[-1]) + 1), 0
        start = wanted * self._rows
        self._block = None
        frame = read_rows(self._path, _TOKENS, start, self._rows)
        frame = frame.filter(pl.col("prefix").is_not_null())
        self._block = _Block(int(np.searchsorted(self._firsts, start)), frame)
        self._at = wanted


class _Block:
    """The prompts of some rows of a table, as flat arrays; `first` is the number of the first one.

    The ids of prompt i's prefix are `prefix[prefix_at[i]:prefix_at[i + 1]]`, counted from there.
    """

    def __init__(self, first: int, frame: pl.DataFrame) -> None:
        self._first = first
        self._prefix, self._prefix_at = _flat(frame["prefix"])
        options, self._option_at = _lists(frame["paths"])
        self._ids, self._id_at = _flat(options)
        self._terminated, _ = _flat(frame["closed"])
        self._rest = [frame[name].to_list() for name in _REST]

    def of(self, number: int) -> tuple[Any, ...]:
        """Prefix, paths, terminated, and what `_REST` names of a prompt."""
        at = number - self._first
        first, last = int(self._option_at[at]), int(self._option_at[at + 1])
        ends = self._id_at[first : last + 1].tolist()
        return (
            tuple(self._prefix[self._prefix_at[at] : self._prefix_at[at + 1]].tolist()),
            tuple(tuple(self._ids[start:end].tolist()) for start, end in pairwise(ends)),
            tuple(self._terminated[first:last].tolist()),
            *(column[at] for column in self._rest),
        )


def _lists(column: pl.Series) -> tuple[pl.Series, npt.NDArray[np.int64]]:
    """The items of all lists of a column, and where each list starts among them."""
    lengths = column.list.len().to_numpy()
    items = column if lengths.all() else column.filter(pl.Series(lengths > 0))
    return items.explode(), np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _flat(column: pl.Series) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    items, starts = _lists(column)
    return items.to_numpy(), starts
