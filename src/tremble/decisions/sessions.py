"""Sessions: a record holds a participant's whole transcript, and a decision is one response in it.

The transcript has each response between << and >>. It is one game, whose events are pieces of text
and responses in turn, so that it is in memory once however many responses it has. Responses without
text, and those that say that nothing was recorded, stay in the text and are no decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tremble.decisions.record import Decision, Event, Game, Option
from tremble.errors import UserError
from tremble.text import composed

BEGIN, END = "<<", ">>"
FAMILY = "session"
NOTHING_RECORDED = ("nan", "None")  # as Python prints a missing value
EXPERIMENT = "experiment"  # in `config`: the study, the unit of all means
TIMES = "reaction_times"  # in the data of the last event, which no decision sees
OLD_IMPORT = (
    "options from other people's responses, as earlier versions of tremble imported them, which is "
    "wrong where labels are drawn anew for each person; import the source again with `tremble data "
    "import psych`."
)
_MARKS = re.compile(f"{BEGIN}|{END}")

Labels = tuple[str, ...]


class MarkFault(UserError):
    """A mark that opens or closes nothing; `column` is its place in the text, from 1."""

    def __init__(self, column: int, what: str) -> None:
        super().__init__(what)
        self.column = column


def pieces(text: str) -> list[str]:
    """Text, response, text, ..., text. Raises MarkFault for a mark without its other one."""
    opened: re.Match[str] | None = None
    for mark in _MARKS.finditer(text):
        if (mark.group() == END) is (opened is None):
            near = text[max(0, mark.start() - 20) : mark.end() + 20]
            raise MarkFault(
                mark.start() + 1,
                f"{mark.group()} near {near!r} has no matching mark; put {BEGIN} before and {END} "
                "after each response, and nowhere else.",
            )
        opened = mark if opened is None else None
    if opened is not None:
        near = text[opened.start() : opened.end() + 20]
        raise MarkFault(
            opened.start() + 1, f"{near!r} is never closed; put {END} after the response."
        )
    return _MARKS.split(text)


def written(event: Event) -> str:
    """An event of a session as it stands in the transcript: a response with its marks."""
    if event.type == "response":
        return f"{BEGIN}{event.data['response']}{END}"
    return str(event.data["text"])


def is_empty(response: str) -> bool:
    """Whether a response has no text."""
    return not response.strip()


def is_missing(response: str) -> bool:
    """Whether a response says that nothing was recorded."""
    return response.strip() in NOTHING_RECORDED


def name_in_id(name: str) -> str:
    """A name without "/", which parts names in an id. Different names stay different, and as they
    are where they hold neither a "/" nor what stands for one."""
    if "/" not in name and "%2F" not in name and "%25" not in name:
        return name
    return name.replace("%", "%25").replace("/", "%2F")


def name_of_id(written: str) -> str:
    """The name that `name_in_id` wrote so."""
    if "%2F" not in written and "%25" not in written:
        return written
    return written.replace("%2F", "/").replace("%25", "%")


@dataclass(frozen=True, slots=True)
class Session:
    """One transcript: `texts` before each of its n `responses` and after the last (n + 1 of them).

    `options`: None, or n entries, the labels offered at each response or None. `target`: None, or n
    entries, a label or None: letters are often drawn for each person, and the one that stands first
    means nothing. `asked`: the numbers of the responses that are decisions, from 1; None: all that
    are neither empty nor missing. `times`: reaction times, as the source has them.
    """

    id: str
    dataset: str
    study: str
    participant: str
    texts: tuple[str, ...]
    responses: tuple[str, ...]
    options: Sequence[Labels | None] | None = None
    target: Sequence[str | None] | None = None
    asked: Sequence[int] | None = None
    person: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    times: tuple[Any, ...] | None = None
    line: int | None = None

    @property
    def who(self) -> str:
        """The participant's name, which differs between studies."""
        return f"{name_in_id(self.study)}/{name_in_id(self.participant)}"

    def text(self) -> str:
        """The transcript, with its marks."""
        said = [
            f"{text}{BEGIN}{r}{END}" for text, r in zip(self.texts, self.responses, strict=False)
        ]
        return "".join([*said, self.texts[-1]])

    def game(self) -> Game:
        events: list[Event] = []
        for text, response in zip(self.texts, self.responses, strict=False):
            events += (Event("text", {"text": text}), Event("response", {"response": response}))
        after = {} if self.times is None else {TIMES: list(self.times)}
        events.append(Event("text", {"text": self.texts[-1], **after}))
        config = {EXPERIMENT: self.study, **self.config}
        return Game(
            self.id, self.dataset, FAMILY, {}, tuple(events), self.person, config, self.line
        )

    def numbers(self) -> Sequence[int]:
        """The responses that are decisions."""
        if self.asked is not None:
            return self.asked
        return [
            number
            for number, response in enumerate(self.responses, 1)
            if not is_empty(response) and not is_missing(response)
        ]

    def decisions(self) -> Iterator[Decision]:
        """One for each response asked for, as they are needed."""
        game = self.game()
        for number in self.numbers():
            labels = None if self.options is None else self.options[number - 1]
            target = None if self.target is None else self.target[number - 1]
            yield self.decision(game, number, labels, target)

    def decision(
        self, game: Game, number: int, labels: Labels | None, target: str | None
    ) -> Decision:
        """The decision at one response. What is not among `labels` has no options."""
        response = self.responses[number - 1]
        offered = labels is not None and response in labels
        return Decision(
            id=f"{self.id}/r{number}",
            dataset=self.dataset,
            family=FAMILY,
            options=shown(labels) if labels is not None and offered else (),
            target=target if offered else None,
            choice=response if offered else None,
            game=game,
            at=2 * number - 1,
            participant=self.who,
            round=number,
            config=game.config,
            response=response,
            line=self.line,
        )


@lru_cache(maxsize=4096)
def shown(labels: Labels) -> tuple[Option, ...]:
    """Labels as options."""
    return tuple(Option(label, label) for label in labels)


def wrong_labels(labels: Any) -> str | None:
    """What is wrong with what should be a list of labels, as the rest of a sentence."""
    sound = isinstance(labels, list | tuple) and len(labels) > 1
    if not sound or not all(isinstance(one, str) and not is_empty(one) for one in labels):
        return "give a list of two or more different texts"
    if len(set(labels)) < len(labels):
        return "give each label once"
    if len(set(map(composed, labels))) < len(labels):
        return (
            "two labels have the same letters, composed in one and decomposed in the other; people "
            "see the same answer, so keep one"
        )
    unknown = next((one for one in labels if is_missing(one)), None)
    if unknown is not None:
        return f"leave out {unknown!r}, which means that nothing was recorded"
    return None


class Collected:
    """The decisions of one game on their way to one line, in ascending order of their numbers.

    Raises UserError for what a line of a session would not give back.
    """

    def __init__(self, first: Decision) -> None:
        game = first.game
        if game is None or first.family != FAMILY:
            raise UserError(
                f"The decision {first.id!r} has a response but is no part of a session; leave the "
                "response out."
            )
        self.game = game
        self._session = _of_game(game, first)
        self._again = self._session.game()
        if self._again != game:
            raise _not_a_session(first)
        self.decisions: list[Decision] = []

    def takes(self, decision: Decision) -> bool:
        """Whether a decision goes on the same line."""
        if decision.response is None or decision.game is not self.game:
            return False
        return not self.decisions or self.decisions[-1].at < decision.at

    def add(self, decision: Decision) -> None:
        self.check(decision)
        self.decisions.append(decision)

    def check(self, d: Decision) -> None:
        """Raises UserError for a decision of this game that its line would not give back."""
        number = (d.at + 1) // 2
        labels = tuple(option.label for option in d.options) or None
        wrong = labels and wrong_labels(labels)
        if wrong:
            raise UserError(f"The record {d.id!r} has options that cannot be written; {wrong}.")
        sound = 0 < number <= len(self._session.responses) and not (
            is_empty(d.response or "") or is_missing(d.response or "")
        )
        again = sound and self._session.decision(self.game, number, labels, d.target)
        if not again or _plain(again) != _plain(d):
            raise _not_a_session(d)

    def session(self) -> Session:
        """All that was added."""
        s, numbers = self._session, [(d.at + 1) // 2 for d in self.decisions]
        options, target = self._options(numbers), self._target(numbers)
        all_of_them = numbers == s.numbers()
        return Session(
            s.id, s.dataset, s.study, s.participant, s.texts, s.responses,
            options, target if options is not None else None, None if all_of_them else numbers,
            s.person, s.config, s.times,
        )  # fmt: skip

    def _options(self, numbers: Sequence[int]) -> list[Labels | None] | None:
        offered = [tuple(o.label for o in d.options) or None for d in self.decisions]
        known = {labels for labels in offered if labels is not None}
        if not known:
            return None
        if len(known) == 1:
            (labels,) = known
            if not any(
                each is None and d.response in labels
                for d, each in zip(self.decisions, offered, strict=True)
            ):
                return [labels] * len(self._session.responses)
        options: list[Labels | None] = [None] * len(self._session.responses)
        for number, each in zip(numbers, offered, strict=True):
            options[number - 1] = each
        return options

    def _target(self, numbers: Sequence[int]) -> list[str | None] | None:
        if all(d.target is None for d in self.decisions):
            return None
        target: list[str | None] = [None] * len(self._session.responses)
        for number, d in zip(numbers, self.decisions, strict=True):
            target[number - 1] = d.target
        return target


def _plain(d: Decision) -> tuple[Any, ...]:
    """All of a decision that a line of a session gives back, but for its game and its line."""
    people = (d.options, d.target, d.choice, d.rates, d.n, d.rate_sd, d.choices_each)
    told = (d.rules, d.history, d.prompt, d.system, d.opening, d.item, d.config, d.facts)
    return (
        d.id,
        d.dataset,
        d.family,
        d.at,
        d.participant,
        d.round,
        d.role,
        d.response,
        people,
        told,
    )


def _of_game(game: Game, first: Decision) -> Session:
    """The session that a game is; whether it is one shows when its own game is compared."""
    study = game.config.get(EXPERIMENT)
    prefix = f"{name_in_id(study)}/" if isinstance(study, str) else ""
    who = first.participant or ""
    if not prefix or not who.startswith(prefix) or len(game.events) % 2 == 0:
        raise _not_a_session(first)
    try:
        texts = tuple(event.data["text"] for event in game.events[::2])
        responses = tuple(event.data["response"] for event in game.events[1::2])
    except KeyError:
        raise _not_a_session(first) from None
    times = game.events[-1].data.get(TIMES)
    session = Session(
        game.id, game.dataset, str(study), name_of_id(who.removeprefix(prefix)), texts, responses,
        person=game.person,
        config={key: value for key, value in game.config.items() if key != EXPERIMENT},
        times=None if times is None else tuple(times),
    )  # fmt: skip
    try:
        if pieces(session.text()) != [one for event in game.events for one in _words(event)]:
            raise _not_a_session(first)
    except MarkFault:
        raise _not_a_session(first) from None
    return session


def _words(event: Event) -> Iterator[str]:
    yield event.data["text"] if event.type == "text" else event.data["response"]


def _not_a_session(decision: Decision) -> UserError:
    return UserError(
        f"The record {decision.id!r} cannot be written as a response of a session; make it as "
        "docs/data.md says under Sessions, or leave its response out."
    )


def of_session(decision: Decision) -> bool:
    """Whether a decision is a response in a transcript that is read as one text. Records of earlier
    versions do not say what the response is; they are read one by one, as they were then."""
    told = decision.game is not None and decision.response is not None
    return told and decision.family == FAMILY
