"""The regression on conditions, positions and label lengths, against scipy's optimiser."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize

from tests.support.baseline_frames import frame, own, said
from tremble.baselines.condition_logistic import ALIKE, condition_logistic
from tremble.baselines.conditional_logit import choice_shares, conditional_logit
from tremble.stats.frames.contexts import contexts


def test_the_conditional_logit_is_where_another_optimiser_ends() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(30, 4, 3))
    offered = np.ones((30, 4), bool)
    offered[::3, 3] = False
    chosen = rng.integers(0, 5, (30, 4)) * offered
    ridge = np.array([0.5, 1.0, 2.0])

    def loss(b: np.ndarray) -> float:
        total = 0.0
        for row, here, count in zip(x, offered, chosen, strict=True):
            z = row[here] @ b
            total -= float(count[here] @ (z - np.log(np.exp(z).sum())))
        return total + float(ridge @ b**2) / 2

    want = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    b = conditional_logit(x, offered, chosen, ridge)
    assert b == pytest.approx(want, abs=1e-6)
    shares = choice_shares(x, offered, b)
    assert shares.sum(axis=1) == pytest.approx(np.ones(30))
    assert not shares[~offered].any()


def test_nothing_chosen_leaves_the_coefficients_at_zero() -> None:
    x = np.ones((2, 2, 1))
    assert conditional_logit(x, np.ones((2, 2), bool), np.zeros((2, 2)), np.ones(1)).tolist() == [0]


def three_items() -> tuple[list[dict[str, Any]], np.ndarray, np.ndarray]:
    """Rates of three items at five stakes, the target second in every other one; their features
    worked out by hand, and the rates."""
    rng = np.random.default_rng(8)
    rows, x, y = [], [], []
    for item in "abc":
        for stake in (1, 2, 3, 5, 9):
            second = (stake + ord(item)) % 2
            keys, lengths = (["no", "yes"], [2, 8]) if second else (["yes", "no"], [8, 2])
            rate = float(rng.uniform(0.1, 0.9))
            rows.append(
                own(
                    f"{item}{stake}",
                    f"{item}{stake}",
                    {"stake": stake, "frame": "gain" if stake > 2 else "loss"},
                    item=item,
                    keys=keys,
                    lengths=lengths if item != "c" else [4, 4],
                    rates=[1 - rate, rate] if second else [rate, 1 - rate],
                )
            )
            length = 0.0 if item == "c" else np.log(4)
            place = 1.0 if second else -1.0
            x.append([1, stake > 2, stake <= 2, (stake - 5) / 4, place, length])
            y.append(rate)
    return rows, np.array(x, float), np.array(y)


def test_a_target_is_predicted_by_the_fit_to_other_items() -> None:
    rows, x, y = three_items()
    found = said(condition_logistic(frame(rows)))
    for item in "abc":
        mine = np.array([one["item"] == item for one in rows])

        def loss(b: np.ndarray, mine: np.ndarray = mine) -> float:
            z = x[~mine] @ b
            fit = np.logaddexp(0, z).sum() - y[~mine] @ z
            return float(fit + (b[1:] ** 2).sum() / 2)

        b = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-9}).x
        want = 1 / (1 + np.exp(-x[mine] @ b))
        got = [found[one["decision"]] for one, held in zip(rows, mine, strict=True) if held]
        assert got == pytest.approx(want, abs=1e-5)


def test_options_are_predicted_by_the_fit_to_other_items() -> None:
    rng = np.random.default_rng(2)
    keys, rows, rates = ["a", "b", "c"], [], {}
    for item in range(3):
        for arm in (0, 1):
            name, order = f"{item}/{arm}", keys[item:] + keys[:item]
            rates[name] = rng.dirichlet(np.ones(3))
            rows.append(
                own(
                    name,
                    name,
                    {"arm": arm},
                    item=f"{item}",
                    keys=order,
                    lengths=[3, 3, 6],
                    # Printed rates need not add up to 1.
                    rates=(rates[name] * 0.9).tolist(),
                    target=None,
                )
            )
    lengths = np.log(np.array([3, 3, 6]) / 4)

    def features(row: dict[str, Any]) -> np.ndarray:
        arm = 1.0 if row["decision"].endswith("1") else -1.0
        x = np.zeros((3, 8))
        x[:, 0], x[:, 1] = [-1, 0, 1], lengths
        for place, key in enumerate(row["keys"]):
            x[place, 2 + 2 * keys.index(key) : 4 + 2 * keys.index(key)] = 1, arm
        return x

    found = condition_logistic(frame(rows))
    for row in rows:
        others = [one for one in rows if one["item"] != row["item"]]

        def loss(b: np.ndarray, others: list[dict[str, Any]] = others) -> float:
            total = float(b @ b) / 2
            for one in others:
                z = features(one) @ b
                total -= float(rates[one["decision"]] @ (z - np.log(np.exp(z).sum())))
            return total

        b = minimize(loss, np.zeros(8), method="BFGS", options={"gtol": 1e-9}).x
        z = np.exp(features(row) @ b)
        got = found.filter(pl.col("decision") == row["decision"])
        assert got["key"].to_list() == row["keys"]
        assert got["prediction"].to_list() == pytest.approx(z / z.sum(), abs=1e-5)


def test_a_study_without_lengths_goes_by_config_and_position() -> None:
    rows, _, _ = three_items()
    bare = [one | {"numbers": own("x", one["decision"])["numbers"]} for one in rows]
    even = [one | {"numbers": own("x", one["decision"], lengths=[4, 4])["numbers"]} for one in rows]
    with_lengths, without, same = (
        said(condition_logistic(frame(held))) for held in (rows, bare, even)
    )
    assert without == pytest.approx(same)
    assert without != pytest.approx(with_lengths, abs=1e-3)
    # What was read is told apart by the text alone, with lengths and without.
    of = [contexts(frame(held))["context"].to_list() for held in (rows, bare)]
    assert of[0] == of[1]
    mixed = contexts(frame([rows[0], bare[0] | {"decision": "again"}]))["context"]
    assert mixed[0] == mixed[1]


def test_nothing_to_go_by_has_its_reason() -> None:
    rows = [own(name, name, {}, rates=[0.2, 0.8], item=name) for name in "abcd"]
    assert set(condition_logistic(frame(rows))["why"]) == {ALIKE}


def test_an_amount_that_every_item_has_for_itself_counts() -> None:
    """As every text does where amounts differ; the mean of conditions has nothing to go by."""
    rows = [
        own(f"{amount}", f"{amount}?", {"amount": amount}, rates=[amount / 40, 1 - amount / 40])
        for amount in range(40)
    ]
    found = said(condition_logistic(frame(rows)))
    assert np.corrcoef([found[f"{a}"] or 0.0 for a in range(40)], range(40))[0, 1] > 0.95


def test_a_number_that_no_float_holds_is_a_text() -> None:
    rows, _, _ = three_items()
    config = json.dumps({"stake": 10**400})
    found = said(condition_logistic(frame([{**rows[0], "config": config}, *rows[1:]])))
    assert None not in found.values()


def test_more_values_than_can_be_learned_are_left_out() -> None:
    rng = np.random.default_rng(1)
    rows = [
        own(
            f"{item}/{value}",
            f"{item}/{value}",
            {"topic": f"t{value}"},
            rates=[rate := float(rng.uniform()), 1 - rate],
            item=f"{item}",
        )
        for item in range(3)
        for value in range(31)
    ]
    assert set(condition_logistic(frame(rows))["why"]) == {ALIKE}
    fewer = [one for one in rows if not one["decision"].endswith("/30")]
    assert set(condition_logistic(frame(fewer))["why"]) == {None}
