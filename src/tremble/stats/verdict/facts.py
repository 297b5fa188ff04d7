"""What the rules of levels, effects and distribution are asked of, from the tables of a study."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tremble.stats.inference.intervals import FEW_CLUSTERS, Units
from tremble.stats.verdict.distribution import Distance
from tremble.stats.verdict.effects import Contrasted
from tremble.stats.verdict.levels import Level

Row = Mapping[str, Any]
_NONE = re.compile("^no (interval|excess): ")
_PEOPLE = "people"  # what an interval covers: people who read these very texts


def level_facts(row: Row, units: Units | None, decisions: int) -> Level | None:
    """Of a row of `level_table`, in a family with so many `decisions`; None where the outcome is no
    number."""
    if row["people"] is None or row["difference"] is None:
        return None
    why = _too_few_people(units)
    known = why is None and row["low"] is not None
    return Level(
        people=row["people"],
        model=row["predicted"],
        low=row["low"] if known else None,
        high=row["high"] if known else None,
        scale=row["scale"],
        texts=row["over"] == _PEOPLE,
        why=why or _first(row["note"]),
        left_out=decisions - row["n"],
    )


def distance_facts(row: Row, units: Units) -> Distance:
    """Of a row of `distribution_table`."""
    why = _too_few_people(units)
    known = why is None and row["share_low"] is not None
    return Distance(
        excess=row["share"],
        low=row["share_low"] if known else None,
        high=row["share_high"] if known else None,
        valued=row["distance"] != "total variation",
        texts=row["over"] == _PEOPLE,
        why=why or _first(row["note"]),
    )


def contrast_facts(rows: Iterable[Row]) -> dict[tuple[str, str, str, str], list[Contrasted]]:
    """Of the rows of `contrast_rows`, by model, format, formulation and family; those whose arms
    share their prompts are none."""
    facts: dict[tuple[str, str, str, str], list[Contrasted]] = {}
    for row in rows:
        if row["people"] is None or row["effect"] is None:
            continue
        texts = row["over"] == _PEOPLE
        key = (row["model"], row["format"], row["formulation"], row["family"])
        facts.setdefault(key, []).append(
            Contrasted(
                name=f"{row['contrast']} ({row['level']} against {row['control']})",
                people=row["people"],
                model=row["effect"],
                difference=row["difference"],
                low=row["difference_low"],
                high=row["difference_high"],
                people_p=row["people_p_holm"],
                # The model's answers to fixed texts have no error.
                model_p=0.0 if texts else row["effect_p_holm"],
                outcome=row["outcome"],
                scale=row["scale"],
                texts=texts,
                why=row["note"],
            )
        )
    return facts


def _first(note: str | None) -> str | None:
    """The part of a note that says why there is no interval: it stands first."""
    return None if note is None else _NONE.sub("", note.split("; ")[0])


def _too_few_people(units: Units | None) -> str | None:
    if units is None:
        return None
    if units.unnamed:
        return units.few
    if units.people.below(FEW_CLUSTERS):
        return f"{units.people.said('participants or games')}, fewer than {FEW_CLUSTERS}"
    return None
