"""The one record everything is about: a decision, and the game it was made in.

A `Decision` is one choice by one person, or one problem with a choice rate. Its history is the
first `at` events of its `Game`, so a long game is stored once however many decisions it holds.
What this person could see is in the record as well: an event lists, per role, after how many
events it became visible (`seen`); without that list everybody saw it at once. An `Offer` is one
number that somebody chose in such a game.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from itertools import islice
from typing import Any

SCHEMA = 1
DEFAULT_OPENING = '{"decision": "'

FAMILIES = (
    "bargaining",
    "persuasion",
    "persuasion_seller",
    "persuasion_review",
    "negotiation",
    "repeated_matrix",
    "one_shot_matrix",
    "lottery",
    "session",
    "multi_issue",
)
CUSTOM = "custom"  # family of a user's own prompt that names none
READ = "read"  # in `numbers` of a decision frame: a hash of the user's own prompt
AGENT_KINDS = ("person", "model", "program")
STATUS = "status"  # in `config` of a decision by an agent: how its reply was understood
STATUSES = ("read", "unreadable", "failed")
LENGTHS = "label_lengths"  # and beside it, where they differ: how many characters each label has


@dataclass(frozen=True, slots=True)
class Option:
    """One thing the person could do: `key` identifies it, `label` is the text a model reads,
    `surface_forms` are other words for that label, which count where a study asks for them (in
    records and study files under `spellings`). `value`: what it stands for in numbers (points of a
    scale, an amount), None where it stands for none; all options of a decision have one, or none
    has.

    >>> import tremble as tr
    >>> [option.key for option in tr.read_decisions("demo")[0].options]
    ['cooperate', 'defect']
    """

    key: str
    label: str
    surface_forms: tuple[str, ...] = ()
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `seen` maps a role to the number of events after which that role
    knew of this one; None means everybody at once, a role left out of it never.

    >>> import tremble as tr
    >>> tr.read_decisions("demo")[1].visible()[0].type
    'moves'
    """

    type: str
    data: Mapping[str, Any]
    seen: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Game:
    """One play: rules as parameters, and the events in the order in which they happened.

    `rules` and `person` (facts about who played) may hold `private`, role -> what concerns that
    role alone: nobody else's decisions see it. `agents` says who played: name of a participant to
    its `kind` (person, model or program) and, where known, its `base`, which siblings share. No
    prompt shows it. `line` is where it was read.

    >>> import tremble as tr
    >>> game = tr.read_decisions("demo")[0].game
    >>> len(game.events)
    10
    """

    id: str
    dataset: str
    family: str
    rules: Mapping[str, Any]
    events: tuple[Event, ...]
    person: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = field(default=None, compare=False, repr=False)
    agents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """One point at which a person chose (`choice`), or many people did (`rates`).

    Exactly one of `game` (with `at`), `rules` (with `history`) and `prompt` says what the person
    saw. `rates` maps option keys to shares, kept as printed: they need not add up to one.
    `n` is the number of people (None where not printed), `rate_sd` the standard deviation of
    the target's rate between people (None where unknown), `choices_each` how many choices each of
    them made (None: one). `item` names what the person read, where
    the prompt is the user's own and several texts are versions of one item, or the user says so.
    `facts` about who chose, of a prompt of the user's own (in records under `person`; a game has
    its own). `response`, of a session: what the person said, as it stands between the marks, never
    empty. Such a decision may have no `options`; then it has no `choice` either, and what is known
    is how likely the response is. With options `choice` is the key of the one whose label the
    response is. `line` is where it was read.

    >>> import tremble as tr
    >>> decision = tr.read_decisions("demo")[1]
    >>> decision.family, decision.round, len(decision.visible())
    ('repeated_matrix', 2, 1)
    """

    id: str
    dataset: str
    family: str
    options: tuple[Option, ...]
    target: str | None = None
    choice: str | None = None
    rates: Mapping[str, float] | None = None
    n: int | None = None
    rate_sd: float | None = None
    choices_each: int | None = None
    game: Game | None = None
    at: int = 0
    participant: str | None = None
    round: int | None = None
    role: str | None = None
    rules: Mapping[str, Any] | None = None
    history: tuple[Event, ...] = ()
    prompt: str | None = None
    system: str | None = None
    opening: str = DEFAULT_OPENING
    item: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    response: str | None = None
    line: int | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The rules in numbers as this person was told them, the game's or the decision's own."""
        if self.rules is not None:
            return self.rules
        return {} if self.game is None else _own(self.game.rules, self.role)

    @property
    def person(self) -> Mapping[str, Any]:
        """Facts about this person; never the other side's."""
        return self.facts if self.game is None else _own(self.game.person, self.role)

    @property
    def breakdown(self) -> dict[str, Any]:
        """Parameter to value: the game's config overlaid with the decision's own."""
        return {**(self.game.config if self.game is not None else {}), **self.config}

    @property
    def cluster(self) -> str:
        """The game where there is one, else the decision itself.

        One of two kinds of unit that intervals resample; the other is the participant.
        """
        return self.game.id if self.game is not None else self.id

    @property
    def read(self) -> str:
        """16 hexadecimal digits for what the person read of a prompt of the user's own: system
        text, prompt and opening."""
        text = json.dumps([self.system, self.prompt, self.opening], ensure_ascii=False)
        return sha256(text.encode()).hexdigest()[:16]

    def visible(self) -> tuple[Event, ...]:
        """The events this person knew of when choosing, in the order in which they came to know.

        Only the first `at` events count. An event that becomes visible late (the quality of a
        product, told after the purchase) stands where it became known, so that the history of
        one decision is a textual prefix of the history of the next.
        """
        happened = self.game.events[: self.at] if self.game is not None else self.history
        return _known(happened, self.role)


@dataclass(frozen=True, slots=True)
class Offer:
    """One number that somebody chose in a game, such as a price: the first `at` events of `game`
    are its past. `value` lies in `range`, the least and the largest number; both are in `unit`,
    which is one for all offers of a family in a data set. `participant`: who made it, None where
    the source does not say. `line` is where it was read.

    >>> import tremble as tr
    >>> game = {
    ...     "kind": "game",
    ...     "id": "g",
    ...     "family": "bargaining",
    ...     "rules": {"money": 100},
    ...     "agents": {"m": {"kind": "model"}},
    ... }
    >>> made = {"kind": "offer", "id": "g/o1", "game": "g", "at": 0, "participant": "m"}
    >>> (offer,) = tr.read_offers([game, {**made, "value": 40, "range": [0, 100], "unit": "$"}])
    >>> offer.value, offer.range, offer.share
    (40.0, (0.0, 100.0), 0.4)
    """

    id: str
    game: Game
    at: int
    value: float
    range: tuple[float, float]
    unit: str
    participant: str | None = None
    role: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None

    @property
    def dataset(self) -> str:
        """The data set of its game."""
        return self.game.dataset

    @property
    def family(self) -> str:
        """The family of its game."""
        return self.game.family

    @property
    def share(self) -> float:
        """Where the value lies in its range: 0 at the least number, 1 at the largest."""
        low, high = self.range
        return (self.value - low) / (high - low)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The rules of the game as this role was told them."""
        return _own(self.game.rules, self.role)

    @property
    def breakdown(self) -> dict[str, Any]:
        """Parameter to value: the game's config overlaid with the offer's own."""
        return {**self.game.config, **self.config}

    @property
    def cluster(self) -> str:
        """The game, as for decisions."""
        return self.game.id

    def visible(self) -> tuple[Event, ...]:
        """The events that its role knew of when it was made, as of a decision."""
        return _known(self.game.events[: self.at], self.role)


def _known(happened: Sequence[Event], role: str | None) -> tuple[Event, ...]:
    """What a role knew of after these events, in the order in which it came to know."""
    known: list[tuple[int, int, Event]] = []
    for index, event in enumerate(happened):
        since = index + 1 if event.seen is None else event.seen.get(role or "")
        if since is not None and since <= len(happened):
            known.append((since, index, event))
    known.sort(key=lambda item: item[:2])
    return tuple(event for _, _, event in known)


def _own(facts: Mapping[str, Any], role: str | None) -> Mapping[str, Any]:
    """Facts with the private ones of one role in place, and nobody else's."""
    private = facts.get("private")
    if not isinstance(private, Mapping):
        return facts
    shared = {key: value for key, value in facts.items() if key != "private"}
    return {**shared, **(private.get(role or "") or {})}


def target_share(decision: Decision) -> float | None:
    """What people did, as one number: 1 or 0 for a choice, the rate of the target for a problem.

    None where there is no target (three or more options, none of them coded 1).
    """
    if decision.target is None:
        return None
    if decision.choice is not None:
        return float(decision.choice == decision.target)
    return None if decision.rates is None else decision.rates.get(decision.target)


def name_hash(name: str) -> int:
    """64 bits that follow from a name alone: an order of names that nothing about them explains."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


BLOCK = 512  # decisions rendered and tokenised at a time


def in_blocks(decisions: Iterable[Decision]) -> Iterator[list[Decision]]:
    """Decisions as many at a time as are rendered and tokenised together."""
    waiting = iter(decisions)
    while block := list(islice(waiting, BLOCK)):
        yield block
