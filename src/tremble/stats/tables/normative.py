"""How close models and people are to what theory prescribes, on the same decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from tremble.stats.filters import MIN_N
from tremble.stats.frames.comparisons import Comparison, family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.matrix import RunMatrix
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.bootstrap import RESAMPLES, difference_intervals
from tremble.stats.inference.intervals import Interval
from tremble.stats.metrics.correlation import kind_columns, points_note, r_columns
from tremble.stats.tables.pairs import comparison_frame, counterparts, wording_order
from tremble.text import join_notes

_ROUNDING = 1e-12

Row = dict[str, Any]
# Of each (series, family of games) that has a point.
Intervals = dict[tuple[Any, ...], Interval]


def against_theory(evidence: Evidence) -> Evidence:
    """With the points that theory says something about: `outcome` is what theory says of their
    key, `people` what people did."""
    decisions = evidence.decisions
    people = evidence.outcomes.rename({"outcome": "people"})
    if "normative" not in decisions.columns:
        return evidence.with_outcomes(people.clear().with_columns(outcome=pl.lit(None, pl.Float64)))
    theory = (
        decisions.filter(pl.col("normative").is_not_null())
        .filter(pl.col("normative").list.len() == pl.col("keys").list.len())
        .select("decision", key="keys", outcome="normative")
        .explode("key", "outcome")
        .filter(pl.col("outcome").is_not_null())
    )
    return evidence.with_outcomes(people.join(theory, on=["decision", "key"]))


def normative_models(evidence: Evidence, resamples: int = RESAMPLES) -> list[Row]:
    """One row per run and family that theory has something to say about or should have.

    model, format, formulation, family, n (decisions), r (predictions and theory), r_people (what
    people did and theory, same decisions), low, high (95% interval of r less r_people, over whole
    participants and games, see `bootstrap`), closer ("model", "people" or None), undecided
    (decisions of the family without a normative prediction) and note. An undefined r is None
    with its reason. Nobody is closer below 30 decisions, nor where the interval holds zero.
    """
    theory, predictions = against_theory(evidence), evidence.predictions
    intervals = _over_people(theory, resamples)
    fits = (
        predictions.join(theory.outcomes, on=["decision", "key"])
        .group_by(*RUN, "family")
        .agg(*r_columns("prediction", "_model"), *_columns())
    )
    runs = predictions.select(RUN).unique(maintain_order=True).with_row_index("run")
    frame = (
        runs.join(_families(evidence), how="cross")
        .join(fits, on=[*RUN, "family"], how="left")
        .sort("run", "order")
    )
    return [
        _model_row(row, intervals.get((*(row[name] for name in RUN), row["family"])))
        for row in frame.iter_rows(named=True)
    ]


def normative_pairs(
    evidence: Evidence, comparisons: Sequence[Comparison], resamples: int = RESAMPLES
) -> list[Row]:
    """Which counterpart is closer to theory, on the decisions both have scored.

    base, aligned, mode, formulation, family, n, r_base, r_aligned (each with theory), r_people,
    low, high (95% interval of r_base less r_aligned, as for `normative_models`), closer ("base",
    "aligned" or None: the higher r), undecided, note. Nobody is closer below 30 decisions, nor
    where the interval holds zero.
    """
    if not comparisons:
        return []
    theory, table = against_theory(evidence), comparison_frame(comparisons)
    intervals = _between_counterparts(theory, table, resamples)
    group = ["comparison", "formulation", "family"]
    fits = (
        counterparts(theory, table)
        .group_by(group)
        .agg(
            *r_columns("base_prediction", "_base"),
            *r_columns("aligned_prediction", "_aligned"),
            *_columns(),
        )
    )
    frame = (
        table.join(wording_order(evidence), how="cross")
        .join(_families(evidence), how="cross")
        .join(fits, on=group, how="left")
        .sort("comparison", "wording", "order")
    )
    return [
        _pair_row(row, intervals.get((row["comparison"], row["formulation"], row["family"])))
        for row in frame.iter_rows(named=True)
    ]


def _over_people(theory: Evidence, resamples: int) -> Intervals:
    """Each run's r with theory less that of people, by run and family."""
    made = RunMatrix(theory)
    did = made.points.matrix(theory.outcomes.with_columns(one=pl.lit(0)), "one", "people", 1)
    intervals: Intervals = {}
    for part in made.families:
        x = made.x[:, part.at]
        people = np.broadcast_to(did[:, part.at], x.shape)
        each = difference_intervals(x, people, part.y, part.clusters, resamples=resamples)
        for run, one in zip(made.runs.select(RUN).iter_rows(), each, strict=True):
            intervals[*run, part.family] = one
    return intervals


def _between_counterparts(theory: Evidence, table: pl.DataFrame, resamples: int) -> Intervals:
    """r of base with theory less that of aligned, by comparison, formulation and family."""
    made = RunMatrix(theory)
    intervals: Intervals = {}
    for formulation in made.runs["formulation"].unique(maintain_order=True):
        base, aligned = made.counterparts(table, formulation)
        for part in made.families:
            each = difference_intervals(
                base[:, part.at],
                aligned[:, part.at],
                part.y,
                part.clusters,
                resamples=resamples,
            )
            for comparison, one in zip(table["comparison"], each, strict=True):
                intervals[comparison, formulation, part.family] = one
    return intervals


def _columns() -> list[pl.Expr]:
    """How people fare against theory (`outcome`), and how many points and decisions there are."""
    outcome = pl.col("outcome")
    return [
        *r_columns("people", "_people"),
        *kind_columns(),
        pl.len().alias("points"),
        (outcome.max() - outcome.min() <= _ROUNDING * outcome.abs().max()).alias("one_outcome"),
    ]


def _families(evidence: Evidence) -> pl.DataFrame:
    """family, order, undecided, whys: decisions with an outcome but no normative prediction."""
    decisions = evidence.decisions
    columns = decisions.columns
    theory = pl.col("normative") if "normative" in columns else pl.lit(None, pl.List(pl.Float64))
    why = pl.col("normative_why") if "normative_why" in columns else pl.lit(None, pl.String)
    order = {name: i for i, name in enumerate(family_order(decisions["family"]))}
    return (
        decisions.join(evidence.outcomes.select("decision").unique(), on="decision", how="semi")
        .select("family", theory.is_null().alias("silent"), why.fill_null("no reason").alias("why"))
        .group_by("family")
        .agg(
            undecided=pl.col("silent").sum(),
            whys=pl.col("why").filter("silent").value_counts(sort=True),
        )
        .with_columns(order=pl.col("family").replace_strict(order, return_dtype=pl.Int64))
    )


def _undefined(row: Row, side: str) -> str | None:
    if not row["points"]:
        return "no decision with a normative prediction"
    if row["points"] < 3:
        return "fewer than 3 points"
    if row["one_outcome"]:
        return f"theory predicts the same in all {row['used']}"
    if row[f"flat_{side}"]:
        return "people all did the same" if side == "people" else "constant prediction"
    return None


def _points(row: Row) -> str | None:
    return points_note(row) if row["points"] else None


def _undecided(row: Row) -> str | None:
    if not row["undecided"]:
        return None
    reasons = ", ".join(f"{one['why']} ({one['count']})" for one in row["whys"][:3])
    more = sum(one["count"] for one in row["whys"][3:])
    return f"no normative prediction: {reasons}" + (f", other reasons ({more})" if more else "")


def _r(row: Row, side: str) -> float | None:
    return None if _undefined(row, side) else row[f"r_{side}"]


def _closer(interval: Interval | None, sides: tuple[str, str], n: int) -> tuple[Row, str | None]:
    """low, high and closer (the side whose r is higher beyond doubt), and why nobody is."""
    answer: Row = {"low": None, "high": None, "closer": None}
    if n < MIN_N:
        return answer, f"n = {n}, below {MIN_N}" if n else None
    if interval is None or interval.estimate is None:
        return answer, None
    answer |= {"low": interval.low, "high": interval.high}
    if interval.low is None or interval.high is None or interval.low <= 0 <= interval.high:
        return answer, join_notes("no clear difference", interval.note)
    answer["closer"] = sides[0] if interval.low > 0 else sides[1]
    return answer, interval.note


def _model_row(row: Row, interval: Interval | None) -> Row:
    n = row["used"] or 0
    answer, why = _closer(interval, ("model", "people"), n)
    reasons = dict.fromkeys((_undefined(row, "model"), _undefined(row, "people")))
    return {
        **{name: row[name] for name in RUN},
        "family": row["family"],
        "n": n,
        "r": _r(row, "model"),
        "r_people": _r(row, "people"),
        **answer,
        "undecided": row["undecided"],
        "note": join_notes(*reasons, why, _points(row), _undecided(row)),
    }


def _pair_row(row: Row, interval: Interval | None) -> Row:
    n = row["used"] or 0
    answer, note = _closer(interval, ("base", "aligned"), n)
    reasons: dict[str | None, None] = {}
    for side in ("base", "aligned", "people"):
        why = _undefined(row, side)
        reasons[f"{why} of {side}" if why == "constant prediction" else why] = None
    return {
        "base": row["base"],
        "aligned": row["aligned"],
        "mode": row["mode"],
        "formulation": row["formulation"],
        "family": row["family"],
        "n": n,
        **{f"r_{side}": _r(row, side) for side in ("base", "aligned", "people")},
        **answer,
        "undecided": row["undecided"],
        "note": join_notes(*reasons, note, _points(row), _undecided(row)),
    }
