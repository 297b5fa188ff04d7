"""What a model reads of a decision, and what a wording is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tremble.decisions import Decision, Option
from tremble.errors import UserError


@dataclass(frozen=True, slots=True)
class Conversation:
    """One system text (rules, role, question, options), one user text (history up to what is on
    the table) and the opening of the answer. `options` as shown: key and label, in shown order."""

    system: str
    user: str
    opening: str
    options: tuple[Option, ...]

    def plain(self) -> str:
        """The text completion format: an empty opening leaves the text as it is."""
        body = "\n\n".join(part for part in (self.system, self.user) if part)
        return f"{body}\n{self.opening}" if self.opening else body


# A decision and the number of a presentation (`presentations.py`) to what a model reads.
Formulation = Callable[[Decision, int], Conversation]


class DoesNotFit(UserError):
    """A wording that makes no sense of a decision. The decision is missing in that wording, with
    the reason; other decisions of the study and other wordings are not concerned."""
