"""Predictions, r and the table of models against hand computation and textbook formulas."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stat_frames import decision, frames, loop_r, score
from tremble.stats import Comparison, analyze, outcomes, pearson, predictions
from tremble.stats.correlation import r_columns
from tremble.stats.numbers import against, decimal, p_value

# --- predictions ---------------------------------------------------------------------------


def test_presentations_are_normalised_before_they_are_averaged() -> None:
    rows = [score("d", [0.3, 0.1]), score("d", [0.02, 0.03], presentation=1)]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    by_key = {row["key"]: row for row in found.to_dicts()}
    # (3/4 + 2/5) / 2; the mean of the raw probabilities would give .16 / .225 = .711.
    assert by_key["yes"]["prediction"] == pytest.approx(0.575)
    assert by_key["no"]["prediction"] == pytest.approx(0.425)
    assert by_key["yes"]["mass"] == pytest.approx((0.4 + 0.05) / 2)


def test_options_are_matched_by_key_not_by_position() -> None:
    rows = [
        score("d", [0.6, 0.2]),
        score("d", [0.1, 0.3], keys=["no", "yes"], presentation=1),
    ]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    assert dict(found.select("key", "prediction").iter_rows())["yes"] == pytest.approx(0.75)


@pytest.mark.parametrize(
    "second",
    [
        score("d", [0.5, 0.5], presentation=1, error="too long"),
        score("d", [0.5, None], presentation=1),
        score("d", [0.5, 0.5], presentation=1, logprobs=None),
        score("d", [0.5, 0.5], presentation=1, logprobs=[-1.0, math.nan]),
        score("d", [0.0, 0.0], presentation=1),
        score("d", [0.5, 0.5], presentation=1, logprobs=[-1.0]),
    ],
)
def test_a_decision_with_a_missing_presentation_is_missing(second: dict[str, Any]) -> None:
    rows, people = frames([score("d", [0.5, 0.4]), second], [decision("d", choice="yes")])
    assert predictions(rows, people).is_empty()
    (row,) = analyze(rows, people).models
    assert (row["n"], row["missing"], row["r"], row["mass"]) == (0, 1, None, None)


def test_a_presentation_that_another_run_has_is_expected_of_every_run() -> None:
    rows = [
        score("d", [0.5, 0.4], model=m, presentation=p) for m, p in [("a", 0), ("a", 1), ("b", 0)]
    ]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    assert set(found["model"]) == {"a"}


def test_the_number_of_presentations_can_be_given() -> None:
    rows, people = frames([score("d", [0.5, 0.4])], [decision("d", choice="yes")])
    assert predictions(rows, people.with_columns(presentations=2)).is_empty()
    assert predictions(rows, people.with_columns(presentations=1)).height == 2


def test_an_option_without_any_probability_is_a_prediction_of_zero_not_a_missing_one() -> None:
    found = predictions(*frames([score("d", [0.0, 0.4])], [decision("d", choice="yes")]))
    assert dict(found.select("key", "prediction").iter_rows()) == {"yes": 0.0, "no": 1.0}


def test_very_small_probabilities_do_not_vanish() -> None:
    rows = [score("d", [0.5, 0.5], logprobs=[-2000.0, -2000.0 + math.log(3)])]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    assert dict(found.select("key", "prediction").iter_rows())["yes"] == pytest.approx(0.25)


def test_of_two_rows_for_one_presentation_the_last_good_one_counts_once() -> None:
    rows = [
        score("d", [0.5, 0.5]),
        score("d", [0.3, 0.1]),
        score("d", [0.9, 0.1], error="stopped"),
    ]
    found = predictions(*frames(rows, [decision("d", choice="yes")]))
    assert dict(found.select("key", "prediction").iter_rows())["yes"] == pytest.approx(0.75)


# --- r -------------------------------------------------------------------------------------


def test_r_by_hand() -> None:
    # Deviations of x: -.2, 0, .2; of y: -2/3, 1/3, 1/3: .2 / sqrt(.08 * 2/3) = sqrt(3)/2.
    r, reason = pearson(np.array([0.1, 0.3, 0.5]), np.array([0.0, 1.0, 1.0]))
    assert r == pytest.approx(math.sqrt(3) / 2)
    assert reason is None


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([0.1, 0.2], [0, 1], "fewer than 3 points"),
        ([0.1, 0.2, 0.3], [1, 1, 1], "one outcome only"),
        ([0.1, 0.1, 0.1], [0, 1, 1], "constant prediction"),
        ([0.1 + 0.2, 0.3, 0.3], [0, 1, 1], "constant prediction"),
    ],
)
def test_an_undefined_r_says_why(x: list[float], y: list[float], reason: str) -> None:
    assert pearson(np.array(x), np.array(y)) == (None, reason)


def test_tiny_predictions_that_differ_have_an_r() -> None:
    x, y = [1e-200, 2e-200, 4e-200], [0.0, 0.0, 1.0]
    want = loop_r([1, 2, 4], y)
    assert pearson(np.array(x), np.array(y))[0] == pytest.approx(want)
    frame = pl.DataFrame({"p": x, "outcome": y})
    assert frame.select(r_columns("p"))["r"][0] == pytest.approx(want)


points = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=3, max_size=40
).filter(lambda rows: np.ptp([x for x, _ in rows]) > 1e-6 and len({y for _, y in rows}) == 2)


@settings(max_examples=60, deadline=None)
@given(points)
def test_both_forms_of_r_agree_with_the_textbook(rows: list[tuple[float, float]]) -> None:
    x, y = [list(column) for column in zip(*rows, strict=True)]
    want = loop_r(x, y)
    assert pearson(np.array(x), np.array(y))[0] == pytest.approx(want, abs=1e-9)
    grouped = pl.DataFrame({"p": x, "outcome": y}).select(r_columns("p"))["r"][0]
    assert grouped == pytest.approx(want, abs=1e-9)


# --- models --------------------------------------------------------------------------------


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


@pytest.mark.parametrize(("choice", "note"), [("yes", "all 60 said yes"), ("no", "all 60 said no")])
def test_one_outcome_has_no_r(choice: str, note: str) -> None:
    people = [decision(f"d{i}", choice=choice) for i in range(60)]
    row = one_model([(i + 1) / 100 for i in range(60)], people)
    assert (row["r"], row["note"], row["n"]) == (None, note, 60)
    assert row["mass"] == pytest.approx(1)


def test_none_chose_the_target_although_choices_differ() -> None:
    keys = ["yes", "no", "maybe"]
    people = [decision(f"d{i}", keys=keys, choice=keys[1 + i % 2]) for i in range(4)]
    row = one_model([0.1, 0.2, 0.3, 0.4], people)
    assert (row["r"], row["note"]) == (None, "none of 4 said yes")


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


def test_the_rate_of_the_target_counts_wherever_it_is_listed() -> None:
    people = [decision(f"d{i}", target="no", rates=[0.1 * i, 1 - 0.1 * i]) for i in range(4)]
    _, frame = frames([], people)
    assert outcomes(frame)["outcome"].to_list() == pytest.approx([1.0, 0.9, 0.8, 0.7])


def test_a_choice_without_a_target_is_scored_but_has_no_point() -> None:
    people = [decision(f"d{i}", target=None, choice="yes") for i in range(4)]
    row = one_model([0.1, 0.2, 0.3, 0.4], people)
    assert (row["n"], row["missing"], row["r"]) == (4, 0, None)
    assert row["note"] == "fewer than 3 points; 4 without a coded choice"


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


# --- contract ------------------------------------------------------------------------------


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


# --- numbers as text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.384, ".38"),
        (-0.384, "-.38"),
        (1.0, "1.00"),
        (0.0, ".00"),
        (0.004, ".004"),
        (-0.0042, "-.004"),
        (-0.0001, ".000"),
        (None, "–"),
    ],
)
def test_decimals(value: float | None, text: str) -> None:
    assert decimal(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "< .001"),
        (0.00099, "< .001"),
        (0.001, ".001"),
        (0.0456, ".046"),
        (0.25, ".25"),
        (0.999, "> .99"),
        (None, "–"),
    ],
)
def test_p_values(value: float | None, text: str) -> None:
    assert p_value(value) == text


def test_a_value_is_told_from_the_threshold_it_misses() -> None:
    assert against(0.79996, 0.8) == ".79996"
    assert against(0.5, 0.8) == ".50"
