"""Keys of a study file that are about sessions, compared with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tremble.decisions.sessions import FAMILY
from tremble.errors import UserError
from tremble.settings.toml import value_text
from tremble.study.data import people_of
from tremble.study.file import Study
from tremble.text import counted, some_of

_NAMED = 5  # facts named in a sentence


def check_sessions(study: Study, there: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError for keys about sessions where the data have none, for questions of
    interviews that no persona asks, and for interviews where nobody has a fact that they ask for.
    `there`: entry of `data` -> the families in it."""
    if study.persona_questions is not None and not study.interviews:
        raise UserError(
            f"persona_questions = {value_text(study.persona_questions)} has no effect, because no "
            'interview is asked for; add personas = ["own", "other"] to [study], or remove '
            "persona_questions."
        )
    entries = [entry for entry, families in there.items() if FAMILY in families]
    if not entries:
        for name, value in _about_sessions(study).items():
            raise UserError(
                f"{name} = {value_text(value)} is about sessions, but the data of the study "
                f"{study.name!r} have none; remove it, or give data with sessions."
            )
    if study.interviews:
        _check_facts(study, entries)


def fact_notes(study: Study, there: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence where `persona_questions` ask for facts that nobody in the data has; `there` as
    above. The questions of tremble are for many experiments, so none has all of their facts."""
    if study.persona_questions is None or not study.interviews:
        return []
    entries = [entry for entry, families in there.items() if FAMILY in families]
    people = [people_of(entry, study.folder, study.questions) for entry in entries]
    known = {fact for one in people for said in one.said.values() for fact in said}
    lacking = [repr(one.fact) for one in study.questions if one.fact not in known]
    if not lacking:
        return []
    named = list(dict.fromkeys(name for one in people for name in one.named))
    count = sum(len(one.said) for one in people)
    what = "the fact" if len(lacking) == 1 else "each of the facts"
    return [
        f"persona_questions: 0 of {counted(count, 'participant')} have {what} {_listed(lacking)}, "
        f"so no interview asks for it; the facts in the data are {_listed(named)}."
    ]


def _about_sessions(study: Study) -> dict[str, object]:
    """The keys about sessions that are given, with their values."""
    given: dict[str, object] = {}
    if study.participants is not None:
        given["participants"] = study.participants
    if study.session_characters is not None:
        given["session_characters"] = study.session_characters
    if study.interviews:
        given["personas"] = list(study.personas)
    if study.too_long == "cut":
        given["too_long"] = study.too_long
    return given


def _check_facts(study: Study, entries: Sequence[str]) -> None:
    named: dict[str, None] = {}
    for entry in entries:
        people = people_of(entry, study.folder, study.questions)
        if any(people.said.values()):
            return
        named |= dict.fromkeys(people.named)
    asked = _listed([one.fact for one in study.questions])
    have = f"their facts are {_listed(list(named))}" if named else "they have no facts"
    raise UserError(
        f"personas = {value_text(list(study.personas))} needs facts about participants, but nobody "
        f"in the data has one that the questions ask for ({asked}); {have}, so remove personas, "
        "give data with such facts, or ask for those there are with persona_questions."
    )


def _listed(names: Sequence[str]) -> str:
    return some_of(names[:_NAMED], len(names) - _NAMED)
