"""Intervals for every r and every difference of r, and tests in which model families count once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.matrix import RunMatrix
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.bootstrap import RESAMPLES, difference_intervals, r_intervals
from tremble.stats.inference.dependent import dependent_test
from tremble.stats.inference.intervals import Interval
from tremble.stats.inference.multiplicity import benjamini_hochberg, holm, within
from tremble.stats.inference.significance import ALL
from tremble.stats.inference.votes import family_vote, mixed_model
from tremble.stats.metrics.correlation import pearson
from tremble.stats.tables.model_groups import Catalogue, by_family, known_of
from tremble.stats.tables.pairs import comparison_frame
from tremble.text import join_notes

Row = dict[str, Any]
_INTERVAL = ("low", "high", "se", "clusters", "effective", "undefined", "note")


def interval_table(made: RunMatrix, resamples: int = RESAMPLES) -> list[Row]:
    """Rows with model, format, formulation, family, points, decisions, r, low, high, se, clusters,
    effective, undefined, note: the 95% interval of each r, over whole clusters (`bootstrap`).

    A problem with three or more options is one decision and a point for each of them.
    """
    return [row for row, _ in r_of_runs(made, resamples)]


def r_of_runs(made: RunMatrix, resamples: int = RESAMPLES) -> list[tuple[Row, Interval]]:
    """The rows of `interval_table`, each with its interval."""
    rows: list[tuple[int, Row, Interval]] = []
    for held in made.families:
        x = made.x[:, held.at]
        intervals = r_intervals(x, held.y, held.clusters, resamples=resamples)
        for run, own, interval in zip(made.runs.iter_rows(named=True), x, intervals, strict=True):
            if not interval.n:
                continue
            row = {
                **{name: run[name] for name in RUN},
                "family": held.family,
                "points": interval.n,
                "decisions": held.decisions(own),
                "r": interval.estimate,
                **{name: getattr(interval, name) for name in _INTERVAL},
            }
            rows.append((run["run"], row, interval))
    return [(row, interval) for _, row, interval in sorted(rows, key=lambda one: one[0])]


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
        a, b = made.counterparts(table, formulation)
        for held in made.families:
            pair = a[:, held.at], b[:, held.at]
            each = difference_intervals(*pair, held.y, held.clusters, resamples=resamples)
            for comparison, one, other, interval in zip(comparisons, *pair, each, strict=True):
                if not interval.n:
                    continue
                parts = asdict(interval)
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
                        **{name: parts[name] for name in _INTERVAL},
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
    test = dependent_test(pearson(a, y)[0], pearson(b, y)[0], pearson(a, b)[0], len(y))
    return {
        "williams_t": test.t,
        "williams_p": test.t_p,
        "steiger_z": test.z,
        "steiger_p": test.z_p,
        "zou_low": test.low,
        "zou_high": test.high,
    }


def vote_table(pairs: Iterable[Row], catalogue: Catalogue) -> list[Row]:
    """Tests over kept pairs in which siblings do not count as independent, per mode, formulation
    and family of games, and for "all".

    family, test, direction, n (model families), pairs, statistic, p, sided, p_two_sided, p_holm,
    p_bh, mean, low, high, mode, formulation, note. "family votes": one vote per model family, an
    exact binomial test; "family wilcoxon": on the mean differences of model families; their p is
    one-sided in the direction of the data, as that of Shapira et al. (2026) is, and p_two_sided
    min(1, 2p), since that direction was not named beforehand. "mixed": difference ~ 1 + (1 | model
    family), whose p is two-sided, with its mean and 95% interval. p_holm and p_bh adjust
    p_two_sided over the families of games within one test. A model outside `catalogue` stands for
    itself.
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
    p = [None if row["family"] == ALL else row["p_two_sided"] for row in rows]
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
            "p_two_sided": vote.p_two_sided,
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
            "p_two_sided": vote.wilcoxon_p_two_sided,
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
            "p_two_sided": mixed.p,
            "mean": mixed.mean,
            "low": mixed.low,
            "high": mixed.high,
            "note": join_notes(
                None if mixed.df is None else f"{mixed.df:.1f} degrees of freedom", mixed.note
            ),
        },
    ]
