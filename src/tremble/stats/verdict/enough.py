"""Is there data enough for an answer? Asked of what people did alone, before any model is."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from tremble.decisions.sessions import FAMILY
from tremble.stats.filters import MIN_N
from tremble.stats.frames.clusters import kinds_of, units
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.inference.intervals import FEW_CLUSTERS, OTHERS, Units, units_of
from tremble.store.schemas import with_columns

NO_MEAN = "options without values and without a target option have no mean"
TWO_OPTIONS = "with two options, the levels say everything"
NO_OPTIONS = "no options are known"
UNCODED = "with two options, a distribution is a level, which needs a target option"
ONE_READER = "no text was read by two people"
QUESTIONS = ("ranking", "levels", "effects", "distribution", "replace")


@dataclass(frozen=True, slots=True)
class Enough:
    """One family's data. `people`: participants, or plays where none is named, of rates
    all who are behind them, None where that is not known;
    `items`: texts, or problems with rates, None where plays are all there is. `lacking`: of each
    question that cannot be answered why; a question that does not arise is not among them but in
    `absent`."""

    family: str
    decisions: int
    people: int | None
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
        return f"{units.said(decisions)}, too few for a verdict"
    return None


def too_few_people(units: Units | None, behind: float | None = None) -> str | None:
    """Why nothing is said of so few people, whatever their items; `behind`: of rates how many
    people they are of."""
    if behind is not None:
        few = behind < FEW_CLUSTERS
        return f"{behind:,.0f} people, fewer than {FEW_CLUSTERS}" if few else None
    if units is None:
        return None
    if units.unnamed:
        return units.nameless
    if units.people.below(FEW_CLUSTERS):
        return units.people.said("people" if units.named else OTHERS, FEW_CLUSTERS)
    return None


def behind_rates(decisions: pl.DataFrame) -> dict[str, float]:
    """By family that holds rates alone how many people are behind them; infinite where that is not
    known, since then the problems alone are resampled."""
    decisions = with_columns(decisions, "n")
    rated = pl.col("choice").is_null() & pl.col("rates").is_not_null()
    known = pl.col("n").filter(rated)
    found = (
        decisions.group_by("family", maintain_order=True)
        .agg(
            all=(rated | pl.col("choice").is_null()).all() & rated.any(),
            people=pl.when(known.null_count() == 0).then(known.sum().cast(pl.Float64)),
        )
        .filter("all")
    )
    return {family: people or float("inf") for family, _, people in found.iter_rows()}


def enough(decisions: pl.DataFrame, contrasted: Collection[str] = ()) -> list[Enough]:
    """What so much data can answer, a family each; `contrasted`: those with a contrast."""
    points = outcomes(decisions).drop("item").join(units(decisions), on="decision")
    behind = behind_rates(decisions)
    return [
        _of(
            decisions.filter(family=family),
            points.filter(family=family),
            behind.get(family),
            family in contrasted,
        )
        for family in family_order(decisions["family"])
    ]


def _of(
    decisions: pl.DataFrame, points: pl.DataFrame, behind: float | None, contrasted: bool
) -> Enough:
    family = str(decisions["family"][0])
    people, items = _counts(decisions, behind)
    lacking: dict[str, str] = {}
    absent: dict[str, str] = {}
    ranking = few = "no decision has a coded outcome"
    if points.height:
        held, _ = units_of(kinds_of(points))
        ranking = held.reason or too_little(held, points["decision"].n_unique()) or ""
        few = too_few_people(held, behind) or ""
    if without := no_mean(decisions):
        absent["levels"] = absent["effects"] = without
    if not contrasted:
        absent.setdefault("effects", "no [[contrast]]")
    if _most_options(decisions) < 3 or not _read_twice(decisions):
        absent["distribution"] = no_distribution(decisions)
    for name, why in (("ranking", ranking), *((name, few) for name in QUESTIONS[1:4])):
        if why and name not in absent:
            lacking[name] = why
    if lacking:
        lacking["replace"] = next(iter(lacking.values()))
    return Enough(family, decisions.height, people, items, lacking, absent)


def no_distribution(decisions: pl.DataFrame) -> str:
    """Why a family has no distribution to be compared, where it has none."""
    most = _most_options(decisions)
    if most > 2:
        return ONE_READER
    if most < 2:
        return NO_OPTIONS
    return TWO_OPTIONS if no_mean(decisions) is None else UNCODED


def _most_options(decisions: pl.DataFrame) -> int:
    return int(decisions["keys"].list.len().max() or 0)  # type: ignore[arg-type]


def no_mean(decisions: pl.DataFrame) -> str | None:
    """Why choices of a family have no mean, so no level and no effect; None where options have
    values or a target."""
    most = _most_options(decisions)
    if most == 0:
        return NO_OPTIONS
    # Responses without options have no values, but once had an empty list of them.
    valued = "values" in decisions and (decisions["values"].list.len() > 0).any()
    named = decisions["target"].null_count() < decisions.height
    two = most == 2 and decisions["family"][0] != FAMILY
    return None if valued or named or two else NO_MEAN


def _read_twice(decisions: pl.DataFrame) -> bool:
    """Whether a text or a problem with three or more options has two readers at least."""
    more = decisions.filter(pl.col("keys").list.len() > 2)
    rates = more.filter(pl.col("choice").is_null())
    if "n" in more and rates.filter(pl.col("n").is_null() | (pl.col("n") > 1)).height:
        return True
    read = units(more.filter(pl.col("choice").is_not_null()))["item"].drop_nulls()
    return read.n_unique() < len(read)


def _counts(decisions: pl.DataFrame, behind: float | None) -> tuple[int | None, int | None]:
    """People and items; of rates the people behind them, None where these are not known."""
    unit = units(decisions)
    texts = unit["item"].drop_nulls().n_unique() or None
    if behind is not None:
        people = None if math.isinf(behind) else int(behind)
        return people, texts or int(unit["cluster"].n_unique())
    return int(unit.select(pl.coalesce("person", "cluster").n_unique()).item()), texts
