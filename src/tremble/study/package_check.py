"""Wordings and controls of packages, checked with the data before anything is scored, as the user's
own are (`own_check`): they show nothing that a person could not see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import unfit
from tremble.prompts import controls, formulations
from tremble.prompts.asked import Asked
from tremble.prompts.conversation import Conversation, Formulation
from tremble.prompts.formulations import spoken
from tremble.prompts.presentations import presentations
from tremble.study.cells import Cell
from tremble.study.data import GamesOnDemand, decisions_of
from tremble.study.file import Study
from tremble.study.unseen import asked_of, sampled, shown_by, unseen

# What no control may go by, wherever it takes other games from: "" is the decision unchanged.
_NEVER = ("", "the choice", "what people chose", "what happened later")


def check_packages(study: Study, cells: Iterable[Cell]) -> None:
    """Checks the wordings and controls that packages add with the data of some cells.

    Of a sample of each family the text must be the same twice, and when what the person could not
    see changes. What a package's control takes from other games may go by parameters and by hidden
    events, and not by what was chosen here or happened later; those games stay as they are. Raises
    UserError with the package in it.
    """
    for data, wanted in asked_of(cells, lambda asked: _entry(asked) is not None).items():
        sample = sampled(decisions_of(data, study.folder, study.part))
        for asked, families in wanted.items():
            for family, some in sample.items():
                if families is None or family in families:
                    _check(study, asked, some, GamesOnDemand(data, study.folder))


def check_decision(study: Study, asked: Asked, data: str, decision: Decision) -> None:
    """Checks what a package adds to what is asked with one decision of an entry of data, as
    `check_packages` does with more. Raises UserError with the package in it."""
    if _entry(asked) is not None:
        _check(study, asked, [decision], GamesOnDemand(data, study.folder))


def _entry(asked: Asked) -> Entry | None:
    """What of it a package adds, first the control; None where all of it is tremble's or the
    user's own."""
    added = None if asked.control is None else controls.EXTENSIONS.entry(asked.control)
    return added or formulations.EXTENSIONS.entry(asked.wording)


def _check(
    study: Study, asked: Asked, decisions: Iterable[Decision], others: GamesOnDemand
) -> None:
    words, entry = spoken(asked, others, study.own), _entry(asked)
    assert entry is not None  # else it is not asked for
    free = entry.kind == "control"  # tremble's own controls are known to show no more
    for decision in decisions:
        for number in presentations(decision, study.counterbalance)[:2]:
            others.used = False
            shown = shown_by(words, decision, number)
            if shown is None:
                continue
            for what, other in _changed(decision):
                if free and others.used and what not in _NEVER:
                    continue
                if _differs(words, other, number, shown):
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


def _differs(words: Formulation, decision: Decision, number: int, shown: Conversation) -> bool:
    """Whether the text is another one. One that cannot be made any more went by what is gone."""
    try:
        return shown_by(words, decision, number) != shown
    except UserError:
        return True
