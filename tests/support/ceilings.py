"""Frames of outcomes and their ceiling, for the tests."""

from __future__ import annotations

from typing import Any

import polars as pl

from tests.support.stat_frames import DECISIONS, decision
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.tables.ceiling import ceiling_table

SCHEMA = DECISIONS | {
    "n": pl.Int64,
    "rate_sd": pl.Float64,
    "config": pl.String,
    "round": pl.Int32,
    "numbers": pl.String,
    "choices_each": pl.Int64,
}


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    blank: dict[str, Any] = dict.fromkeys(SCHEMA)
    return pl.DataFrame([blank | row for row in rows], schema=SCHEMA)


def ceiling(rows: list[dict[str, Any]]) -> dict[str, Any]:
    frame = table(rows)
    (row,) = ceiling_table(Evidence(frame, outcomes(frame)))
    return row


def rates(values: list[float], **more: Any) -> list[dict[str, Any]]:
    return [decision(f"d{i}", rates=[v, 1 - v], **more) for i, v in enumerate(values)]
