"""Small score and decision frames, and r from the textbook, for the tests of statistics."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import polars as pl

SCORES: dict[str, Any] = {
    "decision": pl.String,
    "dataset": pl.String,
    "family": pl.String,
    "model": pl.String,
    "format": pl.String,
    "template": pl.String,
    "formulation": pl.String,
    "presentation": pl.Int32,
    "keys": pl.List(pl.String),
    "logprobs": pl.List(pl.Float64),
    "mass": pl.Float64,
    "error": pl.String,
}
DECISIONS: dict[str, Any] = {
    "decision": pl.String,
    "dataset": pl.String,
    "family": pl.String,
    "game": pl.String,
    "cluster": pl.String,
    "at": pl.Int32,
    "participant": pl.String,
    "role": pl.String,
    "keys": pl.List(pl.String),
    "target": pl.String,
    "choice": pl.String,
    "rates": pl.List(pl.Float64),
}


def score(decision: str, probabilities: Sequence[float | None], **more: Any) -> dict[str, Any]:
    """One row of scores from probabilities that need not add up to one."""
    row: dict[str, Any] = {
        "decision": decision,
        "dataset": "toy",
        "family": "bargaining",
        "model": "m",
        "format": "plain",
        "template": None,
        "formulation": "standard",
        "presentation": 0,
        "keys": ["yes", "no", "maybe"][: len(probabilities)],
        "logprobs": [None if p is None else math.log(p) if p else -math.inf for p in probabilities],
        "mass": None if None in probabilities else math.fsum(p for p in probabilities if p),
        "error": None,
    }
    return row | more


def decision(name: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "decision": name,
        "dataset": "toy",
        "family": "bargaining",
        "game": None,
        "cluster": name,
        "at": 0,
        "participant": None,
        "role": None,
        "keys": ["yes", "no"],
        "target": "yes",
        "choice": None,
        "rates": None,
    }
    return row | more


def frames(
    scores: list[dict[str, Any]], decisions: list[dict[str, Any]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.DataFrame(scores, schema=SCORES), pl.DataFrame(decisions, schema=DECISIONS)


def loop_r(x: Sequence[float], y: Sequence[float]) -> float:
    """r from the textbook: covariance over the product of standard deviations."""
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    covariance = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    sx = math.sqrt(math.fsum((a - mx) ** 2 for a in x))
    sy = math.sqrt(math.fsum((b - my) ** 2 for b in y))
    return covariance / (sx * sy)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def draw(n: int, seed: int, slope: float = 1.0) -> tuple[list[float], list[int]]:
    """Predictions whose true log-odds are `slope` times theirs."""
    rng = random.Random(seed)
    x = [rng.gauss(0, 1.5) for _ in range(n)]
    return [sigmoid(v) for v in x], [int(rng.random() < sigmoid(slope * v)) for v in x]
