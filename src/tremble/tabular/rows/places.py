"""Where in a file something is wrong, as one sentence says it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from tremble.tabular.table import Table
from tremble.text import counted, some_of

SHOWN = 3  # places
VALUES = 8  # values of cells
_LONG = 40  # characters of a value that a sentence shows
_ALL = 160  # characters after which no further value is listed


def places(table: Table, rows: Sequence[int]) -> str:
    """The first places of some rows: "3 rows (answers.csv, line 4; line 9; line 12)"."""
    rows = list(dict.fromkeys(rows))  # of a wide table one may come several times
    shown = [table.place(row) for row in rows[:SHOWN]]
    brief = [
        shown[0],
        *(_after(before, here) for before, here in pairwise(shown)),
    ]
    more = ", ..." if len(rows) > SHOWN else ""
    return f"{counted(len(rows), 'row')} ({'; '.join(brief)}{more})"


def _after(before: str, here: str) -> str:
    """A place without its file, where it is that of the place before."""
    file, _, rest = here.rpartition(", ")
    return rest if before.rpartition(", ")[0] == file else here


def brief(value: str) -> str:
    """A cell in quotes, shortened where somebody wrote at length."""
    return repr(value) if len(value) <= _LONG else f"{value[: _LONG - 4]!r}..."


def listed(values: Sequence[str]) -> str:
    """The first of some values: "'a', 'b' and 3 more"."""
    return some_of(map(brief, values[:VALUES]), len(values) - VALUES)


def seen(values: Counter[str]) -> str:
    """Values with their counts, the most frequent first: "'yes' (12), 'No' (1)"."""
    listed: list[str] = []
    for value, count in values.most_common(VALUES):
        if len(", ".join(listed)) < _ALL:
            listed.append(f"{brief(value)} ({count:,})")
    return some_of(listed, len(values) - len(listed))
