"""What was really computed for a study, so that nothing else is claimed: out of its tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tremble.api.results import (
    analyze_study,
    contrast_analysis,
    further_analysis,
    verdict_analysis,
)
from tremble.errors import UserError
from tremble.stats.tables.analysis import COLUMNS
from tremble.stats.verdict.answer import CANNOT_SAY
from tremble.stats.verdict.enough import QUESTIONS

Row = dict[str, Any]
RowsOf = Callable[[str], list[Row]]
_LIMITS = ("people_low", "low", "difference_low")  # of a contrast's row; one of them suffices


def rows_of_study(folder: Path) -> RowsOf:
    """What gives the rows of a study's table by its name: "models", "pairs", "tests", "intervals",
    "contrasts" (none where the study asks for none), "verdict"; the analysis is made once.

    Raises UserError where the folder is no study."""
    analysis = analyze_study(folder)[0]

    def rows(name: str) -> list[Row]:
        if name in COLUMNS:
            made: list[Row] = getattr(analysis, name)
        elif name == "contrasts":
            asked = analysis.contrasts
            made = contrast_analysis(analysis, asked)[name] if asked else []
        elif name == "verdict":
            made = verdict_analysis(folder, analysis)
        else:
            made = further_analysis(analysis, [name])[name]
        return made

    return rows


def computed(rows_of: RowsOf, contrasts: Sequence[str]) -> Row:
    """What the tables of a study hold, as JSON can hold it; `why` is the commonest reason why
    there is none, in the words of the table, None where there is no row at all.

    - r and intervals: of so many (`of`) models in a format, a wording and a family how many have
      one (`made`), and in which families (`families`);
    - tests: those over pairs that have a p value (`made`);
    - contrasts: of those named which have an effect with an interval (`made`);
    - verdict: the questions with an answer, other than that nothing can be said (`made`).
    """
    ranked, spread = _rows(rows_of, "models"), _rows(rows_of, "intervals")
    tests, effects = _rows(rows_of, "tests"), _rows(rows_of, "contrasts")
    answers = _rows(rows_of, "verdict")
    return {
        "r": _counted(ranked, "r"),
        "intervals": _counted(spread, "low"),
        "tests": {
            "made": list(dict.fromkeys(row["test"] for row in tests if row["p"] is not None)),
            "why": _why(row["note"] for row in tests if row["p"] is None),
        },
        "contrasts": {
            "made": [
                name
                for name in contrasts
                if any(_has_limits(row) for row in effects if row["contrast"] == name)
            ],
            "why": _why(row["note"] for row in effects if not _has_limits(row)),
        },
        "verdict": {
            "made": [name for name in QUESTIONS if any(_says(row.get(name)) for row in answers)],
            "why": _why(map(_unsaid, answers)),
        },
    }


def _rows(rows_of: RowsOf, name: str) -> list[Row]:
    """The rows of a table; where it cannot be had, one that says why and holds nothing else."""
    try:
        return rows_of(name)
    except UserError as error:
        why = str(error).removesuffix(".")
        return [_Nothing(note=why, replace_why=why)]


class _Nothing(dict[str, Any]):
    """A row in which nothing is known but what it holds."""

    def __missing__(self, key: str) -> None:
        return None


def _counted(rows: Sequence[Row], column: str) -> Row:
    there = [row for row in rows if row[column] is not None]
    return {
        "made": len(there),
        "of": len(rows),
        "families": list(dict.fromkeys(row["family"] for row in there)),
        "why": _why(row["note"] for row in rows if row[column] is None),
    }


def _has_limits(row: Mapping[str, Any]) -> bool:
    return any(row[name] is not None for name in _LIMITS)


def _says(answer: str | None) -> bool:
    return answer not in (None, CANNOT_SAY)


def _unsaid(row: Row) -> str | None:
    """Why a row of the verdict does not say whether a model may replace people."""
    if _says(row["replace"]):
        return None
    reasons: Iterator[str] = (row[f"{name}_why"] for name in QUESTIONS if row[name] == CANNOT_SAY)
    last: str | None = row["replace_why"]
    return next(reasons, last)


def _why(notes: Iterable[str | None]) -> str | None:
    """The commonest of some reasons, the first of equally common ones."""
    counts = Counter(note for note in notes if note)
    return counts.most_common(1)[0][0] if counts else None
