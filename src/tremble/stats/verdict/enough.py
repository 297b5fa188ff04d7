"""Is there data enough for an answer? Asked of what people did alone, before any model is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from tremble.stats.filters import MIN_N
from tremble.stats.frames.clusters import kinds_of, units
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.inference.intervals import FEW_CLUSTERS, Units, units_of

QUESTIONS = ("ranking", "levels", "effects", "distribution", "replace")


@dataclass(frozen=True, slots=True)
class Enough:
    """One family's data. `people`: participants, or plays and problems where none is named;
    `items`: texts, or problems with rates, None where plays are all there is. `lacking`: of each
    question that cannot be answered why; a question that does not arise is not among them but in
    `absent`."""

    family: str
    decisions: int
    people: int
    items: int | None
    lacking: dict[str, str]
    absent: dict[str, str]

    @property
    def answers(self) -> dict[str, str | None]:
        """Of each question None where there is data enough, else why it has no answer."""
        return {name: self.lacking.get(name, self.absent.get(name)) for name in QUESTIONS}


def too_little(units: Units | None, decisions: int) -> str | None:
    """Why no verdict rests on so many decisions of these people and items; None where it may."""
    if units is None:
        return None
    if units.few is not None:
        return units.few
    few = units.people.below(FEW_CLUSTERS)
    if few or decisions < MIN_N:
        if few and units.people.number >= FEW_CLUSTERS:
            return units.said(decisions, FEW_CLUSTERS)
        return f"{units.said(decisions)}, too few to judge by"
    return None


def enough(decisions: pl.DataFrame, contrasted: Collection[str] = ()) -> list[Enough]:
    """What so much data can answer, a family each; `contrasted`: those with a contrast."""
    points = outcomes(decisions).drop("item").join(units(decisions), on="decision")
    return [
        _of(family, decisions.filter(family=family), points.filter(family=family), contrasted)
        for family in family_order(decisions["family"])
    ]


def _of(
    family: str, decisions: pl.DataFrame, points: pl.DataFrame, contrasted: Collection[str]
) -> Enough:
    people, items = _counts(decisions)
    lacking: dict[str, str] = {}
    absent: dict[str, str] = {}
    why = "no outcome is coded"
    if points.height:
        held, _ = units_of(kinds_of(points))
        why = held.reason or too_little(held, points["decision"].n_unique()) or ""
    if why:
        lacking["ranking"] = why
    several = decisions["keys"].list.len().max() or 0
    valued = "values" in decisions and decisions["values"].null_count() < decisions.height
    coded = valued or decisions["target"].null_count() < decisions.height
    if not coded and several > 2:  # type: ignore[operator]
        absent["levels"] = "three or more options with neither value nor target"
        absent["effects"] = absent["levels"]
    elif why:
        lacking["levels"] = why
    if family not in contrasted:
        absent.setdefault("effects", "no [[contrast]]")
    elif why:
        lacking["effects"] = why
    if several < 3:  # type: ignore[operator]
        absent["distribution"] = "two options"
    elif why:
        lacking["distribution"] = why
    if lacking:
        lacking["replace"] = why
    return Enough(family, decisions.height, people, items, lacking, absent)


def _counts(decisions: pl.DataFrame) -> tuple[int, int | None]:
    unit = units(decisions)
    people = unit.select(pl.coalesce("person", "cluster").n_unique()).item()
    rated = decisions["choice"].is_null().all()
    texts = unit["item"].drop_nulls().n_unique()
    return int(people), int(unit["cluster"].n_unique()) if rated and not texts else texts or None
