"""Cells of every format: cleaned the same way, and held once however often they come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from tremble.errors import UserError
from tremble.tabular.cells import MISSING
from tremble.tabular.table import Cells, Reading
from tremble.text import composed, did_you_mean

# Space as Unicode has it, then what is not seen either: zero-width ones and byte order marks.
_SPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\u200c\u200d\u2060\ufeff\xad"
)
_MOST_KEPT = 200_000  # cells of a column that are known by sight, then all are forgotten
_FEW = 20_000  # rows that say nothing yet of how varied a column is
_WHOLE = re.compile(r"-?\d+(\.0)?")


def cell(text: str) -> str | None:
    """A cell without space round it, letters composed; None where nothing is left."""
    text = text.strip(_SPACE)
    return composed(text) if text else None


def of_jspsych(names: Iterable[str]) -> bool:
    """Whether columns are those of trials of jsPsych."""
    return {"trial_type", "trial_index"} <= set(names)


def pressed(text: str) -> str | None:
    """`cell` of jsPsych, which writes the space bar as what it prints: `space`, a key like others
    and no missing answer."""
    return "space" if text == " " else cell(text)


class Cleaner(dict[str, "str | None"]):
    """Raw cell -> cell of one column: each is worked out once and held once, as long as they
    repeat."""

    def __init__(self, clean: Callable[[str], str | None] = cell) -> None:
        super().__init__()
        self._clean = clean
        self._seen = 0
        self._varied = False  # most cells of the column are new: nothing is gained by knowing them

    def __missing__(self, raw: str) -> str | None:
        self[raw] = clean = self._clean(raw)
        return clean

    def all(self, raw: Sequence[str]) -> list[str | None]:
        """The cells of a batch of rows."""
        if self._varied:
            return list(map(self._clean, raw))
        clean = list(map(self.__getitem__, raw))
        self._seen += len(raw)
        self._varied = self._seen > _FEW and len(self) > self._seen / 2
        if self._varied or len(self) > _MOST_KEPT:
            self.clear()
        return clean


def whole_numbers(cells: Cells, how: Reading) -> Cells:
    """A column of whole numbers, some written as 12.0, without that; any other as it is."""
    numbers = set(cells) - {None, "nan", *MISSING, *how.missing}
    longer = [text for text in numbers if text and text.endswith(".0")]
    if not longer or not all(_WHOLE.fullmatch(text) for text in numbers if text):
        return cells
    shorter = {text: text[:-2] for text in longer} | {"-0.0": "0"}
    return [shorter.get(text, text) if text else None for text in cells]


def positions(names: Sequence[str], asked: Sequence[str], source: str) -> list[int]:
    """Where each column that is asked for stands, from 0.

    Raises UserError where there is none of that name, or more than one.
    """
    where: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        where.setdefault(name, []).append(place)
    found = []
    for name in asked:
        places = where.get(cell(name) or "", [])
        if not name or not places:
            raise UserError(
                f"{source} has no column {name!r}{did_you_mean(name, [n for n in where if n])}"
            )
        if len(places) > 1:
            raise UserError(
                f"{source} has {len(places)} columns named {name!r}; rename all except the one "
                "you mean."
            )
        found += places
    return found


def of_asked(questions: Mapping[str, str], asked: Sequence[str]) -> dict[str, str]:
    """The texts of questions of those columns that are asked for."""
    texts = {name: questions.get(cell(name) or "") for name in asked}
    return {name: text for name, text in texts.items() if text}
