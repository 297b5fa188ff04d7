"""The table of models: what it counts, where it has no r, and its documented columns."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.stat_frames import decision, frames, loop_r, score
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.tables.analysis import analyze


def one_model(
    predicted: Sequence[float | None], people: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    rows = [
        score(d["decision"], [p, 1 - p], **more)
        for p, d in zip(predicted, people, strict=True)
        if p is not None
    ]
    (row,) = analyze(*frames(rows, people)).models
    return row


def test_what_was_not_scored_is_counted_and_changes_no_number() -> None:
    people = [decision(f"d{i}", choice="yes" if i in (1, 3) else "no") for i in range(6)]
    row = one_model([0.1, 0.8, 0.3, None, 0.9, None], people)
    assert (row["n"], row["missing"]) == (4, 2)
    assert row["r"] == pytest.approx(loop_r([0.1, 0.8, 0.3, 0.9], [0, 1, 0, 0]))


@pytest.mark.parametrize(
    ("choice", "note"), [("yes", "all 60 choices are yes"), ("no", "all 60 choices are no")]
)
def test_one_outcome_has_no_r(choice: str, note: str) -> None:
    people = [decision(f"d{i}", choice=choice) for i in range(60)]
    row = one_model([(i + 1) / 100 for i in range(60)], people)
    assert (row["r"], row["note"], row["n"]) == (None, note, 60)
    assert row["mass"] == pytest.approx(1)


def test_none_chose_the_target_although_choices_differ() -> None:
    keys = ["yes", "no", "maybe"]
    people = [decision(f"d{i}", keys=keys, choice=keys[1 + i % 2]) for i in range(4)]
    row = one_model([0.1, 0.2, 0.3, 0.4], people)
    assert (row["r"], row["note"]) == (None, "none of 4 choices is yes")


def test_a_constant_prediction_has_no_r() -> None:
    people = [decision(f"d{i}", choice=["yes", "no"][i % 2]) for i in range(8)]
    row = one_model([0.7] * 8, people)
    assert (row["r"], row["note"]) == (None, "constant prediction")


def test_mass_that_was_not_measured_stays_unknown() -> None:
    people = [decision(f"d{i}", choice=["yes", "no"][i % 2]) for i in range(4)]
    row = one_model([0.1, 0.2, 0.3, 0.5], people, mass=None)
    assert row["mass"] is None
    assert row["note"] == "mass not measured in 4 of 4"
    rows = [score(f"d{i}", [0.1 * (i + 1), 0.3], mass=[0.5, None, 0.7, None][i]) for i in range(4)]
    (row,) = analyze(*frames(rows, people)).models
    assert row["mass"] == pytest.approx(0.6)
    assert row["note"] == "mass not measured in 2 of 4"


def test_two_option_rates_give_one_point_and_more_give_one_per_option() -> None:
    people = [
        decision("two", family="one_shot_matrix", rates=[0.2, 0.8]),
        decision(
            "three",
            family="one_shot_matrix",
            keys=["yes", "no", "maybe"],
            target=None,
            rates=[0.5, 0.1, 0.4],
        ),
        decision(
            "gap",
            family="one_shot_matrix",
            keys=["yes", "no", "maybe"],
            target=None,
            rates=[0.5, None, 0.4],
        ),
    ]
    rows = [
        score("two", [0.3, 0.7], mass=0.4),
        score("three", [0.6, 0.3, 0.1], mass=0.7),
        score("gap", [0.25, 0.25, 0.5], mass=1.0),
    ]
    (row,) = analyze(*frames(rows, people)).models
    want = loop_r([0.3, 0.6, 0.3, 0.1, 0.25, 0.5], [0.2, 0.5, 0.1, 0.4, 0.5, 0.4])
    assert row["r"] == pytest.approx(want)
    assert row["n"] == 3
    assert row["mass"] == pytest.approx(0.7)
    assert row["note"] == (
        "one point per problem with two options (1), "
        "one point per option of 2 problems with more (5)"
    )


def test_a_choice_without_a_target_is_scored_but_has_no_point() -> None:
    people = [decision(f"d{i}", target=None, choice="yes") for i in range(4)]
    row = one_model([0.1, 0.2, 0.3, 0.4], people)
    assert (row["n"], row["missing"], row["r"]) == (4, 0, None)
    assert row["note"] == "fewer than 3 points; 4 without a coded outcome"


def test_a_partners_template_is_in_the_name_of_the_format() -> None:
    people = [decision("d", choice="yes")]
    templates = [("plain", None), ("chat", None), ("chat", "m"), ("chat", "PARTNER")]
    names = []
    for form, template in templates:
        rows = [score("d", [0.5, 0.5], format=form, template=template)]
        names.append(analyze(*frames(rows, people)).models[0]["format"])
    assert names == ["plain", "chat", "chat", "chat:PARTNER"]


def test_nothing_scored_yet_is_no_fault() -> None:
    rows, people = frames([], [decision("d", choice="yes")])
    found = analyze(rows, people, [Comparison("a", "b", "plain", "chat", "native")])
    assert found.models == []
    assert found.pairs == []
    failed, people = frames([score("d", [0.5, 0.5], error="no")], [decision("d", choice="yes")])
    found = analyze(failed, people, [Comparison("m", "m", "plain", "plain", "plain")])
    assert found.models[0]["missing"] == 1


def test_json_has_the_documented_columns_and_no_nan() -> None:
    people = [decision(f"d{i}", choice="yes") for i in range(5)]
    people += [decision(f"l{i}", family="lottery", rates=[0.5, 0.5]) for i in range(5)]
    rows = [
        score(d["decision"], [0.2, 0.2], model=m, mass=math.nan, error="x" if m == "c" else None)
        for d in people
        for m in "abc"
    ]
    pairs = [
        Comparison("a", "b", "plain", "plain", "plain"),
        Comparison("a", "c", "plain", "plain", "plain"),
    ]
    found = analyze(*frames(rows, people), pairs).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    columns = {name: " ".join(table[0]) for name, table in found.items()}
    assert columns == {
        "models": "model format formulation family n missing r mass note",
        "pairs": "base aligned family r_base r_aligned winner kept why mode formulation",
        "tests": "family test direction n statistic p mode formulation note",
        "baselines": "baseline family n r note",
    }
    assert all(row["mass"] is None for row in found["models"])
    for table in found.values():
        for row in table:
            if "r" in row and row["r"] is None:
                assert row["note"]
            if row.get("winner", 0) is None:
                assert row["why"]
