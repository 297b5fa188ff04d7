"""What stands beside the four first tables: uncertainty, ceilings, measures, breakdowns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tremble.errors import UserError
from tremble.stats.frames.evidence import Evidence
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


@dataclass(frozen=True)
class _Source:
    """What the tables are made of: an analysis, families and sizes of models, and how often to
    resample. What several tables need is made once."""

    analysis: Analysis
    catalogue: Catalogue
    resamples: int

    @property
    def evidence(self) -> Evidence:
        return self.analysis.evidence

    @cached_property
    def at_outcomes(self) -> Evidence:
        return self.evidence.at_outcomes()

    @cached_property
    def matrix(self) -> RunMatrix:
        return RunMatrix(self.at_outcomes)

    def wins(self, by: str) -> list[Row]:
        """Wins within the subsets of a breakdown (`frames.subsets`)."""
        made = self.analysis
        return wins_table(breakdown(self.at_outcomes, made.comparisons, by, made.filters))


_MADE: dict[str, Callable[[_Source], list[Row]]] = {
    "intervals": lambda of: interval_table(of.matrix, of.resamples),
    "differences": lambda of: difference_table(of.matrix, of.analysis.comparisons, of.resamples),
    "votes": lambda of: vote_table(of.analysis.pairs, of.catalogue),
    "ceilings": lambda of: ceiling_table(of.evidence),
    "measures": lambda of: measure_table(of.evidence),
    "reliability": lambda of: reliability(of.evidence),
    "added": lambda of: added(of.at_outcomes),
    "theory": lambda of: normative_models(of.evidence, of.resamples),
    "theory_pairs": lambda of: normative_pairs(
        of.at_outcomes, of.analysis.comparisons, of.resamples
    ),
    "parameter": lambda of: of.wins("parameter"),
    "round": lambda of: of.wins("round"),
    "topology": lambda of: of.wins("topology"),
    "formulation": lambda of: of.wins("formulation"),
    "presentations": lambda of: presentation_table(of.evidence),
    "controls": lambda of: control_table(of.evidence, of.resamples),
    "groups": lambda of: by_model_group(of.analysis.pairs, of.catalogue),
    "sweep": lambda of: filter_sweep(of.analysis.pairs),
    "spellings": lambda of: surface_forms_table(of.evidence),
}


def further_tables(
    analysis: Analysis,
    catalogue: Catalogue | None = None,
    names: Collection[str] | None = None,
    resamples: int = RESAMPLES,
    instead: Callable[[str, Exception], Any] | None = None,
) -> dict[str, Any]:
    """The tables of `FURTHER` (all, or those of `names`), each a list of plain dicts.

    `catalogue` maps a model to its family and size in billions of parameters. What is not known
    is None. With `instead` a table that cannot be made stops none of the others: what `instead`
    gives for its name and the error stands in its place. Raises UserError for a name that is no
    table.
    """
    for name in names or ():
        if name not in FURTHER:
            raise UserError(f"There is no table {name!r}{did_you_mean(name, list(FURTHER))}")
    source = _Source(analysis, catalogue or {}, resamples)
    tables: dict[str, Any] = {}
    for name in FURTHER:
        if names is None or name in names:
            try:
                tables[name] = plain(_MADE[name](source))
            except Exception as error:
                if instead is None:
                    raise
                tables[name] = instead(name, error)
    return tables
