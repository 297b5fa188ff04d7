"""Numbers as text."""

from __future__ import annotations

import pytest

from tremble.text import against, decimal, one_line, p_value


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


def test_a_long_foreign_sentence_ends_at_a_word() -> None:
    shown = one_line(ValueError("tokenizers " * 40))
    assert shown.endswith(" tokenizers ...") and len(shown) <= 304
    assert one_line(ValueError("x" * 400)) == "x" * 300 + " ..."
    assert one_line(ValueError("It failed.\nmore")) == "It failed"
