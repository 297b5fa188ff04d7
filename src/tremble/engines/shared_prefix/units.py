"""Who sees whom in a slice of the stream, unit by unit, for every kind of layer.

Of the path that leads to a slice a layer keeps what later tokens can still see: all of it, or its
window. A unit of tokens sees the beginning of that path as a whole, and behind it, under a mask,
the rest of the path that it comes from and itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.masking_utils import causal_mask_function

from tremble.engines.memory import APART
from tremble.engines.shared_prefix.layout import Ints

UNIT = 64  # tokens that attend together; a smaller unit wastes less, a larger one calls less
_LARGE = np.iinfo(np.int64).max

Sees = Callable[..., Any]


class Unsupported(Exception):
    """A model's attention asks for something that cannot be done over a tree."""


@dataclass(frozen=True)
class Unit:
    """Tokens [start, stop) of the slice, at `own` depths. All of them see the first `whole` tokens
    of the carried path. `columns`: the rest of the path they come from, and themselves, as indices
    into the carried path followed by the slice; `depths`: of those; `sees`: bool
    [stop - start, columns]."""

    start: int
    stop: int
    own: Ints
    whole: int
    columns: Ints
    depths: Ints
    sees: np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Bundle:
    """Units that attend in one call, as one kind of layer sees them: tokens [start, stop) of the
    slice, all units but the last of one length. All of them see the first `apart` keys. `rows`
    [units, tokens]: places in the slice, padded at the end; `columns` [units, keys]: the other keys
    in reach, padded (None: the first so many, in their order); `mask` [units, 1, groups * tokens,
    keys]: additive, for all query heads of one key head."""

    start: int
    stop: int
    apart: int
    rows: torch.Tensor
    columns: torch.Tensor | None
    mask: torch.Tensor

    @property
    def count(self) -> int:
        return self.stop - self.start


def units_of(depths: Ints) -> tuple[list[Unit], Ints]:
    """The units of a slice, and after it the latest place of every depth."""
    before = whole = int(depths[0])
    latest = np.zeros(max(int(depths.max()) + 1, before), np.int64)
    latest[:before] = np.arange(before)
    units = []
    for start in range(0, len(depths), UNIT):
        own = depths[start : start + UNIT]
        count = len(own)
        # A token sees a depth outside that no token of the unit up to itself has replaced.
        lowest = np.minimum.accumulate(own)
        whole = min(whole, int(lowest[-1]))
        outside = np.arange(whole, own[0])
        path = outside < lowest[:, None]
        # And inside the unit an earlier token, if all between them and itself lie deeper.
        between = np.where(np.triu(np.ones((count, count), bool), 1), own, _LARGE)
        inside = (own[:, None] < np.minimum.accumulate(between, axis=1)).T
        inside &= np.tril(np.ones((count, count), bool))
        places = before + np.arange(start, start + count)
        units.append(
            Unit(
                start,
                start + count,
                own,
                whole,
                np.concatenate([latest[outside], places]),
                np.concatenate([outside, own]),
                np.concatenate([path, inside], axis=1),
            )
        )
        latest[own] = places
    return units, latest


def kept_depths(sees: Sees | None, onward: Sequence[int]) -> Ints | None:
    """Of the path that leads to `onward[0]`, the depths that something can still see, where a layer
    sees what `sees` says; None: all of them. `onward` as in `Plan.onward`.

    What a token does not see, no deeper one does: so it is with windows and chunks.
    """
    if _all_before(sees):
        return None
    depths = np.arange(onward[0])
    ends = np.array([*onward, 0])
    first = np.repeat(onward[::-1], (ends[:-1] - ends[1:])[::-1])
    kept: Ints = depths[_seen(sees, first, depths)]
    return kept


class Sight:
    """What one kind of layer sees in a slice of so many `tokens`. `held`: the depths of the carried
    path, of `before` tokens, that it keeps (None: all)."""

    def __init__(self, sees: Sees | None, before: int, held: Ints | None, tokens: int) -> None:
        self._sees, self._before, self._tokens = sees, before, tokens
        self._triangles: dict[int, torch.Tensor] = {}  # masks of straight units, by their length
        self._held = np.arange(before) if held is None else held
        self._all_held = held is None

    def places(self, columns: Ints) -> Ints:
        """Indices into the carried path and the slice as indices into what is kept and the slice.
        Raises Unsupported where something is not kept."""
        if self._all_held:
            return columns
        inside = columns < self._before
        found = np.searchsorted(self._held, columns[inside])
        if (found >= len(self._held)).any() or (self._held[found] != columns[inside]).any():
            raise Unsupported("a layer that sees again what it did not see before")
        moved = columns - self._before + len(self._held)
        moved[inside] = found
        return moved

    def bundle(self, units: Sequence[Unit], groups: int, like: torch.Tensor) -> Bundle:
        """Some units, for query heads of which so many share a key head."""
        if len(units) == 1 and like.device.type == "cpu" and self._is_straight(units[0]):
            return self._straight(units[0], groups, like)
        apart = min(unit.whole for unit in units)
        if apart < APART or not _all_before(self._sees):
            apart = 0
        seen = [self._of(unit, apart) for unit in units]
        tokens = max(unit.stop - unit.start for unit in units)
        keys = max(len(columns) for columns, _ in seen)
        rows = torch.zeros(len(units), tokens, dtype=torch.long)
        columns = torch.zeros(len(units), keys, dtype=torch.long)
        allowed = torch.zeros(len(units), tokens, keys, dtype=torch.bool)
        for index, (unit, (reach, sight)) in enumerate(zip(units, seen, strict=True)):
            count = unit.stop - unit.start
            rows[index, :count] = torch.arange(unit.start, unit.stop)
            columns[index, : len(reach)] = torch.from_numpy(reach)
            allowed[index, :count, : len(reach)] = torch.from_numpy(sight)
            allowed[index, count:] = True  # padded rows see anything, so that they stay numbers
        mask = torch.zeros(allowed.shape, dtype=like.dtype).masked_fill_(~allowed, float("-inf"))
        return Bundle(
            units[0].start,
            units[-1].stop,
            apart,
            rows.to(like.device, non_blocking=True),
            columns.to(like.device, non_blocking=True),
            mask[:, None].repeat(1, 1, groups, 1).to(like.device, non_blocking=True),
        )

    def _is_straight(self, unit: Unit) -> bool:
        """Whether a unit goes on along the carried path and all of the slice before it, as most do
        on a trunk: its keys then lie where they are, in one piece."""
        first, stop = self._before + unit.start, self._before + unit.stop
        return (
            self._all_held
            and _all_before(self._sees)
            and unit.own[0] == first
            and unit.own[-1] == stop - 1
            and len(unit.columns) == stop - unit.whole
            and unit.columns[0] == unit.whole
            and bool((np.diff(unit.columns) == 1).all() and (np.diff(unit.own) == 1).all())
        )

    def _straight(self, unit: Unit, groups: int, like: torch.Tensor) -> Bundle:
        """The bundle of a straight unit. Its mask is the end of one that is made once: nothing is
        hidden but what comes later in the unit."""
        count, keys = unit.stop - unit.start, self._before + unit.stop
        made = self._triangles.get(count)
        if made is None or made.shape[-1] < keys:
            made = like.new_zeros(1, 1, groups, count, self._before + self._tokens)
            later = torch.ones(count, count, dtype=torch.bool, device=like.device).triu(1)
            made[..., -count:].masked_fill_(later, float("-inf"))
            made = self._triangles[count] = made.flatten(2, 3)
        rows = torch.arange(unit.start, unit.stop)[None]
        return Bundle(unit.start, unit.stop, 0, rows, None, made[..., made.shape[-1] - keys :])

    def _of(self, unit: Unit, apart: int) -> tuple[Ints, np.ndarray[Any, np.dtype[np.bool_]]]:
        """The keys in reach of a unit behind the first `apart`, and which of its tokens see which
        of them."""
        if _all_before(self._sees):  # a path holds nothing that comes later
            ahead = np.arange(apart, unit.whole)
            seen = np.ones((len(unit.own), len(ahead)), bool)
            columns = np.concatenate([ahead, unit.columns])
            return self.places(columns), np.concatenate([seen, unit.sees], axis=1)
        ahead = self._held[: np.searchsorted(self._held, unit.whole)]
        ends = (unit.own.min(), unit.own.max())
        ahead = ahead[np.logical_or(*(_seen(self._sees, np.int64(end), ahead) for end in ends))]
        columns = np.concatenate([ahead, unit.columns])
        depths = np.concatenate([ahead, unit.depths])
        seen = np.ones((len(unit.own), len(ahead)), bool)
        allowed = np.concatenate([seen, unit.sees], axis=1)
        allowed &= _seen(self._sees, unit.own[:, None], depths[None, :])
        reached = allowed.any(axis=0)  # leaves out what lies beyond a window
        return self.places(columns[reached]), allowed[:, reached]


def _all_before(sees: Sees | None) -> bool:
    return sees is None or sees is causal_mask_function


def _seen(sees: Sees | None, queries: Any, keys: Ints) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which depths see which, after a mask function of a model."""
    assert sees is not None
    zero = torch.zeros((), dtype=torch.long)
    found = torch.as_tensor(sees(zero, zero, torch.as_tensor(queries), torch.from_numpy(keys)))
    shape = np.broadcast_shapes(np.shape(queries), keys.shape)
    seen: np.ndarray[Any, np.dtype[np.bool_]] = found.expand(shape).numpy().astype(bool)
    return seen
