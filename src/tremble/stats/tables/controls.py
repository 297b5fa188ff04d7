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
from tremble.stats.frames.matrix import RunMatrix
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.bootstrap import RESAMPLES, difference_intervals
from tremble.stats.metrics.correlation import pearson
from tremble.text import decimal

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


def control_table(
    predicted: pl.DataFrame,
    controlled: pl.DataFrame,
    points: pl.DataFrame,
    decisions: pl.DataFrame,
    resamples: int = RESAMPLES,
) -> list[Row]:
    """One row per run, family and control, on the points scored with and without the control.

    model, format, formulation, family, control, n (decisions scored both ways), r, r_control,
    loss (r less r_control) with its 95% interval low and high over whole clusters
    (`bootstrap.difference_intervals`), mass, mass_control, note. `predicted` and `controlled` are
    as `predictions` gives them; in `controlled` the formulation is a wording and its control.
    """
    if controlled.is_empty():
        return []
    without, under = (RunMatrix(frame, points, decisions) for frame in (predicted, controlled))
    runs = [
        (model, format_, asked.wording, asked.beside)
        for model, format_, name in under.runs[RUN].iter_rows()
        for asked in [Asked.parse(name)]
    ]
    beside = without.rows([run[:3] for run in runs])
    masses = _masses(predicted, controlled, points)
    found: list[Row] = []
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
            found.append(row)
    order = {run[:3]: place for place, run in reversed([*enumerate(runs)])}
    return sorted(found, key=lambda row: order[row["model"], row["format"], row["formulation"]])


def _masses(
    predicted: pl.DataFrame, controlled: pl.DataFrame, points: pl.DataFrame
) -> dict[tuple[Any, ...], tuple[int, float | None, float | None]]:
    """By run under a control and family: decisions scored both ways, and both mean masses."""
    names = {name: Asked.parse(name).wording for name in controlled["formulation"].unique()}
    wording = pl.col("formulation").replace_strict(names, return_dtype=pl.String)
    families = points.select("decision", "family").unique()
    alone = predicted.select(*RUN, "decision", "mass").unique([*RUN, "decision"])
    both = (
        controlled.select(*RUN, "decision", mass_control="mass")
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


def against_controls(verdicts: Sequence[Row], controls: Sequence[Row]) -> list[Row]:
    """The rows of a verdict with `control`, `n_control` and `r_control`, of the control that takes
    the game away and costs the least r, None where none was scored on 30 decisions.

    `n_control` are the decisions scored with the control and without: `r_control` and the loss are
    of these, the verdict's own r is of all that were scored without. Where r without the game may
    be as high (the interval of the loss reaches zero, or the loss is no larger than what lies
    between the verdict's r and the low end of its interval), "yes" and "in part" become "not
    shown".
    """
    return [_against(row, controls) for row in verdicts]


def _against(row: Row, controls: Sequence[Row]) -> Row:
    names = (*RUN, "family")
    tried = [
        one
        for one in controls
        if all(one[name] == row[name] for name in names)
        and one["control"] in _WITHOUT_IN.get(row["family"], _WITHOUT)
        and one["loss"] is not None
        and one["n"] >= MIN_N
    ]
    worst = min(tried, key=lambda one: one["loss"], default=None)
    verdict, why = row["verdict"], row["why"]
    if verdict in ("yes", "in part") and (kept := [one for one in tried if _as_good(one, row)]):
        least = min(kept, key=lambda one: one["loss"])
        verdict = "not shown"
        why = (
            f"may be as good without the game: r is {decimal(least['r_control'])} under "
            f"{least['control']}, where it is {decimal(least['r'])} with it"
        )
    return row | {
        "control": None if worst is None else worst["control"],
        "n_control": None if worst is None else worst["n"],
        "r_control": None if worst is None else worst["r_control"],
        "verdict": verdict,
        "why": why,
    }


def _as_good(one: Row, verdict: Row) -> bool:
    """Whether r under a control may be as high as without. The loss is of the same decisions; r
    under the control and the verdict's r need not be."""
    within = one["loss"] <= verdict["r"] - verdict["low"]
    return within or (one["low"] is not None and one["low"] <= 0)
