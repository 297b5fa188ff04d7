"""What the tables of sessions share: sums per person, and means over experiments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from tremble.stats.frames.predictions import RUN
from tremble.stats.frames.session_habits import HABITS
from tremble.stats.frames.session_responses import Sessions
from tremble.stats.inference.over_people import Spread, mean_of
from tremble.text import decimal

Row = dict[str, Any]
EXPERIMENT, CATEGORY, MEAN = "experiment", "category mean", "mean"  # what a row is about


def person_sums(sessions: Sessions, by: Sequence[str] = ()) -> pl.DataFrame:
    """One row per run, experiment, person and value of `by`: `n` responses kept, the sums of their
    `nats`, `nats_closed`, `tokens`, `first`; of those with known options their number `options`,
    and the sums of `mass`, `nats_options` (-log p) and the habits' nats."""
    known = pl.col("p").is_not_null() & pl.col(HABITS[0]).is_not_null()
    columns = sessions.responses.select("response", "experiment", "participant", *by, *HABITS)
    return (
        sessions.scored.join(columns, on="response", maintain_order="left")
        .group_by("run", "experiment", "participant", *by, maintain_order=True)
        .agg(
            n=pl.len().cast(pl.Int64),
            **{name: pl.col(name).sum() for name in ("nats", "nats_closed")},
            tokens=pl.col("tokens").cast(pl.Int64).sum(),
            first=pl.col("first").sum().cast(pl.Int64),
            options=known.sum().cast(pl.Int64),
            mass=pl.col("mass").filter(known).sum(),
            nats_options=-pl.col("p").filter(known).log().sum(),
            **{name: pl.col(name).filter(known).sum() for name in HABITS},
        )
    )


def experiments(sessions: Sessions) -> pl.DataFrame:
    """experiment, category, people and responses of the data, in the order of the data."""
    return sessions.responses.group_by("experiment", maintain_order=True).agg(
        pl.col("category").drop_nulls().first(),
        people=pl.col("participant").n_unique().cast(pl.Int64),
        responses=pl.len().cast(pl.Int64),
    )


def impossible(count: int) -> str | None:
    """What is said of so many responses to which a model gives no probability at all."""
    return f"{count:,} with the probability 0 left out" if count else None


def straddled(sessions: Sessions, runs: Iterable[Mapping[str, Any]], experiment: str) -> str | None:
    """What is said of an experiment whose marks share tokens with responses for one of the runs."""
    shares = [
        sessions.branching.get((run["model"], experiment), 0.0)
        for run in runs
        if run["format"] == "plain"
    ]
    most = max(shares, default=0.0)
    return f"marks share a token with {decimal(most)} of the responses" if most else None


def run_of(run: Mapping[str, Any]) -> Row:
    """The leading columns of a row about one run."""
    return {name: run[name] for name in RUN}


def limits(found: Spread, name: str = "") -> Row:
    """low and high of an interval, under names that begin so."""
    before = f"{name}_" if name else ""
    return {f"{before}low": found.low, f"{before}high": found.high}


def over(rows: Iterable[Mapping[str, Any]], name: str) -> Spread:
    """The mean of a column over experiments, each counting once, with its interval over
    experiments. That their values differ by their people too is part of its width."""
    values = [row[name] for row in rows]
    known = [value for value in values if value is not None]
    return mean_of(np.array(known, float), "experiment")


def mean_by(rows: Iterable[Mapping[str, Any]], name: str) -> float | None:
    """The mean of a column over the rows that have a value, infinite ones left out."""
    known = [row[name] for row in rows if row[name] is not None and np.isfinite(row[name])]
    return float(np.mean(known)) if known else None


def quotient(total: float, n: float) -> float | None:
    """A mean from its sum; None of nothing."""
    return float(total) / float(n) if n else None
