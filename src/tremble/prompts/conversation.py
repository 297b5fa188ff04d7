"""What a model reads of a decision, and what a wording is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tremble.decisions.record import Decision, Option
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.games.base import Family


@dataclass(frozen=True, slots=True)
class Conversation:
    """One system text (rules, role, question, options), one user text (history up to what is on
    the table) and the opening of the answer. `options` as shown: key and label, in shown order."""

    system: str
    user: str
    opening: str
    options: tuple[Option, ...]

    @property
    def words(self) -> str:
        """What people read, without what a format adds and without the opening."""
        return "\n\n".join(part for part in (self.system, self.user) if part)

    def plain(self) -> str:
        """The text completion format: an empty opening leaves the text as it is."""
        body = self.words
        return f"{body}\n{self.opening}" if self.opening else body


@dataclass(frozen=True, slots=True)
class Telling:
    """What a wording is told of a decision, where a control (`controls.py`) changes that.

    `seen` changes what the person saw before a family puts it into words; `rules` and `history`
    are those words; `names` are replaced in the finished text.
    """

    seen: Callable[[View], View] = lambda seen: seen
    rules: Callable[[Family, View], Sequence[str]] = lambda words, seen: words.rules(seen)
    history: Callable[[Family, View], Sequence[str]] = lambda words, seen: words.history(seen)
    names: Mapping[str, str] = field(default_factory=dict)


AS_IT_WAS = Telling()


class Formulation(Protocol):
    """A wording: a decision and the number of a presentation (`presentations.py`) to what a model
    reads, with everything as it was or as a control tells it."""

    def __call__(
        self, decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
    ) -> Conversation: ...


class NotApplicable(UserError):
    """A wording that makes no sense of a decision. The decision is missing in that wording, with
    the reason; other decisions of the study and other wordings are not concerned."""


class ControlNotApplicable(NotApplicable):
    """A control that changes nothing of a decision, or is not known to, in a wording that fits."""
