"""Baselines against loops over people, and the figure of the published choices."""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.stat_frames import decision, frames, loop_r
from tremble.baselines.base import BASELINES
from tremble.baselines.last_choice import last_choice
from tremble.baselines.majority import majority
from tremble.stats.tables.analysis import analyze


def predicted(baseline: Any, people: list[dict[str, Any]]) -> list[float | None]:
    """The predictions in the order of the decisions."""
    _, frame = frames([], people)
    found = dict(baseline(frame).iter_rows())
    assert len(found) == len(people)
    return [found[d["decision"]] for d in people]


def row(people: list[dict[str, Any]], baseline: str) -> dict[str, Any]:
    (found,) = [r for r in analyze(*frames([], people)).baselines if r["baseline"] == baseline]
    return found


def play(cluster: str, choices: list[str | None], **more: Any) -> list[dict[str, Any]]:
    return [
        decision(f"{cluster}/{i}", cluster=cluster, game=cluster, at=2 * i, choice=c, **more)
        for i, c in enumerate(choices)
    ]


def test_the_first_choice_is_open_and_the_others_follow_the_one_before() -> None:
    people = play("g", ["yes", "no", "no", "yes"])
    assert predicted(last_choice, people) == [0.5, 1.0, 0.0, 0.0]


def test_the_order_of_rows_does_not_matter() -> None:
    people = play("g", ["yes", "no", "no", "yes"]) + play("h", ["no", "yes"])
    want = dict(zip([d["decision"] for d in people], predicted(last_choice, people), strict=True))
    random.Random(0).shuffle(people)
    assert predicted(last_choice, people) == [want[d["decision"]] for d in people]


def test_games_and_people_in_a_game_are_kept_apart() -> None:
    one = play("g", ["yes", "yes"], participant="a")
    other = [
        {**d, "decision": d["decision"] + "b", "choice": "no", "participant": "b"} for d in one
    ]
    assert predicted(last_choice, one + other) == [0.5, 1.0, 0.5, 0.0]


def test_an_unknown_last_choice_is_not_taken_for_the_other_option() -> None:
    assert predicted(last_choice, play("g", ["yes", None, "yes"])) == [0.5, None, None]
    no_target = play("g", ["yes", "yes"], target=None)
    assert predicted(last_choice, no_target) == [None, None]


def test_the_target_is_the_one_of_the_decision_at_hand() -> None:
    first, second = play("g", ["no", "yes"])
    assert predicted(last_choice, [first, {**second, "target": "no"}]) == [0.5, 1.0]


def test_majority_is_the_share_of_the_target_in_each_family() -> None:
    people = [decision(f"b{i}", choice="yes" if i < 3 else "no") for i in range(4)]
    people += [decision("l0", family="lottery", rates=[0.2, 0.8])]
    people += [decision("l1", family="lottery", target="no", rates=[0.4, 0.6])]
    people += [decision("t", family="lottery", keys=["a", "b", "c"], rates=[0.1, 0.2, 0.7])]
    people += [decision("u", choice=None)]
    found = predicted(majority, people)
    assert found[:6] == pytest.approx([0.75] * 4 + [0.4] * 2)
    assert found[6:] == [None, None]


def test_majority_has_no_r_by_definition_and_says_what_it_has() -> None:
    people = [decision(f"b{i}", choice="yes" if i % 4 == 0 else "no") for i in range(40)]
    found = row(people, "majority")
    assert (found["n"], found["r"]) == (40, None)
    assert found["note"] == (
        "a constant has no r; share of the target option .25; always predicting the more common "
        "choice is right 75% of the time"
    )


def test_a_leave_one_out_mean_would_be_perfectly_wrong() -> None:
    y = [float(i % 3 == 0) for i in range(30)]
    others = [(sum(y) - v) / (len(y) - 1) for v in y]
    assert loop_r(others, y) == pytest.approx(-1)


def test_rates_have_no_last_choice() -> None:
    people = [decision(f"l{i}", family="lottery", rates=[i / 10, 1 - i / 10]) for i in range(5)]
    found = row(people, "last_choice")
    assert (found["n"], found["r"], found["note"]) == (
        0,
        None,
        "no prediction in any of 5 decisions",
    )


def test_decisions_without_a_game_have_no_previous_one_and_no_r() -> None:
    people = [decision(f"b{i}", choice=["yes", "no"][i % 2]) for i in range(6)]
    found = row(people, "last_choice")
    assert (found["n"], found["r"]) == (6, None)
    assert found["note"].startswith("constant prediction")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["yes", "no", "maybe"]), min_size=1, max_size=6),
        min_size=3,
        max_size=8,
    )
)
@pytest.mark.slow
def test_r_of_the_last_choice_agrees_with_a_loop(games: list[list[str]]) -> None:
    people = [
        d
        for i, choices in enumerate(games)
        for d in play(f"g{i}", list(choices), keys=["yes", "no", "maybe"])
    ]
    x, y = [], []
    for choices in games:
        for i, choice in enumerate(choices):
            x.append(0.5 if i == 0 else float(choices[i - 1] == "yes"))
            y.append(float(choice == "yes"))
    found = row(people, "last_choice")
    if len(x) < 3 or len(set(x)) == 1 or len(set(y)) == 1:
        assert found["r"] is None
    else:
        assert found["r"] == pytest.approx(loop_r(x, y), abs=1e-9)
        right = [0.5 if a == 0.5 else float(a == b) for a, b in zip(x, y, strict=True)]
        assert found["note"].split()[1] in (
            f"{100 * (sum(right) / len(right) + shift):.0f}%" for shift in (-1e-9, 1e-9)
        )


def test_every_baseline_answers_for_every_decision_once() -> None:
    people = [*play("g", ["yes", "no"]), decision("l", family="lottery", rates=[0.5, 0.5])]
    _, frame = frames([], people)
    for baseline in BASELINES.values():
        found = baseline(frame)
        assert found.columns in (
            ["decision", "prediction"],
            ["decision", "prediction", "why"],
            ["decision", "key", "prediction", "why"],
        )
        assert found["decision"].to_list() == frame["decision"].to_list()
        assert found["prediction"].dtype == pl.Float64


def _published() -> list[dict[str, str]]:
    folder = os.environ.get("TREMBLE_DATA")
    if not folder:
        pytest.skip("TREMBLE_DATA is not set: it names the folder of the source data")
    path = Path(folder).parent / "figures" / "repeated_2x2.csv"
    if not path.exists():
        pytest.skip(f"no figures/repeated_2x2.csv beside TREMBLE_DATA ({folder})")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_last_choice_over_the_published_repeated_games() -> None:
    rows = _published()
    target = {"PD": "cooperate", "BoS": "other's favourite"}
    people = [
        decision(
            f"{r['participant']}/{r['game']}/{r['round']}",
            family="repeated_matrix",
            game=f"{r['participant']}/{r['game']}",
            cluster=f"{r['participant']}/{r['game']}",
            participant=r["participant"],
            at=int(r["round"]) - 1,
            choice="yes" if r["choice"] == target[r["game"]] else "no",
        )
        for r in rows
    ]
    code = {
        (r["participant"], r["game"], int(r["round"])): float(r["choice"] == target[r["game"]])
        for r in rows
    }
    x = [0.5 if k[2] == 1 else code[k[0], k[1], k[2] - 1] for k in code]
    found = row(people, "last_choice")
    assert found["n"] == 1200
    assert found["r"] == pytest.approx(loop_r(x, list(code.values())))
    assert f"{found['r']:.2f}" == "0.37"
    later = [k for k in code if k[2] > 1]
    r = loop_r([code[k[0], k[1], k[2] - 1] for k in later], [code[k] for k in later])
    assert f"{r:.2f}" == "0.39"
