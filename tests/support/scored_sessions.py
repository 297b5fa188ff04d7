"""Sessions of made-up people and what made-up models say of them, as a study stores them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.session_responses import Sessions, session_responses
from tremble.store.schemas import DECISIONS, SCORES

Row = dict[str, Any]
PAIR = Comparison("base", "post", "plain", "plain", "plain")
TWO = ["A", "B"]


def said(experiment: str, person: str, number: int, choice: str, **more: Any) -> dict[str, Any]:
    """A row of decisions: one response of a person; no options unless `keys` names some."""
    category = more.pop("category", None)
    config = {"experiment": experiment} | ({"category": category} if category else {})
    keys = more.pop("keys", [])
    row = {
        "decision": f"{experiment}/{person}/r{number}",
        "dataset": "psych",
        "family": "session",
        "game": f"{experiment}/{person}",
        "cluster": f"{experiment}/{person}",
        "participant": f"{experiment}/{person}",
        "at": 2 * number - 1,
        "round": number,
        "keys": keys,
        "choice": choice if choice in keys else None,
        "config": json.dumps(config),
        "presentations": 1,
        "response": choice,
    }
    return row | more


def scored(
    decision: Mapping[str, Any], nats: float | None, model: str = "base", **more: Any
) -> dict[str, Any]:
    """A row of scores for a row of decisions: `nats` of the response, or none of it."""
    error = None if nats is not None else more.pop("error", "the session was cut before it")
    row = {
        "decision": decision["decision"],
        "dataset": "psych",
        "family": "session",
        "model": model,
        "format": "plain",
        "formulation": "standard",
        "presentation": 0,
        "keys": decision["keys"],
        "response_logprob": None if nats is None else -nats,
        "closing_logprob": None if nats is None else math.log(0.9),
        "response_tokens": None if nats is None else 1,
        "response_likeliest": None if nats is None else nats < math.log(2),
        "error": error,
        "error_kind": None if error is None else "too_long",
    }
    return row | more


def study(
    decisions: Sequence[dict[str, Any]], scores: Iterable[dict[str, Any]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and decisions in the columns of a store."""
    return pl.DataFrame(list(scores), schema=SCORES), pl.DataFrame(decisions, schema=DECISIONS)


def drawn(
    experiments: int = 6, people: int = 8, seed: int = 2, models: tuple[str, ...] = ("base", "post")
) -> tuple[list[Row], dict[str, np.ndarray], list[Row]]:
    """Decisions, nats by model (decisions) and scores: 2 to 6 responses each."""
    random = np.random.default_rng(seed)
    decisions = [
        said(f"e{e}", f"p{p}", n, "A", category="Memory" if e % 2 else "Risk")
        for e in range(experiments)
        for p in range(people)
        for n in range(1, int(random.integers(3, 8)))
    ]
    nats = {
        model: random.exponential(1 + place / 5, len(decisions))
        for place, model in enumerate(models)
    }
    scores = [
        scored(row, float(x), model)
        for model, values in nats.items()
        for row, x in zip(decisions, values, strict=True)
    ]
    return decisions, nats, scores


def sessions(decisions: list[Row], scores: list[Row]) -> Sessions:
    return session_responses(*study(decisions, scores))


def of(rows: list[Row], **about: Any) -> Row:
    (row,) = [row for row in rows if all(row[key] == value for key, value in about.items())]
    return row


def plain_d(base: np.ndarray, post: np.ndarray) -> float:
    pooled = math.sqrt((np.var(base, ddof=1) + np.var(post, ddof=1)) / 2)
    return float((post.mean() - base.mean()) / pooled)
