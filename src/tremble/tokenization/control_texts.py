"""Texts in people's words that are a control token for a model: <|im_end|> in a seller's message
ends the turn for a model that has it, and is letters for one that has not.

People's words are meant as plain text. A prompt is tokenised as one text, though, so that tokens
may span the places where its pieces meet, and there a tokenizer tells its own control tokens from
the same letters typed by a person no more than the model does: such prompts are scored as they
stand, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tremble.tokenization.options import Tokenizer

_BRACKETS = {"<": ">", "[": "]", "◁": "▷", "{": "}", "【": "】"}
# Added to some vocabularies as single tokens, as words are; <s> is not meant: it begins texts.
_HTML = (
    "a abbr b blockquote body br button caption center code dd div dl dt em font footer form h1 "
    "h2 h3 h4 h5 h6 head header hr html i img input label li link main meta nav ol option p pre "
    "script section select small span strong style sub sup table tbody td tfoot th thead title "
    "tr u ul"
)
_TAG = re.compile(rf"</?(?:{'|'.join(_HTML.split())})>")


class ControlTexts:
    """Finds a model's control tokens in texts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known = frozenset(filter(_is_control, tokenizer.special_texts))
        self._lengths = sorted({len(text) for text in self._known}, reverse=True)
        self._firsts = sorted({text[0] for text in self._known})
        self._begins = _beginnings(self._known)
        self._ids: dict[str, Sequence[int]] = {}

    def found(self, words: str) -> list[str]:
        """The control tokens, as texts, that a tokenizer makes of some words, sorted."""
        if not any(first in words for first in self._firsts):  # nearly always, and quick
            return []
        texts = {
            words[at.start() : at.start() + length]
            for at in self._begins.finditer(words)
            for length in self._lengths
        }
        texts &= self._known
        if not texts:
            return []
        ids = set(self._tokenizer.encode([words])[0])
        return sorted(text for text in texts if ids.issuperset(self._id_of(text)))

    def _id_of(self, text: str) -> Sequence[int]:
        """The one token that a text is; more where the tokenizer takes it for letters after all."""
        if text not in self._ids:
            ids = self._tokenizer.encode([text])[0]
            self._ids[text] = ids if len(ids) == 1 else [-1]
        return self._ids[text]


def _beginnings(texts: Iterable[str]) -> re.Pattern[str]:
    """Finds the places where one of some texts may begin, by its first two characters: vocabularies
    have thousands, and people's words hardly one."""
    seconds: dict[str, set[str]] = {}
    for text in texts:
        seconds.setdefault(text[0], set()).add(text[1])
    begins = (
        f"{re.escape(first)}(?=[{''.join(map(re.escape, sorted(after)))}])"
        for first, after in sorted(seconds.items())
    )
    return re.compile("|".join(begins) or "(?!)")


def _is_control(text: str) -> bool:
    """Whether a special or added token is written as marks are, not a word or white space."""
    bare = text.strip()
    closed = len(bare) > 2 and bare[-1] == _BRACKETS.get(bare[0], "")
    return closed and _TAG.fullmatch(bare) is None
