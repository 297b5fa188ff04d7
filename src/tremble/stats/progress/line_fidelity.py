"""How well the checkpoints of a line predict people, decision by decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from tremble.stats.frames.clusters import Kind
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.option_arrays import OptionArrays, option_arrays
from tremble.stats.metrics.calibration import log_loss_terms
from tremble.stats.metrics.temperature import EPSILON
from tremble.stats.progress.series import Fidelity
from tremble.stats.progress.training import Line

ALL, FIRST, LATER = "all", "first", "later"
_FOLDS = 2  # what arrays want to know; nothing here is fitted


@dataclass(frozen=True, slots=True, eq=False)
class Subset:
    """A family of decisions in some rounds, in the predictions of all runs."""

    rounds: str
    arrays: OptionArrays
    mass: np.ndarray  # (R, D)


@dataclass(frozen=True, eq=False)
class LineFidelity:
    """A line's checkpoints on one family, in one format and wording.

    `shares` (K, S, D): what each of S models gives to up to K options of D decisions, NaN where it
    says nothing; `mass` (S, D): the probability of all options together.
    """

    family: str
    rounds: str
    format: str
    formulation: str
    arrays: OptionArrays
    shares: np.ndarray
    mass: np.ndarray

    @cached_property
    def known(self) -> np.ndarray:
        """(D): decisions of which every model says something."""
        return np.asarray(np.isfinite(self.shares).any(axis=0).all(axis=0))

    @cached_property
    def r(self) -> Fidelity:
        """Predictions against outcomes; the measure is Pearson's r."""
        arrays = self.arrays
        values = self.shares[arrays.option, :, arrays.at].T
        return Fidelity(values, _at(arrays.clusters, arrays.at), arrays.outcome)

    @cached_property
    def log_loss(self) -> Fidelity:
        """Nats per decision, as the table `measures` has it; the mean is the measure."""
        arrays = self.arrays
        p = self.shares[arrays.option, :, arrays.at].T
        terms = log_loss_terms(np.where(np.isfinite(p), p, 0.5), arrays.outcome, arrays.joint)
        values = np.full(self.mass.shape, np.nan)
        asked = np.unique(arrays.at)
        for model, row in enumerate(np.where(np.isfinite(p), terms, np.nan)):
            values[model, asked] = np.bincount(arrays.at, row, self.mass.shape[1])[asked]
        return Fidelity(values, arrays.clusters)

    @cached_property
    def mean_mass(self) -> Fidelity:
        """The probability of all options together; the mean is the measure."""
        return Fidelity(self.mass, self.arrays.clusters)

    @property
    def measures(self) -> dict[str, Fidelity]:
        """The measures that have intervals, by name."""
        return {"r": self.r, "log_loss": self.log_loss, "mass": self.mean_mass}

    def changed(self) -> np.ndarray:
        """(S): the share of decisions whose likeliest option is another than the base's."""
        shares = np.where(np.isfinite(self.shares), self.shares, -1.0)[:, :, self.known]
        favourite = shares.argmax(axis=0)
        return np.asarray((favourite != favourite[0]).mean(axis=1))

    def kl(self) -> np.ndarray:
        """(S): the mean Kullback-Leibler divergence of a model's shares of the options from the
        base's, the sum of p log(p / base), in nats. Shares are kept 1e-7 away from 0."""
        with np.errstate(invalid="ignore"):
            shares = np.clip(self.shares[:, :, self.known], EPSILON, None)
            terms = shares * np.log(shares / shares[:, :1])
        return np.asarray(np.nansum(terms, axis=0).mean(axis=1))


def subsets_of(evidence: Evidence) -> Iterator[Subset]:
    """Every family whole; one with rounds also in its first round and in the later ones."""
    yield from _arrays(evidence, ALL)
    rounds = evidence.decisions.select("decision", "family", "round")
    several = rounds.filter(pl.col("round").max().over("family") > 1)
    for name, here in ((FIRST, pl.col("round") == 1), (LATER, pl.col("round") > 1)):
        mine = several.filter(here).select("decision")
        outcomes = evidence.outcomes.join(mine, on="decision", how="semi", maintain_order="left")
        if outcomes.height:
            yield from _arrays(evidence.with_outcomes(outcomes), name)


def _arrays(evidence: Evidence, rounds: str) -> Iterator[Subset]:
    runs = evidence.predictions.select("model", "format", "formulation").unique(maintain_order=True)
    masses = evidence.predictions.unique(["model", "format", "formulation", "decision"]).join(
        runs.with_row_index("run"), on=runs.columns
    )
    asked = evidence.decisions.join(
        evidence.outcomes.select("decision").unique(),
        on="decision",
        how="semi",
        maintain_order="left",
    ).select("decision", "family", d=pl.int_range(pl.len()).over("family"))
    for arrays in option_arrays(evidence, _FOLDS):
        mine = asked.filter(pl.col("family") == arrays.family)
        held = masses.join(mine.select("decision", "d"), on="decision").drop_nulls("mass")
        mass = np.full((runs.height, mine.height), np.nan)
        mass[held["run"].to_numpy(), held["d"].to_numpy()] = held["mass"].to_numpy()
        yield Subset(rounds, arrays, mass)


def line_fidelities(line: Line, subsets: Sequence[Subset]) -> Iterator[LineFidelity]:
    """A line on every subset, in every format and wording in which its base and another of its
    models were read. Decisions of which not all models say something stay, with NaN."""
    for subset in subsets:
        for format_, formulation, at in readings(line, subset.arrays.runs):
            yield LineFidelity(
                subset.arrays.family,
                subset.rounds,
                format_,
                formulation,
                replace(subset.arrays, shares=subset.arrays.shares[:, :0]),
                _rows(subset.arrays.shares, at, 1),
                _rows(subset.mass, at, 0),
            )


def readings(
    line: Line, runs: Sequence[tuple[str, str, str]]
) -> Iterator[tuple[str, str, list[int | None]]]:
    """The formats and wordings in which a line's base and another of its models were read, with the
    place of each of its models among `runs` (model, format, wording), None where it is not."""
    places = {_run(*one): at for at, one in reversed([*enumerate(runs)])}
    for model, format_, formulation in dict.fromkeys(_run(*one) for one in runs):
        at = [places.get((one, format_, formulation)) for one in line.models]
        if model == line.models[0] and sum(one is not None for one in at) > 1:
            yield format_, formulation, at


def _rows(values: np.ndarray, at: Sequence[int | None], axis: int) -> np.ndarray:
    """Rows of an array along an axis, NaN where there is none."""
    nothing = np.full_like(values.take([0], axis=axis), np.nan)
    whole = np.concatenate([values, nothing], axis=axis)
    return whole.take([-1 if one is None else one for one in at], axis=axis)


def _run(model: str, format_: str, formulation: str) -> tuple[str, str, str]:
    """A run, whosever template its chat was in."""
    return model, format_.partition(":")[0], formulation


def _at(clusters: Sequence[Kind], places: np.ndarray) -> list[Kind]:
    return [kind.at(places) for kind in clusters]
