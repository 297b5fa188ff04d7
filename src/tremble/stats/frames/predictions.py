"""From scores to predictions: normalise over the options, then average the presentations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tremble.prompts.asked import ARMS
from tremble.stats.frames.comparisons import format_column

RUN = ["model", "format", "formulation"]
RunFamily = tuple[str, str, str, str]


def run_and_family(row: Mapping[str, Any]) -> RunFamily:
    """What most tables have a row for: model, format, formulation and family."""
    return row["model"], row["format"], row["formulation"], row["family"]


def normalised(logprobs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Log-probabilities of consecutive rows to shares that add up to one per row.

    `logprobs` is flat float64 (nats), `lengths` the positive number of options per row. A row
    with a missing, undefined or infinitely large entry, or without any probability, is NaN.
    """
    if not len(lengths):
        return np.empty(0)
    starts = np.cumsum(lengths) - lengths
    top = np.maximum.reduceat(logprobs, starts)  # NaN wherever one entry is
    with np.errstate(invalid="ignore", over="ignore"):
        weights = np.exp(logprobs - np.repeat(top, lengths))
        shares: np.ndarray = weights / np.repeat(np.add.reduceat(weights, starts), lengths)
    return shares


def scored_presentations(scores: pl.DataFrame) -> pl.DataFrame:
    """One row per run, decision, presentation and key: `share`, and the row's `mass`.

    Rows with an error, a null or an undefined log-probability are left out. Of several rows
    for the same presentation the last counts.
    """
    identity = [*RUN, "decision", "presentation"]
    logprobs = pl.col("logprobs").cast(pl.List(pl.Float64))
    rows = (
        scores.filter(pl.col("error").is_null())
        .select(
            "model",
            format_column(),
            "formulation",
            "decision",
            "presentation",
            pl.col("mass").cast(pl.Float64).fill_nan(None),
            "keys",
            logprobs,
        )
        .filter(
            pl.col("logprobs").list.len() == pl.col("keys").list.len(),
            pl.col("keys").list.len() > 0,
        )
        .unique(identity, keep="last", maintain_order=True)
    )
    lengths = rows["keys"].list.len().cast(pl.Int64).to_numpy()
    long = rows.explode("keys", "logprobs").rename({"keys": "key"})
    share = normalised(long["logprobs"].to_numpy(), lengths)
    return (
        long.drop("logprobs")
        .with_columns(share=pl.Series("share", share, pl.Float64))
        .filter(pl.col("share").is_not_nan())
    )


def controls_apart(scores: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The scores of formulations as they are, and those under a control ("standard+no_rules").

    What is read behind an interview ("standard+persona_own") is neither: `behind_interviews`.
    """
    under = scores["formulation"].str.contains("+", literal=True).fill_null(False)
    return scores.filter(~under), scores.filter(under & ~_behind(scores))


def behind_interviews(scores: pl.DataFrame) -> pl.DataFrame:
    """The scores of sessions behind an interview (`prompts.asked.ARMS`)."""
    return scores.filter(_behind(scores))


def _behind(scores: pl.DataFrame) -> pl.Series:
    beside = scores["formulation"].cast(pl.String).str.split_exact("+", 1).struct.field("field_1")
    return beside.is_in(list(ARMS.values())).fill_null(False)


def presentations_expected(scores: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """How many presentations each decision has: decision, expected.

    Taken from the column `presentations` (a number) where the decisions have one; otherwise
    every presentation that any run tried, failed ones included, is expected of all runs.
    """
    if "presentations" in decisions.columns:
        return decisions.select("decision", expected=pl.col("presentations").cast(pl.UInt32))
    return (
        scores.select("decision", "presentation")
        .unique()
        .group_by("decision")
        .agg(expected=pl.len().cast(pl.UInt32))
    )


def predictions(
    scores: pl.DataFrame, decisions: pl.DataFrame, shares: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One row per run (model, format, formulation), decision and key: `prediction` and `mass`.

    A prediction is the mean over presentations of the normalised probability; logarithms are
    never averaged. A decision of which any presentation is missing is missing here. `mass` is
    the mean over presentations, null where one of them has none. `shares` is
    `scored_presentations(scores)` where that is at hand.
    """
    shares = scored_presentations(scores) if shares is None else shares
    expected = presentations_expected(scores, decisions).join(
        decisions.select("decision"), on="decision", how="semi"
    )
    if expected["expected"].max() == 1:
        return (
            shares.join(expected, on="decision", how="semi")
            .drop("presentation")
            .rename({"share": "prediction"})
            .select(*RUN, "decision", "key", "prediction", "mass")
        )
    return (
        shares.group_by(*RUN, "decision", "key", maintain_order=True)
        .agg(
            prediction=pl.col("share").mean(),
            mass=pl.when(pl.col("mass").null_count() == 0).then(pl.col("mass").mean()),
            count=pl.len(),
        )
        .join(expected, on="decision", how="inner", maintain_order="left")
        .filter(pl.col("count") >= pl.col("expected"))
        .drop("count", "expected")
    )
