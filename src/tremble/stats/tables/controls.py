"""What a model's prediction loses under each control (`prompts.controls`).

Prediction that survives without the game is not prediction of the game.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from tremble.prompts.asked import Asked
from tremble.stats.filters import MIN_N
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.matrix import RunMatrix
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.bootstrap import RESAMPLES, difference_intervals
from tremble.stats.metrics.correlation import pearson

Row = dict[str, Any]
# Which controls leave nothing of the game. Gambles and one-shot payoffs stand on the table, not in
# the rules: there only another game's payoffs take the game away. In repeated games nothing is on
# the table, so that without history only rules and the round are left.
_WITHOUT = ("no_rules", "neutral_rules", "other_history")
_WITHOUT_IN = {
    "one_shot_matrix": ("other_history",),
    "lottery": ("other_history",),
    "repeated_matrix": (*_WITHOUT, "no_history"),
}


def control_table(evidence: Evidence, resamples: int = RESAMPLES) -> list[Row]:
    """One row per run, family and control, on the points scored with and without the control.

    model, format, formulation, family, control, n (decisions scored both ways), r, r_control,
    loss (r less r_control) with its 95% interval low and high over whole clusters
    (`bootstrap.difference_intervals`), mass, mass_control, note.
    """
    if evidence.controlled.is_empty():
        return []
    without, under = RunMatrix(evidence), RunMatrix(evidence.under_controls())
    runs = [
        (model, format_, asked.wording, asked.beside)
        for model, format_, name in under.runs[RUN].iter_rows()
        for asked in [Asked.parse(name)]
    ]
    beside = without.rows([run[:3] for run in runs])
    masses = _masses(evidence)
    rows: list[Row] = []
    for held in under.families:
        a, b = beside[:, held.at], under.x[:, held.at]
        losses = difference_intervals(a, b, held.y, held.clusters, resamples=resamples)
        for place, (run, one, other, loss) in enumerate(zip(runs, a, b, losses, strict=True)):
            if not loss.n:
                continue
            known = ~(np.isnan(one) | np.isnan(other))
            n, mass, mass_control = masses[(*under.runs[RUN].row(place), held.family)]
            row = {
                **dict(zip(RUN, run[:3], strict=True)),
                "family": held.family,
                "control": run[3],
                "n": n,
                "r": pearson(one[known], held.y[known])[0],
                "r_control": pearson(other[known], held.y[known])[0],
                "loss": loss.estimate,
                "low": loss.low,
                "high": loss.high,
                "mass": mass,
                "mass_control": mass_control,
                "note": loss.note,
            }
            rows.append(row)
    order = {run[:3]: place for place, run in reversed([*enumerate(runs)])}
    return sorted(rows, key=lambda row: order[row["model"], row["format"], row["formulation"]])


def _masses(
    evidence: Evidence,
) -> dict[tuple[Any, ...], tuple[int, float | None, float | None]]:
    """By run under a control and family: decisions scored both ways, and both mean masses."""
    names = {
        name: Asked.parse(name).wording for name in evidence.controlled["formulation"].unique()
    }
    wording = pl.col("formulation").replace_strict(names, return_dtype=pl.String)
    families = evidence.outcomes.select("decision", "family").unique()
    alone = evidence.predictions.select(*RUN, "decision", "mass").unique([*RUN, "decision"])
    both = (
        evidence.controlled.select(*RUN, "decision", mass_control="mass")
        .unique([*RUN, "decision"])
        .join(families, on="decision")
        .with_columns(wording=wording)
        .join(
            alone.rename({"formulation": "wording"}),
            on=["model", "format", "wording", "decision"],
        )
        .group_by(*RUN, "family")
        .agg(pl.len(), pl.col("mass").mean(), pl.col("mass_control").mean())
    )
    return {tuple(row[:4]): tuple(row[4:]) for row in both.iter_rows()}


def without_the_game(row: Row, controls: Sequence[Row]) -> list[Row]:
    """Of the rows of `control_table` those of the run and family of `row` under a control that
    takes the game away, with a loss, on at least 30 decisions scored both ways."""
    return [
        one
        for one in controls
        if all(one[name] == row[name] for name in (*RUN, "family"))
        and one["control"] in _WITHOUT_IN.get(row["family"], _WITHOUT)
        and one["loss"] is not None
        and one["n"] >= MIN_N
    ]
