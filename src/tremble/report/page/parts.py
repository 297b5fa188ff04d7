"""The further tables of a page: each folds, long ones are cut, and one that fails says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from tremble.errors import UserError
from tremble.report.tables.answers import VERDICT, controls_missing, verdict_layout
from tremble.report.tables.bibtex import bibtex
from tremble.report.tables.contrasts import TITLES, contrast_layout
from tremble.report.tables.further import further_layout
from tremble.report.tables.methods import paragraph
from tremble.report.tables.provenance import ABOUT, TITLE, provenance_layout
from tremble.report.tables.table import Section, Table
from tremble.stats.tables.further import OF_TRAINING, further_list, further_names
from tremble.text import one_line

MOST_ROWS = 200
_LONG = 16  # rows from which a table is folded at first: about a screen
ANSWER = ("verdict", "numbers")  # the parts that answer the reader's question
_VERDICT = (
    ("verdict", "Verdict", VERDICT),
    ("numbers", "Numbers", "The numbers behind the ranking."),
)
_ALWAYS_OPEN = (*ANSWER, "contrasts", "intervals")


Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above a table that folds: its name and what it shows; `command` prints all its
    rows."""

    id: str
    title: str
    about: str
    command: str

    @classmethod
    def of(cls, name: str, about: str, command: str) -> Heading:
        """The heading of a table by its name: theory_pairs is "Theory pairs"."""
        return cls(name, name.replace("_", " ").capitalize(), about, command)


@dataclass(frozen=True, slots=True)
class Part:
    """A table that folds. `table` is None where `trouble` says why; `left_out`: rows not shown;
    `before` is a paragraph above it, `after` a text below it that is shown as it stands; `rows`:
    of a table about checkpoints, what it is made of."""

    heading: Heading
    table: Table | None
    left_out: int = 0
    opened: bool = False
    trouble: str | None = None
    before: str = ""
    after: str = ""
    rows: Rows = ()


def further_parts(
    rows_of: Callable[[str], Rows],
    verdicts: Callable[[], Rows],
    contrasts: Callable[[], Mapping[str, Rows]] | None = None,
) -> list[Part]:
    """The verdict in its two tables (`ANSWER`), the tables that `contrasts` makes, if any, then
    every further table that has rows;
    `rows_of` makes the rows of one by its name.

    What a table raises stands in its part as `trouble`; the others are made all the same.
    """

    @cache
    def verdict() -> list[Table]:
        rows = verdicts()
        answers, *numbers = verdict_layout(rows)  # where nothing is scored, no numbers
        caption = " ".join(filter(None, (answers.caption, controls_missing(rows))))
        return [replace(answers, caption=caption), *numbers]

    def of_verdict(place: int) -> Table:
        made = verdict()
        return made[min(place, len(made) - 1)]

    def further(name: str) -> Callable[[], Table]:
        return lambda: further_layout({name: rows_of(name)})[0]

    known = further_list()
    parts = [
        *(
            _made(Heading(id, title, about, "tremble verdict DIR --json"), partial(of_verdict, n))
            for n, (id, title, about) in enumerate(_VERDICT)
        ),
        *(_contrast_parts(contrasts) if contrasts is not None else []),
        *(
            _made(
                Heading.of(
                    name,
                    _sentence(known.get(name, name)),
                    f"tremble analyze DIR --table {name} --json",
                ),
                further(name),
            )
            for name in further_names()
        ),
    ]
    return [
        replace(part, rows=rows_of(part.heading.id))
        if part.heading.id in OF_TRAINING and part.trouble is None
        else part
        for part in parts
        if part.table is None or part.table.sections
    ]


def _contrast_parts(contrasts: Callable[[], Mapping[str, Rows]]) -> list[Part]:
    """The tables of contrasts that have rows; why there are none in the place of the first."""
    made: list[Table] = []

    def first() -> Table:
        made.extend(contrast_layout(contrasts()))
        return made[0]

    def heading(name: str) -> Heading:
        return Heading.of(name, _sentence(TITLES[name]), "tremble analyze DIR --json")

    parts = [_made(heading("contrasts"), first)]
    return parts + [folded(heading(table.id), table) for table in made[1:]]


def _sentence(title: str) -> str:
    return title if title.endswith("?") else f"{title}."


def methods_part(facts: Callable[[], Mapping[str, Any]]) -> Part:
    """What to paste into a paper: the paragraph, the provenance, the citations. `facts` makes what
    `api.methods` gathers; what it raises stands in the part as `trouble`."""
    known: dict[str, Any] = {}

    def table() -> Table:
        known.update(facts())
        return provenance_layout(known)

    part = _made(Heading("methods", TITLE, ABOUT, "tremble methods DIR"), table)
    if part.table is None:
        return part
    return replace(
        part, opened=False, before=paragraph(known), after=bibtex(known["citations"]).rstrip()
    )


def _made(heading: Heading, make: Callable[[], Table]) -> Part:
    try:
        return folded(heading, make(), opened=heading.id in _ALWAYS_OPEN)
    except UserError as error:
        trouble = str(error)
    except Exception as error:  # one table must not cost the reader the others
        kind = type(error).__name__
        again = heading.command.removesuffix(" --json")
        trouble = (
            f"This table failed ({kind}: {one_line(error)}); `{again}` stores the full error "
            "message."
        )
    return Part(heading, None, opened=True, trouble=trouble)


def folded(heading: Heading, table: Table, opened: bool = False, most: int = MOST_ROWS) -> Part:
    """A part with the first `most` rows of a table, open where asked or where it is short."""
    shown, left_out = cut(table, most)
    rows = sum(len(section.rows) for section in table.sections)
    return Part(heading, shown, left_out, opened or rows < _LONG)


def cut(table: Table, most: int = MOST_ROWS) -> tuple[Table, int]:
    """The table with its first `most` rows, and how many more there are."""
    room, kept = most, []
    for section in table.sections:
        if room > 0:
            kept.append(Section(section.heading, section.rows[:room]))
        room -= len(section.rows)
    return replace(table, sections=kept), max(0, -room)
