"""Many small tables of users: each becomes exactly the decisions that its people made."""

from __future__ import annotations

import json
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

import tremble as tr
from tests.support.commands import tremble
from tests.support.pairwise import Case
from tests.support.table_cases import DIMENSIONS, cases, together
from tests.support.table_files import TableFile
from tests.support.table_records import Records
from tests.support.toml_text import toml_of

CASES = cases()


def name_of(case: Case) -> str:
    return "-".join(case.values())


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_decisions_of_a_table_are_those_of_its_people(case: Case, tmp_path: Path) -> None:
    table = TableFile(case)
    right = Records(table)
    source, places = table.write(tmp_path)
    out = tmp_path / "mine.jsonl"
    left_out = sorted(f"excluded: {count} ({why})" for why, count in right.left_out().items())
    if isinstance(source, Path):
        (tmp_path / "map.toml").write_text(toml_of(table.map()), "utf-8")
        given = ["data", "import", "table", source, "--map", tmp_path / "map.toml", "--out", out]
        code, _, told = tremble(*given)
        assert code == 0, told
        said = sorted(line.removeprefix("tremble: ") for line in told.splitlines())
    else:
        decisions = tr.read_decisions(source, map=table.map(), dataset="mine")
        decisions.write(out)
        said = sorted(decisions.notes)
    found = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    expected = right.all(places)
    assert len(expected) > 1
    for one, other in zip(found, expected, strict=True):
        assert one == other
    assert repr(found[0]["config"]) == repr(expected[0]["config"])  # 1 is not 1.0
    assert [line for line in said if line.startswith("excluded: ")] == left_out
    for line in said:
        if "which the prompt uses, is" in line:  # true of these people
            assert any(is_twin(expected, name) for name in expected[0]["config"])
        elif not line.startswith("excluded: "):
            assert "{part} in " in line and "is 'me', 'you'; rename" in line


def is_twin(expected: list[dict[str, Any]], name: str) -> bool:
    """Whether each value of a parameter goes with one choice of its own."""
    pairs = {(one["config"].get(name), one["choice"]) for one in expected}
    return len(pairs) == len({v for v, _ in pairs}) == len({c for _, c in pairs}) > 1


def test_each_two_values_that_go_together_have_a_case() -> None:
    assert len(CASES) >= 120
    had = {
        ((one, case[one]), (other, case[other]))
        for case in CASES
        for one, other in combinations(DIMENSIONS, 2)
    }
    values = [[(name, value) for value in held] for name, held in DIMENSIONS.items()]
    for first, second in combinations(values, 2):
        for pair in product(first, second):
            if pair in had or not together(dict(pair)):
                continue
            # No case holds both, as some other dimension has no value that goes with both.
            assert any(
                not any(together({**dict(pair), name: value}) for value in DIMENSIONS[name])
                for name in DIMENSIONS.keys() - dict(pair).keys()
            ), pair
