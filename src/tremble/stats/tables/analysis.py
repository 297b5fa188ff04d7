"""All tables of a study from its scores and decisions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from tremble.baselines.base import baseline_predictions
from tremble.stats.filters import FILTERS, Filters
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.frames.predictions import behind_interviews, controls_apart, predictions
from tremble.stats.frames.task_answers import TaskAnswers
from tremble.stats.frames.treatments import Contrast
from tremble.stats.inference.significance import significance_table
from tremble.stats.tables.baselines import baseline_table
from tremble.stats.tables.models import model_table
from tremble.stats.tables.pairs import pair_table

Row = dict[str, Any]

# What `to_json` gives, in this order; the lists on `Analysis` may hold more.
COLUMNS = {
    "models": ("model", "format", "formulation", "family", "n", "missing", "r", "mass", "note"),
    "pairs": (
        "base",
        "aligned",
        "family",
        "r_base",
        "r_aligned",
        "winner",
        "kept",
        "why",
        "mode",
        "formulation",
    ),
    "tests": (
        "family",
        "test",
        "direction",
        "n",
        "statistic",
        "p",
        "mode",
        "formulation",
        "note",
    ),
    "baselines": ("baseline", "family", "n", "r", "note"),
}


@dataclass(frozen=True, slots=True)
class Analysis:
    """Four tables, each a list of plain dicts; what is not known is None, never NaN.

    `pairs` also hold n, mass_base, mass_aligned and note. What the tables were made from and with,
    for those of `further` and the verdict: the `evidence`, the `comparisons` and the `filters`;
    `contrasts` are those of the study. `equal_others`: of sessions behind interviews, participant
    -> whether the person whose facts they get in the arm `other` gives the same answers.
    `branching`: (model, experiment of sessions) -> the share of responses whose marks share a token
    with the text beside them, where it is worth a note. `trajectory`: the checkpoints of a training
    among the models, as the record of the run has them; `answers`: of its held-out task.
    """

    models: list[Row]
    pairs: list[Row]
    tests: list[Row]
    baselines: list[Row]
    evidence: Evidence = field(default_factory=Evidence, repr=False)
    comparisons: Sequence[Comparison] = ()
    filters: Filters = FILTERS
    contrasts: Sequence[Contrast] = ()
    equal_others: Mapping[str, bool] = field(default_factory=dict, repr=False)
    branching: Mapping[tuple[str, str], float] = field(default_factory=dict, repr=False)
    trajectory: Mapping[str, Any] = field(default_factory=dict, repr=False)
    answers: TaskAnswers = field(default_factory=TaskAnswers, repr=False)

    def to_json(self) -> dict[str, list[Row]]:
        """The tables with exactly the documented columns, in values that JSON can hold."""
        return {
            name: [{column: row[column] for column in columns} for row in getattr(self, name)]
            for name, columns in COLUMNS.items()
        }


def plain(rows: list[Row]) -> list[Row]:
    """The rows in values that JSON can hold: numbers of Python's own, None for NaN and infinity."""
    return [{key: _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def evidence_of(scores: pl.DataFrame, decisions: pl.DataFrame) -> Evidence:
    """What the scores and decisions of a study (`analyze`) say, with what the baselines say."""
    plain_scores, under_controls = controls_apart(scores)
    return Evidence(
        decisions,
        outcomes(decisions),
        predictions(plain_scores, decisions),
        baseline_predictions(decisions),
        predictions(under_controls, decisions),
        plain_scores,
        behind_interviews(scores),
    )


def analyze(
    scores: pl.DataFrame,
    decisions: pl.DataFrame,
    comparisons: Sequence[Comparison] = (),
    filters: Filters = FILTERS,
    contrasts: Sequence[Contrast] = (),
) -> Analysis:
    """The tables of a study.

    `scores`: one row per decision, model, format, formulation and presentation, with keys and
    logprobs (natural, unnormalised), mass, template and error (null where scored).
    `decisions`: one row per decision with family, cluster, at, participant, role, keys, target,
    choice and rates; an optional number column `presentations` says how many a decision has.
    """
    evidence = evidence_of(scores, decisions)
    pairs = pair_table(evidence, comparisons, filters)
    return Analysis(
        models=plain(model_table(evidence)),
        pairs=plain(pairs),
        tests=plain(significance_table(pairs)),
        baselines=plain(baseline_table(evidence)),
        evidence=evidence,
        comparisons=comparisons,
        filters=filters,
        contrasts=contrasts,
    )
