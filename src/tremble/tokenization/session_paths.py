"""A session as one trunk, control tokens in people's words as letters.

A transcript is all people's words. A chat has control tokens of its own around them, in the same
text; where the words hold none, as nearly always, the tokenizer reads it as it is. Where they do,
the control tokens of the template are written between two characters that no text has, and what is
between them is tokenised apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from tremble.tokenization.options import Tokenizer, terminator_ids
from tremble.tokenization.session_text import SessionText, SessionTokens
from tremble.tokenization.tails import CLOSING
from tremble.tokenization.trunk import Ids
from tremble.tokenization.trunk_paths import Encoded, TrunkPaths

SpecialTokens = Literal["plain", "source"]
_NO_CHARACTERS = [chr(code) for code in range(0xFDD0, 0xFDF0)]  # of Unicode, for such uses


class SessionPaths:
    """Makes trunks and token paths of sessions.

    With `special_tokens` "plain" control tokens in people's words are letters, with "source" they
    are what the tokenizer takes them for. One object is for many sessions: those of one experiment
    repeat themselves, and what is known of one is used for the next.
    """

    def __init__(self, tokenizer: Tokenizer, special_tokens: SpecialTokens = "plain") -> None:
        self._source, self._literal = tokenizer, tokenizer.literal()
        self._closing = terminator_ids(tokenizer.pieces(), CLOSING)
        self._as_source = TrunkPaths(self._source, self._closing)
        self._as_letters = TrunkPaths(self._literal, self._closing)
        self._plain = special_tokens == "plain"
        self._bare: dict[str, bool] = {}

    def __call__(self, session: SessionText) -> SessionTokens:
        """The trunk of a session and the paths of its responses, in order.

        Raises UserError as `option_paths` does, and ValueError where a response is none of its
        options.
        """
        if not self._plain:
            return self._as_source(session)
        framed = any(place.spoken < len(place.suffix) for place in session.places)
        if not (session.words or framed):
            return self._as_letters(session)
        encoded = self._source.encode_ends([session.text])
        first = None if encoded is None else encoded[0]
        if self._without_control(session, first):
            return self._as_source(session, first)
        marked = Marked(self._source, self._literal, _marks(session))
        return TrunkPaths(marked, self._closing)(marked.session(session))

    def _without_control(self, session: SessionText, encoded: Encoded | None) -> bool:
        """Whether people's words, and the options, hold no control token."""
        labels = {label for place in session.places for label in place.labels}
        if not all(map(self._is_bare, sorted(labels))):
            return False
        if encoded is None:
            return self._is_bare(session.text[session.words :])
        control, end = self._source.control, 0
        for one, until in zip(*encoded, strict=True):
            # Of a token that ends inside a character at least the beginning is known.
            if one in control and (until > session.words or (until < 0 and end >= session.words)):
                return False
            end = max(end, until)
        return True

    def _is_bare(self, text: str) -> bool:
        if text not in self._bare:
            if len(self._bare) > 1000:
                self._bare.clear()
            control = self._source.control
            self._bare[text] = not any(one in control for one in self._source.encode([text])[0])
        return self._bare[text]


def _marks(session: SessionText) -> tuple[str, str]:
    """Two characters that a session does not have."""
    texts = [session.text, *(place.suffix for place in session.places)]
    texts += [label for place in session.places for label in place.labels]
    return free_marks(texts)


def free_marks(texts: Collection[str]) -> tuple[str, str]:
    """Two characters that some texts do not have."""
    free = [one for one in _NO_CHARACTERS if not any(one in text for text in texts)]
    return free[0], free[1]


class Marked:
    """A tokenizer of texts in which control tokens are written between two marks, and all else is
    letters. Its ends count the marks."""

    def __init__(self, source: Tokenizer, literal: Tokenizer, marks: tuple[str, str]) -> None:
        self._source, self._literal, self._marks = source, literal, marks
        self._between = re.compile(f"({marks[0]}[^{marks[1]}]*{marks[1]})")
        self.bos: Ids = source.bos
        self.key: str = f"{literal.key}, marked"
        self.special: Mapping[str, str] = source.special
        self.special_texts: Sequence[str] = source.special_texts
        self.template: str | None = source.template
        self.added: Collection[int] = source.added
        self.control: Collection[int] = source.control

    def session(self, session: SessionText) -> SessionText:
        """The same session, the control tokens of its template marked."""
        frame = self.mark(session.text[: session.words])
        moved = len(frame) - session.words
        places = []
        for place in session.places:
            own = len(place.suffix) - place.spoken
            suffix = self.mark(place.suffix[:own]) + place.suffix[own:]
            cut = None if place.cut is None else place.cut + moved
            places.append(replace(place, start=place.start + moved, cut=cut, suffix=suffix))
        return SessionText(frame + session.text[session.words :], places, len(frame))

    def mark(self, frame: str) -> str:
        """What a template prints, its control tokens between the marks."""
        found = sorted((one for one in self.special_texts if one in frame), key=len, reverse=True)
        ids = self._source.encode(found)
        control = [
            text
            for text, own in zip(found, ids, strict=True)
            if len(own) == 1 and own[0] in self.control
        ]
        if not control:
            return frame
        first, last = self._marks
        texts = "|".join(map(re.escape, control))
        return re.sub(texts, lambda text: f"{first}{text[0]}{last}", frame)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [
            [
                one
                for piece in self._pieces(text)
                for one in self._of(piece).encode([self._bare(piece)])[0]
            ]
            for text in texts
        ]

    def encode_ends(self, texts: Sequence[str]) -> list[Encoded] | None:
        made: list[Encoded] = []
        for text in texts:
            ids: list[int] = []
            ends: list[int] = []
            at = 0
            for piece in self._pieces(text):
                encoded = self._of(piece).encode_ends([self._bare(piece)])
                if encoded is None:
                    return None
                own, own_ends = encoded[0]
                if piece[0] == self._marks[0]:
                    own_ends = [*[-1] * (len(own) - 1), len(piece)]
                ids += own
                ends += [at + end if end >= 0 else -1 for end in own_ends]
                at += len(piece)
            made.append((ids, ends))
        return made

    def _pieces(self, text: str) -> list[str]:
        return [piece for piece in self._between.split(text) if piece]

    def _of(self, piece: str) -> Tokenizer:
        return self._source if piece[0] == self._marks[0] else self._literal

    def _bare(self, piece: str) -> str:
        return piece.strip("".join(self._marks))

    def literal(self) -> Marked:
        return self

    def pieces(self) -> Sequence[str]:
        return self._source.pieces()

    def decode(self, ids: Sequence[int]) -> str:
        return self._source.decode(ids)
