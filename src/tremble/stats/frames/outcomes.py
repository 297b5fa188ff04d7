"""What people did, in numbers: the points that a prediction is held against."""

from __future__ import annotations

import polars as pl

from tremble.stats.frames.clusters import units

CHOICE, RATE, OPTION = "choice", "rate", "option"


def outcomes(decisions: pl.DataFrame) -> pl.DataFrame:
    """One row per point: decision, family, key, outcome (0 to 1), kind, choice, weight, item.

    - `choice`: one person's choice, 1 where it was the target, else 0;
    - `rate`: a problem with two options, the share of the target (of the first option listed
      where no target is set; with two options the other share adds nothing);
    - `option`: a problem with more options, one point for each of them; `weight` is one over
      the number of points, so that sums over `weight` count problems.

    `item` numbers what the person read (`clusters.units`), null where there is none. A decision
    without a target to code, or without a recorded choice or rate, has no point.
    """
    base = decisions.select(
        "decision",
        "family",
        "keys",
        pl.col("target").cast(pl.String),
        pl.col("choice").cast(pl.String),
        pl.col("rates").cast(pl.List(pl.Float64)),
    )
    choices = base.filter(pl.col("choice").is_not_null() & pl.col("target").is_not_null()).select(
        "decision",
        "family",
        key="target",
        outcome=(pl.col("choice") == pl.col("target")).cast(pl.Float64),
        kind=pl.lit(CHOICE),
        choice="choice",
    )
    # An option without a printed rate stays out: its rate is unknown, not zero.
    rates = (
        base.filter(pl.col("choice").is_null() & pl.col("rates").is_not_null())
        .filter(pl.col("rates").list.len() == pl.col("keys").list.len())
        .with_columns(
            kind=pl.when(pl.col("keys").list.len() > 2)
            .then(pl.lit(OPTION))
            .otherwise(pl.lit(RATE)),
            coded=pl.col("target").fill_null(pl.col("keys").list.first()),
        )
        .explode("keys", "rates")
        .filter((pl.col("kind") == OPTION) | (pl.col("keys") == pl.col("coded")))
        .filter(pl.col("rates").is_not_null() & pl.col("rates").is_not_nan())
        .select(
            "decision",
            "family",
            key="keys",
            outcome="rates",
            kind="kind",
            choice=pl.lit(None, pl.String),
        )
    )
    items = units(decisions).select("decision", item=pl.col("item").rank("dense"))
    return (
        pl.concat([choices, rates])
        .with_columns(weight=1.0 / pl.len().over("decision"))
        .join(items, on="decision", how="left", maintain_order="left")
    )
