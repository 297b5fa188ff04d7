"""The verdict laid out: a sentence for each question, and the numbers that most of it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tremble.decisions.record import FAMILIES
from tremble.report.tables.captions import CAPTIONS
from tremble.report.tables.further import explained
from tremble.report.tables.table import Column, Section, Table, count, family_name, run_heading
from tremble.text import MISSING, decimal

Row = dict[str, Any]
VERDICT = "Can this model replace participants here?"
# The last question first: it is the one that was asked.
_QUESTIONS = {
    "replace": "Replace participants",
    "ranking": "Ranking",
    "levels": "Levels",
    "effects": "Effects",
    "distribution": "Distribution",
}
NO_CONTROLS = (
    "Controls (no history, no rules, ...) have not been scored, so a model may rely on cues that "
    "controls would reveal."
)


def controls_missing(rows: Sequence[Row]) -> str:
    """What a reader must know of a verdict on games for which no control was scored; else empty:
    prompts of a user's own have no game that a control could take away."""
    games = any(row["family"] in FAMILIES and row["family"] != "session" for row in rows)
    scored = any(row["control"] is not None for row in rows)
    return NO_CONTROLS if games and not scored else ""


_NONE = "No decision with known options has been scored; `tremble analyze` shows what was."


def verdict_layout(rows: Sequence[Row]) -> list[Table]:
    """The rows of `verdict_table`: the answers with their reasons, then the numbers."""
    return [_answers(rows), _numbers(rows)] if rows else [_answers(rows)]


def _answers(rows: Sequence[Row]) -> Table:
    known: set[str] = set()  # the baselines that a sentence has explained
    sections = [
        Section(
            f"{run_heading(row)} · {family_name(row['family'])}",
            [
                [name, row[question] or "not asked", _sentence(row[f"{question}_why"], known)]
                for question, name in _QUESTIONS.items()
            ],
        )
        for row in rows
    ]
    columns = [Column("Question"), Column("Answer"), Column("Why", long=True)]
    return Table("verdict", VERDICT, CAPTIONS["verdict"], columns, sections, _NONE)


def _sentence(why: str, known: set[str]) -> str:
    text = explained(why, known)
    if text and not text.startswith(("r ", "p ")):  # symbols keep their case
        text = text[:1].upper() + text[1:]
    return f"{text}." if text else ""


def _numbers(rows: Sequence[Row]) -> Table:
    sections: dict[str, list[list[str]]] = {}
    for row in rows:
        between = MISSING
        if row["low"] is not None:
            between = f"{decimal(row['low'])} to {decimal(row['high'])}"
        sections.setdefault(run_heading(row), []).append(
            [
                family_name(row["family"]),
                count(row["decisions"]),
                decimal(row["mass"]),
                decimal(row["r"]),
                between,
                decimal(row["ceiling"]),
                decimal(row["r_baseline"]),
            ]
        )
    names = ("Decisions", "Mass", "r", "Interval", "Ceiling", "r baseline")
    return Table(
        "numbers",
        "The numbers behind the ranking",
        CAPTIONS["numbers"],
        [Column("Family"), *(Column(name, True) for name in names)],
        [Section(heading, lines) for heading, lines in sections.items()],
        _NONE,
    )
