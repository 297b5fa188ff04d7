"""What is computed, and in which order: every distinct token once, every decision row once.

The token sequences that a set of prompts needs, in their order (see `layout`), walk their prefix
tree in preorder: each adds the tokens behind what it shares with the one before. Those tokens, one
after another, are the stream that an engine computes, slice by slice. Of everything before a slice
its tokens see one path only, the latest token of every depth above the first of the slice; so
between slices an engine keeps that one path and frees the rest, and no token is computed twice (but
for the few of a branch of one trunk that runs along another).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any

import numpy as np

from tremble.engines.shared_prefix.layout import Ints, laid_out
from tremble.tokenization.options import TokenPaths

# Tokens of the longest prompt of a check on trunks, and of all others together: so many at least,
# more with the stream, but no more than a pass of all layers has memory for everywhere.
CHECKED_TOKENS, _CHECKED_MOST = 2048, 8192
_CHECKED_PART = 40  # the stream over this


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
    cost of attention, `pairs_alone` those of all sequences. Keeps about four bytes a token of the
    stream and 100 a prompt, and takes, while it is made, four a token of the prompts that lie on no
    trunk and 350 a prompt; prompts are read once, in their order.
    """

    def __init__(self, prompts: Iterable[TokenPaths]) -> None:
        made = laid_out(prompts)
        self.prompts = made.prompts
        self._ids, self._lengths, self._shared = made.ids, made.lengths, made.shared
        self._owners, self._trunks, self._leaves = made.owners, made.trunks, made.leaves
        lengths, shared = self._lengths, self._shared
        self._starts = np.concatenate(([0], np.cumsum(lengths - shared)))
        self.tokens = int(lengths.sum())
        self.longest = int(lengths.max(initial=0))
        self.distinct = int(self._starts[-1])
        self.pairs = int((lengths * (lengths + 1) - shared * (shared + 1)).sum() // 2)
        self.pairs_alone = int((lengths * (lengths + 1)).sum() // 2)
        self._reads = self._read_places(lengths, made.owners, made.kept, made.numbers)
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

    def onward(self, place: int) -> list[int]:
        """The depth of a token of the stream, then those of later tokens at which the stream comes
        back to less depth than ever since, down to the least; [0] behind its end.

        Whatever later sees a token of the path before `place` is at least as deep as the last of
        these that are deeper than that token.
        """
        depths = [self.depth(place)]
        shared, starts, lower = self._returns
        at = int(np.searchsorted(starts, place, side="right"))
        while at < len(shared):
            if shared[at] < depths[-1]:
                depths.append(int(shared[at]))
            at = int(lower[at])
        return depths

    @cached_property
    def _returns(self) -> tuple[Ints, Ints, Ints]:
        """Of the sequences that add tokens: the depth and the place of the first of these, and the
        next sequence whose first has less depth."""
        adding = np.flatnonzero(self._lengths > self._shared)
        shared = self._shared[adding]
        lower = np.full(len(adding), len(adding), np.int64)
        waiting: list[int] = []
        depths = shared.tolist()
        for at, depth in enumerate(depths):
            while waiting and depths[waiting[-1]] > depth:
                lower[waiting.pop()] = at
            waiting.append(at)
        return shared, self._starts[adding], lower

    @property
    def sequences(self) -> int:
        return len(self._lengths)

    def one_by_one(self) -> tuple[int, int, int]:
        """What the reference computes of these prompts: tokens, pairs and passes; what lies on a
        trunk takes one pass."""
        leaving = np.zeros(self.prompts, bool)
        leaving[self._owners[self._leaves]] = True
        along = (self._trunks >= 0) & ~leaving[self._owners]
        wholes = np.zeros(int(self._trunks.max(initial=-1)) + 1, np.int64)
        np.maximum.at(wholes, self._trunks[along], self._lengths[along])
        lengths = np.concatenate([self._lengths[~along], wholes[wholes > 0]])
        return int(lengths.sum()), int((lengths * (lengths + 1)).sum() // 2), len(lengths)

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

    @property
    def on_trunks(self) -> bool:
        """Whether some prompts lie on trunks."""
        return bool((self._trunks >= 0).any())

    def checked_tokens(self, window: int) -> int:
        """Tokens of the longest prompt that a check takes, for layers of which the widest window
        has so many (0: none): of the longest there is. On trunks a pass over that can take longer
        than the stream, and memory with its square; so no more than the stream pays for, or than
        reaches twice as far as a window that it outgrows."""
        if not self.on_trunks:
            return self.longest
        most = min(_CHECKED_MOST, max(CHECKED_TOKENS, self.distinct // _CHECKED_PART))
        if window < self.longest:
            most = max(most, 2 * window)
        return min(most, self.longest)

    def sample(self, count: int, window: int = 0) -> list[int]:
        """About so many prompts to check a path on: the longest and its neighbours in the tree,
        which share most with it, and others evenly over the stream.

        On trunks all of these may be as long as the longest: of those no longer than
        `checked_tokens`, and of short ones, half of which leave their trunk, there are no more than
        a small part of the stream pays for; none, where all are longer.
        """
        if not len(self._owners):
            return []
        most = self.checked_tokens(window)
        longest = int(np.where(self._lengths <= most, self._lengths, 0).argmax())
        near = range(max(0, longest - count // 4), longest + count // 4 + 1)
        spread = np.linspace(0, len(self._owners) - 1, count - len(near)).astype(int)
        places = [int(place) for place in (*near, *spread) if place < len(self._owners)]
        if self.on_trunks:
            asked = [longest, *self._short(count), *reversed(places)]
            places = self._afforded([place for place in asked if self._lengths[place] <= most])
        return sorted({int(self._owners[place]) for place in places})

    @property
    def longest_prompt(self) -> int:
        """The prompt of the longest sequence."""
        return int(self._owners[int(self._lengths.argmax())])

    def _short(self, count: int) -> list[int]:
        """Some short sequences, those that leave a trunk and others in turn."""
        short = self._lengths <= max(CHECKED_TOKENS // count, int(self._lengths.min()))
        kinds = [np.flatnonzero(short & self._leaves), np.flatnonzero(short & ~self._leaves)]
        some = [
            kind[np.linspace(len(kind) - 1, 0, min(count // 2, len(kind))).astype(int)].tolist()
            for kind in kinds
        ]
        return [place for pair in zip_longest(*some) for place in pair if place is not None]

    def _afforded(self, places: Sequence[int]) -> list[int]:
        """The first of some sequences, and the others as far as a check of them is affordable."""
        left = max(CHECKED_TOKENS, self.distinct // _CHECKED_PART)
        chosen = list(places[:1])
        for place in places[1:]:
            tokens = int(self._lengths[place])
            if tokens <= left and place not in chosen:
                chosen.append(place)
                left -= tokens
        return chosen

    def slice(self, start: int, stop: int) -> Slice:
        """The tokens [start, stop) of the stream."""
        places = np.arange(start, stop, dtype=np.int64)
        index = np.searchsorted(self._starts, places, side="right") - 1
        depths = places - self._starts[index] + self._shared[index]
        reads = self._between(start, stop).copy()
        reads[:, 0] -= start
        return Slice(start, stop, self._ids[start:stop].astype(np.int64), depths, reads)


@dataclass(frozen=True, slots=True)
class Chosen(Sequence[TokenPaths]):
    """Some prompts of a sequence, by index, made when asked for."""

    prompts: Sequence[TokenPaths]
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: Any) -> Any:
        return self.prompts[self.indices[place]]
