"""Keys of a study file that are about sessions, compared with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tremble.decisions.sessions import FAMILY
from tremble.errors import UserError
from tremble.settings.toml import value_text
from tremble.study.data import people_of
from tremble.study.file import NO_PERSONA, Study
from tremble.text import some_of

_NAMED = 5  # facts named in a sentence


def check_sessions(study: Study, there: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError for keys about sessions where the data have none, and for interviews where
    nobody has a fact that they ask for. `there`: entry of `data` -> the families in it."""
    entries = [entry for entry, families in there.items() if FAMILY in families]
    if not entries:
        for name, value in _about_sessions(study).items():
            raise UserError(
                f"{name} = {value_text(value)} is about sessions, but the data of the study "
                f"{study.name!r} have none; remove it, or give data with sessions."
            )
    if len(study.personas) > 1:
        _check_facts(study, entries)


def _about_sessions(study: Study) -> dict[str, object]:
    """The keys about sessions that are given, with their values."""
    given: dict[str, object] = {}
    if study.participants is not None:
        given["participants"] = study.participants
    if study.session_characters is not None:
        given["session_characters"] = study.session_characters
    if set(study.personas) != {NO_PERSONA}:
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
