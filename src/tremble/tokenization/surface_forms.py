"""Other ways to write an option's label: texts only; `surface_form_paths` makes tokens of them.

A model may mean an option and write it in another case, after a space, in quotes, or by a word that
the data declare. Nothing else is guessed: no stems, no translations, no abbreviations.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

Spellings = Literal["exact", "all"]  # the values of `spellings` in a study file

# Quotes that a model may open although the opening has one already, and where it has none.
_INNER_QUOTES = ("'", "\u2018", "\u201c")
_QUOTES = ('"', *_INNER_QUOTES)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Writing:
    """One text for an option. `quoted`: it opens a quote of its own."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class SurfaceForms:
    """What is counted for the options of a prompt, in shown order.

    `texts`: the surface forms of each option, one for each of its paths, the label first;
    `dropped`: those of each option that could be taken for another one, and those whose tokens
    start before the answer does.
    """

    texts: tuple[tuple[str, ...], ...]
    dropped: tuple[tuple[str, ...], ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Paths per option."""
        return tuple(len(texts) for texts in self.texts)

    def to_json(self) -> str:
        return json.dumps([self.texts, self.dropped], ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> SurfaceForms:
        texts, dropped = json.loads(text)
        return cls(tuple(map(tuple, texts)), tuple(map(tuple, dropped)))

    def by_option(self, values: Sequence[float | None]) -> list[list[float | None]]:
        """Values of all paths, option by option."""
        left = iter(values)
        return [list(islice(left, count)) for count in self.counts]

    def added(self, logprobs: Sequence[float | None]) -> list[float | None]:
        """The log-probabilities of the options out of those of all paths."""
        return [log_sum(values) for values in self.by_option(logprobs)]


def writings(label: str, declared: Sequence[str] = (), open_quote: bool = False) -> list[Writing]:
    """The label, then every other way to write it or one of the words `declared` for it.

    The label in other cases and, if it is an identifier, with its words apart; declared words as
    they are, in lower case and with a capital; all of these also after a space. The label and its
    two plain cases also behind a quote: a single or typographic one where the prompt has left a
    double quote open (`open_quote`), else any. Every text costs rows of the output head.
    """
    word = label.strip()
    bare = [*_cased(word), *_apart(word)]
    bare += [text for other in declared for text in _plain(other.strip())]
    bare = [text for text in bare if text]
    spaced = [" " + text for text in bare]
    made = {text: Writing(text, False) for text in (label, *bare, *spaced)}
    for quote in _INNER_QUOTES if open_quote else _QUOTES:
        for before in ("",) if open_quote else ("", " "):
            for text in filter(None, _plain(word)):
                written = before + quote + text
                made.setdefault(written, Writing(written, True))
    return list(made.values())


def _plain(word: str) -> tuple[str, str, str]:
    return (word, word.lower(), _capital(word))


def _cased(word: str) -> tuple[str, ...]:
    return (*_plain(word), _capital(word.lower()), _title(word), word.upper())


def _apart(label: str) -> Iterator[str]:
    """An identifier with a small first letter, and its words one by one; nothing for others."""
    parts = identifier_words(label)
    if parts:
        yield label[:1].lower() + label[1:]
        words, joined = " ".join(parts), "_".join(parts)
        yield from (words, words.lower(), _capital(words.lower()), _title(words))
        yield from (joined, joined.lower(), joined.upper())


def identifier_words(label: str) -> list[str]:
    """The words of an identifier such as AcceptOffer or accept_offer; none for other labels."""
    words = _WORD.findall(label)
    whole = "".join(words) == re.sub(r"(?<=\w)[_-](?=\w)", "", label)
    return words if whole and len(words) > 1 else []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _title(text: str) -> str:
    return " ".join(_capital(word) for word in text.lower().split(" "))


def log_sum(values: Sequence[float | None]) -> float | None:
    """The logarithm of summed probabilities; None where one of them is missing."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None
    top = max(known)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(value - top) for value in known))
