"""The study of examples/multiverse.toml: its data are today's, its page follows from rows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
import pytest

from tests.support.places import ROOT
from tests.support.scripts import script
from tests.support.studies import run
from tremble.api.export import export_study
from tremble.decisions import jsonl
from tremble.prompts.controls import CONTROLS
from tremble.prompts.formulations import FORMULATIONS
from tremble.text import decimal

EXAMPLES = ROOT / "examples"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]


def test_the_decisions_are_those_of_the_script(tmp_path: Path) -> None:
    module = script("multiverse")
    jsonl.write(module.decisions(), tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (EXAMPLES / "multiverse.jsonl").read_bytes()
    found = Counter(d.family for d in jsonl.read(EXAMPLES / "multiverse.jsonl"))
    assert found == Counter(module.SIZES)


@pytest.mark.slow
def test_the_page_follows_from_the_rows(tmp_path: Path) -> None:
    """The study file as it is, with made-up models in one format and family."""
    found = [d for d in jsonl.read(EXAMPLES / "multiverse.jsonl") if d.round and d.round > 3]
    played = [d for d in found if d.family == "repeated_matrix"]
    some = [d for d in played if d.round == 7] + [d for d in played if d.round == 4]
    jsonl.write(some, tmp_path / "multiverse.jsonl")
    study = (EXAMPLES / "multiverse.toml").read_text("utf-8").replace('"plain", "chat"', '"plain"')
    for name in re.findall(r'"embedded/[^"]+"', study):
        study = study.replace(name, f'"mock:{name[10:-1]}"')
    (tmp_path / "mine.toml").write_text(study, "utf-8")
    run(tmp_path / "mine.toml", tmp_path / "out")
    page = script("multiverse").page(tmp_path / "out")
    export_study(tmp_path / "out", "csv", tmp_path / "rows.csv")
    rows = pl.read_csv(tmp_path / "rows.csv")
    lines = page[page.index("## repeated") :].split("\n")
    assert lines[0].endswith(f", {len(some)} decisions")
    head = cells(lines[2])
    assert head[1:3] == ["mock:gemma-3-270m plain", "next token"]
    rows_shown = lines[4 : 4 + len(FORMULATIONS)]
    for line in rows_shown:
        wording, first, *_ = cells(line)
        mine = rows.filter(
            (pl.col("model") == "mock:gemma-3-270m")
            & (pl.col("format") == "plain")
            & (pl.col("formulation") == wording)
            & (pl.col("family") == "repeated_matrix")
        )
        if first == "–":  # nothing was scored
            assert mine["prediction"].null_count() == len(some), wording
            continue
        r = float(np.corrcoef(mine["prediction"], mine["outcome"])[0, 1])
        assert first == f"{decimal(r)} ({decimal(cast(float, mine['mass'].mean()))})", wording
    assert [cells(line)[0] for line in rows_shown] == list(FORMULATIONS)
    assert lines[4 + len(FORMULATIONS)] == ""
    controls = page[page.index("## Controls") :]
    assert {cells(line)[1] for line in controls.split("\n")[4:] if line} == set(CONTROLS)


@pytest.mark.parametrize("wrong", [["a", "b"], ["no such folder"]])
def test_a_wrong_call_says_how(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert script("multiverse").main(wrong) == 2
    assert "usage" in capsys.readouterr().err
