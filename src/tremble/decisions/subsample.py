"""A part of the data that is the same whenever it is drawn: whole people and games, by hash.

What is drawn hangs on names alone: no seed, and the same data give the same part. Games that share
a person belong together, and so do the people of one game: they are a cluster. Clusters are taken
in the order of their hashes, so that large ones are not likelier to come first, and the games of
one in the order of theirs, until the next game would be too much. So a larger sample holds a
smaller one, and at most the last cluster is in part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import xor

from tremble.decisions.record import Decision, name_hash

FEW_GAMES = 20  # with fewer, resampling them says little


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of one family: by the hash of a game, how many of its decisions, the first
    ones; and of how many `decisions` and `games` there are (a decision without one is a game).
    `in_part`: not all decisions of one game, `split`: not all games of one cluster."""

    taken: Mapping[int, int]
    decisions: int
    games: int
    in_part: bool
    split: bool


class Sample:
    """At most `most` decisions of each family. Only hashes of games and people are kept."""

    def __init__(self, decisions: Iterable[Decision], most: int) -> None:
        games: dict[str, _Games] = {}
        for decision in decisions:
            games.setdefault(decision.family, _Games()).add(decision)
        self.drawn = {family: one.drawn(most) for family, one in games.items()}

    def size(self) -> int:
        """How many decisions are drawn, of all families."""
        return sum(sum(one.taken.values()) for one in self.drawn.values())

    def of(self, decisions: Iterable[Decision]) -> Iterator[Decision]:
        """Those drawn of the same decisions, read again, in their order."""
        left = {family: dict(one.taken) for family, one in self.drawn.items()}
        for decision in decisions:
            games, game = left.get(decision.family, {}), name_hash(decision.cluster)
            if games.get(game):
                games[game] -= 1
                yield decision

    def notes(self, entry: str, families: Container[str]) -> list[str]:
        """A sentence for each of some families of which not all decisions are drawn."""
        return [
            f"{entry}: sampled {_of(sum(one.taken.values()), one.decisions)} decisions of {family}"
            f"{_games(one)}."
            for family, one in self.drawn.items()
            if family in families and sum(one.taken.values()) < one.decisions
        ]


class _Games:
    """The games of one family, and which of them share a person."""

    def __init__(self) -> None:
        self.sizes: Counter[int] = Counter()
        self.above: dict[int, int] = {}  # a game or person -> another of its cluster

    def add(self, decision: Decision) -> None:
        game = name_hash(decision.cluster)
        self.sizes[game] += 1
        if decision.participant is not None:  # equal names in two data sets are two people
            person = name_hash(f"person\n{decision.dataset}\n{decision.participant}")
            self.above[self._top(person)] = self._top(game)

    def _top(self, node: int) -> int:
        """The one that stands for a cluster."""
        while (above := self.above.setdefault(node, node)) != node:
            self.above[node] = node = self.above[above]
        return node

    def drawn(self, most: int) -> Drawn:
        """Whole games, cluster by cluster; of a first game that alone is too large, its first
        decisions."""
        clusters: dict[int, list[int]] = {}
        for game in self.sizes:
            clusters.setdefault(self._top(game), []).append(game)
        order = sorted(clusters.values(), key=lambda games: reduce(xor, games))
        taken = self._fitting((game for games in order for game in sorted(games)), most)
        return Drawn(
            taken,
            self.sizes.total(),
            len(self.sizes),
            in_part=any(count < self.sizes[game] for game, count in taken.items()),
            split=any(0 < sum(game in taken for game in games) < len(games) for games in order),
        )

    def _fitting(self, games: Iterable[int], most: int) -> dict[int, int]:
        """The first games that come to at most so many decisions, and how many of each."""
        taken: dict[int, int] = {}
        for game in games:
            if not taken or self.sizes[game] <= most:
                taken[game] = min(most, self.sizes[game])
                most -= taken[game]
            else:
                break
        return taken


def _games(one: Drawn) -> str:
    """How many of the games, where that is not said by the number of decisions, and what follows
    from how they were drawn."""
    remarks = []
    if one.games != one.decisions:
        in_part = ", one in part" if one.in_part else ""
        remarks.append(f"{_of(len(one.taken), one.games)} games{in_part}")
    if one.split:
        remarks.append("some games of the same people are not in the sample")
    if len(one.taken) < min(FEW_GAMES, one.games):
        remarks.append("few games, so intervals are wide")
    return f" ({'; '.join(remarks)})" if remarks else ""


def _of(some: int, of_all: int) -> str:
    return f"{some:,} of {of_all:,}"
