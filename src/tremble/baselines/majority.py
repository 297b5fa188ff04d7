"""What most people did: the share of the target in the family, for every decision alike."""

from __future__ import annotations

import polars as pl


def majority(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, prediction: the mean of the target's 0/1 codes or rates over the family.

    One constant per family has no correlation with anything, so its r is null by definition;
    what it says is the share of the target, and how often always naming the more frequent side
    would be right. A leave-one-out mean must not be put in its place: it is lower, by the
    decision's own part, exactly where the decision is 1, so for 0/1 choices it correlates with
    them at exactly -1 while it knows nothing about any of them.

    Choices count where a target is coded, rates where there are two options (the share of the
    first option listed where there is no target). Null elsewhere.
    """
    rates = pl.col("rates").cast(pl.List(pl.Float64))
    target = pl.col("target").cast(pl.String)
    choice = pl.col("choice").cast(pl.String)
    position = (
        pl.when(target.is_null() | (target == pl.col("keys").list.get(0, null_on_oob=True)))
        .then(0)
        .otherwise(1)
    )
    two = (pl.col("keys").list.len() == 2) & (rates.list.len() == 2)
    outcome = (
        pl.when(choice.is_not_null())
        .then((choice == target).cast(pl.Float64))
        .when(two)
        .then(rates.list.get(position, null_on_oob=True))
    )
    share = outcome.fill_nan(None).mean().over("family")
    applies = choice.is_not_null() & target.is_not_null() | choice.is_null() & two
    return decisions.select("decision", prediction=pl.when(applies).then(share))
