"""Whether what a template prints shows something of a text that it was given."""

from __future__ import annotations

import re
from collections.abc import Callable

from tremble.errors import UserError

_MARK = "q"  # rare, and one that filters such as |tojson leave as it is
_LINE = 8  # characters of a line that is hardly there by chance
_ENDS = 100  # words at each end of a text that are marked one by one


def shows(printed: str, text: str, again: Callable[[str], str]) -> bool:
    """Whether something of `text` is in what was `printed`; `again` prints for another text.

    A line of it is enough. Otherwise one letter of a word is exchanged for a mark: of all words,
    and of each alone, since a template may ask for some. The mark must be printed, and nothing else
    may change, or the template has printed something else because of it.
    """
    shown = printed.casefold()
    lines = [line.strip() for line in text.casefold().split("\n")]
    if any(len(line) >= _LINE and line in shown for line in lines):
        return True
    words = [found.span() for found in re.finditer(r"\w+", text)]
    if not words:
        return text.strip() in printed
    ends = words[::-1] if len(words) <= 2 * _ENDS else [*words[: -_ENDS - 1 : -1], *words[:_ENDS]]
    return any(_comes_through(printed, text, again, some) for some in (words, *([w] for w in ends)))


def _comes_through(
    printed: str, text: str, again: Callable[[str], str], words: list[tuple[int, int]]
) -> bool:
    marked = [*text]
    for start, end in words:
        marked[min(start + 1, end - 1)] = _MARK  # not the first, which |title turns
    try:
        other = again("".join(marked))
    except UserError:  # as where the word was a number
        return False
    pairs = zip(printed, other, strict=False)
    return (
        len(other) == len(printed)
        and other != printed
        and all(two.casefold() in (one.casefold(), _MARK) for one, two in pairs)
    )
