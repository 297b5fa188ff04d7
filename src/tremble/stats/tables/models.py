"""One row per run and family: r, mass, and how many decisions are scored and missing."""

from __future__ import annotations

from typing import Any

import polars as pl

from tremble.stats.frames.comparisons import family_order, format_column
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN
from tremble.stats.metrics.correlation import outcome_columns, points_note, r_columns, undefined
from tremble.text import counted, join_notes


def runs(scores: pl.DataFrame) -> pl.DataFrame:
    """The runs (model, format, formulation) in order of appearance, also those that all failed."""
    columns = scores.select("model", format_column(), "formulation")
    return columns.unique(maintain_order=True)


def model_table(evidence: Evidence) -> list[dict[str, Any]]:
    """Rows with model, format, formulation, family, n, missing, r, mass, note.

    n counts scored decisions, missing those without a score; mass is the mean over scored
    decisions; r is None where it is undefined, and the note says why. Responses in transcripts
    whose options are not known are in neither, and the note counts them.
    """
    decisions, predictions = evidence.decisions, evidence.predictions
    open_ended = pl.col("keys").list.len() == 0
    total = decisions.group_by("family").agg(
        total=(~open_ended).sum().cast(pl.Int64), open=open_ended.sum().cast(pl.Int64)
    )
    scored = (
        predictions.select(*RUN, "decision", "mass")
        .unique([*RUN, "decision"], keep="any")
        .join(decisions.select("decision", "family"), on="decision")
        .group_by(*RUN, "family")
        .agg(
            n=pl.len(),
            mass=pl.col("mass").mean(),
            mass_unknown=pl.col("mass").null_count(),
        )
    )
    fits = (
        predictions.join(evidence.outcomes, on=["decision", "key"])
        .group_by(*RUN, "family")
        .agg(*r_columns("prediction"), *outcome_columns())
    )
    order = {name: i for i, name in enumerate(family_order(decisions["family"]))}
    frame = (
        runs(evidence.scores)
        .with_row_index("run")
        .join(total, how="cross")
        .join(scored, on=[*RUN, "family"], how="left")
        .join(fits, on=[*RUN, "family"], how="left")
    )
    rows = sorted(frame.iter_rows(named=True), key=lambda row: (row["run"], order[row["family"]]))
    return [_model_row(row) for row in rows]


def _model_row(row: dict[str, Any]) -> dict[str, Any]:
    n = row["n"] or 0
    reason = undefined(row) if n else "nothing scored"
    unused = n - (row["used"] or 0)
    unknown = row["mass_unknown"] or 0
    return {
        **{name: row[name] for name in RUN},
        "family": row["family"],
        "n": n,
        "missing": row["total"] - n,
        "r": None if reason else row["r"],
        "mass": row["mass"],
        "note": join_notes(
            reason if row["total"] or n else None,
            points_note(row) if row["points"] else None,
            f"{unused} without a coded outcome" if unused else None,
            f"{counted(row['open'], 'response')} without options: see the table responses"
            if row["open"]
            else None,
            f"mass not measured in {unknown} of {n}" if unknown else None,
        ),
    }
