"""Numbers in cells, by hand."""

from __future__ import annotations

import pytest

from tremble.tabular.numbers import number_of


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1", ".", 1.0),
        ("-1.5", ".", -1.5),
        ("+.5", ".", 0.5),
        ("2.", ".", 2.0),
        ("1e-3", ".", 0.001),
        ("\u22121", ".", -1.0),
        ("1,5", ",", 1.5),
        ("-0,25", ",", -0.25),
        ("7", ",", 7.0),
        ("1,5", ".", None),
        ("1.5", ",", None),
        ("1,000", ".", None),
        ("1.000,5", ",", None),
        ("1,000,000", ",", None),
        ("$2", ".", None),
        ("nan", ".", None),
        ("inf", ".", None),
        ("0x10", ".", None),
        ("1_000", ".", None),
        ("", ".", None),
        (None, ".", None),
    ],
)
def test_numbers(text: str | None, decimal: str, number: float | None) -> None:
    assert number_of(text, decimal) == number
