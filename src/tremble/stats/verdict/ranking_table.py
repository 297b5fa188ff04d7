"""The ranking of every run: r, its interval, the ceiling, the best baseline, and the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.matrix import AllPoints, RunMatrix
from tremble.stats.frames.predictions import RUN, RunFamily, run_and_family
from tremble.stats.inference.bootstrap import RESAMPLES, difference_intervals
from tremble.stats.tables.baselines import baseline_points
from tremble.stats.tables.ceiling import ceiling_table
from tremble.stats.tables.controls import control_table
from tremble.stats.tables.uncertainty import r_of_runs
from tremble.stats.verdict.ranking import Standing, best_baseline, decide, smallest

Row = dict[str, Any]


def ranking_table(evidence: Evidence, resamples: int = RESAMPLES) -> list[Row]:
    """One row per run and family.

    model, format, formulation, family, points, decisions, clusters, r, low, high, ceiling,
    baseline (the one with the highest r), r_baseline (on the same points), over (r less
    r_baseline), over_low, over_high, smallest (the smallest difference from a baseline that so much
    data shows with a probability of .80 at .05, two-sided: half the interval and .84 standard
    errors, with many clusters 2.80 of them), verdict and why (`decide`), control (the one that
    takes the game away and costs the least r, None where none was scored on 30 decisions),
    n_control (decisions scored with it and without) and r_control (on these). A baseline that is
    constant on these points has no r and adds nothing: beside it `over` is r, with the interval of
    r.

    A baseline counts where it predicts at least nine tenths of the points; it and the model are
    compared where both say something. The best one is chosen on the same data, which is to its
    advantage.
    """
    ceilings = {row["family"]: row for row in ceiling_table(evidence)}
    made = RunMatrix(evidence)
    if not made.runs.height:  # nothing is scored yet
        return []
    intervals = {run_and_family(own[0]): own for own in r_of_runs(made, resamples)}
    names, baselines = _baselines(baseline_points(evidence), made.points)
    controls = control_table(evidence, resamples)
    rows: dict[RunFamily, Row] = {}
    for held in made.families:
        x = made.x[:, held.at]
        here = dict(zip(names, baselines[:, held.at], strict=True))
        best = [best_baseline(row, held.y, here) for row in x]
        b = np.stack(
            [np.full_like(held.y, np.nan) if one is None else one.predictions for one in best]
        )
        over = difference_intervals(x, b, held.y, held.clusters, resamples=resamples)
        for run, one, difference in zip(made.runs.iter_rows(named=True), best, over, strict=True):
            key = run_and_family(run | {"family": held.family})
            if key in intervals:
                ceiling = ceilings[held.family]
                rows[key] = ranking_row(
                    Standing.of(intervals[key], ceiling, one, difference, controls)
                )
    return [rows[key] for key in intervals]


def _baselines(beside: pl.DataFrame, points: AllPoints) -> tuple[list[str], np.ndarray]:
    """Names of the baselines and what they predict, (baselines, points)."""
    names: list[str] = beside["baseline"].unique(maintain_order=True).to_list()
    numbers = pl.DataFrame(
        {"baseline": names, "number": range(len(names))},
        schema={"baseline": pl.String, "number": pl.Int64},
    )
    numbered = beside.join(numbers, on="baseline")
    return names, points.matrix(numbered, "number", "prediction", len(names))


def ranking_row(known: Standing) -> Row:
    """The row of `ranking_table`, with what `decide` says."""
    own, best, over = known.own, known.best, known.over
    facts = (*RUN, "family", "points", "decisions", "clusters", "r", "low", "high")
    least = min(known.controls, key=lambda one: one["loss"], default=None)
    verdict = decide(known)
    return {
        **{name: own[name] for name in facts},
        "ceiling": known.ceiling["ceiling"],
        "baseline": None if best is None else best.name,
        "r_baseline": None if best is None else best.r,
        "over": over["estimate"],
        "over_low": over["low"],
        "over_high": over["high"],
        "smallest": smallest(over),
        "verdict": verdict.answer,
        "why": verdict.why,
        "control": None if least is None else least["control"],
        "n_control": None if least is None else least["n"],
        "r_control": None if least is None else least["r_control"],
    }
