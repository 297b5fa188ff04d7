"""How close models and people are to what theory prescribes, on the same decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tremble.stats.comparisons import Comparison, family_order
from tremble.stats.correlation import r_columns
from tremble.stats.models import join_notes
from tremble.stats.pairs import MIN_N, comparison_frame, twins, winner
from tremble.stats.predictions import RUN

_ROUNDING = 1e-12

Row = dict[str, Any]


def normative_points(decisions: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """The points that theory says something about, with `normative` for the key of the point."""
    if "normative" not in decisions.columns:
        return points.clear().with_columns(normative=pl.lit(None, pl.Float64))
    said = (
        decisions.filter(pl.col("normative").is_not_null())
        .filter(pl.col("normative").list.len() == pl.col("keys").list.len())
        .select("decision", pl.col("keys").alias("key"), pl.col("normative"))
        .explode("key", "normative")
        .filter(pl.col("normative").is_not_null())
    )
    return points.join(said, on=["decision", "key"])


def normative_models(
    predicted: pl.DataFrame, points: pl.DataFrame, decisions: pl.DataFrame
) -> list[Row]:
    """One row per run and family that theory has something to say about or should have.

    model, format, formulation, family, n (decisions), r (predictions and theory), r_people (what
    people did and theory, same decisions), closer ("model", "people", "tie" or None), undecided
    (decisions of the family without a normative prediction) and note. An undefined r is None
    with its reason. Below 30 decisions nobody is closer.
    """
    held = normative_points(decisions, points).rename({"outcome": "people"})
    found = (
        predicted.join(held, on=["decision", "key"])
        .rename({"normative": "outcome"})
        .group_by(*RUN, "family")
        .agg(*r_columns("prediction", "_model"), *_columns())
    )
    runs = predicted.select(RUN).unique(maintain_order=True).with_row_index("run")
    frame = (
        runs.join(_families(decisions, points), how="cross")
        .join(found, on=[*RUN, "family"], how="left")
        .sort("run", "order")
    )
    return [_model_row(row) for row in frame.iter_rows(named=True)]


def normative_pairs(
    predicted: pl.DataFrame,
    points: pl.DataFrame,
    decisions: pl.DataFrame,
    comparisons: Sequence[Comparison],
) -> list[Row]:
    """Which twin is closer to theory, on the decisions both have scored.

    base, aligned, mode, formulation, family, n, r_base, r_aligned (each with theory), r_people,
    closer ("base", "aligned", "tie" or None: the higher r), undecided, note. Below 30 decisions
    nobody is closer.
    """
    if not comparisons:
        return []
    held = normative_points(decisions, points).rename({"outcome": "people"})
    table = comparison_frame(comparisons)
    group = ["comparison", "formulation", "family"]
    found = (
        twins(predicted, held, table)
        .rename({"normative": "outcome"})
        .group_by(group)
        .agg(
            *r_columns("base_prediction", "_base"),
            *r_columns("aligned_prediction", "_aligned"),
            *_columns(),
        )
    )
    wordings = predicted.select("formulation").unique(maintain_order=True).with_row_index("wording")
    frame = (
        table.join(wordings, how="cross")
        .join(_families(decisions, points), how="cross")
        .join(found, on=group, how="left")
        .sort("comparison", "wording", "order")
    )
    return [_pair_row(row) for row in frame.iter_rows(named=True)]


def _columns() -> list[pl.Expr]:
    """How people fare against theory (`outcome`), and how many points and decisions there are."""
    outcome = pl.col("outcome")
    return [
        *r_columns("people", "_people"),
        pl.len().alias("points"),
        pl.col("weight").sum().round().cast(pl.Int64).alias("used"),
        (outcome.max() - outcome.min() <= _ROUNDING * outcome.abs().max()).alias("one_outcome"),
    ]


def _families(decisions: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """family, order, undecided, whys: decisions with an outcome but no normative prediction."""
    columns = decisions.columns
    said = pl.col("normative") if "normative" in columns else pl.lit(None, pl.List(pl.Float64))
    why = pl.col("normative_why") if "normative_why" in columns else pl.lit(None, pl.String)
    order = {name: i for i, name in enumerate(family_order(decisions["family"]))}
    return (
        decisions.join(points.select("decision").unique(), on="decision", how="semi")
        .select("family", said.is_null().alias("silent"), why.fill_null("no reason").alias("why"))
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
        return f"theory says the same in all {row['used']}"
    if row[f"flat_{side}"]:
        return "people all did the same" if side == "people" else "constant prediction"
    return None


def _undecided(row: Row) -> str | None:
    if not row["undecided"]:
        return None
    reasons = ", ".join(f"{one['why']} ({one['count']})" for one in row["whys"][:3])
    more = sum(one["count"] for one in row["whys"][3:])
    return f"no normative prediction: {reasons}" + (f", other reasons ({more})" if more else "")


def _small(n: int) -> str | None:
    return f"n = {n}, below {MIN_N}" if 0 < n < MIN_N else None


def _r(row: Row, side: str) -> float | None:
    return None if _undefined(row, side) else row[f"r_{side}"]


def _model_row(row: Row) -> Row:
    n = row["used"] or 0
    r, people = _r(row, "model"), _r(row, "people")
    small = _small(n)
    closer = None
    if r is not None and people is not None and not small:
        closer = {"base": "model", "aligned": "people", "tie": "tie"}[winner(r, people)]
    reasons = dict.fromkeys((_undefined(row, "model"), _undefined(row, "people")))
    return {
        **{name: row[name] for name in RUN},
        "family": row["family"],
        "n": n,
        "r": r,
        "r_people": people,
        "closer": closer,
        "undecided": row["undecided"],
        "note": join_notes(*reasons, small, _undecided(row)),
    }


def _pair_row(row: Row) -> Row:
    n = row["used"] or 0
    r = {side: _r(row, side) for side in ("base", "aligned", "people")}
    base, aligned = r["base"], r["aligned"]
    reasons: dict[str | None, None] = {}
    for side in r:
        why = _undefined(row, side)
        reasons[f"{why} of {side}" if why == "constant prediction" else why] = None
    small = _small(n)
    closer = None
    if base is not None and aligned is not None and not small:
        closer = winner(base, aligned)
    return {
        "base": row["base"],
        "aligned": row["aligned"],
        "mode": row["mode"],
        "formulation": row["formulation"],
        "family": row["family"],
        "n": n,
        "r_base": base,
        "r_aligned": aligned,
        "r_people": r["people"],
        "closer": closer,
        "undecided": row["undecided"],
        "note": join_notes(*reasons, small, _undecided(row)),
    }
