"""Prompts that lie on one trunk, read from one pass over it.

Where the next-token distribution is wanted, every token before is the trunk's own, so that a pass
over the trunk has it at its place. What leaves the trunk is a prompt of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Stretch, Trunk


@dataclass(frozen=True, slots=True)
class OnTrunk:
    """A prompt of which every node lies on its trunk: `index`, its place among those given, and
    `nodes`, how many it has, one a token from its root on. `first`: the place of the root."""

    index: int
    trunk: Trunk
    first: int
    nodes: int

    @property
    def stop(self) -> int:
        """The ids of the trunk that it needs."""
        return self.first + self.nodes


def on_trunk(index: int, paths: TokenPaths) -> OnTrunk | None:
    """A prompt as one of its trunk, if all of its nodes lie there."""
    prefix = paths.prefix
    if not isinstance(prefix, Stretch):
        return None
    nodes = paths.nodes()
    longest = nodes[-1]
    tail = prefix.rest + longest
    ahead = prefix.trunk.ids[prefix.stop : prefix.stop + len(tail)].tolist()
    along = list(tail) == ahead and all(node == longest[: len(node)] for node in nodes)
    return OnTrunk(index, prefix.trunk, len(prefix) - 1, len(longest) + 1) if along else None


def together(prompts: Sequence[OnTrunk], rows: int) -> Iterator[list[OnTrunk]]:
    """Prompts of one trunk that were given one after another, at most so many rows in a piece (or
    those of one prompt)."""
    piece: list[OnTrunk] = []
    count = 0
    for one in prompts:
        count += one.nodes
        if piece and (one.trunk is not piece[0].trunk or count > rows):
            yield piece
            piece, count = [], one.nodes
        piece.append(one)
    if piece:
        yield piece
