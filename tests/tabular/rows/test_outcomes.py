"""What people did: cells to options, rates and counts to shares; counted by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tables import a_map, decided, noted, task
from tremble.errors import UserError

OPTIONS = [
    {"key": "take", "label": "Take it", "value": 1, "cells": [1, "Café"]},
    {"key": "leave", "label": "Leave it", "value": 0, "cells": ["0", "No  thanks"]},
]


def fault(columns: dict[str, Any], /, **keys: Any) -> str:
    file = keys.pop("file", {})
    with pytest.raises(UserError) as caught:
        decided(columns, {**a_map(task(**keys)), "file": file})
    return str(caught.value)


def test_cells_that_are_written_in_another_way_are_the_same() -> None:
    cells = ["1", "1.0", "Cafe\u0301", "0", "0.00", "No\u00a0thanks", "-0", None, "NA", "N/A"]
    found, notes = noted({"choice": cells}, a_map(task(options=OPTIONS)))
    assert [d.choice for d in found] == ["take"] * 3 + ["leave"] * 4
    assert notes.dropped == {"nothing in 'choice'": 3}
    first = found[0].options
    assert [(o.key, o.label, o.value) for o in first] == [
        ("take", "Take it", 1.0),
        ("leave", "Leave it", 0.0),
    ]
    assert all(d.options is first for d in found), "one tuple for all"
    assert {d.target for d in found} == {"take"}


def test_a_missing_code_that_an_option_names_is_that_option() -> None:
    content = {
        **a_map(task(options=["yes", {"key": "none", "cells": ["None", "-99"]}])),
        "file": {"missing": ["-99", "-98"]},
    }
    found = decided({"choice": ["yes", "None", "-99", "-98", "NA"]}, content)
    assert [d.choice for d in found] == ["yes", "none", "none"]


def test_of_three_options_none_is_the_target_unless_named() -> None:
    options = ["a", "b", "c"]
    (one,) = decided({"choice": ["b"]}, a_map(task(options=options)))
    assert one.target is None
    (one,) = decided({"choice": ["b"]}, a_map(task(options=options, target="c")))
    assert one.target == "c"


def test_values_outside_the_options_are_listed_with_counts() -> None:
    columns = {"choice": ["yes", *["maybe"] * 3, "no", "perhaps"]}
    assert fault(columns) == (
        "answers.csv: 'choice' has values that match no option of the task 'custom', 'maybe' "
        "(3), 'perhaps' (1); add them to the cells of an option or to missing under [file], or "
        "exclude such rows with [drop]."
    )
    many = {"choice": [f"v{n}" for n in range(20)]}
    assert "'v7' (1) and 12 more; add them" in fault(many)


def test_case_alone_is_said() -> None:
    said = fault({"choice": ["no", "Yes", "Yes"]})
    assert said.endswith(
        "'Yes' (2); 'Yes' differs from 'yes' only in case: add it to the cells of that option."
    )


def test_a_second_header_row_is_said() -> None:
    said = fault({"choice": ["What do you choose?", "no", "yes"]})
    assert said.endswith("if this is a second header row, write header_rows = 2 under [file].")
    assert "header" not in fault({"choice": ["no", "What do you choose?", "yes"]})


def test_a_cell_of_two_options() -> None:
    options = [{"key": "a", "cells": ["1"]}, {"key": "b", "cells": ["1.0"]}]
    assert fault({"choice": ["1"]}, options=options) == (
        "map.toml: the cell '1.0' stands for both 'a' and 'b' in the task 'custom'; leave it "
        "out of one."
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=2, max_size=2).filter(any))
def test_counts_are_shares_of_all(counts: list[int]) -> None:
    up, down = counts
    columns = {"up": [str(up)], "down": [f"{down}.0"]}
    (one,) = decided(columns, a_map(task(counts={"yes": "up", "no": "down"})))
    assert one.rates == {
        "yes": float(Fraction(up, up + down)),
        "no": float(Fraction(down, up + down)),
    }
    assert one.n == up + down and one.choice is None


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000))
def test_a_rate_is_the_number_that_is_printed(thousandths: int) -> None:
    """Also with a decimal comma, in per cent, and with the sign."""
    exact = float(Fraction(thousandths, 1000))
    percent = f"{thousandths // 10}.{thousandths % 10}"
    options: dict[str, Any] = {"rate": "r", "target": "no"}
    for cell, more, mark in (
        (f"{thousandths / 1000:.3f}", {}, "."),
        (f"{thousandths / 1000:.3f}".replace(".", ","), {}, ","),
        (percent, {"percent": True}, "."),
        (f"{percent} %", {}, "."),
        (f"{percent}%", {"percent": True}, "."),
    ):
        content = {**a_map(task(**options, **more)), "file": {"decimal": mark}}
        (one,) = decided({"r": [cell]}, content)
        assert one.rates is not None
        assert one.rates["no"] == exact
        assert one.rates["yes"] == float(1 - Fraction(thousandths, 1000))
        assert one.target == "no"


def test_rates_of_each_option_stay_as_printed_and_n_and_spread_come_along() -> None:
    columns = {"p1": ["0.5", None], "p2": [".4", None], "p3": ["1e-1", None]}
    columns |= {"n": ["25", "3"], "sd": ["0.25", None]}
    rates = {"a": "p1", "b": "p2", "c": "p3"}
    found, notes = noted(
        columns, a_map(task(options=["a", "b", "c"], rates=rates, n="n", rate_sd="sd"))
    )
    assert [(d.rates, d.n, d.rate_sd) for d in found] == [
        ({"a": 0.5, "b": 0.4, "c": 0.1}, 25, 0.25)
    ]
    assert notes.dropped == {"nothing in 'p1' and 'p2' and 'p3'": 1}


RATES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"r": [".5", "x7"]},
        {"rate": "r"},
        "line 3: 'r' is 'x7', which is not a number; put a number there.",
    ),
    (
        {"r": ["0,5"]},
        {"rate": "r"},
        "line 2: 'r' is '0,5', which is not a number; write decimal = \",\" under [file].",
    ),
    (
        {"r": ["Share of yes", ".5"]},
        {"rate": "r"},
        "line 2: 'r' is 'Share of yes', which is not a number; if this is a second header row, "
        "write header_rows = 2 under [file].",
    ),
    (
        {"r": ["45"]},
        {"rate": "r"},
        "line 2: the rate '45' does not lie between 0 and 1; if rates are in per cent, write "
        "percent = true.",
    ),
    ({"r": ["-.1"]}, {"rate": "r"}, "line 2: the rate '-.1' does not lie between 0 and 1."),
    (
        {"r": [".5"], "n": ["2.5"]},
        {"rate": "r", "n": "n"},
        "line 2: 'n' is '2.5'; it must be a whole number from 1.",
    ),
    (
        {"a": ["1"], "b": [None]},
        {"counts": {"yes": "a", "no": "b"}},
        "line 2: 'b' is empty, but the others are not; fill it in.",
    ),
    (
        {"a": ["1.5"], "b": ["2"]},
        {"counts": {"yes": "a", "no": "b"}},
        "line 2: 'a' is 1.5, which is not a number of people.",
    ),
]


@pytest.mark.parametrize(("columns", "keys", "sentence"), RATES)
def test_what_is_no_rate(columns: dict[str, Any], keys: dict[str, Any], sentence: str) -> None:
    assert fault(columns, **keys) == f"answers.csv, {sentence}"


@pytest.mark.parametrize(
    ("cells", "small"),
    [
        (["0.45", "0.5"], True),
        (["1", "0"], True),
        (["0.45", "45"], False),
        (["0.4%", "0.5"], False),
        (["0", "0"], False),
    ],
)
def test_shares_that_are_read_as_per_cent_are_noted(cells: list[str], small: bool) -> None:
    for name in ("rate", "rate_sd"):
        columns = {"k": ["a", "b"], "rate": ["40", "60"], "rate_sd": ["9", "9"], name: cells}
        keys = {"rate": "rate", "rate_sd": "rate_sd", "prompt": "{{ k }}"}
        found, notes = noted(columns, a_map(task(**keys, percent=True)))
        assert len(found) == 2 and len(notes.odd) == small
    if small:
        top = max(cells)
        assert notes.odd == [
            f"percent = true makes {float(top) / 100:g} of {top}, the largest number in 'rate_sd'; "
            "if these are shares of 1, leave percent out"
        ]


@pytest.mark.parametrize(("code", "cell"), [("-99", "-99.0"), ("-99.0", "-99"), ("-9.5", "-9,50")])
def test_a_missing_code_is_meant_however_it_is_written(code: str, cell: str) -> None:
    decimal = "," if "," in cell else "."
    columns = {"p": ["1", cell], "choice": ["yes", "no"], "x": ["a", cell]}
    content = {"file": {"missing": [code], "decimal": decimal}}
    rates = task(rate="p", options=["yes", "no"], config=["x"])
    assert len(decided(columns, {**a_map(rates), **content})) == 1
    _, second = decided(columns, {**a_map(task(config=["x"])), **content})
    assert second.config == {}
    dropped = {**a_map(task()), **content, "drop": {"x": [""]}}
    assert [d.choice for d in decided(columns, dropped)] == ["yes"]
