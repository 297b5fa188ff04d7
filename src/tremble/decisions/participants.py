"""At most so many participants of each experiment, the same whenever they are drawn: by hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tremble.decisions.record import Decision, name_hash
from tremble.decisions.sessions import FAMILY
from tremble.text import counted


def experiment_of(decision: Decision) -> str:
    """The experiment that a session belongs to: the data set where none is named."""
    return str(decision.breakdown.get("experiment", decision.dataset))


def hash_order(participants: Iterable[str]) -> list[str]:
    """Participants in the order in which they are drawn: by the hash of their names."""
    return sorted(participants, key=lambda one: (name_hash(one), one))


class Participants:
    """At most `most` participants of each experiment among some sessions; of other families all
    decisions. The first ones in hash order are drawn, so a larger number holds a smaller one."""

    def __init__(self, decisions: Iterable[Decision], most: int) -> None:
        people: dict[str, set[str]] = {}
        for decision in decisions:
            if decision.family == FAMILY:
                people.setdefault(experiment_of(decision), set()).add(_name(decision))
        self.most = most
        self.there = {experiment: len(names) for experiment, names in people.items()}
        self.drawn = {
            experiment: frozenset(hash_order(names)[:most]) for experiment, names in people.items()
        }

    def of(self, decisions: Iterable[Decision]) -> Iterator[Decision]:
        """The decisions of who is drawn, among the same decisions, in their order."""
        for decision in decisions:
            drawn = self.drawn.get(experiment_of(decision), frozenset())
            if decision.family != FAMILY or _name(decision) in drawn:
                yield decision

    def notes(self, entry: str) -> list[str]:
        """A sentence where not everybody is drawn."""
        drawn, there = sum(map(len, self.drawn.values())), sum(self.there.values())
        if drawn == there:
            return []
        larger = sum(count > self.most for count in self.there.values())
        have = "has" if larger == 1 else "have"
        of = f" ({larger:,} of {len(self.there):,} experiments {have} more than {self.most:,})"
        more = of if len(self.there) > 1 else ""
        return [f"{entry}: took {drawn:,} of {counted(there, 'participant')}{more}."]


def _name(decision: Decision) -> str:
    return decision.cluster if decision.participant is None else decision.participant
