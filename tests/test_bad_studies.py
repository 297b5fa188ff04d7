"""Studies that lack something: every table that can be made is made, the rest is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from test_cli import tremble
from test_study import PAIR, run, study_file
from tremble import records
from tremble.datasets import Notes
from tremble.datasets.demo import load, sample
from tremble.stats.further import FURTHER
from tremble.store import Job, Store, write_parquet
from tremble.study import caveats

BASE, ALIGNED = "mock:base", "mock:aligned"
SECOND = '[[pair]]\nbase = "mock:base"\naligned = "mock:second"\n'
FIRST = {"notes", "models", "pairs", "tests", "baselines"}
COUNT = 120


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """120 rounds of repeated games, played by people of the embedded data."""
    drawn = sample(list(load(tmp_path, Notes())), {"repeated_matrix": COUNT}, seed=1)
    records.write(drawn, tmp_path / "mine.jsonl")
    return tmp_path


def scored(folder: Path, text: str = PAIR) -> Path:
    run(study_file(folder, text), folder / "out")
    return folder / "out"


def change_scores(out: Path, model: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    for job in Store(out).read_run()["jobs"]:
        if job["model"] == model:
            for part in Job(out / job["folder"]).parts:
                write_parquet(part, change(pl.read_parquet(part)))


def change_decisions(out: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    for path in (out / "decisions").glob("*.parquet"):
        write_parquet(path, change(pl.read_parquet(path)))


def drop_job(out: Path, model: str) -> None:
    found = Store(out).read_run()
    found["jobs"] = [job for job in found["jobs"] if job["model"] != model]
    Store(out).write_run(found)


def analysed(out: Path, *more: str, code: int = 0) -> dict[str, Any]:
    """Every table as JSON."""
    shown, text, said = tremble("analyze", out, "--table", "all", "--json", *more)
    assert (shown, "Traceback" in said) == (code, False), said
    found: dict[str, Any] = json.loads(text)
    assert set(found) - {"by"} == FIRST | set(FURTHER)
    assert all(isinstance(found[name], list) for name in FURTHER)
    return found


def model_row(found: dict[str, Any], model: str) -> dict[str, Any]:
    (row,) = (row for row in found["models"] if row["model"] == model)
    return row


def test_a_study_that_is_whole(data: Path) -> None:
    found = analysed(scored(data))
    (pair,) = found["pairs"]
    assert pair["r_base"] is not None
    assert [model_row(found, name)["missing"] for name in (BASE, ALIGNED)] == [0, 0]


def test_one_twin_is_missing(data: Path) -> None:
    out = scored(data, PAIR + SECOND)
    drop_job(out, ALIGNED)
    found = analysed(out)
    lacking, whole = found["pairs"]
    assert (lacking["aligned"], lacking["r_base"], lacking["winner"]) == (ALIGNED, None, None)
    assert lacking["why"] == "no decision scored by both"
    assert whole["r_aligned"] is not None
    assert [row["aligned"] for row in found["differences"]] == ["mock:second"]
    assert {row["model"] for row in found["intervals"]} == {BASE, "mock:second"}
    (wins,) = (row for row in found["formulation"] if row["family"] == "repeated_matrix")
    assert wins["pairs"] == 2  # counted, not dropped in silence
    assert wins["note"].startswith("no decision scored by both (1)")


def test_the_only_twin_is_missing(data: Path) -> None:
    out = scored(data)
    drop_job(out, ALIGNED)
    found = analysed(out)
    assert found["pairs"][0]["why"] == "no decision scored by both"
    assert len(found["intervals"]) == 1
    assert found["differences"] == []


def test_nothing_is_scored(data: Path) -> None:
    out = scored(data)
    for model in (BASE, ALIGNED):
        change_scores(out, model, lambda part: part.clear())
    found = analysed(out)
    assert tremble("analyze", out, "--table", "all")[0] == 0
    assert found["intervals"] == found["measures"] == []
    assert [row["n"] for row in found["baselines"] if row["baseline"] == "majority"] == [COUNT]


def test_twins_are_scored_on_different_decisions(data: Path) -> None:
    out = scored(data)
    ids = pl.read_parquet(next((out / "decisions").glob("*")))["decision"].to_list()
    halves = {BASE: ids[:70], ALIGNED: ids[50:]}
    for model, kept in halves.items():
        change_scores(out, model, lambda p, kept=kept: p.filter(pl.col("decision").is_in(kept)))
    found = analysed(out)
    for model in halves:
        row = model_row(found, model)
        assert (row["n"], row["missing"]) == (70, COUNT - 70)
    (difference,) = found["differences"]
    assert difference["points"] == 20  # the decisions that both have
    assert found["pairs"][0]["why"] == "n = 20, below 30"
    change_scores(out, ALIGNED, lambda p: p.filter(~pl.col("decision").is_in(ids[:70])))
    found = analysed(out)
    assert found["pairs"][0]["why"] == "no decision scored by both"
    assert found["differences"] == []


def test_predictions_are_constant(data: Path) -> None:
    out = scored(data)
    even = pl.lit([-1.0, -1.0], pl.List(pl.Float64))
    change_scores(out, BASE, lambda part: part.with_columns(logprobs=even))
    found = analysed(out)
    row = model_row(found, BASE)
    assert (row["r"], row["n"], row["missing"]) == (None, COUNT, 0)
    assert "constant prediction" in row["note"]
    assert found["pairs"][0]["why"] == "constant prediction of base"
    constant, varied = found["intervals"]
    assert (constant["r"], constant["low"], constant["note"]) == (None, None, "constant prediction")
    assert varied["low"] is not None
    assert found["differences"][0]["note"] == "constant prediction"
    assert {row["note"] for row in found["added"] if row["model"] == BASE} >= {
        "the model is constant"
    }


def test_people_all_did_the_same(data: Path) -> None:
    out = scored(data)
    change_decisions(out, lambda frame: frame.with_columns(choice="target"))
    found = analysed(out)
    assert all(row["r"] is None for row in found["models"])
    assert "chose the target" in found["models"][0]["note"]
    assert {row["note"] for row in found["intervals"]} == {"one outcome only"}
    assert found["pairs"][0]["winner"] is None
    assert found["ceilings"][0]["ceiling"] is None


def test_two_decisions(data: Path) -> None:
    path = study_file(data, PAIR, data=["mine.jsonl", "other.jsonl"])
    own = {"family": "repeated_matrix", "dataset": "own", "options": ["J", "F"], "choice": "J"}
    lines = [json.dumps({**own, "id": f"own{n}", "prompt": f"{n}?"}) for n in range(40)]
    (data / "other.jsonl").write_text("\n".join(lines))
    run(path, data / "out")
    note = "repeated_matrix: mine.jsonl and other.jsonl are taken together"
    assert [x for x in caveats(data / "out") if "together" in x] == [
        f"{note}; `--by dataset` shows data sets apart."
    ]
    found = json.loads(tremble("analyze", data / "out", "--by", "dataset", "--json")[1])
    counts = {row["value"]: row["n"] for row in found["by"]["dataset"]["pairs"]}
    assert counts.pop("own") == 40
    assert sum(counts.values()) == COUNT and len(counts) >= 1
