"""Arms of interviews: a session alone, or behind an interview about its participant.

`own`: the participant's own facts. `other`: those of somebody else, so that what an interview does
to everybody is in both. `refused`: the same questions, not answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Protocol

from tremble.decisions.participants import experiment_of, hash_order
from tremble.decisions.record import Decision
from tremble.decisions.sessions import FAMILY
from tremble.prompts.conversation import (
    AS_IT_WAS,
    ControlNotApplicable,
    Conversation,
    Formulation,
    Telling,
)
from tremble.prompts.interview import Questions, answers, interview, refused

Said = Mapping[str, str]  # what a participant says, by fact (`interview.answers`)
NO_SESSION = "an interview only goes before a session"
NO_FACTS = "the participant has no facts that the interview asks for"
ALONE = "nobody else in the experiment has the same facts to tell"
CHANGED = "the participant's sessions have different facts to tell"


class People(Protocol):
    """The participants of one entry of `data`, as interviews need them."""

    @property
    def questions(self) -> Questions: ...

    def other(self, participant: str) -> Said | None:
        """What the one says whose facts are put before this participant's session in the arm
        `other`; None where nobody has the same facts."""
        ...


def other_of(people: Sequence[tuple[str, Said]]) -> dict[str, str | None]:
    """Of each participant of ONE experiment the one whose facts are told in the arm `other`.

    `people`: each participant once, with what they say. It is the next one in hash order among
    those who answer the same questions, after the last the first: so everybody's facts are told
    once. None for who is alone with their questions, and for who answers none.
    """
    said = dict(people)
    groups: dict[frozenset[str], list[str]] = {}
    for participant in hash_order(said):
        groups.setdefault(frozenset(said[participant]), []).append(participant)
    found: dict[str, str | None] = {}
    for facts, group in groups.items():
        following = [*group[1:], group[0]]
        for one, other in zip(group, following, strict=True):
            found[one] = other if facts and other != one else None
    return found


@dataclass(frozen=True)
class Interviewed:
    """The participants of some decisions: what each says (`said`), and whose facts stand for whose
    (`others`, None for who is alone), over all experiments; `named`: all facts in records."""

    questions: Questions
    said: Mapping[str, Said]
    others: Mapping[str, str | None]
    named: tuple[str, ...] = ()

    @classmethod
    def of(cls, decisions: Iterable[Decision], questions: Questions) -> Interviewed:
        """Of all sessions among some decisions. A participant with several sessions says what is
        known at the first in which anything is."""
        experiments: dict[str, dict[str, Said]] = {}
        named: dict[str, None] = {}
        for _, of_one in groupby(decisions, key=_session):
            first = next(of_one)
            if first.family != FAMILY or first.participant is None:
                continue
            named |= dict.fromkeys(first.person)
            people = experiments.setdefault(experiment_of(first), {})
            if not people.get(first.participant):
                people[first.participant] = answers(questions, first.person)
        others: dict[str, str | None] = {}
        for people in experiments.values():
            others |= other_of(list(people.items()))
        said = {name: one for people in experiments.values() for name, one in people.items()}
        return cls(questions, said, others, tuple(named))

    def other(self, participant: str) -> Said | None:
        """As `People.other`."""
        other = self.others.get(participant)
        return None if other is None else self.said[other]

    def equal(self) -> dict[str, bool]:
        """Of everybody with somebody else's facts, whether these are the same as their own."""
        return {
            name: self.said[name] == self.said[other]
            for name, other in self.others.items()
            if other is not None
        }

    def alone(self) -> list[str]:
        """Who has facts to tell, and nobody with the same ones."""
        return [name for name, other in self.others.items() if other is None and self.said[name]]


def persona_text(arm: str, decision: Decision, people: People) -> str:
    """What an arm (`asked.ARMS`) puts before the session of a decision, the same for all decisions
    of the session; "" for "none".

    Raises ControlNotApplicable, with the reason, where there is nothing to put there.
    """
    if arm == "none":
        return ""
    if decision.family != FAMILY or decision.game is None:
        raise ControlNotApplicable(NO_SESSION)
    said = answers(people.questions, decision.person)
    if not said:
        raise ControlNotApplicable(NO_FACTS)
    if arm == "own":
        return interview(people.questions, said)
    if arm == "refused":
        return refused(people.questions, said)
    other = None if decision.participant is None else people.other(decision.participant)
    if other is None:
        raise ControlNotApplicable(ALONE)
    if other.keys() != said.keys():
        raise ControlNotApplicable(CHANGED)
    return interview(people.questions, other)


def persona_texts(arms: Iterable[str], decision: Decision, people: People) -> dict[str, str]:
    """`persona_text` of the arms that are applicable to a session, by arm: the longest of them is
    what a cut leaves room for."""
    texts = {}
    for arm in arms:
        try:
            texts[arm] = persona_text(arm, decision, people)
        except ControlNotApplicable:
            continue
    return texts


def with_persona(wording: Formulation, arm: str, people: People | None) -> Formulation:
    """A wording with an interview before the session; what it says before people's words stays
    first. Called, it raises ControlNotApplicable as `persona_text` does."""

    def words(decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS) -> Conversation:
        conversation = wording(decision, presentation, told)
        if people is None:
            raise ControlNotApplicable("the other participants of the data are not known")
        text = persona_text(arm, decision, people)
        return replace(conversation, user=f"{text}{conversation.user}")

    return words


def _session(decision: Decision) -> Any:
    """What decisions of one session have in common; they stand one after another."""
    return decision.id if decision.game is None else decision.game.id
