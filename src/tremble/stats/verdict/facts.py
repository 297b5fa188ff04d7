"""What the rules of levels, effects and distribution are asked of, from the tables of a study."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tremble.stats.filters import SLACK
from tremble.stats.frames.predictions import RunFamily, run_and_family
from tremble.stats.frames.treatments import WITH
from tremble.stats.inference.intervals import Units
from tremble.stats.verdict.answer import MARGINS, Margins
from tremble.stats.verdict.distribution import Distance
from tremble.stats.verdict.effects import INTERACTION, Contrasted
from tremble.stats.verdict.enough import too_few_people
from tremble.stats.verdict.levels import Level
from tremble.stats.verdict.replace import share_of

Row = Mapping[str, Any]
_NONE = re.compile("^no (interval|excess): ")
_NAMES = ("contrast", "level", "control")
_PEOPLE = "people"  # what an interval covers: people who read these very texts


def level_facts(
    row: Row, units: Units | None, decisions: int, behind: float | None = None
) -> Level | None:
    """Of a row of `level_table`, in a family with so many `decisions` (of rates: so many people
    `behind` them); None where the outcome is no number."""
    if row["people"] is None or row["difference"] is None:
        return None
    why = too_few_people(units, behind)
    known = why is None and row["low"] is not None
    return Level(
        people=row["people"],
        model=row["predicted"],
        low=row["low"] if known else None,
        high=row["high"] if known else None,
        scale=row["scale"],
        texts=row["over"] == _PEOPLE,
        why=why or _first(row["note"]),
        mark=None if units is None or row["over"] == _PEOPLE else units.marked,
        left_out=decisions - row["n"],
    )


def distance_facts(row: Row, units: Units, behind: float | None = None) -> Distance:
    """Of a row of `distribution_table`."""
    why = too_few_people(units, behind)
    known = why is None and row["share_low"] is not None
    return Distance(
        excess=row["share"],
        low=row["share_low"] if known else None,
        high=row["share_high"] if known else None,
        valued=row["distance"] != "total variation",
        texts=row["over"] == _PEOPLE,
        why=why or _first(row["note"]),
    )


def contrast_facts(
    rows: Iterable[Row], margins: Margins = MARGINS
) -> dict[RunFamily, list[Contrasted]]:
    """Of the rows of `contrast_rows`, by model, format, formulation and family, also of contrasts
    that have no effect. Of too few people, and where the options of an arm have too little of the
    probability, nothing is clear."""
    facts: dict[RunFamily, list[Contrasted]] = {}
    for row in rows:
        facts.setdefault(run_and_family(row), []).append(_contrasted(row, margins))
    return facts


def _contrasted(row: Row, margins: Margins) -> Contrasted:
    few, mass = row["few"], row["least_mass"]
    if few is None and mass is not None and mass < margins.mass - SLACK:
        few = f"in one arm the options have only {share_of(mass, margins.mass)} of the probability"
    enough = few is None and row["difference_low"] is not None
    # An effect of the model's that does not vary, as in its answers to fixed texts, has no error.
    exact = row["effect"] is not None and row["low"] is None
    return Contrasted(
        name=_name(row),
        people=row["people"],
        model=row["effect"],
        low=row["difference_low"] if enough else None,
        high=row["difference_high"] if enough else None,
        people_p=row["people_p_holm"] if enough else None,
        model_p=None if not enough else 0.0 if exact else row["effect_p_holm"],
        outcome=row["outcome"],
        scale=row["scale"],
        texts=row["over"] == _PEOPLE,
        why=few or _first(row["note"]),
        items=None if row["over"] == _PEOPLE else row["items"],
    )


def _name(row: Row) -> str:
    if WITH in row["contrast"]:
        keys, level, control = (row[x].replace(WITH, " and ") for x in _NAMES)
        return f"the {INTERACTION} of {keys} ({level}, against {control})"
    return f"{row['contrast']} ({row['level']} against {row['control']})"


def _first(note: str | None) -> str | None:
    """The part of a note that says why there is no interval: it stands first."""
    return None if note is None else _NONE.sub("", note.split("; ")[0])
