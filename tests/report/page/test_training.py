"""The page's section on checkpoints: there only with checkpoints, its charts out of the rows."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import tremble
from tests.support.pages import folds, parsed, rows, words
from tests.support.trainings import trained
from tremble.errors import UserError
from tremble.public.page import page_charts
from tremble.report.page.parts import further_parts
from tremble.report.page.study import study_page
from tremble.report.page.training import points_of, since_base, training_section
from tremble.report.tables.training import training_answers
from tremble.stats.tables.analysis import Analysis
from tremble.stats.tables.further import OF_TRAINING, further_tables

pytest.importorskip("vl_convert")
Tables = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def two() -> Analysis:
    return trained({"a": 1.0, "b": 0.6})


@pytest.fixture(scope="module")
def tables(two: Analysis) -> Tables:
    found: Tables = further_tables(two, names=OF_TRAINING, resamples=400)
    return found


def page(analysis: Analysis, tables: Tables) -> str:
    def rows_of(name: str) -> list[dict[str, Any]]:
        return tables.get(name, [])

    scores = analysis.evidence.scores
    parts = further_parts(rows_of, list)
    return study_page(analysis, scores, "A study", [], parts)


def test_the_page_has_the_section_only_with_checkpoints(two: Analysis, tables: Tables) -> None:
    tree = parsed(page(two, tables))
    text = words(tree)
    for sentence in training_answers(tables):
        assert sentence in text
    found = folds(tree)
    drawn = [f"training-{axis}-{n}-points" for n, axis in enumerate(("gain", "step", "kl"))]
    ours = [name for name in found if name.startswith("tr") or name in OF_TRAINING]
    assert ours == [
        "trajectory-0",
        "trajectory-1",
        "stop",
        "at_stop",
        "timing",
        "equal_gain",
        *drawn,
    ]
    assert [row[0] for row in rows(found["trajectory-0"])][:3] == ["Stage", "Step", "g"]
    assert "training" in {part.attrib.get("id") for part in tree.iter("h2")}
    nothing = dataclasses.replace(two, trajectory={}, answers=trained({}).answers)
    without = page(nothing, {})
    assert 'id="training"' not in without and "Checkpoint" not in without


def test_points_of_charts_are_the_rows(two: Analysis, tables: Tables) -> None:
    long = [row for row in tables["checkpoints"] if row["rounds"] == "all"]
    g = {row["model"]: row["g"] for row in tables["task"] if row["checkpoint"]}
    assert len(long) == 12
    for axis in ("gain", "step", "kl"):
        points = points_of(tables, axis, "plain", "standard")
        assert len(points) == len(long)
        for row, point in zip(long, points, strict=True):
            assert (point["run"], point["r"]) == (f"run {row['run']}", row["r"])
            if axis == "gain":
                assert point["x"] == g.get(row["model"], 0)
            elif axis == "kl":
                assert point["x"] == row["kl"]
            else:  # two checkpoints of sft end at step 200, those of dpo begin again
                assert point["x"] == 100 * row["checkpoint"]
        stops = {(point["run"], point["checkpoint"]) for point in points if point["stop"]}
        assert stops == {("run a", 3), ("run b", 3)}
    charts = {c.name: c for c in page_charts(two) if c.name.startswith("training")}
    assert list(charts) == ["training-gain-0", "training-step-1", "training-kl-2"]
    spec = charts["training-step-1"].chart.to_dict()
    (values,) = [data["values"] for data in _data(spec)]
    assert [value["x"] for value in values] == [100 * row["checkpoint"] for row in long]
    text = json.dumps(spec)
    assert '"symlog"' in text and '"constant": 100' in text and "datum.stop" in text


def _data(node: Any) -> list[Any]:
    """Every `data` with values in a chart."""
    found = []
    if isinstance(node, dict):
        if "values" in node.get("data", {}):
            found.append(node["data"])
        found += [one for child in node.values() for one in _data(child)]
    return found


def test_steps_are_counted_through_stages() -> None:
    stages = [(None, 0), ("sft", 10), ("sft", 30), ("dpo", 5), ("rlvr", 0), ("rlvr", 7)]
    lines = [
        {"run": None, "checkpoint": at, "stage": stage, "step": step}
        for at, (stage, step) in enumerate(stages)
    ]
    found = since_base(lines)
    assert [found[None, at] for at in range(6)] == [0, 10, 30, 35, 35, 42]


def test_what_failed_is_told_and_a_chart_without_an_axis_is_not_drawn(tables: Tables) -> None:
    def rows_of(name: str) -> list[dict[str, Any]]:
        if name == "task":
            raise UserError("The task broke.")
        return tables.get(name, [])

    parts = [part for part in further_parts(rows_of, list) if part.heading.id in OF_TRAINING]
    section = training_section(parts)
    assert section is not None
    assert [part.trouble for part in section.parts if part.trouble] == ["The task broke."]
    names = [drawn.part.heading.id for drawn in section.charts]
    assert names == ["training-step-0-points", "training-kl-1-points"]
    assert training_section([]) is None


def test_a_study_file_with_checkpoints_to_its_tables_page_methods_and_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With built-in fake models, which learn nothing."""
    monkeypatch.chdir(tmp_path)
    turn = [{"role": "user", "content": "Question?"}]
    items = [
        {
            "id": f"i{k}",
            "prompt": [{**turn[0], "content": f"Question {k // 2}?"}],
            "chosen": f"SECRET yes {k}",
            "rejected": f"SECRET no {k}",
        }
        for k in range(40)
    ]
    people = [
        {
            "id": str(k),
            "prompt": f"Go {k}?",
            "options": ["accept", "reject"],
            "choice": "accept" if k % 3 else "reject",
            "participant": f"p{k % 10}",
        }
        for k in range(30)
    ]
    for name, lines in (("task", items), ("mine", people)):
        Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    text = '[study]\nname = "t"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n'
    text += '[trajectory]\nbase = "mock:zero"\ntask = "task.jsonl"\ntemplate = "gemma"\n'
    for step in (100, 200, 300, 400):
        text += f'[[checkpoint]]\nmodel = "mock:{step}"\nstep = {step}\nstage = "dpo"\n'
    Path("t.toml").write_text(text, "utf-8")
    code, _, error = tremble("run", "t.toml")
    assert code == 0, error
    code, out, error = tremble("analyze", "t")
    assert code == 0, error
    (answer,) = re.findall(r"(?s)Where to stop\n(.*?)\n\n", out)
    assert answer.startswith(("No recommendation: ", "Stop at step "))
    assert out.index("Checkpoint by checkpoint") < out.index("\nModels\n")
    found = json.loads(tremble("analyze", "t", "--json")[1])
    assert len(found["checkpoints"]) == 5 and len(found["task"]) == 5
    code, _, error = tremble("report", "t")
    assert code == 0, error
    assert 'id="training"' in Path("t/report/index.html").read_text("utf-8")
    paragraph = " ".join(tremble("methods", "t")[1].split())
    assert "We compared 4 checkpoints of a training (stage dpo) with mock:zero" in paragraph
    assert "(task.jsonl, 40 items with 20 different first turns) is minus the DPO loss" in paragraph
    assert "the DPO loss (beta .10) against the model that the last stage" in paragraph
    # What was said in the task is no decision of a person.
    assert tremble("export", "t", "--out", "t.csv")[0] == 0
    frame = pl.read_csv("t.csv", infer_schema_length=None)
    assert frame.height == 5 * 30 and set(frame["family"]) == {"custom"}
    assert "SECRET" not in Path("t.csv").read_text("utf-8")
    assert "SECRET" not in Path("t.codebook.csv").read_text("utf-8")
