"""The baselines in the models' own terms: n, r and what else a constant can say."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tremble.baselines.base import about, is_fitted, names
from tremble.baselines.cases import main_reason
from tremble.stats.frames.comparisons import family_order
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import CHOICE, OPTION
from tremble.stats.metrics.correlation import outcome_columns, points_note, r_columns, undefined
from tremble.text import decimal, join_notes

# A fit without the own group leans away from what that group did (docs/baselines.md).
_LEANING = (
    "each group is predicted by a fit to the other groups, so a negative r means no effect "
    "was found"
)


def baseline_table(evidence: Evidence) -> list[dict[str, Any]]:
    """Rows with baseline, family, n (decisions predicted), r, note.

    A baseline that predicts the target counts on choices and two-option problems; one that
    predicts every option also counts on problems with more, a point for each option, as the
    models do. A baseline has rows for the families that it is about.
    """
    decisions = evidence.decisions
    silent = evidence.baseline_predictions.filter(pl.col("prediction").is_null())
    every = baseline_points(evidence)
    rows = []
    for name in names():
        held = every.filter(pl.col("baseline") == name)
        for family in family_order(about(name, decisions)["family"]):
            of_family = decisions.filter(pl.col("family") == family).select("decision")
            here = held.filter(pl.col("family") == family)
            unsaid = silent.filter(pl.col("baseline") == name).join(
                of_family, on="decision", how="semi"
            )
            rows.append(_row(name, family, here, of_family.height, main_reason(unsaid["why"])))
    return rows


def baseline_points(evidence: Evidence) -> pl.DataFrame:
    """The points that baselines predict: baseline, decision, key, prediction and the outcomes'
    columns. A prediction without a key is one of the target, and of no problem with more options
    than two."""
    outcomes = evidence.outcomes
    known = evidence.baseline_predictions.filter(pl.col("prediction").is_not_null()).drop("why")
    targets = (
        known.filter(pl.col("key").is_null())
        .drop("key")
        .join(outcomes.filter(pl.col("kind") != OPTION), on="decision", maintain_order="left")
    )
    options = known.filter(pl.col("key").is_not_null()).join(
        outcomes, on=["decision", "key"], maintain_order="left"
    )
    return pl.concat([targets, options.select(targets.columns)])


def _row(name: str, family: str, held: pl.DataFrame, total: int, why: str | None) -> dict[str, Any]:
    n = held["decision"].n_unique()
    if not n:
        note = join_notes(f"no prediction in any of {total} decisions", why)
        return {"baseline": name, "family": family, "n": 0, "r": None, "note": note}
    whole = held.select(*r_columns("prediction"), *outcome_columns()).row(0, named=True)
    reason = undefined(whole)
    y = held["outcome"].to_numpy()
    share = float(y.mean())
    shares: str | None = f"share of the target option {decimal(share)}"
    if (held["kind"] == CHOICE).all():
        shares = (
            f"{shares}; always predicting the more common choice is right "
            f"{max(share, 1 - share):.0%} of the time"
        )
    elif whole["options"]:
        shares = None
    constant = name == "majority"
    if constant:
        reason = "a constant has no r" if reason in (None, "constant prediction") else reason
    left = f"no prediction for {total - n} decisions" if total > n else None
    leaning = is_fitted(name) and reason is None and whole["r"] < 0
    return {
        "baseline": name,
        "family": family,
        "n": n,
        "r": None if reason else whole["r"],
        "note": join_notes(
            reason,
            _LEANING if leaning else None,
            shares if constant or reason else _accuracy(held["prediction"].to_numpy(), y, held),
            points_note(whole) if whole["options"] else None,
            f"{left} ({why})" if left and why else left,
        ),
    }


def _accuracy(x: np.ndarray, y: np.ndarray, held: pl.DataFrame) -> str | None:
    """How often the prediction names the choice; an even prediction is half right."""
    if not (held["kind"] == CHOICE).all():
        return None
    right = np.where(x == 0.5, 0.5, (x > 0.5) == (y == 1))
    return f"right {float(right.mean()):.0%} of the time"
