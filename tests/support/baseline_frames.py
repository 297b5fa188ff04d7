"""Decision frames for the tests of fitted baselines."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl

from tremble.store.schemas import DECISIONS

PD = {
    "C": {"C": [8, 8], "D": [0, 10]},
    "D": {"C": [10, 0], "D": [5, 5]},
}


def row(name: str, family: str, numbers: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(DECISIONS)
    found |= {
        "decision": name,
        "dataset": "toy",
        "family": family,
        "cluster": name,
        "at": 0,
        "keys": ["yes", "no"],
        "numbers": None if numbers is None else json.dumps(numbers),
    }
    return found | more


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=DECISIONS)


def play(
    person: str, mine: str, theirs: str, payoffs: dict[str, Any], **more: Any
) -> list[dict[str, Any]]:
    """The decisions of one play; `mine` and `theirs` hold a key of one letter per round."""
    first = next(iter(payoffs))
    return [
        row(
            f"{person}/{at}",
            "repeated_matrix",
            {
                "payoffs": payoffs,
                "mine": list(mine[:at]),
                "theirs": [None if key == "?" else key for key in theirs[:at]],
                "points": [0] * at,
                "rounds": len(mine),
            },
            participant=person,
            cluster=person,
            at=at,
            keys=list(payoffs),
            target=first,
            choice=mine[at],
        )
        | more
        for at in range(len(mine))
    ]


def game(name: str, own: Any, other: Any, rates: Any, **more: Any) -> dict[str, Any]:
    own, other = np.asarray(own, float).tolist(), np.asarray(other, float).tolist()
    return row(
        name,
        "one_shot_matrix",
        {"own": own, "other": other},
        keys=[str(place) for place in range(1, len(own) + 1)],
        rates=list(map(float, rates)),
        **more,
    )


def offer(name: str, share: float, choice: str, number: int = 1, **more: Any) -> dict[str, Any]:
    numbers = {"share": share, "delta": 1.0, "other_delta": 1.0, "round": number, "rounds": 12}
    return row(
        name,
        "bargaining",
        numbers,
        keys=["accept", "reject"],
        target="accept",
        choice=choice,
        **more,
    )


def lottery(name: str, a: Any, b: Any, rate: float, **more: Any) -> dict[str, Any]:
    return row(
        name,
        "lottery",
        {"options": {"a": a, "b": b}},
        keys=["a", "b"],
        target="b",
        rates=[1 - rate, rate],
        **more,
    )


def own(name: str, text: str, config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A decision about a prompt of the user's own; `lengths` of its labels where they differ."""
    numbers = {"read": text} | ({"label_lengths": more.pop("lengths")} if "lengths" in more else {})
    asked = {"target": "yes", "config": None if config is None else json.dumps(config)}
    return row(name, "own", numbers, **{**asked, **more})


def said(found: pl.DataFrame) -> dict[str, float | None]:
    """decision -> prediction of a baseline of targets."""
    return dict(found.select("decision", "prediction").iter_rows())


def shares(found: pl.DataFrame, decision: str) -> list[float]:
    """The predictions of every option of one decision, in the order of its keys."""
    return found.filter(pl.col("decision") == decision)["prediction"].to_list()
