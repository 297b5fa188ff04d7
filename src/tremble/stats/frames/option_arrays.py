"""Predictions of all runs of one family as dense arrays, for measures that need every option."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tremble.stats.frames.clusters import Kind, kinds_of, units
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.folds import folds_of
from tremble.stats.frames.outcomes import CHOICE, OPTION
from tremble.stats.frames.predictions import RUN


@dataclass(frozen=True, slots=True)
class OptionArrays:
    """One family: R runs, D decisions with an outcome, up to K options, P points.

    `shares` (K, R, D): predictions, NaN where a run has none; `valid` (K, D): which options
    exist; `observed` (K, D): what people did, adding up to one, NaN where an option's rate is
    not known; `fold` (D); `clusters`: kinds of cluster, (D) each. Points: `at`
    (decision), `option`, `outcome`, `weight`, `choice` (a 0/1 outcome) and `joint` (one of several
    points of a problem), each (P).
    """

    family: str
    runs: list[tuple[str, str, str]]
    shares: np.ndarray
    valid: np.ndarray
    observed: np.ndarray
    fold: np.ndarray
    clusters: list[Kind]
    at: np.ndarray
    option: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    choice: np.ndarray
    joint: np.ndarray


def option_arrays(evidence: Evidence, folds: int) -> Iterator[OptionArrays]:
    """The arrays of each family that has outcomes and predictions, in the usual order."""
    decisions, outcomes = evidence.decisions, evidence.outcomes
    runs = evidence.predictions.select(RUN).unique(maintain_order=True).with_row_index("run")
    names = [(str(m), str(f), str(w)) for m, f, w in runs.select(RUN).iter_rows()]
    numbered = (
        decisions.select("decision", "family", "keys", "choice", "rates")
        .join(units(decisions), on="decision", maintain_order="left")
        .join(
            outcomes.select("decision").unique(), on="decision", how="semi", maintain_order="left"
        )
        .with_columns(d=pl.int_range(pl.len()).over("family"))
    )
    options = (
        numbered.with_columns(k=pl.int_ranges(pl.col("keys").list.len()))
        .select("decision", "family", "d", pl.col("keys").alias("key"), "k")
        .explode("key", "k")
    )
    filled = (
        evidence.predictions.lazy()
        .join(runs.lazy(), on=RUN)
        .join(options.lazy(), on=["decision", "key"])
        .select("run", "family", "d", "k", "prediction")
        .collect()
        .partition_by("family", as_dict=True, include_key=False)
    )
    shown = outcomes.join(options.select("decision", "key", "d", "k"), on=["decision", "key"])
    fold = folds_of(decisions, folds)
    for family in family_order(decisions["family"]):
        rows = filled.get((family,))
        if rows is None:
            continue
        here = numbered.filter(pl.col("family") == family)
        held = shown.filter(pl.col("family") == family)
        lengths = here["keys"].list.len().to_numpy()
        size = (int(lengths.max()), len(names), here.height)
        shares = np.full(size, np.nan)
        shares[rows["k"].to_numpy(), rows["run"].to_numpy(), rows["d"].to_numpy()] = rows[
            "prediction"
        ].to_numpy()
        valid = np.arange(size[0])[:, None] < lengths[None, :]
        yield OptionArrays(
            family=family,
            runs=names,
            shares=shares,
            valid=valid,
            observed=_observed(here, held, valid),
            fold=here.join(fold, on="decision", how="left", maintain_order="left")[
                "fold"
            ].to_numpy(),
            clusters=kinds_of(here),
            at=held["d"].to_numpy(),
            option=held["k"].to_numpy(),
            outcome=held["outcome"].to_numpy(),
            weight=held["weight"].to_numpy(),
            choice=(held["kind"] == CHOICE).to_numpy(),
            joint=(held["kind"] == OPTION).to_numpy(),
        )


def _observed(here: pl.DataFrame, held: pl.DataFrame, valid: np.ndarray) -> np.ndarray:
    """Shares of people per option (K, D); the rates of more than two options are rescaled here,
    so that a printed sum of .98 does not pull every option towards zero."""
    observed = np.zeros(valid.shape)
    place = (
        here.select("d", "keys", "choice")
        .filter(pl.col("choice").is_not_null())
        .with_columns(k=pl.int_ranges(pl.col("keys").list.len()))
        .explode("keys", "k")
        .filter(pl.col("keys") == pl.col("choice"))
    )
    observed[place["k"].to_numpy(), place["d"].to_numpy()] = 1.0
    rated = held.filter(pl.col("kind") != CHOICE)
    at, option = rated["d"].to_numpy(), rated["k"].to_numpy()
    observed[option, at] = rated["outcome"].to_numpy()
    two = rated.filter(pl.col("kind") != OPTION)
    observed[1 - two["k"].to_numpy(), two["d"].to_numpy()] = 1 - two["outcome"].to_numpy()
    more = rated.filter(pl.col("kind") == OPTION)
    seen = np.zeros(valid.shape[1], dtype=int)
    np.add.at(seen, more["d"].to_numpy(), 1)
    broken = (seen > 0) & (seen < valid.sum(axis=0))
    total = observed.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled: np.ndarray = np.where(broken | (total <= 0), np.nan, observed / total)
    return scaled
