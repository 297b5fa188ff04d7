"""Type and generation of a pair, from the study file over the record of the run to its tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.studies import PAIR, run, study_file, write_own_prompts
from tremble.api.results import analyze_study
from tremble.errors import UserError
from tremble.study.file import read_study


def test_they_are_in_the_record_where_the_file_says_them(tmp_path: Path) -> None:
    write_own_prompts(tmp_path, 3)
    for said in ({"type": "Code", "generation": "2.5"}, {}):
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
        out = tmp_path / f"out{len(said)}"
        run(study_file(tmp_path, PAIR + lines), out)
        (kept,) = json.loads((out / "run.json").read_text("utf-8"))["comparisons"]
        assert {key: kept[key] for key in ("type", "generation") if key in kept} == said
        analysis, *_ = analyze_study(out)
        (one,) = analysis.comparisons
        assert (one.type, one.generation) == (said.get("type"), said.get("generation"))
        assert analysis.equal_others == {}


@pytest.mark.parametrize(
    ("written", "kept"), [("2.5", "2.5"), ("2", "2"), ('"2.50"', "2.50"), ("3.0", "3")]
)
def test_a_generation_may_be_a_number(tmp_path: Path, written: str, kept: str) -> None:
    (pair,) = read_study(study_file(tmp_path, f"{PAIR}generation = {written}\n")).pairs
    assert pair.generation == kept


@pytest.mark.parametrize("written", ["true", '""', "[2]", "nan"])
def test_a_generation_is_nothing_else(tmp_path: Path, written: str) -> None:
    with pytest.raises(UserError, match=r"generation in .* must be text in quotes, or a number"):
        read_study(study_file(tmp_path, f"{PAIR}generation = {written}\n"))
