"""Which prompts a probe shows: a few of a study's, spread over its families, data and parameters.

The choice follows from the names and texts alone, so that the same study gives the same prompts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import TypeVar

from tremble.decisions.record import Decision, name_hash
from tremble.study.cells import Cell
from tremble.study.data import decisions_of, nothing_in
from tremble.study.file import Study
from tremble.study.render import Prompt, read_alone
from tremble.study.selection import check_families, keeps, of_families
from tremble.tokenization.options import Tokenizer

Stratum = tuple[str, str]  # entry of data, family
_Item = TypeVar("_Item")


class _Drawn:
    """Decisions of one family of one entry: of so many settings (`Decision.breakdown`) as many
    each, those whose hashes are smallest; a text counts once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: dict[int, dict[int, Decision]] = {}

    def add(self, decision: Decision) -> None:
        setting = json.dumps(decision.breakdown, sort_keys=True, default=str)
        of_setting = self._room(self.held, name_hash(setting))
        if of_setting is None:
            return
        text = decision.id if decision.prompt is None else f"{decision.system}\n{decision.prompt}"
        name = name_hash(text)
        of_setting.setdefault(name, decision)
        if len(of_setting) > self.most:
            del of_setting[max(of_setting)]

    def _room(self, held: dict[int, dict[int, Decision]], name: int) -> dict[int, Decision] | None:
        """The place of a setting; None where the settings with smaller hashes fill all places."""
        if name not in held and len(held) == self.most:
            if name > (largest := max(held)):
                return None
            del held[largest]
        return held.setdefault(name, {})

    def in_turn(self) -> list[Decision]:
        """One of each setting, then another of each, and so on."""
        each = [
            [decision for _, decision in sorted(some.items())]
            for _, some in sorted(self.held.items())
        ]
        return list(in_turn(each))


def in_turn(lists: Iterable[Sequence[_Item]]) -> Iterator[_Item]:
    """The first of each list, then the second of each, and so on."""
    nothing = object()
    for row in zip_longest(*lists, fillvalue=nothing):
        for one in row:
            if one is not nothing:
                yield one  # type: ignore[misc]


def spread(study: Study, most: int) -> tuple[dict[Stratum, list[Decision]], int]:
    """At most so many decisions of every family of every entry of data, settings in turn; and how
    many were left out, since they have no options that could have a mass (responses of sessions).
    All data are read once.

    Raises UserError for data that are empty or faulty, and for families that are not there.
    """
    drawn: dict[Stratum, _Drawn] = {}
    families: dict[str, dict[str, None]] = {entry: {} for entry in study.data}
    optionless = 0
    for entry in study.data:
        decisions = decisions_of(entry, study.folder, study.part)
        for decision in of_families(study.families, decisions, families[entry]):
            if not decision.options:
                optionless += 1
                continue
            drawn.setdefault((entry, decision.family), _Drawn(most)).add(decision)
        if not families[entry]:
            raise nothing_in(entry, study.folder, study.part)
    check_families(study.families, families)
    return {stratum: some.in_turn() for stratum, some in drawn.items()}, optionless


def shown(
    study: Study,
    strata: Mapping[Stratum, Sequence[Decision]],
    cells: Sequence[Cell],
    tokenizer: Tokenizer,
    most: int,
) -> tuple[list[tuple[Cell, Prompt]], int]:
    """At most so many prompts of decisions of `spread`, families in turn, each in its first
    presentation; and how many were passed over, since their wording is not applicable. In the first
    wording and format where that has so many, else also in those that follow.

    Raises UserError for a decision that cannot be read.
    """
    found: list[tuple[Cell, Prompt]] = []
    passed = 0
    texts: set[str] = set()
    for group in _by_wording(cells):
        each = [
            [(cell, decision) for decision in decisions]
            for (entry, family), decisions in strata.items()
            for cell in group
            if cell.dataset == entry and keeps(study, cell, family)
        ]
        for cell, decision in in_turn(each):
            if len(found) == most:
                return found, passed
            prompt = _first(study, cell, decision, tokenizer)
            if prompt.conversation is None:
                passed += 1
            elif prompt.text not in texts:
                texts.add(prompt.text)
                found.append((cell, prompt))
    return found, passed


def _by_wording(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells of each format and wording together, over all data; wordings alone, before those
    under a control or in another reading."""
    groups: dict[tuple[bool, str, str], list[Cell]] = {}
    for cell in cells:
        beside = cell.asked.beside is not None
        groups.setdefault((beside, cell.format, cell.formulation), []).append(cell)
    alone = [group for (beside, *_), group in groups.items() if not beside]
    return list(chain(alone, (group for (beside, *_), group in groups.items() if beside)))


def _first(study: Study, cell: Cell, decision: Decision, tokenizer: Tokenizer) -> Prompt:
    """The first presentation of a decision in a cell."""
    return read_alone(study, cell, decision, tokenizer)[0]
