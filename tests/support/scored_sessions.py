"""Sessions of made-up people and what made-up models say of them, as a study stores them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from tremble.store.schemas import DECISIONS, SCORES

Said = tuple[str, str, int]  # experiment, person, number of the response


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
