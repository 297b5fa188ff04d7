"""What a file of decisions says, as tremble understands it: per family people, items, choices and
parameters, and a prompt of each condition in full; as numbers and in plain sentences."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tremble.api.conditions import Conditions, in_full
from tremble.decisions.record import Decision, name_hash
from tremble.text import as_written, counted, decimal

SHOWN = 4  # values of a parameter that are shown
_KEYS = 20  # option keys of a family whose shares are kept
_PARAMETERS = 100  # parameters of a family that are kept
_VALUES = 1000  # values of a parameter that are told apart


class Understood:
    """Takes in decisions as they pass. Of people and texts it keeps hashes, of values the first
    few, so that a file may have millions of lines."""

    def __init__(self) -> None:
        self.families: dict[str, _Family] = {}
        self.first: dict[str, Any] | None = None  # line, text and id of the first prompt
        self.conditions = Conditions()

    def add(self, decision: Decision, text: str) -> None:
        """A sound decision and its standard prompt in the plain format, of a session any text: a
        session may have thousands of prompts, and those that are shown are made here."""
        if self.first is None:
            shown = in_full(decision, text)
            self.first = {"line": decision.line, "text": shown, "id": decision.id}
        self.conditions.add(decision, text)
        self.families.setdefault(decision.family, _Family()).add(decision)

    def to_json(self) -> dict[str, Any]:
        """`families`: by name, see `_Family.to_json`; `first_prompt`: `line`, `text` and `id`, or
        null where there is no sound decision; and what `Conditions.to_json` says."""
        families = {name: family.to_json() for name, family in self.families.items()}
        return {"families": families, "first_prompt": self.first, **self.conditions.to_json()}


class _Family:
    """What is understood of the decisions of one family."""

    def __init__(self) -> None:
        self.decisions = 0
        self.people: Counter[int] = Counter()  # decisions by participant
        self.unnamed = 0  # single choices of nobody
        self.games: set[int] = set()
        self.items = _Items()
        self.coded, self.target = 0, 0.0  # decisions with a target, and their sum of shares
        self.targets: set[str] = set()  # at most `_KEYS`
        self.offered: Counter[str] = Counter()  # by option key
        self.chosen: dict[str, float] = {}  # sum of shares
        self.optionless = 0  # responses of sessions without options
        self.rates, self.unsized = 0, 0  # decisions with rates; of these without n
        self.sizes: tuple[int, int] | None = None  # least and largest n of rates
        self.config: dict[str, Values] = {}
        self.person: dict[str, Values] = {}

    def add(self, d: Decision) -> None:
        self.decisions += 1
        if d.participant is not None:
            self.people[name_hash(f"{d.dataset}\0{d.participant}")] += 1
        elif d.choice is not None:
            self.unnamed += 1
        if d.game is not None:
            self.games.add(name_hash(f"{d.dataset}\0{d.game.id}"))
        self.items.add(d)
        self._count(d)
        if not d.options:
            self.optionless += 1
        elif d.choice is None:
            self._size(d.n)
        facts = d.facts if d.response is None else d.person  # of a session they are its game's
        for values, given in ((self.config, d.breakdown), (self.person, facts)):
            for name, value in given.items():
                if name in values or len(values) < _PARAMETERS:
                    values.setdefault(name, Values()).add(value)

    def _count(self, d: Decision) -> None:
        shares = {d.choice: 1.0} if d.choice is not None else (d.rates or {})
        if d.target is not None:
            self.coded += 1
            self.target += shares.get(d.target, 0.0)
            if len(self.targets) < _KEYS:
                self.targets.add(d.target)
        for option in d.options:
            key = option.key
            if key in self.offered or len(self.offered) < _KEYS:
                self.offered[key] += 1
                self.chosen[key] = self.chosen.get(key, 0.0) + shares.get(key, 0.0)

    def _size(self, n: int | None) -> None:
        self.rates += 1
        if n is None:
            self.unsized += 1
        else:
            least, largest = self.sizes or (n, n)
            self.sizes = min(least, n), max(largest, n)

    def to_json(self) -> dict[str, Any]:
        """`people`: participants, null where nobody is named; `unnamed`: single choices that name
        none; `without_options`: responses of sessions that have none; `per_person`: least and
        largest number of decisions; `items`: of the user's own
        prompts, as in intervals, null where there are none; `games`; `n`: least and largest of
        rates; `target_share`: mean over decisions that have a target, by no weights; `options`: of
        the first 20 keys the mean share where they are offered; `config`, and `person` of facts in
        records of the user's own prompts and in sessions: see `Values`."""
        each = self.people.values()
        return {
            "decisions": self.decisions,
            "people": len(each) or None,
            "unnamed": self.unnamed,
            "per_person": [min(each), max(each)] if each else None,
            "items": self.items.count or None,
            "games": len(self.games),
            "without_options": self.optionless,
            "rates": self.rates,
            "n": None if self.sizes is None else list(self.sizes),
            "without_n": self.unsized,
            "target": next(iter(self.targets)) if len(self.targets) == 1 else None,
            "with_target": self.coded,
            "target_share": self.target / self.coded if self.coded else None,
            "options": {key: self.chosen[key] / count for key, count in self.offered.items()},
            "config": {name: values.to_json() for name, values in self.config.items()},
            "person": {name: values.to_json() for name, values in self.person.items()},
        }


class _Items:
    """How many items the user's own prompts are: what hangs together through equal names or equal
    texts is one (`stats.frames.clusters` says which)."""

    def __init__(self) -> None:
        self.count = 0
        self._above: dict[int, int] = {}  # a name or a text -> another one of the same item

    def add(self, d: Decision) -> None:
        if d.prompt is None or (d.item is None and d.choice is None):
            return
        read = d.read
        name = f"text\0{read}" if d.item is None else f"item\0{d.dataset}\0{d.item}"
        keys = sorted(option.key for option in d.options)
        text = "\0".join([d.dataset, read, *keys])
        one, other = self._top(name_hash(name)), self._top(name_hash(text))
        if one != other:
            self._above[one] = other
            self.count -= 1

    def _top(self, node: int) -> int:
        if node not in self._above:
            self._above[node] = node
            self.count += 1
        while (above := self._above[node]) != node:
            self._above[node] = node = self._above[above]
        return node


class Values:
    """The distinct values of a parameter: the first few, and how many (at most 1,000)."""

    def __init__(self) -> None:
        self.first: list[Any] = []
        self._seen: set[int] = set()

    def add(self, value: Any) -> None:
        if len(self._seen) == _VALUES:
            return
        text = isinstance(value, str)
        mark = name_hash(f'"{value}' if text else json.dumps(value, sort_keys=True))
        if mark not in self._seen:
            self._seen.add(mark)
            if len(self.first) < SHOWN:
                self.first.append(value)

    def to_json(self) -> dict[str, Any]:
        """`values`: the first distinct ones, `distinct`: how many, at most 1,000."""
        return {"values": self.first, "distinct": len(self._seen)}


def families_said(found: dict[str, Any]) -> Iterator[str]:
    """What `Understood.to_json` says of families, a line each."""
    for name, family in found["families"].items():
        yield f"{name}: {', '.join(_counts(family))}"
        if family["without_options"] < family["decisions"]:
            yield f"  chosen: {_shares(family)}"
        for kind in ("config", "person"):
            for parameter, values in family[kind].items():
                yield f"  {kind} {parameter}: {_listed(values)}"


def _listed(values: dict[str, Any]) -> str:
    shown = ", ".join(map(as_written, values["values"]))
    more = values["distinct"] - len(values["values"])
    least = "at least " if values["distinct"] == _VALUES else ""
    return f"{shown}{f' and {least}{more:,} more' * (more > 0)}"


def _counts(family: dict[str, Any]) -> Iterator[str]:
    yield counted(family["decisions"], "decision")
    if family["decisions"] > family["rates"]:
        yield from _people(family)
    if family["without_options"]:
        of_all = family["without_options"] == family["decisions"]
        which = "all" if of_all else f"{family['without_options']:,} of them"
        yield f"{which} without options, so only the likelihood of the response is used"
    if family["rates"]:
        rates = "" if family["rates"] == family["decisions"] else f"{family['rates']:,} of them "
        if family["n"] is None:
            yield f"{rates}rates based on an unknown number of people"
        else:
            lacking = f" (unknown for {family['without_n']:,})" if family["without_n"] else ""
            yield f"{rates}rates based on {_range(family['n'])} people each{lacking}"
    if family["games"]:
        yield counted(family["games"], "game")
    if family["items"]:
        yield counted(family["items"], "item")


def _people(family: dict[str, Any]) -> Iterator[str]:
    people = family["people"]
    if people is None:
        yield "participants unknown"
        return
    who = "1 participant" if people == 1 else f"{people:,} participants"
    yield f"{who} ({_range(family['per_person'])} each)"
    if family["unnamed"]:
        yield f"{family['unnamed']:,} without a participant"


def _range(bounds: list[int]) -> str:
    least, largest = bounds
    return f"{least:,}" if least == largest else f"{least:,} to {largest:,}"


def _shares(family: dict[str, Any]) -> str:
    target, share = family["target"], family["target_share"]
    parts = [
        f"{key!r} {decimal(value)}{' (the target option)' if key == target else ''}"
        for key, value in list(family["options"].items())[:_KEYS]
    ]
    if len(parts) == _KEYS:
        parts.append("...")
    if share is None:
        parts.append("no target option")
    elif target is None:
        parts.append(f"the target option (it differs between lines) {decimal(share)}")
    if share is not None and family["with_target"] < family["decisions"]:
        parts.append(f"{family['with_target']:,} of the decisions have a target option")
    return ", ".join(parts)
