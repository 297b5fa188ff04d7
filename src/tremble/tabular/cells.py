"""What the text of a cell is: missing, a number, or the same as another one."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from tremble.text import as_text

MISSING = frozenset({"", "NA", "NaN", "N/A", "#N/A", "null", "NULL", "None"})
_DIGITS = 15  # more of them are no number that a float holds: a name of somebody
# Names such as 007 and 12e4 are no numbers; rates may be written 1e-05, as R and pandas do.
_NUMBER = re.compile(r"-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)")
_MEASURED = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


def plain(text: str) -> str:
    """A text with letters composed, without space round it, and one space for several."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return " ".join(composed.split())


def same(text: str, decimal: str = ".") -> str:
    """One text for all ways to write one value: 1 for 1.0, composed letters, single spaces."""
    number = number_of(text, decimal)
    return plain(text) if number is None else as_text(number)


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
