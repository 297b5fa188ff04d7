"""The baselines in the models' own terms: n, r and what else a constant can say."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from tremble.baselines import BASELINES
from tremble.stats.comparisons import family_order
from tremble.stats.correlation import outcome_columns, r_columns, undefined
from tremble.stats.models import join_notes
from tremble.stats.numbers import decimal
from tremble.stats.outcomes import CHOICE, OPTION


def baseline_table(decisions: pl.DataFrame, points: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows with baseline, family, n (decisions predicted), r, note.

    A baseline predicts the target of a choice or of a two-option problem; problems with more
    options are left to the models, and the note says so.
    """
    single = points.filter(pl.col("kind") != OPTION)
    rows = []
    for name, predict in BASELINES.items():
        held = (
            predict(decisions)
            .join(single, on="decision")
            .filter(pl.col("prediction").is_not_null())
        )
        for family in family_order(decisions["family"]):
            here = held.filter(pl.col("family") == family)
            total = int((decisions["family"] == family).sum())
            rows.append(_row(name, family, here, total))
    return rows


def _row(name: str, family: str, held: pl.DataFrame, total: int) -> dict[str, Any]:
    n = held.height
    if not n:
        note: str | None = f"nothing to go by in {total} decisions"
        return {"baseline": name, "family": family, "n": 0, "r": None, "note": note}
    found = held.select(*r_columns("prediction"), *outcome_columns()).row(0, named=True)
    reason = undefined(found)
    y = held["outcome"].to_numpy()
    share = float(y.mean())
    shares = f"share of the target {decimal(share)}"
    if (held["kind"] == CHOICE).all():
        shares += f", always the more frequent side is right {decimal(max(share, 1 - share))}"
    constant = name == "majority"
    if constant:
        reason = "a constant has no r" if reason in (None, "constant prediction") else reason
    return {
        "baseline": name,
        "family": family,
        "n": n,
        "r": None if reason else found["r"],
        "note": join_notes(
            reason,
            shares if constant or reason else _accuracy(held["prediction"].to_numpy(), y, held),
            f"{total - n} decisions left out" if total > n else None,
        ),
    }


def _accuracy(x: np.ndarray, y: np.ndarray, held: pl.DataFrame) -> str | None:
    """How often the prediction names the choice; an even prediction is half right."""
    if not (held["kind"] == CHOICE).all():
        return None
    right = np.where(x == 0.5, 0.5, (x > 0.5) == (y == 1))
    return f"right {decimal(float(right.mean()))}"
