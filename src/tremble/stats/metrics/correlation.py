"""Pearson's r between predictions and what people did, for many groups at once.

The metric of Shapira et al. (2026, arXiv 2603.17218): r between the prediction of the target and
the 0/1 decision over all decisions of a family, or the choice rate over all problems.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tremble.stats.frames.outcomes import CHOICE, OPTION, RATE

# Spread below this share of the largest value is rounding, not variation. It is relative: tiny
# probabilities that do differ have an r.
_ROUNDING = 1e-12
CONSTANT = "constant prediction"


def constant(values: np.ndarray) -> bool:
    """Whether nothing but rounding tells the values apart."""
    return bool(np.ptp(values) <= _ROUNDING * np.abs(values).max())


def pearson(x: np.ndarray, y: np.ndarray) -> tuple[float | None, str | None]:
    """(r, None), or (None, reason) where r is undefined. `x` predicts `y`; same length, 1-d."""
    if len(x) < 3:
        return None, "fewer than 3 points"
    if constant(y):
        return None, "one outcome only"
    if constant(x):
        return None, CONSTANT
    dx, dy = x - x.mean(), y - y.mean()
    # Scaled first: squares of probabilities below 1e-160 would vanish.
    dx, dy = dx / np.abs(dx).max(), dy / np.abs(dy).max()
    r = float(dx @ dy / np.sqrt((dx @ dx) * (dy @ dy)))
    return min(1.0, max(-1.0, r)), None


def scaled(name: str) -> pl.Expr:
    """A column less its mean, stretched to 1 at most: squares of tiny values would vanish."""
    centred = pl.col(name) - pl.col(name).mean()
    return centred / centred.abs().max()


def r_columns(prediction: str, suffix: str = "") -> list[pl.Expr]:
    """Aggregations that give `r` and `flat` (constant prediction) of one prediction column."""
    x, y = scaled(prediction), scaled("outcome")
    spread = pl.col(prediction).max() - pl.col(prediction).min()
    return [
        ((x * y).sum() / ((x * x).sum() * (y * y).sum()).sqrt()).clip(-1, 1).alias(f"r{suffix}"),
        (spread <= _ROUNDING * pl.col(prediction).abs().max()).alias(f"flat{suffix}"),
    ]


def kind_columns() -> list[pl.Expr]:
    """Aggregations for `points_note`: how many decisions and points of which kind a group holds."""
    return [
        pl.col("weight").sum().round().cast(pl.Int64).alias("used"),
        (pl.col("kind") == CHOICE).sum().alias("choices"),
        (pl.col("kind") == RATE).sum().alias("rates"),
        (pl.col("kind") == OPTION).sum().alias("options"),
        ((pl.col("kind") == OPTION) & pl.col("choice").is_not_null()).any().alias("single"),
    ]


def outcome_columns() -> list[pl.Expr]:
    """Aggregations that say which points a group holds, for `undefined` and `points_note`.

    Targets and kinds of choice are counted where there is one outcome only, where they matter.
    """
    spread = pl.col("outcome").max() - pl.col("outcome").min()
    one_outcome = spread <= _ROUNDING * pl.col("outcome").abs().max()
    return [
        *kind_columns(),
        pl.len().alias("points"),
        one_outcome.alias("one_outcome"),
        pl.col("outcome").first().alias("outcome"),
        pl.col("key").first().alias("target"),
        pl.col("key").filter(one_outcome).n_unique().alias("targets"),
        pl.col("choice").first().alias("choice"),
        pl.col("choice").filter(one_outcome).n_unique().alias("kinds_of_choice"),
    ]


def undefined(row: dict[str, Any], suffix: str = "") -> str | None:
    """Why r is undefined in a group aggregated with the columns above, or None if it is not."""
    points = row["points"] or 0
    if points < 3:
        return "fewer than 3 points"
    if row["one_outcome"]:
        if row["choices"] < points:
            return f"all {points:,} rates are the same"
        if row["kinds_of_choice"] == 1:
            return f"all {points:,} choices are {row['choice']}"
        if row["targets"] == 1 and row["outcome"] == 0:
            return f"none of {points:,} choices is {row['target']}"
        if row["outcome"]:
            return f"all {points:,} choices are the target option"
        return f"none of {points:,} choices is the target option"
    return CONSTANT if row[f"flat{suffix}"] else None


def points_note(row: dict[str, Any]) -> str | None:
    """Which points r is over where they are not simply decisions; None where they are."""
    if not row["rates"] and not row["options"]:
        return None
    problems = row["used"] - row["choices"] - row["rates"]
    parts = []
    if row["choices"]:
        parts.append(f"one point per choice ({row['choices']:,})")
    if row["rates"]:
        parts.append(f"one point per problem with two options ({row['rates']:,})")
    if row["options"]:
        # Choices count so where no option is coded, of two options in sessions alone.
        what = "decisions without a target option" if row["single"] else "problems with more"
        parts.append(f"one point per option of {problems:,} {what} ({row['options']:,})")
    return ", ".join(parts)
