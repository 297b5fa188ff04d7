"""The further tables of a page: each folds, long ones are cut, and one that fails says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from tremble.errors import UserError
from tremble.report.tables.further import VERDICT, controls_missing, further_layout, verdict_layout
from tremble.report.tables.table import Section, Table
from tremble.stats.tables.analysis import Analysis, plain
from tremble.stats.tables.further import FURTHER
from tremble.stats.tables.verdict import verdict_table
from tremble.text import one_line

MOST_ROWS = 200
_LONG = 16  # rows from which a table is folded at first: about a screen
_ALWAYS_OPEN = ("verdict", "intervals")


@dataclass(frozen=True, slots=True)
class Part:
    """A table that folds. `table` is None where `trouble` says why; `command` prints all rows."""

    id: str
    title: str
    about: str
    table: Table | None
    command: str
    left_out: int = 0
    opened: bool = False
    trouble: str | None = None


def further_parts(
    analysis: Analysis, decisions: pl.DataFrame, rows_of: Callable[[str], Sequence[dict[str, Any]]]
) -> list[Part]:
    """The verdict, then every table of `FURTHER`; `rows_of` makes the rows of one by its name.

    What a table raises stands in its part as `trouble`; the others are made all the same.
    """

    def verdict() -> Table:
        found = verdict_table(
            analysis.predicted, analysis.points, decisions, analysis.said, analysis.controlled
        )
        table = verdict_layout(plain(found))
        caption = " ".join(filter(None, (table.caption, controls_missing(found))))
        return replace(table, caption=caption)

    def further(name: str) -> Callable[[], Table]:
        return lambda: further_layout({name: rows_of(name)})[0]

    return [
        _made("verdict", VERDICT, verdict, "tremble verdict DIR --json"),
        *(
            _made(name, f"{about}.", further(name), f"tremble analyze DIR --table {name} --json")
            for name, about in FURTHER.items()
        ),
    ]


def _made(name: str, about: str, make: Callable[[], Table], command: str) -> Part:
    try:
        return folded(name, about, make(), command, opened=name in _ALWAYS_OPEN)
    except UserError as error:
        trouble = str(error)
    except Exception as error:  # one table must not cost the reader the others
        kind = type(error).__name__
        again = command.removesuffix(" --json")
        trouble = (
            f"This table could not be made ({kind}: {one_line(error)}); `{again}` keeps the full "
            "account."
        )
    return Part(name, _title(name), about, None, command, opened=True, trouble=trouble)


def folded(
    name: str,
    about: str,
    table: Table,
    command: str,
    title: str | None = None,
    opened: bool = False,
    most: int = MOST_ROWS,
) -> Part:
    """A part with the first `most` rows of a table, open where asked or where it is short."""
    shown, left_out = cut(table, most)
    rows = sum(len(section.rows) for section in table.sections)
    return Part(
        name,
        _title(name) if title is None else title[0].upper() + title[1:],
        about,
        shown,
        command,
        left_out,
        opened or rows < _LONG,
    )


def cut(table: Table, most: int = MOST_ROWS) -> tuple[Table, int]:
    """The table with its first `most` rows, and how many more there are."""
    room, kept = most, []
    for section in table.sections:
        if room > 0:
            kept.append(Section(section.heading, section.rows[:room]))
        room -= len(section.rows)
    return replace(table, sections=kept), max(0, -room)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
