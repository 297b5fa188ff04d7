"""Facts that the user's own wordings and controls use, over all data: whether they say what was
chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.prompts.asked import Asked
from tremble.prompts.own_facts import Path, leaves, written
from tremble.prompts.own_wording import OwnControl, OwnWording, facts_of
from tremble.study.file import Study
from tremble.study.own_fact import Fact
from tremble.text import as_text, did_you_mean

_PARTS = 1000  # of one fact that are looked at


class FactsUsed:
    """The facts that templates use, over all data."""

    def __init__(self) -> None:
        self.known: dict[str, None] = {}
        self.using: dict[Path, OwnWording | OwnControl] = {}
        # By entry, family and what is looked up: each part of that, and all decisions' choices.
        self.found: dict[tuple[str, str, Path], dict[Path, Fact]] = {}
        self.choices: dict[tuple[str, str, Path], Counter[str]] = {}

    def of_entry(
        self, entry: str, study: Study, wanted: Mapping[Asked, set[str] | None]
    ) -> _OfEntry:
        families: dict[Path, list[set[str] | None]] = {}
        for asked, some in wanted.items():
            for one in study.own.of(asked).values():
                for path in sorted(facts_of(one), key=str):
                    self.using.setdefault(path, one)
                    families.setdefault(path, []).append(some)
        return _OfEntry(self, entry, families)

    def check(self, notify: Notify) -> None:
        told: set[tuple[str, str, Path]] = set()
        for path, one in self.using.items():
            what = "control" if isinstance(one, OwnControl) else "wording"
            place = f"{one.file}: the {what} {one.name!r} uses "
            there = {key: parts for key, parts in self.found.items() if key[2] == path and parts}
            if not there:
                hint = did_you_mean(str(path[0]), [*self.known])
                if path[0] in self.known:
                    hint = "; correct it in the template."
                cure = hint if self.known else "; the data contain no facts, see docs/data.md."
                raise UserError(f"{place}{written(path)}, which is in none of the records{cure}")
            for key, parts in there.items():
                self._check_parts(place, key, parts)
            for key, parts in there.items():
                for part, said in self._telling(key, parts):
                    if (*key[:2], part) not in told:
                        told.add((*key[:2], part))
                        notify(
                            f"Warning: {place}{written(part)}, and {said} decisions of {key[1]}; "
                            "remove it if it says what was chosen."
                        )

    def _check_parts(
        self, place: str, key: tuple[str, str, Path], parts: Mapping[Path, Fact]
    ) -> None:
        """Raises UserError where a part is the choice itself."""
        for part, fact in parts.items():
            said = fact.same(len(parts))
            if said is not None:
                raise UserError(
                    f"{place}{written(part)}, which is {said} decisions of {key[1]} that have it; "
                    "remove it from the template."
                )

    def _telling(
        self, key: tuple[str, str, Path], parts: Mapping[Path, Fact]
    ) -> Iterator[tuple[Path, str]]:
        """The parts that tell the choice, each with what it does. A place of lists that are equally
        long is one, counted from either end."""
        before: list[Fact] = []
        for part, fact in parts.items():
            said = fact.tells(self.choices[key], len(parts))
            if said is not None and fact not in before:
                before.append(fact)
                yield part, said


@dataclass(slots=True)
class _OfEntry:
    """Takes down the facts of one entry of data; `families`: what is looked up -> where it is used,
    None for everywhere."""

    facts: FactsUsed
    entry: str
    families: Mapping[Path, list[set[str] | None]]

    def told_of(self, decisions: Iterable[Decision]) -> Iterator[Decision]:
        """The decisions, each taken down as it goes by."""
        for decision in decisions:
            self.add(decision)
            yield decision

    def add(self, decision: Decision) -> None:
        if not self.families:
            return
        person = decision.person
        self.facts.known |= dict.fromkeys(name for name in person if isinstance(name, str))
        for path, used in self.families.items():
            if not any(one is None or decision.family in one for one in used):
                continue
            key = (self.entry, decision.family, path)
            every = self.facts.choices.setdefault(key, Counter())
            if decision.choice is not None:
                every[decision.choice] += 1
            found = self.facts.found.setdefault(key, {})
            for part, value in leaves(person, path):
                if part in found or len(found) < _PARTS:
                    found.setdefault(part, Fact()).add(as_text(value), decision)
