"""What people did as one number each, and what the runs expect of it: values, or the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN
from tremble.store.schemas import with_columns


@dataclass(frozen=True, slots=True)
class Responses:
    """One family: D decisions, R runs.

    - `names` (D): the decisions;
    - `people` (D): the value of the option chosen, or the mean value of many people's choices;
      where options have no value 1 for the target and 0 for others, or the target's rate;
    - `variance` (D): of such a mean over n people, NaN where n is not known and for single choices;
    - `single` (D): whether it is one person's choice;
    - `model` (R, D): the value that a run expects, or its prediction of the target, NaN where it
      says nothing; `mass` (R, D) likewise;
    - `runs`: model, format and formulation, R rows;
    - `ranges` (D): from the lowest value of a decision's options to the highest, 1 without values;
      `valued`: whether there are any;
    - `without`: decisions of the family with an outcome that cannot be had as one number.
    """

    family: str
    names: pl.Series
    people: np.ndarray
    variance: np.ndarray
    single: np.ndarray
    model: np.ndarray
    mass: np.ndarray
    runs: pl.DataFrame
    ranges: np.ndarray
    valued: bool
    without: int

    @property
    def scale(self) -> float:
        """The range of the outcome, in its own unit: the median over decisions."""
        return float(np.median(self.ranges)) if len(self.ranges) else 1.0

    @property
    def uneven(self) -> str | None:
        """What a reader must know of shares of the range where ranges differ."""
        span = several(self.ranges)
        return None if span is None else f"{span}: shares are of the median range"


def several(ranges: np.ndarray) -> str | None:
    """That options' values range over so much in one text and so much in another, None where they
    range over the same everywhere; of those that are known."""
    known = ranges[np.isfinite(ranges)]
    if not len(known) or np.ptp(known) <= 1e-9 * known.max():
        return None
    return f"options' values range over {known.min():,.6g} to {known.max():,.6g}"


def responses(evidence: Evidence) -> Iterator[Responses]:
    """The responses of each family, in the usual order, also where none can be had as a number.

    In a family of which some decisions have values only these count.
    """
    options = _options(evidence.decisions)
    coded = _coded(options)
    runs = evidence.predictions.select(RUN).unique(maintain_order=True).with_row_index("run")
    for family in family_order(evidence.decisions["family"]):
        known = coded.filter(family=family)
        held = known.filter(pl.col("people").is_not_null()).with_row_index("d")
        valued = bool(known["valued"].any())
        own = options.join(held.select("decision", "d"), on="decision")
        model, mass = _expected(evidence.predictions, own, runs, held.height)
        yield Responses(
            family=family,
            names=held["decision"],
            people=held["people"].to_numpy(),
            variance=held["variance"].fill_null(np.nan).to_numpy(),
            single=held["single"].to_numpy(),
            model=model,
            mass=mass,
            runs=runs.select(RUN),
            ranges=_ranges(own, held.height) if valued else np.ones(held.height),
            valued=valued,
            without=known.height - held.height,
        )


def _ranges(own: pl.DataFrame, count: int) -> np.ndarray:
    """(count): of the decisions `d` of some options the range of their worth."""
    worth = pl.col("worth")
    rows = own.group_by("d").agg(range=worth.max() - worth.min())
    made = np.zeros(count)
    made[rows["d"].to_numpy()] = rows["range"].to_numpy()
    return made


def _options(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, family, key, share (of people who chose the option), worth (its value; where the
    family has no values 1 for the target, else 0, null without a target), valued, single, n, sd:
    a row per option of each decision with a choice or rates. Of two options with rates the first is
    the target where none is named."""
    decisions = with_columns(decisions, "values", "n", "rate_sd")
    length = pl.col("keys").list.len()
    rates = pl.col("rates").cast(pl.List(pl.Float64))
    nothing = pl.col("keys").list.eval(pl.lit(None, pl.Float64).repeat_by(pl.len()).explode())
    single = pl.col("choice").is_not_null()
    first = pl.when(~single & (length == 2)).then(pl.col("keys").list.first())
    frame = decisions.filter(single | (rates.list.len() == length)).select(
        *("decision", "family", "n"),
        sd=pl.col("rate_sd").cast(pl.Float64),
        key="keys",
        rate=pl.when(single).then(nothing).otherwise(rates),
        value=pl.coalesce("values", nothing),
        choice=pl.col("choice").cast(pl.String),
        target=pl.coalesce(pl.col("target").cast(pl.String), first),
        single=single,
        valued=pl.col("values").is_not_null().any().over("family"),
    )
    chosen = (pl.col("key") == pl.col("choice")).cast(pl.Float64)
    hit = (pl.col("key") == pl.col("target")).cast(pl.Float64)
    return frame.explode("key", "rate", "value").select(
        *("decision", "family", "key", "valued", "single", "n", "sd"),
        share=pl.when("single").then(chosen).otherwise(pl.col("rate").fill_nan(None)),
        worth=pl.when("valued").then("value").otherwise(hit),
    )


def _coded(options: pl.DataFrame) -> pl.DataFrame:
    """decision, family, valued, single, people and variance (`Responses`), in the order of the
    decisions; printed rates that do not add up to one are rescaled where options have values."""
    share, worth = pl.col("share"), pl.col("worth")
    complete = share.is_not_null().all() & worth.is_not_null().all()
    of_target = share.filter(worth == 1).sum()
    mean = (share * worth).sum() / share.sum()
    spread = ((share * worth * worth).sum() / share.sum() - mean * mean).clip(lower_bound=0)
    valued, single, n = (pl.col(name).first() for name in ("valued", "single", "n"))
    sd = pl.col("sd").first()
    return (
        options.group_by("decision", "family", maintain_order=True)
        .agg(
            valued=valued,
            single=single,
            n=n,
            sd=sd,
            people=pl.when(valued)
            .then(pl.when(complete).then(mean))
            .otherwise(pl.when(share.filter(worth == 1).count() == 1).then(of_target)),
            spread=spread,
        )
        .with_columns(people=pl.col("people").fill_nan(None))
        .with_columns(
            # Of people's own rates only the target's spread is printed.
            spread=pl.when(pl.col("valued"))
            .then("spread")
            .otherwise(pl.coalesce(pl.col("sd") ** 2, pl.col("people") * (1 - pl.col("people"))))
        )
        .with_columns(variance=pl.when(~pl.col("single")).then(pl.col("spread") / pl.col("n")))
    )


def _expected(
    predictions: pl.DataFrame, options: pl.DataFrame, runs: pl.DataFrame, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """What each run expects of each decision `d` of some options, and its mass, (runs, count)."""
    rows = (
        predictions.join(options.select("decision", "key", "d", "worth"), on=["decision", "key"])
        .join(runs, on=RUN)
        .group_by("run", "d")
        .agg(
            expected=(pl.col("prediction") * pl.col("worth")).sum(),
            mass=pl.col("mass").first(),
        )
    )
    place = rows["run"].to_numpy(), rows["d"].to_numpy()
    expected, mass = np.full((2, runs.height, count), np.nan)
    expected[place] = rows["expected"].to_numpy()
    mass[place] = rows["mass"].fill_null(np.nan).to_numpy()
    return expected, mass
