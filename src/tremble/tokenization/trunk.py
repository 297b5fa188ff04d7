"""Trunks: one text, tokenised once, of which many prompts are beginnings.

A session with 2,000 responses is 2,000 prompts, each the beginning of the next. Their ids are kept
once, in a `Trunk`; the prefix of each prompt is a `Stretch` of it: so many ids of the trunk, and
the few behind these that are the prompt's own, where a token of the trunk straddles the place.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Ids = tuple[int, ...]


class Trunk:
    """The ids of one text, [tokens] uint32. A trunk is what it is, not what it holds: two of them
    are never equal."""

    __slots__ = ("__weakref__", "_hash", "_hashed", "ids")

    def __init__(self, ids: Sequence[int] | npt.NDArray[np.uint32]) -> None:
        self.ids = np.asarray(ids, np.uint32)
        self._hash, self._hashed = blake2b(digest_size=12), 0

    def mark(self, stop: int) -> bytes:
        """A hash of its first `stop` ids (12 bytes). It runs on from the last one asked for: those
        of all prompts, asked for in their order, take one pass over the trunk."""
        if stop < self._hashed:
            self._hash, self._hashed = blake2b(digest_size=12), 0
        self._hash.update(self.ids[self._hashed : stop].astype("<u4").tobytes())
        self._hashed = stop
        return self._hash.copy().digest()


class Stretch(Sequence[int]):
    """The prefix of a prompt on a trunk: its first `stop` ids, then `rest`.

    It is read like the tuple of all these ids, and added to one it becomes one, which takes as long
    as it is long; its length is known at once.
    """

    __slots__ = ("rest", "stop", "trunk")

    def __init__(self, trunk: Trunk, stop: int, rest: Ids = ()) -> None:
        self.trunk, self.stop, self.rest = trunk, stop, rest

    def __len__(self) -> int:
        return self.stop + len(self.rest)

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Ids: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return self.whole()[place]
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(f"id {place} of {len(self)}")
        return int(self.trunk.ids[at]) if at < self.stop else self.rest[at - self.stop]

    def __iter__(self) -> Iterator[int]:
        return iter(self.whole())

    def __add__(self, more: Ids) -> Ids:
        return (*self.whole(), *more)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Stretch) and other.trunk is self.trunk:
            return (self.stop, self.rest) == (other.stop, other.rest) or list(self) == list(other)
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(self.whole())

    def __repr__(self) -> str:
        return f"Stretch({self.stop:,} ids of a trunk of {len(self.trunk.ids):,}, {self.rest})"

    def whole(self) -> Ids:
        """All ids, as a tuple."""
        return (*self.trunk.ids[: self.stop].tolist(), *self.rest)

    def mark(self) -> array[int]:
        """What stands for these ids in a row key, as numbers: a running hash."""
        return array("q", (*self.trunk.mark(self.stop), *self.rest))
