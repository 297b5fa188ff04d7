"""Wordings and controls of packages, checked with the data before anything is scored, as the user's
own are (`own_check`): they show nothing that a person could not see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappush, heapreplace
from typing import Any

from tremble.decisions.record import Decision, name_hash
from tremble.errors import UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import unfit
from tremble.prompts import controls, formulations
from tremble.prompts.asked import Asked
from tremble.prompts.conversation import Conversation, NotApplicable
from tremble.prompts.formulations import spoken
from tremble.prompts.presentations import presentations
from tremble.study.cells import Cell
from tremble.study.data import GamesOnDemand, decisions_of
from tremble.study.file import Study
from tremble.study.own_check import SAMPLE, unseen


def check_packages(study: Study, cells: Iterable[Cell]) -> None:
    """Checks the wordings and controls that packages add with the data of some cells.

    Of a sample of each family the text must be the same twice, and when what the person could not
    see changes. Controls that take something from other games are not compared: what they take may
    go by the whole game. Raises UserError with the package in it.
    """
    asked_of: dict[str, dict[Asked, set[str] | None]] = {}
    for cell in cells:
        if cell.asked.reading is None and _entry(cell.asked) is not None:
            families = None if cell.families is None else {*cell.families}
            asked_of.setdefault(cell.dataset, {})[cell.asked] = families
    for data, wanted in asked_of.items():
        sample = _lowest(decisions_of(data, study.folder, study.sample))
        for asked, families in wanted.items():
            for family, some in sample.items():
                if families is None or family in families:
                    _check(study, asked, some, GamesOnDemand(data, study.folder))


def _entry(asked: Asked) -> Entry | None:
    """What of it a package adds, first the control; None where all of it is tremble's or the
    user's own, and where a control of tremble takes other games."""
    if _is_added(asked.control):
        assert asked.control is not None
        return controls.EXTENSIONS.entry(asked.control)
    return None if asked.control is not None else formulations.EXTENSIONS.entry(asked.wording)


def _is_added(control: str | None) -> bool:
    return control is not None and controls.EXTENSIONS.entry(control) is not None


def _lowest(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    """Of each family the decisions with the lowest hashes."""
    lowest: dict[str, list[tuple[int, int, Decision]]] = {}
    for at, decision in enumerate(decisions):
        held = lowest.setdefault(decision.family, [])
        entry = (-name_hash(decision.id), -at, decision)
        if len(held) < SAMPLE:
            heappush(held, entry)
        elif entry > held[0]:
            heapreplace(held, entry)
    return {family: [one for _, _, one in sorted(held)][::-1] for family, held in lowest.items()}


def _check(
    study: Study, asked: Asked, decisions: Iterable[Decision], others: GamesOnDemand
) -> None:
    words = spoken(asked, others, study.own)
    for decision in decisions:
        for number in presentations(decision, study.counterbalance)[:2]:
            others.used = False
            shown = _shown(words, decision, number)
            if shown is None or others.used:
                continue
            for what, other in _changed(decision):
                if _differs(words, other, number, shown):
                    entry = _entry(asked)
                    assert entry is not None  # else it is not asked for
                    raise unfit(
                        entry,
                        f"shows {what} in the decision {decision.id!r}, which the person could "
                        "not see."
                        if what
                        else f"gives two texts of the decision {decision.id!r}; it must give the "
                        "same one whenever it is asked.",
                    )


def _changed(decision: Decision) -> Iterator[tuple[str, Decision]]:
    """The decision as it is, then with what its person could not see changed, and what that is."""
    yield "", decision
    yield from unseen(decision)


def _shown(words: Any, decision: Decision, number: int) -> Conversation | None:
    try:
        made: Conversation = words(decision, number)
    except NotApplicable:
        return None
    return made


def _differs(words: Any, decision: Decision, number: int, shown: Conversation) -> bool:
    """Whether the text is another one. One that cannot be made any more went by what is gone."""
    try:
        return _shown(words, decision, number) != shown
    except UserError:
        return True
