"""What stands beside the four first tables: uncertainty, ceilings, measures, breakdowns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import polars as pl

from tremble.errors import UserError
from tremble.stats.filters import MIN_MASS, MIN_R
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.matrix import RunMatrix
from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.tables.added import added
from tremble.stats.tables.analysis import Analysis, plain
from tremble.stats.tables.breakdowns import breakdown, wins_table
from tremble.stats.tables.ceiling import ceiling_table
from tremble.stats.tables.controls import control_table
from tremble.stats.tables.measures import measure_table, reliability
from tremble.stats.tables.model_groups import Catalogue, by_model_group, filter_sweep
from tremble.stats.tables.normative import normative_models, normative_pairs
from tremble.stats.tables.presentations import presentation_table
from tremble.stats.tables.surface_forms import surface_forms_table
from tremble.stats.tables.uncertainty import difference_table, interval_table, vote_table
from tremble.text import did_you_mean

Row = dict[str, Any]

# Name -> what it shows, in the order of printing.
FURTHER = {
    "intervals": "r of every model with its 95% interval, over whole participants and games",
    "differences": "r of base minus r of aligned with its interval, and tests of dependent r",
    "votes": "Tests over pairs in which model families, not siblings, count once",
    "ceilings": "The best r that human noise allows",
    "measures": "Log loss, Brier score, AUC and calibration, as scored and after a temperature",
    "reliability": "How often people chose the target where a model said so",
    "added": "What each model adds over each baseline",
    "theory": "How close models and people are to the normative prediction",
    "theory_pairs": "Which twin is closer to the normative prediction",
    "parameter": "Wins by value of every game parameter",
    "round": "Wins by round",
    "topology": "Wins by topology",
    "formulation": "Wins by wording",
    "presentations": "What the order of options, their labels and payoff rows change",
    "controls": "What the r of a model loses without history, without rules, and under others",
    "groups": "Wins and differences by model family and size",
    "sweep": "Wins under other filters",
    "spellings": "Mass and r with the labels alone, and with all spellings of them",
}
_SUBSETS = ("parameter", "round", "topology", "formulation")


def further_tables(
    analysis: Analysis,
    decisions: pl.DataFrame,
    comparisons: Sequence[Comparison] = (),
    catalogue: Catalogue | None = None,
    names: Sequence[str] | None = None,
    min_mass: float | None = MIN_MASS,
    min_r: float | None = MIN_R,
    resamples: int = RESAMPLES,
    instead: Callable[[str, Exception], Any] | None = None,
) -> dict[str, Any]:
    """The tables of `FURTHER` (all, or those of `names`), each a list of plain dicts.

    `analysis` is what `analyze` made of the same `decisions` and `comparisons`; `catalogue` maps
    a model to its family and size in billions of parameters. What is not known is None. With
    `instead` a table that cannot be made stops none of the others: what `instead` gives for its
    name and the error stands in its place. Raises UserError for a name that is no table.
    """
    for name in names or ():
        if name not in FURTHER:
            raise UserError(f"There is no table {name!r}{did_you_mean(name, list(FURTHER))}")
    predicted, points, said = analysis.predicted, analysis.points, analysis.said
    known = catalogue or {}

    @cache
    def fits() -> pl.DataFrame:
        """What is predicted at points: half of it where there are two options."""
        return predicted.join(points.select("decision", "key"), on=["decision", "key"], how="semi")

    @cache
    def matrix() -> RunMatrix:
        return RunMatrix(fits(), points, decisions)

    def subsets(by: str) -> Callable[[], list[Row]]:
        return lambda: wins_table(
            breakdown(fits(), points, decisions, comparisons, by, min_mass, min_r)
        )

    made: dict[str, Callable[[], list[Row]]] = {
        "intervals": lambda: interval_table(matrix(), resamples),
        "differences": lambda: difference_table(matrix(), comparisons, resamples),
        "votes": lambda: vote_table(analysis.pairs, known),
        "ceilings": lambda: ceiling_table(decisions, points),
        "measures": lambda: measure_table(predicted, points, decisions),
        "reliability": lambda: reliability(predicted, points, decisions),
        "added": lambda: added(fits(), said, points),
        "theory": lambda: normative_models(predicted, points, decisions, resamples),
        "theory_pairs": lambda: normative_pairs(fits(), points, decisions, comparisons, resamples),
        **{by: subsets(by) for by in _SUBSETS},
        "presentations": lambda: presentation_table(analysis.scores, decisions, points),
        "controls": lambda: control_table(
            predicted, analysis.controlled, points, decisions, resamples
        ),
        "groups": lambda: by_model_group(analysis.pairs, known),
        "sweep": lambda: filter_sweep(analysis.pairs),
        "spellings": lambda: surface_forms_table(analysis.scores, decisions, predicted, points),
    }
    found: dict[str, Any] = {}
    for name in FURTHER:
        if names is None or name in names:
            try:
                found[name] = plain(made[name]())
            except Exception as error:
                if instead is None:
                    raise
                found[name] = instead(name, error)
    return found
