"""Leaving a group out: held-out choices never matter, and a refit from scratch agrees."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize

from tests.support.baseline_frames import PD, frame, game, lottery, offer, play, row, said
from tremble.baselines.attraction import attraction
from tremble.baselines.base import BASELINES
from tremble.baselines.fehr_schmidt import GRID, fehr_schmidt, utility
from tremble.baselines.leave_out import Tally, best_of_all, best_without, logistic_coefficients
from tremble.baselines.logistic import logistic, repeated_features
from tremble.stats.tables.analysis import analyze
from tremble.store.schemas import SCORES

FITTED = [name for name in BASELINES if name not in ("majority", "last_choice")]


def crowd(people: int, seed: int = 0, rounds: int = 6) -> list[dict[str, Any]]:
    """Players of the prisoner's dilemma who like to repeat what they did, each to a degree."""
    rng = np.random.default_rng(seed)
    found = []
    for person in range(people):
        theirs = "".join(rng.choice(list("CD"), rounds))
        mine, stay = "", rng.uniform(0.4, 0.9)
        for _ in range(rounds):
            last = mine[-1] if mine else rng.choice(list("CD"))
            mine += last if rng.uniform() < stay else "CD"["DC".index(last)]
        found += play(f"p{person}", mine, theirs, PD)
    return found


def everything() -> list[dict[str, Any]]:
    rng = np.random.default_rng(9)
    found = crowd(12)
    found += [
        offer(f"b{i}", float(rng.uniform()), rng.choice(["accept", "reject"])) for i in range(30)
    ]
    for i in range(12):
        found.append(
            game(
                f"m{i}",
                rng.uniform(size=(3, 2)),
                rng.uniform(size=(3, 2)),
                rng.dirichlet([1, 1, 1]),
            )
        )
        a, b = [[[float(p), float(rng.integers(-9, 9))] for p in (0.3, 0.7)] for _ in range(2)]
        found.append(lottery(f"l{i}", a, b, float(rng.uniform())))
    for i in range(12):
        found.append(
            row(
                f"o{i}",
                "own",
                {"read": f"{i}"},
                keys=["accept", "reject"],
                target="accept",
                choice=str(rng.choice(["accept", "reject"])),
                config=json.dumps({"arm": i % 2}),
            )
        )
    return found


@pytest.mark.parametrize("name", FITTED)
def test_own_predictions_do_not_change_with_own_choices(name: str) -> None:
    people = everything()
    held = {"p3", "b4", "m5", "l6", "o7"}
    swap = {"C": "D", "D": "C", "accept": "reject", "reject": "accept"}
    changed = [
        d
        | {
            "choice": None if d["choice"] is None else swap[d["choice"]],
            "rates": None if d["rates"] is None else d["rates"][::-1],
        }
        if d["cluster"] in held
        else d
        for d in people
    ]
    if name == "quantal_response":  # of repeated games it is fitted to everybody
        held.remove("p3")
    before, after = BASELINES[name](frame(people)), BASELINES[name](frame(changed))
    ours = pl.Series([d["decision"] for d in people if d["cluster"] in held])
    mine = pl.col("decision").is_in(ours.implode())
    own = before.filter(mine)["prediction"].to_list()
    assert any(p is not None for p in own)
    for x, y in zip(own, after.filter(mine)["prediction"].to_list(), strict=True):
        assert (x is None and y is None) or x == pytest.approx(y, abs=1e-9)


def test_the_choices_of_others_do_matter() -> None:
    people = crowd(12)
    changed = [d | {"choice": "C"} if d["participant"] != "p3" else d for d in people]
    before, after = said(logistic(frame(people))), said(logistic(frame(changed)))
    assert abs((before["p3/2"] or 0) - (after["p3/2"] or 0)) > 0.1


def test_logistic_agrees_with_a_refit_by_another_optimiser() -> None:
    people = crowd(20, seed=1)
    found = said(logistic(frame(people)))
    for held in ("p0", "p7", "p19"):
        rows = [
            (_features(d), float(d["choice"] == "C")) for d in people if d["participant"] != held
        ]
        x, y = np.array([r for r, _ in rows]), np.array([v for _, v in rows])

        def loss(b: np.ndarray, x: np.ndarray = x, y: np.ndarray = y) -> float:
            z = x @ b
            return float(np.logaddexp(0, z).sum() - y @ z + (b[1:] ** 2).sum() / 2)

        b = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-9}).x
        for d in people:
            if d["participant"] == held:
                want = 1 / (1 + np.exp(-np.dot(_features(d), b)))
                assert found[d["decision"]] == pytest.approx(want, abs=1e-5)


def _features(d: dict[str, Any]) -> list[float]:
    """constant, first round, own last, other's last, product, round: written out anew."""
    numbers = json.loads(d["numbers"])
    own = [1 if key == "C" else -1 for key in numbers["mine"]]
    other = [1 if key == "C" else -1 for key in numbers["theirs"]]
    a, b = (own[-1], other[-1]) if own else (0, 0)
    found = [1.0, float(not own), float(a), float(b), float(a * b), 2 * len(own) / 5 - 1]
    assert repeated_features(numbers, "C") == found
    return found


def test_logistic_recovers_coefficients() -> None:
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(4000), rng.choice([-1.0, 1.0], (4000, 2))])
    true = np.array([0.4, 1.0, -0.6])
    y = rng.binomial(1, 1 / (1 + np.exp(-x @ true))).astype(float)
    found = logistic_coefficients(
        x, y[None], np.ones((1, 4000)), np.array([0.0, 1.0, 1.0]), np.zeros((1, 3))
    )
    # Standard errors are about 1 / sqrt(4000 * .2) = .035.
    assert found[0] == pytest.approx(true, abs=0.11)


def test_separable_choices_keep_finite_coefficients() -> None:
    x = np.array([[1.0, -1.0], [1.0, 1.0]])
    found = logistic_coefficients(
        x, np.array([[0.0, 50.0]]), np.full((1, 2), 50.0), np.array([1e-9, 1.0]), np.zeros((1, 2))
    )
    # By symmetry the constant is 0; the slope solves 100 sigmoid(-b) = b.
    assert found[0, 0] == pytest.approx(0, abs=1e-6)
    assert 100 / (1 + np.exp(found[0, 1])) == pytest.approx(found[0, 1])


def test_the_grid_is_searched_exactly() -> None:
    rng = np.random.default_rng(3)
    table = rng.normal(size=(40, 500)) - 3
    want = [(table.sum(0) - table[g]).argmax() for g in range(40)]
    calls = []

    def loglik(indices: np.ndarray) -> np.ndarray:
        calls.append(len(indices))
        return table[:, indices]

    assert best_without(loglik, 500).tolist() == want
    assert best_without(loglik, 500, rows=1_000_000).tolist() == want


def test_equal_groups_are_worked_out_once_and_count_as_often_as_they_are() -> None:
    rng = np.random.default_rng(6)
    group, kind = np.repeat(np.arange(30), 2), rng.integers(0, 4, 60)
    held = Tally(group, kind, 5)
    every = np.zeros((30, 5))
    np.add.at(every, (group, kind), 1)
    assert (held.counts.toarray()[held.which] == every).all()
    assert len(held.times) == len({tuple(row) for row in every}) < 30
    table = rng.normal(size=(5, 200))
    want = best_without(lambda indices: every @ table[:, indices], 200)
    found = best_without(lambda indices: held.counts @ table[:, indices], 200, 1, held.times)
    assert found[held.which].tolist() == want.tolist()
    everybody = (every @ table).sum(axis=0).argmax()
    assert best_of_all(lambda i: held.counts @ table[:, i], 200, 1, held.times) == everybody


def test_a_negative_r_of_a_fitted_baseline_is_said_to_mean_nothing_found() -> None:
    """Six people, one equal offer each, three accept: without the own one it is 3 : 2 the other
    way, so that every prediction is on the wrong side, in equal measure."""
    people = [offer(f"b{i}", 0.5, ["accept", "reject"][i % 2]) for i in range(6)]
    found = {
        r["baseline"]: r for r in analyze(pl.DataFrame(schema=SCORES), frame(people)).baselines
    }
    assert found["logistic"]["r"] == pytest.approx(-1)
    assert found["logistic"]["note"].startswith(
        "each group is predicted by a fit to the other groups, so a negative r means"
    )


def test_level_parameters_are_settled_by_the_first() -> None:
    table = np.zeros((4, 3))
    assert best_without(lambda indices: table[:, indices], 3).tolist() == [0, 0, 0, 0]


def test_fehr_schmidt_agrees_with_a_loop_over_the_grid() -> None:
    rng = np.random.default_rng(4)
    people = [
        offer(f"b{i}", float(rng.uniform()), rng.choice(["accept", "reject"])) for i in range(40)
    ]
    draws = [(json.loads(d["numbers"])["share"], d["choice"] == "accept") for d in people]
    found = said(fehr_schmidt(frame(people)))
    for held in (0, 17):
        best, chosen = -np.inf, None
        for a, b, s in GRID:
            total = 0.0
            for i, (x, yes) in enumerate(draws):
                if i != held:
                    z = s * (x - a * max(1 - 2 * x, 0) - b * max(2 * x - 1, 0))
                    total += -np.log1p(np.exp(-z if yes else z))
            if total > best + 1e-7:
                best, chosen = total, (a, b, s)
        assert chosen is not None
        z = chosen[2] * float(
            utility(np.array(draws[held][0]), np.array(chosen[0]), np.array(chosen[1]))
        )
        assert found[f"b{held}"] == pytest.approx(1 / (1 + np.exp(-z)), abs=1e-9)


@pytest.mark.parametrize("fit", [logistic, attraction])
def test_two_people_are_too_few(fit: Any) -> None:
    found = fit(frame(crowd(2)))
    assert found["prediction"].null_count() == found.height
    assert set(found["why"]) == {
        "only 2 participants, games or problems; at least 3 are needed to leave one out"
    }
    assert fit(frame(crowd(3)))["prediction"].null_count() == 0


def test_without_numbers_the_reason_is_said() -> None:
    people = [d | {"numbers": None} for d in crowd(5)]
    found = logistic(frame(people))
    assert set(found["why"]) == {"the numbers of the game are not recorded"}
    assert logistic(frame(people).drop("numbers"))["why"].to_list() == found["why"].to_list()


def test_who_has_no_choice_is_predicted_by_everybody_else() -> None:
    people = crowd(8)
    silent = [d | {"choice": None} if d["participant"] == "p2" else d for d in people]
    assert said(logistic(frame(silent)))["p2/3"] == pytest.approx(
        said(logistic(frame(people)))["p2/3"], abs=1e-9
    )


def test_data_sets_are_fitted_apart() -> None:
    one, other = crowd(6, seed=5), crowd(6, seed=6)
    moved = [d | {"dataset": "other", "decision": "o" + d["decision"]} for d in other]
    both = said(logistic(frame(one + moved)))
    alone = said(logistic(frame(one)))
    assert [both[k] for k in alone] == pytest.approx(list(alone.values()), abs=1e-9)


def test_negotiation_and_persuasion_learn_what_drives_the_choices() -> None:
    rng = np.random.default_rng(7)
    people = []
    for i in range(200):
        gain, sells = float(rng.uniform(-0.5, 0.5)), bool(i % 2)
        numbers = {"gain": gain, "other_gain": None, "sells": sells, "round": 1, "rounds": 10}
        keys = ["AcceptOffer", "RejectOffer", "DealWithJohn"]
        choice = keys[0] if gain + rng.normal(0, 0.1) > 0 else keys[1]
        people.append(
            row(f"n{i}", "negotiation", numbers, keys=keys, target=keys[0], choice=choice)
        )
        advice = bool(rng.integers(2))
        told = {"recommends": advice, "history": [[True, bool(i % 3), False]], "rounds": 20}
        choice = "yes" if advice and rng.uniform() < 0.9 else "no"
        people.append(row(f"s{i}", "persuasion", told, target="yes", choice=choice))
    found = logistic(frame(people)).join(frame(people), on="decision")
    for family in ("negotiation", "persuasion"):
        here = found.filter(pl.col("family") == family)
        hit = (here["prediction"] > 0.5) == (here["choice"] == here["target"])
        assert cast(float, hit.mean()) > 0.85
