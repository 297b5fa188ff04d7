"""The user's own wordings and controls, checked with the data before anything is scored: they
show nothing that a person could not see, and no fact that says what was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tremble.decisions.record import Decision
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.prompts import controls
from tremble.prompts.asked import Asked
from tremble.prompts.conversation import NotApplicable
from tremble.prompts.formulations import shown_under, spoken
from tremble.prompts.parts import own_prompt
from tremble.prompts.presentations import presentations
from tremble.study.cells import Cell
from tremble.study.data import GamesOnDemand, decisions_of
from tremble.study.file import Study
from tremble.study.own_labels import check_labels, check_meanings
from tremble.study.own_said import FactsUsed
from tremble.study.unseen import asked_of, sampled, shown_by, unseen


def check_own(study: Study, cells: Iterable[Cell], notify: Notify) -> None:
    """Checks the user's own wordings and controls with the data of some cells.

    Of a sample of each family the texts, alone and under controls, must stay the same when what the
    person could not see changes: the choice or rates, what came later, what was hidden, the
    parameters of the data, what only other people knew; and labels that they write out must be
    those shown. Of all decisions, no fact that a template uses may be the choice itself; `notify`
    is told of one whose values tell the choice, and of labels that stand for one option here and
    another there. Raises UserError, also for a fact that no record has and for a text that cannot
    be rendered.
    """
    facts = FactsUsed()
    told: set[str] = set()

    def once(warning: str) -> None:  # the same template is asked for under several controls
        if warning not in told:
            told.add(warning)
            notify(warning)

    for entry, wanted in asked_of(cells, lambda asked: bool(study.own.of(asked))).items():
        decisions = decisions_of(entry, study.folder, study.part)
        lowest = sampled(facts.of_entry(entry, study, wanted).told_of(decisions))
        others = GamesOnDemand(entry, study.folder)
        for asked, families in wanted.items():
            for family, some in lowest.items():
                if families is None or family in families:
                    check_meanings([*study.own.of(asked).values()], some, once)
                    _check_sample(study, asked, some, others)
    facts.check(notify)


def _check_sample(
    study: Study, asked: Asked, decisions: Iterable[Decision], others: GamesOnDemand
) -> None:
    """Raises UserError where a decision's text cannot be rendered, or shows what the person could
    not see."""
    own = study.own.of(asked)
    words, own_controls = spoken(asked, others, study.own), [c.name for c in study.own.controls]
    for decision in decisions:
        numbers = presentations(decision, study.counterbalance)
        views = _views(study, asked, decision, others)
        check_labels([*own.values()], decision, views, asked.control)
        if asked.control is not None and controls.EXTENSIONS.entry(asked.control) is not None:
            continue  # `package_check` holds it to what it may take from other games
        for number in numbers if asked.control in (None, *own_controls) else numbers[:2]:
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


def _views(
    study: Study, asked: Asked, decision: Decision, others: GamesOnDemand
) -> Mapping[int, View]:
    """What a decision shows, by presentation; nothing of prompts of the user's own, which have
    their labels in them."""
    found: dict[int, View] = {}
    if own_prompt(decision) is not None:
        return found
    for number in presentations(decision, study.counterbalance):
        try:
            found[number] = shown_under(asked, decision, number, others, study.own)
        except NotApplicable:
            continue
    return found
