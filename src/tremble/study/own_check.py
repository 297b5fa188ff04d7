"""The user's own wordings and controls, checked with the data before anything is scored: they
show nothing that a person could not see, and no fact that says what was chosen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.prompts.asked import Asked
from tremble.prompts.formulations import spoken
from tremble.prompts.own_facts import Path, leaves, written
from tremble.prompts.own_wording import OwnControl, OwnWording, facts_of
from tremble.prompts.presentations import presentations
from tremble.study.cells import Cell
from tremble.study.data import decisions_of
from tremble.study.file import Study
from tremble.study.own_labels import check_labels
from tremble.study.unseen import asked_of, sampled, shown_by, unseen
from tremble.text import as_text, composed, did_you_mean

_FEWEST = 5  # decisions, below which chance alone makes a fact follow the choice
_AGAIN = 3  # of them whose value occurred before: fewer go with one choice by chance
_PARTS = 1000  # of one fact that are looked at


def check_own(study: Study, cells: Iterable[Cell], notify: Notify) -> None:
    """Checks the user's own wordings and controls with the data of some cells.

    Of a sample of each family the texts must stay the same when what the person could not see
    changes: the choice or rates, what came later, what was hidden, the parameters of the data, what
    only other people knew; and labels that they write out must be those shown. Of all decisions, no
    fact that a template uses may be the choice itself; `notify` is told of one whose values go with
    one choice each. Raises UserError, also for a fact that no record has and for a text that cannot
    be rendered.
    """
    facts = _Facts()
    for entry, wanted in asked_of(cells, lambda asked: bool(study.own.of(asked))).items():
        decisions = decisions_of(entry, study.folder, study.part)
        lowest = sampled(facts.of_entry(entry, study, wanted).told_of(decisions))
        for asked, families in wanted.items():
            for family, some in lowest.items():
                if families is None or family in families:
                    _check_sample(study, asked, some)
    facts.check(notify)


def _check_sample(study: Study, asked: Asked, decisions: Iterable[Decision]) -> None:
    """Raises UserError where a decision's text cannot be rendered, or shows what the person could
    not see."""
    own = study.own.of(asked)
    if asked.control is not None and "control" not in own:
        return  # built-in controls may go by the whole game
    words = spoken(asked, own=study.own)
    for decision in decisions:
        numbers = presentations(decision, study.counterbalance)
        check_labels([*own.values()], decision, numbers)
        for number in numbers:
            shown = shown_by(words, decision, number)
            if shown is None:
                continue
            for what, other in unseen(decision):
                if shown_by(words, other, number) != shown:
                    one = next(iter(own.values()))
                    raise UserError(
                        f"{one.file}: {asked.name!r} shows {what} in the decision "
                        f"{decision.id!r}, which the person could not see; leave it out of the "
                        "template."
                    )


@dataclass(slots=True)
class _Fact:
    """What one fact, or one part of it, was in the decisions of one family: how many have it, with
    which choices, whether it was always the choice itself, and the choice that each value goes with
    as long as no value goes with two."""

    choices: Counter[str] = field(default_factory=Counter)
    itself: bool = True
    choice_of: dict[int, str] | None = field(default_factory=dict)

    def add(self, value: str, decision: Decision) -> None:
        choice = decision.choice
        if choice is None:  # a rate of many people
            self.itself, self.choice_of = False, None
            return
        self.choices[choice] += 1
        labels = {o.label for o in decision.options if o.key == choice}
        self.itself = self.itself and _bare(value) in {_bare(text) for text in (choice, *labels)}
        if self.choice_of is not None and self.choice_of.setdefault(hash(value), choice) != choice:
            self.choice_of = None

    @property
    def same(self) -> bool:
        """Whether it is the choice itself, and the choice is not always the same."""
        return self.itself and len(self.choices) > 1

    def follows(self, every: Counter[str]) -> bool:
        """Whether each value, and that there is none, goes with one choice only, in decisions
        enough and with values that occur again; `every`: all decisions of the family."""
        missing = every - self.choices
        if self.choice_of is None or len(missing) > 1 or len(every) < 2:
            return False
        values = len(self.choice_of) + len(missing)
        return every.total() >= _FEWEST and every.total() - values >= _AGAIN


def _bare(text: str) -> str:
    """A text without capitals, and without what is around its words."""
    return re.sub(r"^\W+|\W+$", "", composed(text)).casefold() or text


class _Facts:
    """The facts that templates use, over all data."""

    def __init__(self) -> None:
        self.known: dict[str, None] = {}
        self.using: dict[Path, OwnWording | OwnControl] = {}
        # By entry, family and what is looked up: each part of that, and all decisions' choices.
        self.found: dict[tuple[str, str, Path], dict[Path, _Fact]] = {}
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
                for part, fact in parts.items():
                    whose, every = f"{place}{written(part)}", self.choices[key]
                    if fact.same:
                        raise UserError(
                            f"{whose}, which is the choice itself in all {fact.choices.total():,} "
                            f"decisions of {key[1]} that have it; remove it from the template."
                        )
                    if fact.follows(every) and (*key[:2], part) not in told:
                        told.add((*key[:2], part))
                        notify(
                            f"Warning: {whose}, and each of its values goes with one choice only "
                            f"in all {every.total():,} decisions of {key[1]}; remove it if it says "
                            "what was chosen."
                        )


@dataclass(slots=True)
class _OfEntry:
    """Takes down the facts of one entry of data; `families`: what is looked up -> where it is used,
    None for everywhere."""

    facts: _Facts
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
                    found.setdefault(part, _Fact()).add(as_text(value), decision)
