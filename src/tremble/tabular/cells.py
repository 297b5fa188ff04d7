"""What the text of a cell is: missing, a number, or the same as another one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tremble.text import as_text, composed

MISSING = frozenset({"", "NA", "NaN", "N/A", "#N/A", "null", "NULL", "None"})
_LEVELS = 8  # of lists and tables within each other, of which a map has fewer
_DIGITS = 15  # more of them are no number that a float holds: a name of somebody
# Names such as 007 and 12e4 are no numbers; rates may be written 1e-05, as R and pandas do.
_NUMBER = re.compile(r"-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)")
_WHOLE = re.compile(r"-?(?:0|[1-9]\d*)\.0+")
_TRUTH = {"true": "true", "false": "false"}
_MEASURED = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


def plain(text: str) -> str:
    """A text with letters composed, without space round it, and one space for several."""
    return " ".join(composed(text).split())


def all_composed(content: Any, levels: int = _LEVELS) -> Any:
    """The content of a map with the letters of all texts composed, as those of cells are."""
    if isinstance(content, str):
        return composed(content)
    if isinstance(content, Mapping) and levels:
        return {all_composed(k): all_composed(held, levels - 1) for k, held in content.items()}
    if isinstance(content, list) and levels:
        return [all_composed(held, levels - 1) for held in content]
    return content


def same(text: str, decimal: str = ".") -> str:
    """One text for all ways to write one value: 1 for 1.0, true for TRUE, composed letters, single
    spaces."""
    number = number_of(text, decimal)
    if number is not None:
        return as_text(number)
    text = plain(text)
    return _TRUTH.get(text.casefold(), text)


def named(text: str, decimal: str = ".") -> str:
    """One text for all ways to write a name of somebody or something: 12 for 12.0, which is how
    programs write whole numbers; but 1.10 is not 1.1, the tenth not the first."""
    text = plain(text)
    if text[-1:] != "0" or not _WHOLE.fullmatch(_pointed(text, decimal)):
        return text
    return text.rpartition(decimal)[0]


def matched(texts: Iterable[str], written: Iterable[str], decimal: str) -> dict[str, str]:
    """Which of `written` each text is, those that are none left out: in whatever way it is written
    (`same`), but 1.10 is not 1.1 where there is a 1.1 among the texts."""
    texts, written = set(texts), list(written)
    exact = {named(one, decimal): one for one in written}
    found = {text: exact[name] for text in texts if (name := named(text, decimal)) in exact}
    there = set(found.values())
    alike = {
        same(one, decimal): one
        for one in written
        if one not in there or number_of(one, decimal) is None
    }
    for text in texts - found.keys():
        one = alike.get(same(text, decimal))
        if one is not None:
            found[text] = one
    return found


class NoAnswer:
    """The texts that stand for no answer: those of programs, and a map's codes in whatever way
    they are written (-99 is -99.0)."""

    def __init__(self, codes: Iterable[str], decimal: str) -> None:
        self._decimal = decimal
        self._codes = frozenset(same(code, decimal) for code in codes)

    def __contains__(self, text: str) -> bool:
        return text in MISSING or (bool(self._codes) and same(text, self._decimal) in self._codes)


def number_of(text: str, decimal: str = ".") -> int | float | None:
    """The number that a cell holds, whole where it is whole; None for a text, and for what looks
    like a number but is a name: 007, 12e4, and what has more than 15 digits."""
    text = _pointed(text.strip(), decimal)
    if not _NUMBER.fullmatch(text) or sum(map(str.isdigit, text)) > _DIGITS:
        return None
    number = float(text)
    return int(number) if number.is_integer() else number


def measured(text: str, decimal: str = ".") -> Decimal | None:
    """A rate, a count or an amount as a decimal number, also with an exponent; None for others."""
    text = _pointed(text.strip(), decimal)
    return Decimal(text) if _MEASURED.fullmatch(text) else None


def _pointed(text: str, decimal: str) -> str:
    if decimal == ".":
        return text
    return text.replace(decimal, ".") if "." not in text else f"{text}?"
