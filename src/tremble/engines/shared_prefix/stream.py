"""What is computed, and in which order: every distinct token once, every decision row once.

The token sequences that a set of prompts needs, sorted, walk their prefix tree in preorder: each
adds the tokens behind what it shares with the one before. Those tokens, one after another, are the
stream that an engine computes, slice by slice. Of everything before a slice its tokens see one
path only, the latest token of every depth above the first of the slice; so between slices an engine
keeps that one path and frees the rest, and no token is ever computed twice.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tremble.tokenization.options import Ids, TokenPaths, maximal

Ints = npt.NDArray[np.int64]

_BYTES = 4  # a token as four bytes, big-endian, so that bytes sort as the ids do


@dataclass(frozen=True)
class Slice:
    """Tokens [start, stop) of the stream. `ids` and `depths` [stop - start]: token, and its place
    in its own sequence. `reads`: place in the slice, prompt, number of the read (in `reads_of`,
    which is that of its node in `TokenPaths.nodes()`), one row each, sorted by place."""

    start: int
    stop: int
    ids: Ints
    depths: Ints
    reads: Ints


class Plan:
    """The stream of some prompts.

    `prompts` are counted as given; `tokens` are those of all their sequences, as one prompt a pass
    would compute them, `longest` those of the longest; `distinct` those of the stream; `rows` its
    tokens with a decision row; `pairs` the (token, token it sees) pairs of the stream, for the
    cost of attention, `pairs_alone` those of all sequences. Takes about four bytes a token of the
    prompts and 350 a prompt; prompts are read once, in their order.
    """

    def __init__(self, prompts: Iterable[TokenPaths]) -> None:
        sequences: list[bytes] = []
        owner, keep = array("q"), array("q")
        numbers: dict[int, list[int]] = {}  # of a sequence's nodes, where it has more than the root
        count = -1
        for count, paths in enumerate(prompts):
            for node, on_the_way in _ends(paths):
                if node:
                    numbers[len(sequences)] = on_the_way
                sequences.append(_pack(paths.prefix + node))
                owner.append(count)
                keep.append(len(node) + 1)
        self.prompts = count + 1
        order = sorted(range(len(sequences)), key=sequences.__getitem__)
        self._sequences = [sequences[index] for index in order]
        lengths = np.fromiter(
            (len(sequence) // _BYTES for sequence in self._sequences), np.int64, len(order)
        )
        shared = np.zeros(len(order), np.int64)
        shared[1:] = [_common(one, other) for one, other in pairwise(self._sequences)]
        self._shared, self._lengths = shared, lengths
        self._starts = np.concatenate(([0], np.cumsum(lengths - shared)))
        self.tokens = int(lengths.sum())
        self.longest = int(lengths.max(initial=0))
        self.distinct = int(self._starts[-1])
        self.pairs = int((lengths * (lengths + 1) - shared * (shared + 1)).sum() // 2)
        self.pairs_alone = int((lengths * (lengths + 1)).sum() // 2)
        owners = self._owners = np.asarray(owner, np.int64)[order]
        kept = np.asarray(keep, np.int64)[order]
        nodes = {at: numbers[index] for at, index in enumerate(order) if index in numbers}
        self._reads = self._read_places(lengths, owners, kept, nodes)
        self.rows = len(np.unique(self._reads[:, 0]))

    def _read_places(
        self, lengths: Ints, owners: Ints, kept: Ints, nodes: Mapping[int, list[int]]
    ) -> Ints:
        """[reads, 3]: place in the stream, prompt, node; sorted.

        A row that a sequence needs may belong to a token that an earlier sequence brought in: the
        last one that parts from its predecessor at or above that depth.
        """
        own = np.flatnonzero(kept == 1)
        own = own[self._shared[own] < lengths[own]]
        simple = np.stack([self._starts[own + 1] - 1, owners[own], np.zeros_like(own)], axis=1)
        further: list[tuple[int, int, int]] = []
        rest = np.ones(len(lengths), bool)
        rest[own] = False
        if rest.any():
            depths: list[int] = []  # of the branches that lead to the current sequence
            brought: list[int] = []
            for index, shared in enumerate(self._shared.tolist()):
                while depths and depths[-1] >= shared:
                    depths.pop()
                    brought.pop()
                depths.append(shared)
                brought.append(index)
                if rest[index]:
                    start = int(lengths[index] - kept[index])
                    for depth, node in enumerate(nodes.get(index, [0]), start):
                        by = brought[bisect_right(depths, depth) - 1]
                        place = int(self._starts[by] + depth - self._shared[by])
                        further.append((place, int(owners[index]), node))
        reads = np.concatenate([simple, np.asarray(further, np.int64).reshape(-1, 3)])
        reads = reads[np.lexsort((reads[:, 2], reads[:, 1], reads[:, 0]))]
        # Sequences of one prompt share the first of its nodes.
        return reads[np.any(np.diff(reads, axis=0, prepend=-1), axis=1)]

    def stop(self, start: int, tokens: int, rows: int) -> int:
        """Where a slice from `start` ends that holds at most so many tokens and decision rows."""
        stop = min(start + tokens, self.distinct)
        places = np.unique(self._between(start, stop)[:, 0])
        return int(places[rows]) if len(places) > rows else stop

    def _between(self, start: int, stop: int) -> Ints:
        low, high = np.searchsorted(self._reads[:, 0], (start, stop))
        return self._reads[low:high]

    def depth(self, place: int) -> int:
        """The depth of a token of the stream; 0 behind its end."""
        if place >= self.distinct:
            return 0
        index = int(np.searchsorted(self._starts, place, side="right")) - 1
        return int(place - self._starts[index] + self._shared[index])

    @property
    def sequences(self) -> int:
        return len(self._sequences)

    def shares(self) -> tuple[Ints, Ints, Ints]:
        """Of every prompt, in the order given: the tokens that it brings into the stream, the pairs
        of these, and its decision rows that are nobody else's before it."""
        lengths, shared = self._lengths, self._shared
        pairs = (lengths * (lengths + 1) - shared * (shared + 1)) // 2
        _, first = np.unique(self._reads[:, 0], return_index=True)
        counted = [(self._owners, lengths - shared), (self._owners, pairs)]
        counted.append((self._reads[first, 1], np.ones(len(first), np.int64)))
        tokens, seen, rows = (
            np.bincount(owners, weights, self.prompts).astype(np.int64)
            for owners, weights in counted
        )
        return tokens, seen, rows

    def sample(self, count: int) -> list[int]:
        """About so many prompts to check a path on: the longest and its neighbours in the tree,
        which share most with it, and others evenly over the stream."""
        if not len(self._owners):
            return []
        longest = int(self._lengths.argmax())
        near = range(max(0, longest - count // 4), longest + count // 4 + 1)
        spread = np.linspace(0, len(self._owners) - 1, count - len(near)).astype(int)
        places = [place for place in (*near, *spread) if place < len(self._owners)]
        return sorted({int(self._owners[place]) for place in places})

    def slice(self, start: int, stop: int) -> Slice:
        """The tokens [start, stop) of the stream."""
        ids, depths = [], []
        index = int(np.searchsorted(self._starts, start, side="right")) - 1
        while index < len(self._sequences) and self._starts[index] < stop:
            shift = int(self._shared[index] - self._starts[index])
            low = max(start, int(self._starts[index])) + shift
            high = min(stop, int(self._starts[index + 1])) + shift
            if low < high:
                ids.append(_unpack(self._sequences[index], low, high))
                depths.append(np.arange(low, high, dtype=np.int64))
            index += 1
        reads = self._between(start, stop).copy()
        reads[:, 0] -= start
        return Slice(start, stop, np.concatenate(ids), np.concatenate(depths), reads)


def _ends(paths: TokenPaths) -> list[tuple[Ids, list[int]]]:
    """The nodes that no other continues, each with the numbers of the nodes on the way there."""
    if all(len(path) == 1 for path in paths.paths) and not any(paths.terminated):
        return [((), [0])]
    nodes = paths.nodes()
    number = {node: index for index, node in enumerate(nodes)}
    return [(node, [number[node[:end]] for end in range(len(node) + 1)]) for node in maximal(nodes)]


def _pack(ids: Ids) -> bytes:
    packed = array("I", ids)
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def _unpack(sequence: bytes, start: int, stop: int) -> Ints:
    ids = np.frombuffer(sequence, ">u4", stop - start, start * _BYTES)
    return ids.astype(np.int64)


def _common(one: bytes, other: bytes) -> int:
    """Tokens that two sequences share from the start."""
    length = min(len(one), len(other)) // _BYTES
    same = np.frombuffer(one, np.uint32, length) == np.frombuffer(other, np.uint32, length)
    return length if same.all() else int(same.argmin())
