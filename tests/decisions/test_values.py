"""Options may stand for numbers: points of a scale, amounts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.record_lines import OWN, write_lines
from tests.support.round_trip import come_back
from tremble.decisions import jsonl
from tremble.decisions.lines import Fault


def _options(*values: Any) -> dict[str, Any]:
    return {
        "options": [
            {"key": key, "label": key, **({} if value is ... else {"value": value})}
            for key, value in zip("abc", values, strict=False)
        ],
        "choice": "a",
    }


def test_values_are_read_and_written(tmp_path: Path) -> None:
    """Of more than two options none need be the target."""
    lines = [
        {**OWN, **_options(1, 2.5, -3)},
        {**OWN, **_options(0, 1)},
        {**OWN, **_options(2, 2, 7)},
    ]
    read = list(jsonl.read(write_lines(tmp_path / "m.jsonl", *lines)))
    assert [[option.value for option in one.options] for one in read] == [
        [1.0, 2.5, -3.0],
        [0.0, 1.0],
        [2.0, 2.0, 7.0],
    ]
    assert [one.target for one in read] == [None, "a", None]
    come_back(read, tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1, ..., 3), "the option 'b' has no value, but others do; give every option a value."),
        ((1, None, 3), "the option 'b' has no value, but others do; give every option a value."),
        ((2, 2.0, 2), "all options have the value 2; give them different values, or none."),
        ((1, "2", 3), "value is '2', a text: leave out the quotes; it must be a number"),
        ((1, True, 3), "value is true; it must be a number"),
        ((1, 1e300, 3), "value is 1e+300; it must be a number from -1e+12 to 1e+12."),
    ],
)
def test_values_that_say_nothing_are_refused(
    tmp_path: Path, values: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(Fault) as caught:
        list(jsonl.read(write_lines(tmp_path / "m.jsonl", {**OWN, **_options(*values)})))
    assert caught.value.message.startswith(message)


def test_a_value_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    write_lines(path, {**OWN, **_options(1, 2, 3)})
    path.write_text(path.read_text().replace('"value": 2', '"value": NaN'))
    with pytest.raises(Fault, match="NaN"):
        list(jsonl.read(path))
