"""What the runs of a study predict, as matrices of decisions by runs, for resampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tremble.stats.frames.clusters import Kind, kinds_of, units
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN


@dataclass(frozen=True, slots=True)
class FamilyPoints:
    """One family's points: columns `at` of a matrix over all of them, outcomes `y`, `weight` (of
    a decision's points 1 together) and kinds of cluster, (points) each."""

    family: str
    at: slice
    y: np.ndarray
    weight: np.ndarray
    clusters: list[Kind]

    def decisions(self, *predictions: np.ndarray) -> int:
        """How many decisions the points belong to at which all of these (points) say something."""
        known = np.logical_and.reduce([np.isfinite(x) for x in predictions])
        return round(float(self.weight @ known))


class AllPoints:
    """The points of all families in a fixed order, family after family in the usual order."""

    def __init__(self, outcomes: pl.DataFrame, decisions: pl.DataFrame) -> None:
        order = {family: place for place, family in enumerate(family_order(outcomes["family"]))}
        held = (
            outcomes.filter(pl.col("family").is_not_null())
            .join(units(decisions), on="decision", maintain_order="left")
            .sort(
                pl.col("family").replace_strict(order, return_dtype=pl.Int64), maintain_order=True
            )
            .with_row_index("point")
        )
        self.places = held.select("decision", "key", "point")
        self.families: list[FamilyPoints] = []
        start = 0
        for part in held.partition_by("family", maintain_order=True):
            at = slice(start, start + part.height)
            self.families.append(
                FamilyPoints(
                    part["family"][0],
                    at,
                    part["outcome"].to_numpy(),
                    part["weight"].to_numpy(),
                    kinds_of(part),
                )
            )
            start = at.stop

    def matrix(self, rows: pl.DataFrame, series: str, value: str, count: int) -> np.ndarray:
        """`value` by the number `series` and point, (count, points); NaN where there is none."""
        values = np.full((count, self.places.height), np.nan)
        held = rows.join(self.places, on=["decision", "key"]).drop_nulls(value)
        values[held[series].to_numpy(), held["point"].to_numpy()] = held[value].to_numpy()
        return values


class RunMatrix:
    """What every run predicts at every point: `x` (runs, points), NaN where it says nothing.

    `runs` has a row for each, in order of appearance.
    """

    def __init__(self, evidence: Evidence) -> None:
        predictions = evidence.predictions
        self.points = AllPoints(evidence.outcomes, evidence.decisions)
        self.runs = predictions.select(RUN).unique(maintain_order=True).with_row_index("run")
        numbered = predictions.select(*RUN, "decision", "key", "prediction").join(self.runs, on=RUN)
        self.x = self.points.matrix(numbered, "run", "prediction", self.runs.height)

    @property
    def families(self) -> list[FamilyPoints]:
        return self.points.families

    def counterparts(self, table: pl.DataFrame, formulation: str) -> tuple[np.ndarray, np.ndarray]:
        """What base and aligned predict, both (comparisons, points); `table` as made by
        `comparison_frame`."""
        base, aligned = (
            self.rows([(*one, formulation) for one in table.select(side, name).iter_rows()])
            for side, name in (("base", "base_format"), ("aligned", "aligned_format"))
        )
        return base, aligned

    def rows(self, runs: Sequence[tuple[str, str, str]]) -> np.ndarray:
        """The rows of `x` of these runs (model, format, formulation), NaN where there is none."""
        known = {run: place for place, run in enumerate(self.runs.select(RUN).iter_rows())}
        nothing = np.full((1, self.x.shape[1]), np.nan)
        return np.concatenate([self.x, nothing])[[known.get(run, -1) for run in runs]]
