"""Series with something wrong, through `tremble trajectory`: refused in a sentence, or counted."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from huggingface_hub import constants
from polars.testing import assert_frame_equal

from tests.support.checkpoints import branch, checkpoint, configured
from tests.support.commands import mistake, tremble
from tests.support.fake_hub import FakeHub
from tests.support.killed_runs import Runs
from tests.support.series_studies import (
    STEPS,
    asked,
    pairs,
    run_trajectory,
    scores_of,
    tables_of,
    trainers_folder,
    write_inputs,
)
from tests.support.toys import bpe_tokenizer, save_tiny
from tremble.store.study_folder import Store

peft = pytest.importorskip("peft")
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning:peft"),
]


def test_one_that_is_not_whole_beside_good_ones(here: Path, tiny: Path, loras: list[Path]) -> None:
    names = trainers_folder(here / "run", loras)
    weights = here / "run" / "checkpoint-8" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    for more in ((), ("--plan",), ("--json",), ("--plan", "--json")):
        code, out, error = tremble("trajectory", "run", "--base", tiny, *asked(*more))
        assert code == 1
        assert "run/checkpoint-8" in error
        assert "--json" in more or "Left out: run/checkpoint-8. " in out
    models = [row["model"] for row in tables_of(here / "out")["task"]]
    assert models == [str(tiny), *(name for name in names if name != "run/checkpoint-8")]
    # Also later, when nobody sees the command's output.
    said = "Left out of the series of checkpoints: run/checkpoint-8: "
    shown = "".join(map(str, tremble("analyze", here / "out")))
    assert said in shown
    assert "no pair to" not in shown
    words = " ".join(tremble("methods", here / "out")[1].split())
    assert "We left out 1 checkpoint that could not be used (run/checkpoint-8: " in words
    assert tremble("export", here / "out", "--to", "parquet")[0] == 0
    rows = pl.read_parquet(here / "out" / "export" / "trajectory-run.parquet")
    found = rows.select("model", "run", "stage", "step", "checkpoint").unique(maintain_order=True)
    assert found.rows() == [
        (str(tiny), None, None, 0, 0),
        *((f"run/checkpoint-{s}", None, None, s, n) for n, s in enumerate((2, 4, 16), 1)),
    ]


@pytest.mark.slow
def test_weights_that_are_no_numbers(here: Path, tiny: Path, loras: list[Path]) -> None:
    from safetensors.torch import load_file, save_file

    names = trainers_folder(here / "run", loras)
    path = here / "run" / "checkpoint-4" / "adapter_model.safetensors"
    tensors = load_file(path)
    next(iter(tensors.values()))[:] = float("nan")
    save_file(tensors, path, {"format": "pt"})
    code, out, error = tremble("trajectory", "run", "--base", tiny, *asked("--json"))
    assert code == 1
    assert "run/checkpoint-4 is skipped. " in error and "invalid numbers" in error
    tables = json.loads(out)
    models = [str(tiny), *(name for name in names if name != "run/checkpoint-4")]
    assert [row["model"] for row in tables["task"]] == models
    assert {(row["items"], row["missing"]) for row in tables["task"]} == {(48, 0)}
    assert {row["n"] for row in tables["checkpoints"] if row["rounds"] == "all"} == {24}


def test_items_over_the_window(here: Path, tiny: Path, loras: list[Path]) -> None:
    """They are dropped whole, at every checkpoint, and counted; the command ends with 1."""
    trainers_folder(here / "run", loras)
    lines = (here / "task.jsonl").read_text().splitlines()
    longer = {**json.loads(lines[5]), "rejected": "no " * 5000}
    (here / "task.jsonl").write_text("\n".join([*lines[:5], json.dumps(longer), *lines[6:]]))
    code, out, error = tremble("trajectory", "run", "--base", tiny, *asked("--json"))
    assert code == 1
    assert "10 prompts could not be scored" in error  # two answers of five models
    tables = json.loads(out)
    assert {(row["items"], row["missing"]) for row in tables["task"]} == {(47, 1)}


def test_what_both_answers_share_is_computed_once(
    here: Path, tiny: Path, loras: list[Path]
) -> None:
    """Of the tokens of all sequences at most .70 go through the model, as the engine counts."""
    trainers_folder(here / "run", loras)
    lines = [
        {**one, "prompt": f"{n} {one['prompt']}" * 3, "chosen": "yes " * 30, "rejected": "no " * 30}
        for n, one in enumerate(pairs(24))
    ]
    (here / "task.jsonl").write_text("\n".join(map(json.dumps, lines)))
    mine = (here / "mine.jsonl").read_text().splitlines()
    (here / "mine.jsonl").write_text(mine[0])
    run_trajectory("run", "--base", tiny, *asked("--formats", "plain"))
    for job in Store(here / "out").jobs(task=True):
        counts = (job.manifest() or {})["scoring"]
        assert counts["path"] == "shared"
        # Of two answers, so that what is shared is no more than half of two.
        assert 0.5 <= counts["computed_tokens"] / counts["tokens"] <= 0.70


@pytest.mark.slow
def test_a_checkpoint_with_another_tokenizer(here: Path, wholes: list[Path]) -> None:
    trainers_folder(here / "run", wholes)
    bpe_tokenizer(bos=True).save_pretrained(here / "run" / "checkpoint-8")
    tables, said = run_trajectory("run", *asked("--formats", "plain"))
    assert "The tokenizer of 'run/checkpoint-8' differs from" in said
    lengths = (
        Store(here / "out").scores().group_by("model").agg(pl.col("prompt_tokens").sum()).to_dicts()
    )
    by_model = {row["model"]: row["prompt_tokens"] for row in lengths}
    assert by_model["run/checkpoint-8"] == by_model["run/checkpoint-4"] + 24  # a BOS in each
    assert [row["missing"] for row in tables["task"]] == [0] * 4


def no_step(run: Path) -> None:
    for step in STEPS:
        (run / f"checkpoint-{step}").rename(run / f"model{step}")


def two_of_one_step(run: Path) -> None:
    shutil.copytree(run / "checkpoint-8", run / "step_0008")


def unclear_stages(run: Path) -> None:
    for step in STEPS:
        (run / f"checkpoint-{step}").rename(run / f"{'warm' if step < 5 else 'cool'}-step-{step}")


def pickles(run: Path) -> None:
    for step in STEPS:
        weights = run / f"checkpoint-{step}" / "adapter_model.safetensors"
        weights.rename(weights.with_suffix(".bin"))


def another_base(run: Path) -> None:
    configured(run / "checkpoint-8", base_model_name_or_path="them/another")


def nothing(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (nothing, "There are no checkpoints in 'run'"),
        (no_step, "has no step"),
        (two_of_one_step, "are both step 8"),
        (unclear_stages, "The order of the stages of 'run' is unclear"),
        (pickles, "only pickled weights"),
        (another_base, "were trained on different models"),
    ],
)
def test_sources_that_are_no_series(
    damage: Callable[[Path], None], words: str, here: Path, loras: list[Path]
) -> None:
    trainers_folder(here / "run", loras)
    damage(here / "run")
    assert words in mistake("trajectory", "run", *asked("--json"))
    assert not (here / "out").exists()


@pytest.mark.parametrize("how", ["gated", "offline", "gone"])
def test_a_hub_that_does_not_answer(
    how: str, here: Path, hub: FakeHub, wholes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for step, folder in zip(STEPS, wholes, strict=True):
        branch(hub, "them/series", f"step{step}", folder)
    if how == "gated":
        hub.gated.add("them/series")
    elif how == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    else:
        del hub.models["them/series"]
    code, out, error = tremble("trajectory", "them/series@step*", *asked("--json"))
    assert (code, out) == (2, "")
    assert "Traceback" not in error and "them/series" in error.splitlines()[-1]
    assert not (here / "out").exists()


@pytest.mark.slow
def test_killed_and_run_again(here: Path, tiny: Path, loras: list[Path]) -> None:
    """Killed at some moment of its writing, then run again: the rows of an undisturbed run."""
    write_inputs(here, items=60, decisions=40)
    trainers_folder(here / "run", loras)
    command = ("trajectory", here / "run", "--base", tiny, "--data", here / "mine.jsonl")
    more = ("--task", here / "task.jsonl", "--formats", "plain", "--out")
    runs = Runs(*map(str, (*command, *more)))
    with runs.process:
        runs.start(here / "whole")
        assert runs.end() == 0
        heights = []
        for _ in range(2):
            process = runs.start(here / "cut")
            before = len(list((here / "cut").rglob("part-*.parquet")))
            for _ in range(3000):
                parts = len(list((here / "cut").rglob("part-*.parquet")))
                if parts > before or runs.ended(0.01):
                    break
            if not runs.ended(0):
                os.kill(process, signal.SIGKILL)
            assert runs.end() in (0, signal.SIGKILL)
            heights.append(scores_of(here / "cut").height)
        runs.start(here / "cut")
        assert runs.end() == 0
        assert runs.process.stdin is not None
        runs.process.stdin.close()
    whole, cut = scores_of(here / "whole"), scores_of(here / "cut")
    assert any(height < whole.height for height in heights), heights
    assert heights == sorted(heights)  # nothing that was on disk was lost
    assert_frame_equal(cut, whole, check_exact=False, abs_tol=1e-5, rel_tol=0)


def test_series_without_a_chat_template(
    here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Plain text, and said; a template that is given is that of decisions and task."""
    bare = save_tiny(tmp_path_factory.mktemp("bare"), template=None)
    for step in STEPS[:2]:
        checkpoint(here / "run" / f"checkpoint-{step}", bare)
    for more, formats in (((), ["plain"]), (("--template", "gemma"), ["chat", "plain"])):
        tables, said = run_trajectory("run", *asked(*more))
        assert ("No checkpoint has a chat template" in said) == (not more)
        found = {row["format"].partition(":")[0] for row in tables["checkpoints"]}
        assert sorted(found) == formats
    code, _, said = tremble("trajectory", "run", *asked("--formats", "chat"))
    assert code == 2
    assert "give one with --template, or leave chat out." in said.splitlines()[-1]


BAD = [
    (("gone",), "There is no folder or TOML file 'gone' on"),
    (("run", "--keep", "0"), "keep = 0.0 is no share"),
    (("run", "--gain", "accuracy"), "gain is 'accuracy'"),
    (("run", "--formats", "plain,html"), "--formats holds 'html'"),
    (("run", "--sample", "0"), "sample in [study] is 0"),
    (("run", "--base", "./gone"), "no model './gone', which --base names"),
    (("run", "--task", "gone.jsonl"), "There is no task file 'gone.jsonl'"),
    (("run", "--data", "gone.jsonl"), "There is no file 'gone.jsonl'"),
    (("alone", "--gain", "loss"), "--gain is about the task"),
    (("run", "--template", "nope"), "The template 'nope' is neither"),
    (("run", "--task", "one.jsonl"), "rejected"),
    (("run", "--task", "equal.jsonl"), "line 2"),
    (("run", "--task", "empty.jsonl"), "line 2"),
    (("run", "--task", "roles.jsonl"), "line 2"),
    (("run", "--task", "said.jsonl", "--gain", "dpo"), "needs preference pairs"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_mistakes(
    arguments: tuple[str, ...], words: str, here: Path, tiny: Path, loras: list[Path]
) -> None:
    trainers_folder(here / "run", loras)
    good = {"prompt": "a?", "chosen": "b", "rejected": "c"}
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    files: dict[str, dict[str, Any]] = {
        "one": {"prompt": "b?", "chosen": "b"},
        "equal": {"prompt": "b?", "chosen": "b", "rejected": "b"},
        "empty": {"prompt": "b?", "chosen": "", "rejected": "b"},
        "roles": {"prompt": said, "chosen": "b", "rejected": "c"},
    }
    for name, bad in files.items():
        (here / f"{name}.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")
    (here / "said.jsonl").write_text(json.dumps({"messages": said}))
    if arguments[0] == "alone":
        (here / "run").rename(here / "alone")
    base = () if "--base" in arguments else ("--base", tiny)
    task = () if "--task" in arguments or arguments[0] == "alone" else ("--task", "task.jsonl")
    data = () if "--data" in arguments else ("--data", "mine.jsonl")
    said_first = mistake("trajectory", *arguments, *base, *task, *data, "--out", "out", "--json")
    assert words in said_first
    assert not (here / "out").exists()
