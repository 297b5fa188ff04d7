"""The labels of options in a text: whether it names one, and not as part of another word."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tremble.text import composed

# Scripts that put no spaces between words: those of Chinese, Japanese, Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_LETTER = rf"(?:[^\W{_UNSPACED}]|-)"  # what makes one word with the label that it stands at
_ENGLISH = {"a", "i"}  # labels that are words of their own in running text
# What comes after a label, and hardly after an article or before a verb.
_AFTER = "and|or|is|gives|pays|means|against|with|for|if|in|on|to|then|than|when|was|has|gets"


def names(text: str, label: str, others: Iterable[str] = ()) -> bool:
    """Whether a text names a label as a word: words with or without capitals, single characters
    as they are. Next to a letter of a script without spaces a word may begin or end.

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
    return rf"[\"'“‘`「『]{re.escape(label)}[\"'”’`」』]"


def _as_word(label: str) -> str:
    before, after = (
        "" if re.match(f"[{_UNSPACED}]", edge) else rf"(?{look}{_LETTER})"
        for look, edge in (("<!", label[:1]), ("!", label[-1:]))
    )
    return f"{before}{re.escape(label)}{after}"


def _read(text: str, any_case: bool) -> str:
    return composed(text).casefold() if any_case else composed(text)
