"""What `tremble trajectory` says before anything is scored, and what it asks for."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

import tremble as tr
from tests.support.checkpoints import checkpoint
from tests.support.commands import mistake, tremble
from tests.support.fake_hub import no_hub
from tests.support.series_studies import asked, pairs, run_trajectory, trainers_folder
from tremble.checkpoints.cost import Cost
from tremble.checkpoints.names import run_behind
from tremble.checkpoints.series import Checkpoint, Series
from tremble.models.spec import ModelSpec
from tremble.report.tables.series import series_layout
from tremble.store.study_folder import Store


def series(*steps: tuple[str, str, int, int | None]) -> Series:
    """Of run, stage, step and tokens."""
    made = [
        Checkpoint(stage, run, step, ModelSpec(f"{run}{stage}{step}"), tokens, adapter=False)
        for run, stage, step, tokens in steps
    ]
    return Series("here", ModelSpec("b"), tuple(made))


def test_runs_stand_one_after_another_and_empty_columns_are_not_shown() -> None:
    found = series(*((run, "", step, None) for step in (1, 2) for run in ("a", "b")))
    (table,), (said, *_) = series_layout(found, Cost(4, 0, 0, 0, 5))
    assert [column.name for column in table.columns] == ["Checkpoint", "Run", "Step"]
    assert table.sections[0].rows == [
        ["a1", "a", "1"],
        ["a2", "a", "2"],
        ["b1", "b", "1"],
        ["b2", "b", "2"],
    ]
    assert said == "Base: b. 4 checkpoints; whole models to load: 5."  # and no word of adapters
    (table,), _ = series_layout(
        series(("", "sft", 1, None), ("", "dpo", 2, 5)), Cost(2, 0, 0, 0, 3)
    )
    assert [column.name for column in table.columns] == ["Checkpoint", "Stage", "Step", "Tokens"]
    (table,), _ = series_layout(
        series(*(("", "", n, None) for n in range(50))), Cost(50, 0, 0, 0, 1)
    )
    assert table.sections[0].rows[15] == ["... 20 more", ""]


def test_a_base_to_be_downloaded_is_said() -> None:
    found = series(("", "", 1, None))
    assert series_layout(found, Cost(1, 0, 0, 2_000_000, 1))[1][1] == (
        "To download: the base, up to 2.0 MB."
    )
    assert "an unknown amount" in series_layout(found, Cost(1, 0, 0, None, 1))[1][1]


def test_a_base_that_nobody_can_look_up(
    here: Path, lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence at once, and no lines of the hub's library, which would ask for half a
    minute."""
    from huggingface_hub import constants

    no_hub(tmp_path, monkeypatch)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    checkpoint(here / "run" / "checkpoint-1", lora)
    code, out, error = tremble("trajectory", "run", "--base", "them/base", "--plan")
    assert code == 0 and waited == []
    named, said = error.splitlines()
    assert "names" in named and "put on 'them/base'" in named
    assert said.startswith("tremble: The base cannot be looked up. The files of 'them/base'")
    assert "To download: the base, an unknown amount." in " ".join(out.split())


def test_how_to_get_time_and_memory(here: Path, wholes: list[Path]) -> None:
    trainers_folder(here / "run", wholes)
    code, out, _ = tremble("trajectory", "run", *asked("--plan"))
    assert code == 0 and "run `tremble plan` on it" in " ".join(out.split())


def test_too_few_clusters_are_said_at_the_start(here: Path, wholes: list[Path]) -> None:
    trainers_folder(here / "run", wholes)
    for items, said in ((38, "19 clusters"), (40, None)):  # two items begin alike
        (here / "task.jsonl").write_text("\n".join(map(json.dumps, pairs(items))))
        _, out, error = tremble("trajectory", "run", *asked("--plan", "--json"))
        assert ("no stop can be recommended; that needs 20" in error) == (said is not None)
        assert [note for note in json.loads(out)["notes"] if "clusters" in note] == (
            [] if said is None else [error.splitlines()[-1].removeprefix("tremble: ")]
        )
        assert said is None or f"The task has {said}" in error


def formulations(folder: Path) -> list[str]:
    text = Store(folder).read_run()["study_file"]
    return list(tomllib.loads(text)["study"]["formulations"])


def test_a_wording_that_nothing_can_have_is_not_asked_for(here: Path, wholes: list[Path]) -> None:
    """People's own prompts have their words alone; once games stand beside them, both are asked."""
    trainers_folder(here / "run", wholes)
    plain = ("--out", "out", "--formats", "plain")
    run_trajectory("run", "--data", "mine.jsonl", *plain)
    assert formulations(here / "out") == ["standard"]
    _, shown, _ = tremble("analyze", "out")
    assert "natural_language" not in shown + tremble("methods", "out")[1]
    _, said = run_trajectory(
        "run", "--data", "mine.jsonl", "--data", "demo", "--sample", "2", *plain
    )
    assert formulations(here / "out") == ["standard", "natural_language"]
    assert "was run with" in said
    tr.trajectory("run", data=tr.read_decisions("mine.jsonl"), out="held", formats="plain")
    assert formulations(here / "held") == ["standard"]


def test_the_verdict_is_not_what_comes_next(here: Path, wholes: list[Path]) -> None:
    trainers_folder(here / "run", wholes[:1] * 4)
    code, out, _ = tremble(
        *("trajectory", "run", "--data", "mine.jsonl", "--formats", "plain", "--out", "out")
    )
    assert code == 0 and "Scores are in 'out'." in out and "Next: tremble verdict" not in out


@pytest.mark.parametrize("name", ["seed{}-checkpoint-2", "checkpoint-2-seed{}"])
def test_several_runs_in_one_folder(name: str, here: Path, tiny: Path) -> None:
    for seed in (1, 2):
        checkpoint(here / "run" / name.format(seed), tiny)
    said = mistake("trajectory", "run", *asked())
    assert "are of several runs" in said and "seed1" in said
    assert "of each run into a folder of its own, or list them in a TOML file with a run" in said


def test_names_that_end_in_a_run() -> None:
    ends = ("checkpoint-2-seed1", "step_10_lr1e-5", "checkpoint-100-run2", "sft-step-3-seed-7")
    assert all(map(run_behind, ends))
    others = ("checkpoint-2", "checkpoint-2-merged", "seed1-checkpoint-2", "step1000-tokens4B")
    assert not any(map(run_behind, others))


def test_places_that_are_none(here: Path, tiny: Path) -> None:
    said = mistake("trajectory", "runs/nope", *asked())
    assert said.startswith("tremble: There is no folder or TOML file 'runs/nope' on this machine;")
    assert "runs/nope@step* for branches" in said
    (here / "study.toml").write_text('[study]\nname = "s"\n[[checkpoint]]\nmodel = "a"\nstep = 1\n')
    said = mistake("trajectory", "study.toml", *asked())
    assert "'study.toml' is a study file" in said and "`tremble run study.toml`" in said
    for name in ("a", "b"):
        shutil.copytree(tiny, here / name)
    entry = '[[checkpoint]]\nmodel = "{}"\nstep = 4\n'
    (here / "two.toml").write_text(entry.format("a") + entry.format("b"))
    said = mistake("trajectory", "two.toml", *asked())
    assert "are both step 4; remove one of the two, or give each a run of its own." in said


@pytest.mark.parametrize(
    "line",
    [
        {"prompt": "a?", "chosen": "b", "rejected": "c"},
        {"prompt": "a?", "completion": "b"},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
    ],
)
def test_a_task_in_place_of_decisions(line: dict[str, object], here: Path) -> None:
    (here / "task.jsonl").write_text(json.dumps(line))
    said = mistake("trajectory", "run", "--data", "task.jsonl")
    assert "'task.jsonl' looks like held-out items of a task" in said and "with --task" in said
    (here / "mine.jsonl").write_text('{"prompt": "a?", "chosen": "b", "options": ["a", "b"]}')
    assert "unknown key 'chosen'" in mistake("trajectory", "run", "--data", "mine.jsonl")
