"""Columns made the short way: equal to what Polars makes of the same values one by one."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tremble.study import columns
from tremble.study.columns import in_parts, number_lists, repeated, rows_of_a_part, token_lists

TOKENS = pl.List(pl.UInt32)


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=4), max_size=8))
def test_lists_of_tokens(values: list[list[int]]) -> None:
    assert token_lists(values).equals(pl.Series(values, dtype=TOKENS), check_dtypes=True)


@given(
    st.lists(st.none() | st.lists(st.none() | st.floats(allow_nan=False), max_size=4), max_size=8)
)
def test_lists_of_numbers_with_gaps(values: list[list[float | None] | None]) -> None:
    expected = pl.Series(values, dtype=pl.List(pl.Float64))
    assert number_lists(values).equals(expected, check_dtypes=True)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([("a", "b"), (), ("a", "b"), ("b",)], pl.List(pl.String)),
        ([(True, False), None, (True, False)], pl.List(pl.Boolean)),
        ([((1, 2), (3,)), (), ((1, 2), (3,)), ((1,), (2, 3))], pl.List(TOKENS)),
        ([], pl.List(TOKENS)),
    ],
)
def test_repeated_values(values: list[Any], dtype: pl.DataType) -> None:
    assert repeated(values, dtype).equals(pl.Series(values, dtype=dtype), check_dtypes=True)


@pytest.mark.parametrize(("size", "parts"), [(1, 10), (8 * 7, 2), (1 << 24, 1)])
def test_parts_hold_what_the_frames_held(
    size: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten frames of one number of eight bytes."""
    monkeypatch.setattr(columns, "PART_BYTES", size)
    made = list(in_parts(pl.DataFrame({"a": [i]}) for i in range(10)))
    assert pl.concat(made)["a"].to_list() == list(range(10))
    assert len(made) == parts


def test_rows_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "PART_BYTES", 1000)
    assert rows_of_a_part(5000, 50) == 10
    assert rows_of_a_part(0, 0) == 1  # of nothing
    assert rows_of_a_part(0, 10**8) == 10**8  # many rows without a token: no more than there are
    assert rows_of_a_part(10**9, 3) == 1  # rows of more than a part each
