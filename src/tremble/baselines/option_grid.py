"""Models of matrix games with one parameter on a grid: every option of every game predicted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from tremble.baselines.cases import NO_NUMBERS, Case, Sample, read_cases, samples
from tremble.baselines.leave_out import FLOOR, best_of_all, best_without

Payoffs = tuple[np.ndarray, np.ndarray]
# Games (own and other's points, both [own option][other's]) to shares of the own options, one
# array (parameters, own options) per game; None for a game that the model cannot solve.
Solve = Callable[[Sequence[Payoffs]], list[np.ndarray | None]]


def stage_game(case: Case) -> Payoffs:
    """Own and other's points, rows in the order of the case's keys."""
    if "own" in case.numbers:
        return np.array(case.numbers["own"], float), np.array(case.numbers["other"], float)
    table = case.numbers["payoffs"]
    cells = np.array([[table[own][other] for other in case.keys] for own in case.keys], float)
    return cells[:, :, 0], cells[:, :, 1]


def _game_name(case: Case) -> str:
    """Equal for equal payoffs and keys: histories do not change a stage game."""
    payoffs = case.numbers.get("payoffs")
    return json.dumps([case.numbers if payoffs is None else payoffs, case.keys])


def unit_scale(points: np.ndarray) -> np.ndarray:
    """One player's points moved and stretched to 0 (worst in this game) to 1 (best).

    A player for whom all cells are alike has 0 everywhere. Both models are about differences
    between options, so that the shift changes nothing; the stretch makes one precision mean the
    same whether a study paid in cents or in francs.
    """
    spread = np.ptp(points)
    scaled: np.ndarray = (points - points.min()) / spread if spread > 0 else np.zeros_like(points)
    return scaled


def by_shape(games: Sequence[Payoffs]) -> dict[tuple[int, ...], tuple[list[int], Payoffs]]:
    """Games of one shape stacked: their places, and scaled points (games, own, other's)."""
    places: dict[tuple[int, ...], list[int]] = {}
    for place, (own, _) in enumerate(games):
        places.setdefault(own.shape, []).append(place)
    return {
        shape: (
            of_shape,
            (
                np.stack([unit_scale(games[place][0]) for place in of_shape]),
                np.stack([unit_scale(games[place][1]) for place in of_shape]),
            ),
        )
        for shape, of_shape in places.items()
    }


def option_predictions(
    decisions: pl.DataFrame, families: Sequence[str], solve: Solve
) -> pl.DataFrame:
    """decision, key, prediction, why: a row per option of each decision that has a prediction,
    one row with nulls for each that has none.

    One fit per data set and family, over all its games: a parameter that is to mean something
    carries from game to game. The log-likelihood counts a choice, and a problem whatever its n
    (as r does), once. Left out is a participant, of problems with rates all views of a game;
    the stage game of repeated ones is predicted by the fit to everybody.
    """
    cases = read_cases(decisions, families)
    games: dict[str, Payoffs] = {}
    name = {case.decision: _game_name(case) for case in cases}
    for case in cases:
        if name[case.decision] not in games:
            games[name[case.decision]] = stage_game(case)
    solved = dict(zip(games, solve(list(games.values())), strict=True))
    table = {case.decision: solved[name[case.decision]] for case in cases}
    predictions: dict[str, list[tuple[str, float]]] = {}
    why: dict[str, str] = {}
    for case in cases:
        if table[case.decision] is None:
            why[case.decision] = "no numerical solution was found"
    able = [((c.dataset, c.family), c) for c in cases if c.decision not in why]
    for sample in samples(able, "shares"):
        if sample.why is not None:
            why |= dict.fromkeys((case.decision for case in sample.cases), sample.why)
            continue
        for case, shares in _fitted(sample, table):
            predictions[case.decision] = list(zip(case.keys, shares.tolist(), strict=True))
    return _frame(decisions, predictions, why)


def _fitted(sample: Sample, table: dict[str, np.ndarray | None]) -> list[tuple[Case, np.ndarray]]:
    parts = [_loglik(table[case.decision], case) for case in sample.cases]
    own = np.zeros((sample.groups, len(parts[0])))
    np.add.at(own, sample.group[sample.group >= 0], np.array(parts)[sample.group >= 0])

    def loglik(indices: np.ndarray) -> np.ndarray:
        return own[:, indices]

    count = own.shape[1]
    best = np.r_[best_without(loglik, count), best_of_all(loglik, count)]
    # Within a stage game a prediction would vary by who is left out and by nothing else: against
    # the own outcome, as a leave-one-out mean does (see majority). It is fitted to everybody.
    return [
        (case, shares[best[-1 if "payoffs" in case.numbers else group]])
        for case, group in zip(sample.cases, sample.group, strict=True)
        if (shares := table[case.decision]) is not None
    ]


def _loglik(shares: np.ndarray | None, case: Case) -> np.ndarray:
    """One case's log-likelihood at every parameter, in nats."""
    if shares is None or case.shares is None:
        return np.zeros(0 if shares is None else len(shares))
    value: np.ndarray = np.log(np.maximum(shares, FLOOR)) @ np.array(case.shares)
    return value


def _frame(
    decisions: pl.DataFrame, predictions: dict[str, list[tuple[str, float]]], why: dict[str, str]
) -> pl.DataFrame:
    rows: list[tuple[str, Any, Any, Any]] = []
    for decision in decisions["decision"]:
        options = predictions.get(decision)
        if options is None:
            rows.append((decision, None, None, why.get(decision, NO_NUMBERS)))
        else:
            rows += [(decision, key, share, None) for key, share in options]
    types = {"decision": pl.String, "key": pl.String, "prediction": pl.Float64, "why": pl.String}
    return pl.DataFrame(rows, schema=types, orient="row")
