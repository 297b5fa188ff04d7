"""What a study takes of an entry of its data: participants, beginnings of sessions, a sample."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass

from tremble.decisions.participants import Participants
from tremble.decisions.record import Decision
from tremble.decisions.subsample import Sample
from tremble.prompts.cuts import CharacterCut

Load = Callable[[], Iterable[Decision]]


@dataclass(frozen=True, slots=True)
class Part:
    """Keys of [study] that say how much of the data is taken, None where all is: at most so many
    decisions of each family (`sample`), participants of each experiment, and characters of each
    session. Participants come first, the sample last."""

    sample: int | None = None
    participants: int | None = None
    session_characters: int | None = None

    def key(self) -> dict[str, int]:
        """What prompts depend on beside the sample, where it is given: other keys stay."""
        given = {
            "participants": self.participants,
            "session_characters": self.session_characters,
        }
        return {name: value for name, value in given.items() if value is not None}


ALL = Part()


class Taken:
    """What `part` takes of an entry, whose decisions `load` reads anew: once for each key given.
    `size`: how many decisions are taken."""

    def __init__(self, part: Part, load: Load) -> None:
        self._part = part
        self._people: Participants | None = None
        self._cut: CharacterCut | None = None
        self._sample: Sample | None = None
        if part.participants is not None:
            self._people = Participants(load(), part.participants)
        if part.session_characters is not None:
            self._cut = CharacterCut(part.session_characters)
        if part.sample is not None:
            self._sample = Sample(self._before(load(), self._cut), part.sample)
            self.size = self._sample.size()
        else:
            self.size = sum(1 for _ in self._before(load(), self._cut))

    def of(self, decisions: Iterable[Decision]) -> Iterator[Decision]:
        """What is taken of the same decisions, read again, in their order."""
        most = self._part.session_characters
        kept = self._before(decisions, None if most is None else CharacterCut(most))
        return iter(kept) if self._sample is None else self._sample.of(kept)

    def notes(self, entry: str, families: Container[str]) -> list[str]:
        """What is left out, a sentence each; `families`: those in the study."""
        return [
            *([] if self._people is None else self._people.notes(entry)),
            *([] if self._cut is None else self._cut.notes(entry)),
            *([] if self._sample is None else self._sample.notes(entry, families)),
        ]

    def _before(
        self, decisions: Iterable[Decision], cut: CharacterCut | None
    ) -> Iterable[Decision]:
        """What a sample is drawn from."""
        if self._people is not None:
            decisions = self._people.of(decisions)
        return decisions if cut is None else cut.of(decisions)
