"""What another order, other labels or other rows change: the spread over presentations."""

from __future__ import annotations

from typing import Any

import polars as pl

from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN, presentations_expected, scored_presentations
from tremble.stats.metrics.correlation import pearson

Row = dict[str, Any]


def presentation_table(evidence: Evidence) -> list[Row]:
    """One row per run and family whose decisions are shown in more than one presentation.

    family, n (decisions with every presentation scored), presentations (of one decision),
    prediction (mean of the averages), sd (standard deviation over the presentations of a decision,
    ddof 1, mean over decisions), sd_largest, r of the average, r_lowest and r_highest of single
    presentations (None where undefined), then the run. r of the average can lie outside of r_lowest
    and r_highest: the average has lost what place and label add. Shares of the target, each
    presentation normalised; a problem with several options counts with each of them.
    """
    scores = evidence.scores
    wanted = evidence.outcomes.select("decision", "family", "key", "outcome")
    expected = presentations_expected(scores, evidence.decisions)
    expected = expected.filter(pl.col("expected") > 1)
    shares = (
        scored_presentations(scores.join(expected, on="decision", how="semi"))
        .join(wanted, on=["decision", "key"])
        .join(expected, on="decision")
        .filter(pl.len().over(*RUN, "decision", "key") >= pl.col("expected"))
    )
    rows: list[Row] = []
    for (model, format_, wording, family), own in shares.group_by(
        *RUN, "family", maintain_order=True
    ):
        each = own.group_by("decision", "key", maintain_order=True).agg(
            pl.col("share").mean(), pl.col("outcome").first(), sd=pl.col("share").std()
        )
        alone = [r for _, part in own.group_by("presentation") if (r := _r(part)) is not None]
        rows.append(
            {
                "family": family,
                "n": own["decision"].n_unique(),
                "presentations": own["expected"].max(),
                "prediction": each["share"].mean(),
                "sd": each["sd"].mean(),
                "sd_largest": each["sd"].max(),
                "r": _r(each),
                "r_lowest": min(alone, default=None),
                "r_highest": max(alone, default=None),
                "model": model,
                "format": format_,
                "formulation": wording,
            }
        )
    return rows


def _r(frame: pl.DataFrame) -> float | None:
    return pearson(frame["share"].to_numpy(), frame["outcome"].to_numpy())[0]
