"""Counterparts against each other: r on the decisions both have scored, the winner, two filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tremble.stats.filters import FILTERS, MIN_N, Filters, dropped, winner
from tremble.stats.frames.comparisons import Comparison, family_order, format_name
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.intervals import MIN_CLUSTERS
from tremble.stats.metrics.correlation import outcome_columns, points_note, r_columns, undefined
from tremble.text import counted, join_notes


def counterparts(evidence: Evidence, table: pl.DataFrame) -> pl.DataFrame:
    """Both predictions side by side, one row per comparison, formulation and point.

    `table` has comparison, base, base_format, aligned, aligned_format.
    """
    # Numbers in place of names: the large joins are several times faster over them.
    numbered = evidence.outcomes.with_row_index("point")
    fits = evidence.predictions.join(numbered, on=["decision", "key"])
    runs = fits.select(RUN).unique(maintain_order=True).with_row_index("run")
    fits = fits.join(runs, on=RUN).drop(RUN)
    sides = table.join(
        runs.rename({"run": "base_run"}),
        left_on=["base", "base_format"],
        right_on=["model", "format"],
    ).join(
        runs.rename({"run": "aligned_run"}),
        left_on=["aligned", "aligned_format", "formulation"],
        right_on=RUN,
    )
    aligned = fits.select(
        "point", aligned_run="run", aligned_prediction="prediction", aligned_mass="mass"
    )
    return (
        sides.join(fits, left_on="base_run", right_on="run")
        .join(aligned, on=["aligned_run", "point"])
        .drop("base_run", "aligned_run", "point")
        .rename({"prediction": "base_prediction", "mass": "base_mass"})
    )


def _mass(name: str) -> pl.Expr:
    """Mean mass over decisions: a decision with many points counts once."""
    mass, weight = pl.col(f"{name}_mass"), pl.col("weight")
    known = mass.is_not_null()
    return ((mass * weight).sum() / weight.filter(known).sum()).alias(f"mass_{name}")


def comparison_frame(comparisons: Sequence[Comparison]) -> pl.DataFrame:
    """One row per comparison: its number, both models and formats, and the mode."""
    return pl.DataFrame(
        {
            "comparison": list(range(len(comparisons))),
            "base": [c.base for c in comparisons],
            "aligned": [c.aligned for c in comparisons],
            "base_format": [
                format_name(c.base, c.base_format, c.base_template) for c in comparisons
            ],
            "aligned_format": [
                format_name(c.aligned, c.aligned_format, c.aligned_template) for c in comparisons
            ],
            "mode": [c.mode for c in comparisons],
        }
    )


def wording_order(evidence: Evidence) -> pl.DataFrame:
    """formulation and wording: the wordings of the predictions, numbered as they appear."""
    wordings = evidence.predictions.select("formulation").unique(maintain_order=True)
    return wordings.with_row_index("wording")


def pair_columns() -> list[pl.Expr]:
    """Aggregations over rows of `counterparts` that `pair_row` makes a row of."""
    return [
        *r_columns("base_prediction", "_base"),
        *r_columns("aligned_prediction", "_aligned"),
        *outcome_columns(),
        _mass("base"),
        _mass("aligned"),
        pl.col("item").drop_nulls().n_unique().alias("items"),
        pl.col("item").null_count().alias("without_item"),
    ]


def pair_table(
    evidence: Evidence, comparisons: Sequence[Comparison], filters: Filters = FILTERS
) -> list[dict[str, Any]]:
    """Rows with base, aligned, mode, formulation, family, n, r, mass and their outcome.

    n, r and mass are over the decisions both have scored and whose outcome is known. The
    winner is the higher r, filters aside; `kept` says whether the pair counts, `why` why not.
    Below 30 decisions, with an undefined r, and where all read the same few items
    (`MIN_CLUSTERS`), there is no winner and the pair is not kept.
    """
    if not comparisons:
        return []
    table = comparison_frame(comparisons)
    group = ["comparison", "formulation", "family"]
    fits = counterparts(evidence, table).group_by(group).agg(*pair_columns())
    wordings = wording_order(evidence)
    families = family_order(evidence.decisions["family"])
    order = pl.DataFrame({"family": families, "order": range(len(families))})
    frame = (
        table.join(wordings, how="cross")
        .join(order, how="cross")
        .join(fits, on=group, how="left")
        .sort("comparison", "wording", "order")
    )
    return [pair_row(row, filters) for row in frame.iter_rows(named=True)]


def pair_row(
    row: dict[str, Any], filters: Filters = FILTERS, instead: str | None = None
) -> dict[str, Any]:
    """A row of the pair table from one group aggregated with `pair_columns`.

    `instead` is a reason why neither r is defined; it takes the place of every other reason.
    """
    n = row["used"] or 0
    r: dict[str, float | None] = {"base": None, "aligned": None}
    mass: dict[str, float | None] = {"base": None, "aligned": None}
    reasons: list[str] = []
    if n:
        for name in r:
            reason = undefined(row, f"_{name}")
            r[name] = None if reason else row[f"r_{name}"]
            mass[name] = None if row[f"mass_{name}"] != row[f"mass_{name}"] else row[f"mass_{name}"]
            if reason == "constant prediction":
                reasons.append(f"{reason} of {name}")
            elif reason and reason not in reasons:
                reasons.append(reason)
        if n < MIN_N:
            reasons.append(f"n = {n}, below {MIN_N}")
        if not row["without_item"] and row["items"] < MIN_CLUSTERS:
            reasons.append(f"{counted(row['items'], 'item')}, below {MIN_CLUSTERS}")
        if instead:
            r, reasons = {"base": None, "aligned": None}, [instead]
    else:
        reasons.append("no decision scored by both")
    base, aligned = r["base"], r["aligned"]
    won = None
    if not reasons and base is not None and aligned is not None:
        won = winner(base, aligned)
        why = dropped((base, aligned), (mass["base"], mass["aligned"]), filters)
    else:
        why = "; ".join(reasons)
    return {
        "base": row["base"],
        "aligned": row["aligned"],
        "mode": row["mode"],
        "formulation": row["formulation"],
        "family": row["family"],
        "n": n,
        "r_base": base,
        "r_aligned": aligned,
        "mass_base": mass["base"],
        "mass_aligned": mass["aligned"],
        "winner": won,
        "kept": why is None,
        "why": why,
        "note": join_notes(points_note(row) if n else None),
    }
