"""One session as plain data, before and after it is tokenised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Trunk


@dataclass(frozen=True, slots=True)
class Place:
    """Where a response stands in the text of its session.

    `start` is the place of its first character, right behind the <<, and `labels` are its options
    in shown order, none where they are not known. The prompt is the text up to `start`; with `cut`
    it is the text up to there (at most `start`), then `suffix`: in a chat the text goes on after
    the prompt's end, where the prompt ends the turn and opens the answer. `spoken` are the last
    characters of `suffix` that are people's words.
    """

    start: int
    response: str
    labels: tuple[str, ...] = ()
    suffix: str = ""
    cut: int | None = None
    spoken: int = 0

    @property
    def stop(self) -> int:
        """How much of the text the prompt begins with."""
        return self.start if self.cut is None else self.cut

    def options(self) -> tuple[str, ...]:
        """What is scored. Raises ValueError where options lack the response."""
        if self.labels and self.response not in self.labels:
            raise ValueError(f"the response {self.response!r} is none of {self.labels}")
        return self.labels or (self.response,)


@dataclass(frozen=True, slots=True)
class SessionText:
    """The text of a session and the places of its responses, in their order.

    People's words begin at character `words`; what a chat template prints before them are its own
    control tokens.
    """

    text: str
    places: Sequence[Place]
    words: int = 0


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """A session, tokenised: what an engine scores for each response, in order.

    `branches` of the prompts leave the trunk at or before their response; `added` tokens of the
    trunk are words or marks that were added to the vocabulary and are no control tokens.
    """

    trunk: Trunk
    paths: list[TokenPaths]
    branches: int
    added: int
