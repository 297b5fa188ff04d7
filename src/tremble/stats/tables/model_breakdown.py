"""r, mass and the shares of models and people within every subset of decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from tremble.stats.frames.contexts import contexts
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN
from tremble.stats.frames.responses import responses
from tremble.stats.frames.subsets import numbered_subsets
from tremble.stats.metrics.correlation import outcome_columns, points_note, r_columns, undefined
from tremble.text import join_notes

# A correlation over two situations is the sign of one difference.
MIN_CONTEXTS = 3

Row = dict[str, Any]


def model_breakdown(evidence: Evidence, by: str) -> list[Row]:
    """One row per run (model, format, formulation) and subset (`subsets`) that it scored.

    by, parameter, value, family, n (decisions scored, with an outcome), r, mass, people and
    prediction: the means over these decisions of what people did and of what the run expects, as
    shares of the target, or in points where options have values; None where an outcome is no one
    number. note. A subset with one or two situations only has no r, as in `breakdown`. Raises
    UserError for an unknown `by`.
    """
    inside, named = numbered_subsets(evidence.decisions, by)
    if not inside.height:
        return []
    decisions = evidence.decisions.select("decision").with_row_index("number")
    inside = inside.join(decisions, on="decision").select("number", "subset")
    points = (
        evidence.outcomes.with_columns(target=pl.col("key"))
        .join(decisions, on="decision")
        .join(contexts(evidence.decisions).select("decision", "context"), on="decision", how="left")
    )
    runs = evidence.predictions.select(RUN).unique(maintain_order=True)
    expected = {(run, family): part for run, family, part in _expected(evidence, decisions)}
    families = named["family"].unique(maintain_order=True).to_list()
    rows: list[Row] = []
    for run, own in enumerate(runs.iter_rows(named=True)):
        of_run = evidence.predictions.join(runs.slice(run, 1), on=RUN, how="semi")
        fits = _fits(of_run, points, inside)
        means = _means([expected[run, family] for family in families], inside)
        frame = named.join(fits, on="subset", maintain_order="left").join(
            means, on="subset", how="left", maintain_order="left"
        )
        rows += [_row(by, own, row) for row in frame.iter_rows(named=True)]
    return rows


def _fits(predictions: pl.DataFrame, points: pl.DataFrame, inside: pl.DataFrame) -> pl.DataFrame:
    """One row per subset: what `undefined` and `points_note` need, r, mass and contexts."""
    known = pl.col("mass").is_not_null()
    return (
        predictions.join(points, on=["decision", "key"])
        .with_columns(key="target")
        .join(inside, on="number")
        .group_by("subset")
        .agg(
            *r_columns("prediction"),
            *outcome_columns(),
            mass=(pl.col("mass") * pl.col("weight")).sum() / pl.col("weight").filter(known).sum(),
            contexts=pl.col("context").n_unique(),
            without_context=pl.col("context").null_count(),
        )
    )


def _expected(
    evidence: Evidence, decisions: pl.DataFrame
) -> Iterator[tuple[int, str, pl.DataFrame]]:
    """For each run and family number, people and prediction of the decisions that it has scored."""
    for held in responses(evidence):
        frame = pl.DataFrame({"decision": held.names, "people": held.people}).join(
            decisions, on="decision", maintain_order="left"
        )
        for run, model in enumerate(held.model):
            yield (
                run,
                held.family,
                frame.select("number", "people", prediction=pl.Series(model)).filter(
                    pl.col("prediction").is_not_nan()
                ),
            )


def _means(parts: list[pl.DataFrame], inside: pl.DataFrame) -> pl.DataFrame:
    return (
        pl.concat(parts)
        .join(inside, on="number")
        .group_by("subset")
        .agg(pl.col("people", "prediction").mean(), numbers=pl.len())
    )


def _row(by: str, run: Row, row: Row) -> Row:
    n, numbers = row["used"], row["numbers"] or 0
    count, known = row["contexts"], not row["without_context"]
    why = f"undefined: {count} context{'s' if count > 1 else ''}"
    reason = why if known and count < MIN_CONTEXTS else undefined(row)
    value = row["value"] if row["value"] is not None else {**run, **row}[by]
    mass = row["mass"]
    whole = numbers == n  # else some outcomes are no one number
    return {
        "by": by,
        "parameter": row["parameter"],
        "value": value,
        **run,
        "family": row["family"],
        "n": n,
        "r": None if reason else row["r"],
        "mass": mass,
        "people": row["people"] if whole else None,
        "prediction": row["prediction"] if whole else None,
        "note": join_notes(
            reason,
            points_note(row),
            None if whole else f"{n - numbers} of {n} outcomes are not a single number",
        ),
    }
