"""A logistic regression on what a table of the game so far holds: no theory, no text.

The features of a family stand in `FEATURES`; all are on fixed scales (-1 to 1, or near it), never
standardised by the data, so that nothing of a held-out group enters. Newton's method with a
ridge of 1 on every coefficient but the constant (a normal prior of variance 1, which keeps
separable and rare features finite), one fit per data set, family and kind of game, refitted
without each group in turn.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from tremble.baselines.cases import Answer, Case, read_cases, samples
from tremble.baselines.leave_out import logistic_predictions

RIDGE = 1.0


def logistic(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, prediction of the target, why (the reason of a null).

    A group is a participant where known, else a game; below three of them there is no fit.
    """
    answer = Answer({}, {})
    cases = read_cases(decisions, list(FEATURES))
    rows: dict[str, list[float]] = {}
    able = []
    for case in cases:
        row = None if case.coded is None else FEATURES[case.family](case.numbers, case.coded)
        if row is None:
            answer.why[case.decision] = (
                "no target" if case.coded is None else "there is no offer to answer"
            )
            continue
        rows[case.decision] = row
        able.append((kind_of(case), case))
    for sample in samples(able):
        if sample.why is not None:
            answer.refuse(sample.cases, sample.why)
            continue
        x = np.array([rows[case.decision] for case in sample.cases])
        ridge = np.full(x.shape[1], RIDGE)
        ridge[0] = 1e-9  # the constant, free but for what keeps the equations solvable
        p = logistic_predictions(sample, x, ridge)
        answer.accept(sample.cases, p)
    return answer.frame(decisions)


def kind_of(case: Case) -> tuple[str, str, str]:
    """What is fitted apart: the data set, the family and, of repeated games, the payoffs."""
    return case.dataset, case.family, json.dumps(case.numbers.get("payoffs"))


def _sign(value: Any, yes: Any = True) -> float:
    """1 where it is so, -1 where it is not, 0 where it is unknown."""
    return 0.0 if value is None else 1.0 if value == yes else -1.0


def _progress(numbers: dict[str, Any], past: int) -> float:
    """-1 in the first round to 1 in the last one told; of untold length, as if of 20."""
    return 2.0 * past / max(1, (numbers.get("rounds") or 20) - 1) - 1.0


def repeated_features(numbers: Any, target: str) -> list[float]:
    """constant, first round, own last choice, the other's last, their product, round."""
    mine, theirs = numbers["mine"], numbers["theirs"]
    own = _sign(mine[-1], target) if mine else 0.0
    other = _sign(theirs[-1], target) if theirs else 0.0
    return [1.0, float(not mine), own, other, own * other, _progress(numbers, len(mine))]


def buyer_features(numbers: Any, target: str) -> list[float]:
    """constant, first round, last purchase, last quality, advice now, round."""
    past = numbers["history"]
    _, quality, bought = past[-1] if past else (None, None, None)
    return [
        1.0,
        float(not past),
        _sign(bought),
        _sign(quality),
        _sign(numbers["recommends"]),
        _progress(numbers, len(past)),
    ]


def seller_features(numbers: Any, target: str) -> list[float]:
    """constant, first round, quality now, last advice, last purchase, round."""
    past = numbers["history"]
    _, advice, bought = past[-1] if past else (None, None, None)
    return [
        1.0,
        float(not past),
        _sign(numbers["high"]),
        _sign(advice),
        _sign(bought),
        _progress(numbers, len(past)),
    ]


def bargaining_features(numbers: Any, target: str) -> list[float] | None:
    """constant, share on offer (0, half, all: -1, 0, 1), log of the round (20: 1)."""
    if numbers["share"] is None:
        return None
    return [1.0, 2.0 * numbers["share"] - 1.0, _log_round(numbers["round"])]


def negotiation_features(numbers: Any, target: str) -> list[float] | None:
    """constant, gain as a share of one's value (within -1 and 1), whether one sells, log round."""
    if numbers["gain"] is None:
        return None
    gain = min(1.0, max(-1.0, numbers["gain"]))
    return [1.0, gain, _sign(numbers["sells"]), _log_round(numbers["round"])]


def _log_round(number: int | None) -> float:
    return math.log(max(1, number or 1)) / math.log(20)


FEATURES: dict[str, Callable[[Any, str], list[float] | None]] = {
    "repeated_matrix": repeated_features,
    "bargaining": bargaining_features,
    "negotiation": negotiation_features,
    "persuasion": buyer_features,
    "persuasion_seller": seller_features,
}
