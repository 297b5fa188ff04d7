"""The order of checkpoints, and what stands against one."""

from __future__ import annotations

import itertools
import re

import pytest

from tremble.checkpoints.complete import lacking
from tremble.checkpoints.names import Unit
from tremble.checkpoints.series import Checkpoint, Found, in_order
from tremble.checkpoints.stages import order_of, stage_and_run
from tremble.errors import UserError
from tremble.models.spec import ModelSpec


def made(stage: str, step: int, run: str = "", unit: Unit = "step") -> Checkpoint:
    return Checkpoint(stage, run, step, ModelSpec(f"{run}/{stage}-{unit}-{step}"), unit=unit)


def ordered(*checkpoints: Checkpoint, listed: bool = False) -> list[tuple[str, str, int]]:
    found = Found("'here'", checkpoints, listed=listed)
    return [(one.stage, one.run, one.step) for one in in_order(found, "here")]


def test_steps_are_numbers_and_runs_stand_side_by_side() -> None:
    given = [made("", step, run) for run in ("b", "a") for step in (1000, 20, 100)]
    expected = [("", run, step) for step in (20, 100, 1000) for run in ("a", "b")]
    assert ordered(*given) == expected


@pytest.mark.parametrize(
    "stages",
    [["stage2", "stage9", "stage10"], ["base", "sft", "dpo", "rlvr"], ["SFT", "DPO", "GRPO"]],
)
def test_stages_that_order_themselves(stages: list[str]) -> None:
    for given in itertools.permutations(stages):
        found = [made(stage, 5) for stage in given]
        assert [stage for stage, *_ in ordered(*found)] == stages
        # A file's order is the user's own: some train with DPO first.
        assert [stage for stage, *_ in ordered(*found, listed=True)] == list(given)


@pytest.mark.parametrize(
    "stages",
    [["stage2", "annealing"], ["sft", "cooldown"], ["stage1", "dpo"], ["rl", "grpo"], ["", "sft"]],
)
def test_other_stages_have_the_order_of_a_file_alone(stages: list[str]) -> None:
    for given in (stages, stages[::-1]):
        found = [made(stage, step) for stage in given for step in (2, 1)]
        assert ordered(*found, listed=True) == [(s, "", step) for s in given for step in (1, 2)]
        with pytest.raises(UserError, match="order of the stages of 'here' is unclear") as error:
            ordered(*found)
        assert all(repr(stage) in str(error.value) for stage in stages if stage)
        assert "TOML" in str(error.value)


def test_stages_of_a_file_that_interleave() -> None:
    with pytest.raises(UserError, match="'warm' comes back after another stage"):
        order_of([("warm", ""), ("cool", ""), ("warm", "")], "x.toml", True)
    two_runs = [("warm", "a"), ("cool", "a"), ("warm", "b"), ("cool", "b")]
    assert order_of(two_runs, "x.toml", True) == ("warm", "cool")
    turned = [("warm", "a"), ("cool", "a"), ("cool", "b"), ("warm", "b")]
    with pytest.raises(UserError, match="another order in the run 'b'"):
        order_of(turned, "x.toml", True)
    mixed = [("dpo", ""), ("sft", ""), ("dpo", "")]
    assert order_of(mixed, "here", False) == ("sft", "dpo")
    with pytest.raises(UserError, match="'dpo' comes back after another stage"):
        order_of(mixed, "x.toml", True)


def test_runs_of_a_numbered_stage() -> None:
    assert stage_and_run("stage2-ingredient1") == ("stage2", "ingredient1")
    assert stage_and_run("annealing") == ("annealing", "")


def test_two_of_one_step() -> None:
    twice = (made("sft", 10, "a"), made("sft", 20, "a"), made("sft", 10, "a", "epoch"))
    with pytest.raises(UserError, match=r"counts steps and .* counts epochs"):
        ordered(*twice)
    same = Checkpoint("sft", "a", 10, ModelSpec("other"))
    with pytest.raises(
        UserError, match="'a/sft-step-10' and 'other' are both step 10 of the stage"
    ):
        ordered(*twice[:2], same)
    assert len(ordered(*twice[:2], made("sft", 10, "b"))) == 3
    again = Checkpoint("sft", "b", 10, ModelSpec("a/sft-step-10"))
    with pytest.raises(UserError, match="'a/sft-step-10' appears twice"):
        ordered(*twice[:2], again)


def test_no_checkpoint_and_no_step() -> None:
    with pytest.raises(UserError, match=r"no checkpoints in 'here'; .* checkpoint-100, step1000-"):
        in_order(Found("'here'", ()), "here")
    with pytest.raises(UserError, match=r"'main' \(and 1 other name\) in 'here' has no step"):
        in_order(Found("'here'", (), ("main", "best")), "here")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (["config.json", "model.safetensors", "optimizer.pt"], None),
        (["config.json", *(f"model-0000{n}-of-00002.safetensors" for n in (1, 2))], None),
        (["config.json", "model-00002-of-00002.safetensors"], "lacks 'model-00001-of-00002.safet"),
        (["config.json", "model.safetensors", "model-00002-of-00002.safetensors"], None),
        (["adapter_config.json", "adapter_model.safetensors"], None),
        (["config.json", "adapter_config.json", "adapter_model.safetensors"], None),
        (["config.json", "adapter_config.json"], "has no weights"),
        (["config.json", "pytorch_model.bin"], r"only pickled weights \(pytorch_model.bin\)"),
        (["adapter_config.json", "adapter_model.bin"], r"only pickled weights \(adapter_model.bin"),
        (["config.json"], "has no weights"),
        ([], "has no weights"),
        (["adapter_config.json"], "has no weights"),
        (["config.json", "adapter_model.safetensors"], "has no weights"),
        (
            ["optimizer.pt", "scheduler.pt", "training_args.bin"],
            "state of a trainer but no weights",
        ),
        (["optimizer.bin", "config.json"], "state of a trainer but no weights"),
        (["model.safetensors"], "neither config.json nor adapter_config.json"),
        (["adapter_model.safetensors"], "has no weights"),
    ],
)
def test_what_names_of_files_say(files: list[str], reason: str | None) -> None:
    said = lacking("step-1", files)
    if reason is None:
        assert said is None
    else:
        assert said is not None and "'step-1'" in said and re.search(reason, said)
