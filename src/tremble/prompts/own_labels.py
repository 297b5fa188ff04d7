"""The labels of options in a text: whether it names one, and not as part of another word."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tremble.text import composed

_ENGLISH = {"a", "i"}  # labels that are words of their own in running text
# What comes after a label, and hardly after an article or before a verb.
_AFTER = "and|or|is|gives|pays|means|against|with|for|if|in|on|to|then|than|when|was|has|gets"


def names(text: str, label: str, others: Iterable[str] = ()) -> bool:
    """Whether a text names a label as a word: words with or without capitals, single characters
    as they are.

    A longer label of `others` that contains it does not count, nor does "no" in "no-deal"; nor "A"
    before an English word as in "A player", if no quotes are around it.
    """
    text, label = _read(text, len(label) > 1), _read(label, len(label) > 1)
    for other in sorted((_read(one, len(label) > 1) for one in others), key=len, reverse=True):
        if len(other) > len(label) and label in other:
            text = re.sub(_as_word(other), "\0", text)
    article = rf"(?!\s+(?!(?:{_AFTER})\b)[a-z])" if label.casefold() in _ENGLISH else ""
    return re.search(f"{_in_quotes(label)}|{_as_word(label)}{article}", text) is not None


def quoted(text: str, label: str) -> bool:
    """Whether a label stands in quotes in a text."""
    return re.search(_in_quotes(composed(label)), composed(text)) is not None


def _in_quotes(label: str) -> str:
    return rf"[\"'“‘`]{re.escape(label)}[\"'”’`]"


def _as_word(label: str) -> str:
    return rf"(?<![\w-]){re.escape(label)}(?![\w-])"


def _read(text: str, any_case: bool) -> str:
    return composed(text).casefold() if any_case else composed(text)
