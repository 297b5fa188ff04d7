"""`tremble trajectory` from a source of checkpoints to its tables, over tiny models."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tremble as tr
from tests.support.calls import counting
from tests.support.checkpoints import branch, configured
from tests.support.commands import tremble
from tests.support.fake_hub import FakeHub
from tests.support.series_studies import (
    STEPS,
    TaskAgain,
    asked,
    counted_again,
    earliest,
    progress,
    run_trajectory,
    scores_of,
    tables_of,
    trainers_folder,
)
from tremble.engines import open as engines
from tremble.store.study_folder import Store
from tremble.study import task_prompts

peft = pytest.importorskip("peft")
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]


def check_numbers(folder: Path, tables: dict[str, Any], models: list[str], start: int) -> None:
    """All numbers of one run's tables, counted again; `start`: the place of the DPO reference."""
    for format_ in ("plain", "chat"):
        rows = [
            row
            for row in tables["checkpoints"]
            if (row["format"], row["rounds"], row["formulation"]) == (format_, "all", "standard")
        ]
        assert [row["model"] for row in rows] == models
        for row, again in zip(rows, counted_again(folder, models, format_), strict=True):
            assert {key: row[key] for key in again} == pytest.approx(again, abs=1e-6)
    task = TaskAgain(folder, models)
    g = progress(task.dpo(start))
    assert [row["model"] for row in tables["task"]] == models
    assert len({row["loss"] for row in tables["task"]}) == len(models)  # each has its own weights
    for place, row in enumerate(tables["task"]):
        again = task.measures(place, start)
        assert {key: row[key] for key in again} == pytest.approx(again, abs=1e-9)
        assert (row["checkpoint"], row["items"], row["missing"]) == (place, 48, 0)
        if row["g"] is not None:
            assert row["g"] == pytest.approx(g[place], abs=1e-9)
    loss = task.dpo(start).mean(axis=1)
    whole = next(row for row in tables["stop"] if row["stage"] == "all")
    assert whole["gain"] == pytest.approx(loss[0] - loss[-1], abs=1e-9)
    if whole["checkpoint"] is not None:
        mine = task.chooses()
        assert whole["checkpoint"] == earliest(progress(task.dpo(start)[:, mine]))
        reported = progress(task.dpo(start)[:, ~mine])[whole["checkpoint"]]
        assert whole["g"] == pytest.approx(reported, abs=1e-9)
    else:
        assert whole["reason"]


def check_differences(tables: dict[str, Any], stop: int) -> None:
    """Fidelity at the stop less that of the base and of the last, by the table of checkpoints."""
    kinds = ("family", "rounds", "format", "formulation")
    levels: dict[tuple[str, ...], list[Any]] = {}
    for row in tables["checkpoints"]:
        levels.setdefault(tuple(row[kind] for kind in kinds), []).append(row)
    compared = 0
    for row in tables["at_stop"]:
        of, measure = levels[tuple(row[kind] for kind in kinds)], row["measure"]
        other = {"base": 0, "last": -1}[row["against"]]
        if row["difference"] is not None:
            less = of[stop][measure] - of[other][measure]
            assert row["difference"] == pytest.approx(less, abs=1e-9)
            compared += 1
    assert compared >= 12  # three measures, two formats, two others


def test_adapters_of_a_trainer(
    here: Path, tiny: Path, loras: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base is loaded and checked once; a checkpoint that appears later is added, and what was
    scored stays."""
    names = trainers_folder(here / "run", loras)
    late = here / "run" / "checkpoint-16"
    late.rename(here / "later")
    loaded = counting(monkeypatch, engines, "open_with")
    tokenised = counting(monkeypatch, task_prompts, "task_paths")
    _, said = run_trajectory("run", "--base", tiny, *asked())
    assert (len(loaded), len(tokenised)) == (1, 1)
    assert said.count("Self-check") == 2  # of two kinds of prompts, not of each checkpoint
    before = scores_of(here / "out")
    (here / "later").rename(late)
    tables, said = run_trajectory("run", "--base", tiny, *asked())
    assert f"{names[-1]}: " in said
    for name in (*names[:-1], str(tiny)):
        assert f"{name}: everything is already scored." in said
    after = scores_of(here / "out")
    assert after.filter(after["model"] != names[-1]).equals(before)
    assert after.filter(after["model"] == names[-1]).height == before.height // 4
    models = [str(tiny), *names]
    check_numbers(here / "out", tables, models, 0)
    assert [row["step"] for row in tables["task"]] == [0, *STEPS]
    stop = next(row for row in tables["stop"] if row["stage"] == "all")
    assert (stop["reason"], stop["checkpoint"]) == (None, 3)  # so that one was counted again, too
    assert len(tables["timing"]) == 6  # three kinds of rounds in two formats
    check_differences(tables, 3)
    assert "was run with" not in said
    _, said = run_trajectory(
        "run", "--base", tiny, "--data", "mine.jsonl", "--out", "out", "--keep", "0.5"
    )
    code, shown, _ = tremble("trajectory", "run", "--base", tiny, *asked())
    assert code == 0 and "Where to stop" in shown and "All tables: tremble analyze out" in shown
    assert "Tests over pairs" not in shown
    assert "was run with task = " in said and "keep = 0.93; it now has task = missing" in said


@pytest.mark.slow
def test_whole_weights_of_a_trainer(here: Path, wholes: list[Path]) -> None:
    names = trainers_folder(here / "run", wholes)
    tables, _ = run_trajectory("run", *asked())
    check_numbers(here / "out", tables, names, 0)
    assert [row["step"] for row in tables["task"]] == list(STEPS)


@pytest.mark.slow
def test_branches_of_the_hub(here: Path, hub: FakeHub, wholes: list[Path]) -> None:
    names = [f"step{step}" for step in STEPS]
    for name, folder in zip(names, wholes, strict=True):
        branch(hub, "them/series", name, folder)
    tables, _ = run_trajectory("them/series@step*", *asked())
    check_numbers(here / "out", tables, [f"them/series@{name}" for name in names], 0)


@pytest.mark.slow
def test_a_base_of_the_hub_is_downloaded_once(
    here: Path, hub: FakeHub, tiny: Path, loras: list[Path]
) -> None:
    """Also where nothing that a run downloads is kept: it goes after the last adapter on it."""
    hub.models["them/base"] = tiny
    for step, lora in zip(STEPS, loras, strict=True):
        made = Path(shutil.copytree(lora, here / f"on-hub-{step}"))
        hub.models[f"them/lora-{step}"] = configured(made, base_model_name_or_path="them/base")
    tables = "".join(f'[[checkpoint]]\nmodel = "them/lora-{n}"\nstep = {n}\n' for n in STEPS)
    (here / "study.toml").write_text(
        '[study]\nname = "s"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n[run]\n'
        'keep_models = false\n[trajectory]\nbase = "them/base"\ntask = "task.jsonl"\n' + tables
    )
    code, _, error = tremble("run", "study.toml", "--out", "out")
    assert code == 0, error
    assert hub.served.count("them/base/model.safetensors") == 1
    assert not list((here / "cache").rglob("*.safetensors"))
    names = ["them/base", *(f"them/lora-{step}" for step in STEPS)]
    assert [row["model"] for row in tables_of(here / "out")["task"]] == names


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["adapters", "weights"])
def test_folders_of_a_repository(
    kind: str, here: Path, hub: FakeHub, tiny: Path, loras: list[Path], wholes: list[Path]
) -> None:
    models = loras if kind == "adapters" else wholes
    trainers_folder(here / "repository", models)
    hub.models["them/folders"] = here / "repository"
    arguments = ("--base", tiny) if kind == "adapters" else ()
    tables, _ = run_trajectory("them/folders:checkpoint-*", *arguments, *asked())
    names = [f"them/folders:checkpoint-{step}" for step in STEPS]
    names = [str(tiny), *names] if kind == "adapters" else names
    check_numbers(here / "out", tables, names, 0)


def staged(here: Path, tiny: Path, loras: list[Path], *lines: str) -> list[str]:
    """A TOML file over a base, an SFT and a DPO stage; the names of their models in order."""
    for name, model in zip(("sft-1", "sft-2", "dpo-1", "dpo-2"), loras, strict=True):
        shutil.copytree(model, here / name)
    listed = [("base", 0, str(tiny)), ("sft", 1, "sft-1"), ("sft", 2, "sft-2")]
    listed += [("dpo", 1, "dpo-1"), ("dpo", 2, "dpo-2")]
    text = "\n".join(
        f'[[checkpoint]]\nstage = "{stage}"\nstep = {step}\nmodel = "{model}"'
        for stage, step, model in listed
    )
    (here / "series.toml").write_text(text)
    return [model for _, _, model in listed]


def test_stages_in_repositories_of_their_own(
    here: Path, tiny: Path, loras: list[Path], hub: FakeHub
) -> None:
    """The reference of the DPO loss is the last model of the stage before, not the base."""
    for name, model in zip(("sft-1", "sft-2", "dpo-1", "dpo-2"), loras, strict=True):
        hub.models[f"them/{name}"] = model
    listed = [("base", 0, str(tiny)), ("sft", 2, "them/sft-2"), ("sft", 1, "them/sft-1")]
    listed += [("dpo", 2, "them/dpo-2"), ("dpo", 1, "them/dpo-1")]
    (here / "series.toml").write_text(
        "\n".join(
            f'[[checkpoint]]\nstage = "{stage}"\nstep = {step}\nmodel = "{model}"'
            for stage, step, model in listed
        )
    )
    tables, _ = run_trajectory("series.toml", *asked())
    models = [str(tiny), *(f"them/{name}" for name in ("sft-1", "sft-2", "dpo-1", "dpo-2"))]
    check_numbers(here / "out", tables, models, 2)
    assert tables["task"][2]["dpo_loss"] == pytest.approx(np.log(2))
    assert tables["task"][2]["implicit_accuracy"] == 0.5
    assert tables["task"][0]["dpo_loss"] != pytest.approx(np.log(2))
    assert [row["stage"] for row in tables["stop"]] == ["all", "sft", "dpo"]


@pytest.mark.slow
def test_two_runs_side_by_side(here: Path, tiny: Path, loras: list[Path]) -> None:
    """Their names are one in the names of folders, and their first checkpoints are the same: both
    keep their names. Nothing is scored again where the source is written in another way."""
    runs = {"lr 1": loras, "lr-1": [loras[0], *loras[:0:-1]]}
    for run, some in runs.items():
        trainers_folder(here / "sweep" / run, some)
    for source in ("sweep", "./sweep"):
        tables, said = run_trajectory(source, "--base", tiny, *asked())
        for run in runs:
            mine = {
                name: [row for row in tables[name] if row["run"] == run]
                for name in ("checkpoints", "task", "stop")
            }
            names = [f"{source}/{run}/checkpoint-{step}" for step in STEPS]
            check_numbers(here / "out", mine, [str(tiny), *names], 0)
    assert "Loading" not in said
    first, second = (
        next(row for row in tables["task"] if row["model"] == f"./sweep/{run}/checkpoint-2")
        for run in runs
    )
    assert first["loss"] == second["loss"]


def test_a_plan_downloads_and_writes_nothing(here: Path, hub: FakeHub, wholes: list[Path]) -> None:
    for step, folder in zip(STEPS, wholes, strict=True):
        branch(hub, "them/series", f"step{step}", folder)
    code, out, error = tremble("trajectory", "them/series@step*", "--plan", "--json")
    found = json.loads(out)
    assert code == 0
    assert [one["step"] for one in found["checkpoints"]] == list(STEPS)
    assert found["base"] == "them/series@step2"
    assert (found["cost"]["checkpoints"], found["cost"]["missing"]) == (4, 4)
    assert "compared with the first one" in error
    assert hub.served == []
    assert {path.name for path in here.iterdir()} <= {"mine.jsonl", "task.jsonl", "cache"}


@pytest.mark.slow
def test_decisions_in_memory_are_scored_as_those_of_a_file(here: Path, wholes: list[Path]) -> None:
    """Objects have a folder of their own; a relative path would lead elsewhere from it."""
    trainers_folder(here / "run", wholes)
    (here / "mine.jinja").write_text("{% for m in messages %}{{ m.content }}\n{% endfor %}")
    run_trajectory(
        *("run", "--data", "mine.jsonl", "--out", "out"),
        *("--formats", "chat", "--template", "mine.jinja"),
    )
    decisions = tr.read_decisions("mine.jsonl")
    tr.trajectory(
        "run", data=decisions, out="held", formats="chat", template="mine.jinja", progress=False
    )
    in_memory, of_file = (
        scores_of(here / name).select("model", "decision", "logprobs") for name in ("held", "out")
    )
    assert in_memory.height == 24 * len(STEPS)  # people's own prompts have one wording
    assert in_memory.equals(of_file)
    for name in ("held", "out"):
        asked_for = tomllib.loads(Store(here / name).read_run()["study_file"])["trajectory"]
        assert asked_for["template"] == str(here / "mine.jinja")


@pytest.mark.slow
def test_treatments_and_sessions_at_checkpoints(here: Path, loras: list[Path], tiny: Path) -> None:
    """A study file with contrasts and with transcripts: both counted again from the stored rows."""
    names = trainers_folder(here / "run", loras)
    (here / "treated.jsonl").write_text(treated_lines(), "utf-8")
    (here / "said.jsonl").write_text(transcript_lines(), "utf-8")
    checkpoints = "".join(
        f'[[checkpoint]]\nmodel = "{name}"\nstep = {step}\n'
        for name, step in zip(names, STEPS, strict=True)
    )
    (here / "study.toml").write_text(
        '[study]\nname = "s"\ndata = ["treated.jsonl", "said.jsonl"]\nformats = ["plain"]\n'
        '[[contrast]]\nby = "wording"\ncontrol = "plain"\n'
        f'[trajectory]\nbase = "{tiny}"\ntask = "task.jsonl"\n{checkpoints}'
    )
    code, _, error = tremble("run", "study.toml", "--out", "out")
    assert code == 0, error
    tables, models = tables_of(here / "out"), [str(tiny), *names]
    rows = Store(here / "out").scores()
    effects = []
    for model in models:
        own = rows.filter(pl.col("model") == model, pl.col("family") == "custom")
        own = own.filter(pl.col("formulation") == "standard")
        logs = np.array(own["logprobs"].to_list())
        yes = np.exp(logs[:, 0]) / np.exp(logs).sum(axis=1)
        warm = own["decision"].str.contains("warm").to_numpy()
        effects.append(yes[warm].mean() - yes[~warm].mean())
    found = [row for row in tables["checkpoint_contrasts"] if row["formulation"] == "standard"]
    assert [row["effect"] for row in found] == pytest.approx(effects, abs=1e-6)
    assert [row["people"] for row in found] == pytest.approx([0.5] * len(models))
    for row, model in zip(tables["checkpoint_responses"], models, strict=True):
        own = rows.filter(pl.col("model") == model, pl.col("family") == "session")
        nats = -own["response_logprob"]
        assert (row["responses"], row["people"], row["missing"]) == (len(nats), 6, 0)
        assert row["nats"] == pytest.approx(nats.mean())
    code, shown, _ = tremble("analyze", "out")
    assert code == 0
    assert "effects of treatments" in shown and "one · plain · standard" in shown
    assert tremble("report", "out")[0] == 0


def treated_lines() -> str:
    """Twelve people in each of two wordings; a warm one makes half of them more say yes."""
    lines = [
        {
            "id": f"{wording}{n}",
            "prompt": f"Would you help number {n % 6}, {wording} as it is?",
            "options": ["yes", "no"],
            "target": "yes",
            "choice": "yes" if n % 4 == 0 or (wording == "warm" and n % 4 < 3) else "no",
            "participant": f"{wording}{n}",
            "config": {"wording": wording},
        }
        for wording in ("plain", "warm")
        for n in range(12)
    ]
    return "\n".join(map(json.dumps, lines))


def transcript_lines() -> str:
    lines = [
        {
            "schema": 1,
            "kind": "session",
            "study": "one",
            "participant": f"p{n}",
            "text": f"You see card {n}. You say <<red {n}>>. Then you say <<blue>>.",
        }
        for n in range(6)
    ]
    return "\n".join(map(json.dumps, lines))
