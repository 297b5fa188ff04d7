"""The sequences that prompts need, in the order of the stream, and what each adds to it.

Ordinary prompts are sorted by their ids. Prompts on a trunk are laid out along it, without a
comparison of whole prefixes: at every place first what leaves the trunk there, then the trunk goes
on, so that the path behind a branch is the trunk's own. Trunks stand sorted one after another; what
lies on the beginning that a trunk shares with earlier ones is laid out with the first of these.
Either way this is a walk of the prefix tree in preorder.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tremble.tokenization.options import TokenPaths, maximal
from tremble.tokenization.trunk import Ids, Stretch, Trunk

Ints = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.uint32]

_BYTES = 4  # a token as four bytes, big-endian, so that bytes sort as the ids do


@dataclass(frozen=True)
class Layout:
    """Sequences in the order of the stream: [sequences] each, but for `ids`.

    `ids` are those that the sequences add, one after another; `lengths` are their tokens, `shared`
    those that a sequence shares with the one before; `owners` the prompts that they belong to;
    `kept`: the tokens from the root of the prompt's nodes to the end; `numbers`: those of the nodes
    on the way there, by place in the order, where there are more than the root. `trunks`: on which
    trunk they lie, by number (-1: on none); `leaves`: whether they leave it. `prompts` is a count.
    """

    prompts: int
    ids: Tokens
    lengths: Ints
    shared: Ints
    owners: Ints
    kept: Ints
    numbers: dict[int, list[int]]
    trunks: Ints
    leaves: npt.NDArray[np.bool_]


def laid_out(prompts: Iterable[TokenPaths]) -> Layout:
    """The layout of some prompts, which are read once, in their order."""
    packed: list[bytes] = []
    plain: list[int] = []  # numbers of these among all sequences
    trunks = _Trunks()
    owner, kept = array("q"), array("q")
    numbers: dict[int, list[int]] = {}
    count = -1
    for count, paths in enumerate(prompts):
        for node, on_the_way in _ends(paths):
            number = len(owner)
            if node:
                numbers[number] = on_the_way
            owner.append(count)
            kept.append(len(node) + 1)
            if isinstance(paths.prefix, Stretch):
                trunks.add(number, paths.prefix, node)
            else:
                packed.append(_pack(paths.prefix + node))
                plain.append(number)
    made = _sorted(packed, plain)
    last = packed[made.order[-1]] if packed else b""
    order = [plain[place] for place in made.order]
    del packed
    along = trunks.laid_out(last)
    order += along.order
    lengths = np.concatenate([_ints(made.lengths), _ints(along.lengths)])
    shared = np.concatenate([_ints(made.shared), _ints(along.shared)])
    return Layout(
        count + 1,
        np.concatenate([*made.added, *along.added, np.zeros(0, np.uint32)]),
        lengths,
        shared,
        _ints(owner)[order],
        _ints(kept)[order],
        {at: numbers[number] for at, number in enumerate(order) if number in numbers},
        np.concatenate([np.full(len(made.order), -1), _ints(along.trunks)]),
        np.concatenate([np.zeros(len(made.order), bool), np.asarray(along.leaves, bool)]),
    )


@dataclass
class _Order:
    """Some sequences in the order of the stream, as in `Layout`; `added`: the ids that they add,
    in pieces."""

    order: list[int] = field(default_factory=list)
    lengths: Sequence[int] = field(default_factory=list)
    shared: Sequence[int] = field(default_factory=list)
    added: list[Tokens] = field(default_factory=list)
    trunks: list[int] = field(default_factory=list)
    leaves: list[bool] = field(default_factory=list)


def _sorted(packed: Sequence[bytes], numbers: Sequence[int]) -> _Order:
    """Ordinary sequences; `order` are their places in `packed`."""
    if not packed:
        return _Order()
    order = sorted(range(len(packed)), key=packed.__getitem__)
    shared = [0]
    added = bytearray(packed[order[0]])
    for one, other in pairwise(order):
        common = _common(_tokens(packed[one]), _tokens(packed[other]))
        shared.append(common)
        added += packed[other][common * _BYTES :]
    lengths = [len(packed[place]) // _BYTES for place in order]
    return _Order(order, lengths, shared, [_tokens(bytes(added)).astype(np.uint32)])


class _On(NamedTuple):
    """A sequence on a trunk: `home`, the place of the trunk that it is laid out with; its first
    `leave` ids, then `tail`, whose first is not the trunk's next. They sort in their order: what
    ends on the trunk, what leaves it there, what goes on."""

    home: int
    leave: int
    tail: Ids
    number: int


class _Trunks:
    """Sequences on trunks, gathered."""

    def __init__(self) -> None:
        self._trunks: list[Trunk] = []
        self._known: dict[int, int] = {}  # by identity
        self._gathered: list[tuple[int, int, Ids, int]] = []

    def add(self, number: int, prefix: Stretch, node: Ids) -> None:
        """The sequence of a prefix and a node; what of it lies along the trunk is taken for it."""
        trunk = self._known.setdefault(id(prefix.trunk), len(self._trunks))
        if trunk == len(self._trunks):
            self._trunks.append(prefix.trunk)
        leave, tail = leaving(prefix, node)
        self._gathered.append((trunk, leave, tail, number))

    def laid_out(self, before: bytes) -> _Order:
        """All of them; `before` is the last ordinary sequence, packed."""
        made = _Order()
        if not self._gathered:
            return made
        packed = [trunk.ids.astype(">u4").tobytes() for trunk in self._trunks]
        order = sorted(range(len(packed)), key=packed.__getitem__)
        del packed
        place = {trunk: at for at, trunk in enumerate(order)}
        ids = [self._trunks[trunk].ids for trunk in order]
        common = [0, *(_common(one, other) for one, other in pairwise(ids))]
        sequences = []
        for trunk, leave, tail, number in self._gathered:
            home = place[trunk]
            while home and common[home] >= leave + bool(tail):
                home -= 1
            sequences.append(_On(home, leave, tail, number))
        sequences.sort()
        lengths, shared = list[int](), list[int]()
        last: _On | None = None
        for one in sequences:
            if last is None:
                first = np.concatenate([ids[one.home][: one.leave], np.array(one.tail, np.uint32)])
                shares = _common(_tokens(before), first)
            elif last.home < one.home:
                shares = min(last.leave, min(common[last.home + 1 : one.home + 1]))
            elif last.leave < one.leave:
                shares = last.leave
            else:
                shares = one.leave + _same(last.tail, one.tail)
            lengths.append(one.leave + len(one.tail))
            shared.append(shares)
            made.order.append(one.number)
            made.trunks.append(one.home)
            made.leaves.append(bool(one.tail))
            made.added.append(ids[one.home][shares : one.leave])
            if one.tail:
                made.added.append(np.array(one.tail[max(0, shares - one.leave) :], np.uint32))
            last = one
        made.lengths, made.shared = lengths, shared
        return made


def leaving(prefix: Stretch, node: Ids) -> tuple[int, Ids]:
    """Where a sequence of a prefix on a trunk and a node leaves the trunk, as ids of the trunk, and
    with which ids: none where it lies on the trunk to its end."""
    tail = prefix.rest + node
    ahead = prefix.trunk.ids[prefix.stop : prefix.stop + len(tail)].tolist()
    along = _same(tail, ahead)
    return prefix.stop + along, tail[along:]


def _ends(paths: TokenPaths) -> list[tuple[Ids, list[int]]]:
    """The nodes that no other continues, each with the numbers of the nodes on the way there."""
    if (
        paths.response is None
        and all(len(path) == 1 for path in paths.paths)
        and not any(paths.terminated)
    ):
        return [((), [0])]
    nodes = paths.nodes()
    number = {node: index for index, node in enumerate(nodes)}
    return [(node, [number[node[:end]] for end in range(len(node) + 1)]) for node in maximal(nodes)]


def _same(one: Sequence[int], other: Sequence[int]) -> int:
    """Ids that two share from the start, one by one: few of them."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _common(one: Tokens, other: Tokens) -> int:
    """Tokens that two sequences share from the start."""
    length = min(len(one), len(other))
    same = one[:length] == other[:length]
    return length if same.all() else int(same.argmin())


def _pack(ids: Ids) -> bytes:
    packed = array("I", ids)
    if sys.byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def _tokens(packed: bytes) -> Tokens:
    return np.frombuffer(packed, ">u4")


def _ints(values: Sequence[int] | array[int]) -> Ints:
    return np.asarray(values, np.int64)
