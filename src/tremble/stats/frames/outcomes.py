"""What people did, in numbers: the points that a prediction is held against."""

from __future__ import annotations

import polars as pl

from tremble.decisions.sessions import FAMILY
from tremble.stats.frames.clusters import units

CHOICE, RATE, OPTION = "choice", "rate", "option"
TOLD = ("choices_each", "dataset", "family", "config")  # what `choices_each` goes by
_ONCE_IN_CONFIG = ("choices13k", "demo")  # lotteries, as records and studies of 0.1.0 hold them


def choices_each() -> pl.Expr:
    """How many choices each of the people behind a rate made, 1 where nothing else is known; of
    decisions with the columns `TOLD`. 0.1.0 had the number among
    the parameters, as `trials`, where a user's own of that name may mean anything."""
    old = pl.col("dataset").cast(pl.String).is_in(_ONCE_IN_CONFIG) & (pl.col("family") == "lottery")
    trials = pl.col("config").str.json_path_match("$.trials").cast(pl.Int64, strict=False)
    return pl.coalesce("choices_each", pl.when(old).then(trials), 1)


def outcomes(decisions: pl.DataFrame) -> pl.DataFrame:
    """One row per point: decision, family, key, outcome (0 to 1), kind, choice, weight, item.

    - `choice`: one person's choice, 1 where it was the target, else 0;
    - `rate`: a problem with two options, the share of the target (of the first option listed
      where no target is set; with two options the other share adds nothing);
    - `option`: a problem with more options, one point for each of them, and so a choice among more
      of which none is the target (1 for the one chosen, else 0); `weight` is one over the number
      of points, so that sums over `weight` count decisions.

    `choice` is null for rates. `item` numbers what the person read (`clusters.units`), null where
    there is none. A decision without a recorded choice or rate has no point, nor has a choice
    between two options of which none is coded, save of a session, where both have one.
    """
    base = decisions.select(
        "decision",
        "family",
        "keys",
        pl.col("target").cast(pl.String),
        pl.col("choice").cast(pl.String),
        pl.col("rates").cast(pl.List(pl.Float64)),
    )
    items = units(decisions).select("decision", item=pl.col("item").rank("dense"))
    return (
        pl.concat([*_of_choices(base), _of_rates(base)])
        .with_columns(weight=1.0 / pl.len().over("decision"))
        .join(items, on="decision", how="left", maintain_order="left")
    )


def _of_choices(base: pl.DataFrame) -> list[pl.DataFrame]:
    """The points of single choices: of the target, or of every option."""
    coded = base.filter(pl.col("choice").is_not_null() & pl.col("target").is_not_null()).select(
        "decision",
        "family",
        key="target",
        outcome=(pl.col("choice") == pl.col("target")).cast(pl.Float64),
        kind=pl.lit(CHOICE),
        choice="choice",
    )
    among = pl.col("choice").is_not_null() & pl.col("target").is_null()
    by_option = (
        # The letters of a session are often drawn for each person: neither of two is coded 1.
        base.filter(among & ((pl.col("keys").list.len() > 2) | (pl.col("family") == FAMILY)))
        .explode("keys")
        .select(
            "decision",
            "family",
            key="keys",
            outcome=(pl.col("choice") == pl.col("keys")).cast(pl.Float64),
            kind=pl.lit(OPTION),
            choice="choice",
        )
    )
    return [coded, by_option]


def _of_rates(base: pl.DataFrame) -> pl.DataFrame:
    """The points of problems. An option without a printed rate stays out: its rate is unknown, not
    zero."""
    return (
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
