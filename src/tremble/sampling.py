"""A part of the data that is the same whenever it is drawn: whole people and games, by hash.

What is drawn hangs on names alone: no seed, and the same data give the same part. Games that share
a person belong together, and so do the people of one game: such a cluster comes whole or not at
all. Clusters are taken in the order of their hashes until the next one would be too much, so that
a larger sample holds a smaller one, and large clusters are not likelier to come first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor

from tremble.decisions import Decision, name_hash


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn of one family: by the hash of a game, how many of its decisions, the first
    ones; and of how many `decisions` and `games` there are (a decision without one is a game)."""

    taken: Mapping[int, int]
    decisions: int
    games: int
    in_part: bool


class Sample:
    """At most `most` decisions of each family. Only hashes of games and people are kept."""

    def __init__(self, decisions: Iterable[Decision], most: int) -> None:
        found: dict[str, _Games] = {}
        for decision in decisions:
            found.setdefault(decision.family, _Games()).add(decision)
        self.drawn = {family: games.drawn(most) for family, games in found.items()}

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
        """Whole clusters. Of a first one that alone is too large, whole games; of a first game that
        alone is too large, its first decisions."""
        clusters: dict[int, list[int]] = {}
        for game in self.sizes:
            clusters.setdefault(self._top(game), []).append(game)
        order = sorted(clusters.values(), key=lambda games: reduce(xor, games))
        first = sorted(order[0])
        taken = (
            self._fitting(order, most)
            or self._fitting([[game] for game in first], most)
            or {first[0]: most}
        )
        in_part = any(count < self.sizes[game] for game, count in taken.items())
        return Drawn(taken, self.sizes.total(), len(self.sizes), in_part)

    def _fitting(self, order: Sequence[Sequence[int]], most: int) -> dict[int, int]:
        """The games of the first groups that come to at most so many decisions."""
        taken: dict[int, int] = {}
        for games in order:
            most -= sum(self.sizes[game] for game in games)
            if most < 0:
                break
            taken |= {game: self.sizes[game] for game in games}
        return taken


def _games(one: Drawn) -> str:
    """How many of the games, where that is not said by the number of decisions."""
    if one.games == one.decisions:
        return ""
    return f" ({_of(len(one.taken), one.games)} games{', one in part' if one.in_part else ''})"


def _of(some: int, of_all: int) -> str:
    return f"{some:,} of {of_all:,}"
