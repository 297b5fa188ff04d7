"""Cells that are numbers, with the decimal mark that a map names."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def number_of(text: str | None, decimal: str = ".") -> float | None:
    """The number that a cell holds; None where it holds none, and for one with separators of
    thousands, whose marks could mean either. `decimal` is "." or ","."""
    if text is None:
        return None
    text = text.replace("−", "-")  # as spreadsheets and word processors write it
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".", 1)
    return float(text) if _NUMBER.fullmatch(text) else None
