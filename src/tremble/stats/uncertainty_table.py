"""Intervals for every r and every difference of r, and tests in which model families count once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from tremble.stats.bootstrap import RESAMPLES, difference_intervals, r_intervals
from tremble.stats.clusters import cluster_codes, person
from tremble.stats.comparisons import Comparison, family_order
from tremble.stats.correlation import pearson
from tremble.stats.dependent import dependent_test
from tremble.stats.model_groups import Catalogue, by_family, known_of
from tremble.stats.models import join_notes
from tremble.stats.multiplicity import benjamini_hochberg, holm, within
from tremble.stats.pairs import comparison_frame
from tremble.stats.predictions import RUN
from tremble.stats.significance import ALL
from tremble.stats.votes import family_vote, mixed_model

Row = dict[str, Any]
_INTERVAL = ("low", "high", "se", "clusters", "effective", "undefined", "note")


@dataclass(frozen=True, slots=True)
class FamilyPoints:
    """One family's points: columns `at` of a matrix over all of them, outcomes `y`, `weight` (of
    a decision's points 1 together) and codes of its clusters, (points) each."""

    family: str
    at: slice
    y: np.ndarray
    weight: np.ndarray
    clusters: list[np.ndarray]

    def decisions(self, *predictions: np.ndarray) -> int:
        """How many decisions the points belong to at which all of these (points) say something."""
        known = np.logical_and.reduce([np.isfinite(x) for x in predictions])
        return round(float(self.weight @ known))


class AllPoints:
    """The points of all families in a fixed order, family after family in the usual order."""

    def __init__(self, points: pl.DataFrame, decisions: pl.DataFrame) -> None:
        order = {family: place for place, family in enumerate(family_order(points["family"]))}
        held = (
            points.filter(pl.col("family").is_not_null())
            .join(
                decisions.select("decision", "cluster", person=person()),
                on="decision",
                maintain_order="left",
            )
            .sort(
                pl.col("family").replace_strict(order, return_dtype=pl.Int64), maintain_order=True
            )
            .with_row_index("point")
        )
        self.places = held.select("decision", "key", "point")
        self.families: list[FamilyPoints] = []
        start = 0
        for part in held.partition_by("family", maintain_order=True):
            codes = cluster_codes(part["person"].to_list(), part["cluster"].to_list())
            at = slice(start, start + part.height)
            self.families.append(
                FamilyPoints(
                    part["family"][0],
                    at,
                    part["outcome"].to_numpy(),
                    part["weight"].to_numpy(),
                    codes,
                )
            )
            start = at.stop

    def matrix(self, rows: pl.DataFrame, series: str, value: str, count: int) -> np.ndarray:
        """`value` by the number `series` and point, (count, points); NaN where there is none."""
        found = np.full((count, self.places.height), np.nan)
        held = rows.join(self.places, on=["decision", "key"]).drop_nulls(value)
        found[held[series].to_numpy(), held["point"].to_numpy()] = held[value].to_numpy()
        return found


class RunMatrix:
    """What every run predicts at every point: `x` (runs, points), NaN where it says nothing.

    `runs` has a row for each, in order of appearance.
    """

    def __init__(
        self, predicted: pl.DataFrame, points: pl.DataFrame, decisions: pl.DataFrame
    ) -> None:
        self.points = AllPoints(points, decisions)
        self.runs = predicted.select(RUN).unique(maintain_order=True).with_row_index("run")
        numbered = predicted.select(*RUN, "decision", "key", "prediction").join(self.runs, on=RUN)
        self.x = self.points.matrix(numbered, "run", "prediction", self.runs.height)

    @property
    def families(self) -> list[FamilyPoints]:
        return self.points.families

    def twins(self, table: pl.DataFrame, formulation: str) -> tuple[np.ndarray, np.ndarray]:
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


def interval_table(made: RunMatrix, resamples: int = RESAMPLES) -> list[Row]:
    """Rows with model, format, formulation, family, points, decisions, r, low, high, se, clusters,
    effective, undefined, note: the 95% interval of each r, over whole clusters (`bootstrap`).

    A problem with three or more options is one decision and a point for each of them.
    """
    rows: list[tuple[int, Row]] = []
    for held in made.families:
        x = made.x[:, held.at]
        found = r_intervals(x, held.y, held.clusters, resamples=resamples)
        for run, own, interval in zip(made.runs.iter_rows(named=True), x, found, strict=True):
            if not interval.n:
                continue
            said = asdict(interval)
            named = {name: run[name] for name in RUN}
            rows.append(
                (
                    run["run"],
                    {**named, "family": held.family}
                    | {"points": interval.n, "decisions": held.decisions(own)}
                    | {"r": interval.estimate}
                    | {name: said[name] for name in _INTERVAL},
                )
            )
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def difference_table(
    made: RunMatrix, comparisons: Sequence[Comparison], resamples: int = RESAMPLES
) -> list[Row]:
    """One row per pair, mode, formulation and family: r of base minus r of aligned, on the points
    both have scored.

    base, aligned, mode, formulation, family, points, decisions, difference, low, high, se, p,
    p_holm, p_bh, clusters, effective, undefined, williams_t, williams_p, steiger_z, steiger_p,
    zou_low, zou_high, note. low to p come from the bootstrap of whole clusters; p_holm and p_bh
    adjust p over all pairs and families of games of one mode and formulation. The last six take
    decisions as independent, which those of one person are not (`dependent`).
    """
    if not comparisons:
        return []
    table = comparison_frame(comparisons)
    rows: list[Row] = []
    for formulation in made.runs["formulation"].unique(maintain_order=True):
        a, b = made.twins(table, formulation)
        for held in made.families:
            pair = a[:, held.at], b[:, held.at]
            found = difference_intervals(*pair, held.y, held.clusters, resamples=resamples)
            for comparison, one, other, interval in zip(comparisons, *pair, found, strict=True):
                if not interval.n:
                    continue
                said = asdict(interval)
                rows.append(
                    {
                        "base": comparison.base,
                        "aligned": comparison.aligned,
                        "mode": comparison.mode,
                        "formulation": formulation,
                        "family": held.family,
                        "points": interval.n,
                        "decisions": held.decisions(one, other),
                        "difference": interval.estimate,
                        "p": interval.p,
                        **{name: said[name] for name in _INTERVAL},
                        **_independent(one, other, held.y),
                    }
                )
    keys = [(row["mode"], row["formulation"]) for row in rows]
    return _adjusted(rows, [row["p"] for row in rows], keys)


def _adjusted(
    rows: list[Row], p: Sequence[float | None], keys: Sequence[tuple[str, ...]]
) -> list[Row]:
    """The rows with `p_holm` and `p_bh`: `p` adjusted over the rows of one key."""
    for row, by_holm, by_bh in zip(
        rows, within(holm, p, keys), within(benjamini_hochberg, p, keys), strict=True
    ):
        row |= {"p_holm": by_holm, "p_bh": by_bh}
    return rows


def _independent(a: np.ndarray, b: np.ndarray, y: np.ndarray) -> Row:
    """The tests of two dependent correlations that take decisions as independent."""
    known = ~(np.isnan(a) | np.isnan(b))
    a, b, y = a[known], b[known], y[known]
    found = dependent_test(pearson(a, y)[0], pearson(b, y)[0], pearson(a, b)[0], len(y))
    return {
        "williams_t": found.t,
        "williams_p": found.t_p,
        "steiger_z": found.z,
        "steiger_p": found.z_p,
        "zou_low": found.low,
        "zou_high": found.high,
    }


def vote_table(pairs: Iterable[Row], catalogue: Catalogue) -> list[Row]:
    """Tests over kept pairs in which siblings do not count as independent, per mode, formulation
    and family of games, and for "all".

    family, test, direction, n (model families), pairs, statistic, p, p_holm, p_bh, sided, mean,
    low, high, mode, formulation, note. "family votes": one vote per model family, an exact
    binomial test; "family wilcoxon": on the mean differences of model families; both one-sided
    in the direction of the data, as the core study's tests are. "mixed": difference ~ 1 + (1 |
    model family), two-sided, with its mean and 95% interval. p_holm and p_bh adjust over the
    families of games within one test. A model outside `catalogue` stands for itself.
    """
    groups = by_family(
        (row for row in pairs if row["kept"]), lambda row: (row["mode"], row["formulation"])
    )
    rows: list[Row] = []
    for (mode, formulation, family), kept in groups.items():
        named = {"family": family, "mode": mode, "formulation": formulation, "pairs": len(kept)}
        rows += [{**named, **row} for row in _votes(kept, catalogue)]
    keys = [(row["mode"], row["formulation"], row["test"]) for row in rows]
    # "all" pools the others and is no further test beside them.
    p = [None if row["family"] == ALL else row["p"] for row in rows]
    return _adjusted(rows, p, keys)


def _votes(kept: Sequence[Row], catalogue: Catalogue) -> list[Row]:
    difference = [row["r_base"] - row["r_aligned"] for row in kept]
    families = [known_of(row, catalogue)[0] or str(row["base"]) for row in kept]
    vote, mixed = family_vote(difference, families), mixed_model(difference, families)
    empty: Row = {"mean": None, "low": None, "high": None}
    return [
        {
            "test": "family votes",
            "direction": vote.direction,
            "n": vote.families,
            "statistic": max(vote.base, vote.aligned) if vote.direction else None,
            "p": vote.p,
            "sided": "one",
            **empty,
            "note": vote.note,
        },
        {
            "test": "family wilcoxon",
            "direction": vote.wilcoxon_direction,
            "n": vote.families,
            "statistic": vote.wilcoxon_statistic,
            "p": vote.wilcoxon_p,
            "sided": "one",
            **empty,
            "note": vote.note,
        },
        {
            "test": "mixed",
            "direction": None if not mixed.mean else "base" if mixed.mean > 0 else "aligned",
            "n": mixed.families,
            "statistic": mixed.t,
            "p": mixed.p,
            "sided": "two",
            "mean": mixed.mean,
            "low": mixed.low,
            "high": mixed.high,
            "note": join_notes(
                None if mixed.df is None else f"{mixed.df:.1f} degrees of freedom", mixed.note
            ),
        },
    ]
