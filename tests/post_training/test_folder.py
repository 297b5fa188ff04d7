"""What a finished training leaves: adapters and nothing else, which change adapters and nothing
else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.support.recipes import DPO, SFT, aligned, files_of, write_recipe
from tests.support.toys import save_tiny

pytestmark = pytest.mark.usefixtures("one_thread")
CHECKPOINT = {"adapter_config.json", "adapter_model.safetensors", "chat_template.jinja"}


def test_a_folder_holds_adapters_records_and_nothing_more(work: Path) -> None:
    out = work / "out"
    assert {path.name for path in out.iterdir()} == {
        *(".lock", "align.json", "recipe.toml", "held_out.jsonl", "sft", "dpo")
    }
    names = [f"sft/checkpoint-{step}" for step in range(1, 5)]
    names += [f"dpo/checkpoint-{step}" for step in range(1, 6)]
    assert {str(path.relative_to(out)) for path in out.rglob("checkpoint-*")} == set(names)
    for name in names:
        assert {path.name for path in (out / name).iterdir()} == CHECKPOINT
    assert {path.suffix for path in out.rglob("*") if path.is_file()} == {
        *("", ".json", ".toml", ".jsonl", ".safetensors", ".jinja", ".parquet")
    }


def test_no_file_names_a_place_of_the_machine(base: Path, work: Path) -> None:
    for name, content in files_of(work / "out").items():
        for place in (base, work, Path.home()):
            assert str(place).encode() not in content, name
    config = json.loads((work / "out/dpo/checkpoint-5/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == base.name


def test_only_the_adapter_changes(base: Path, work: Path, tmp_path: Path) -> None:
    """The base's files are not touched, and all that is stored are matrices of LoRA."""
    assert digests(base) == digests(save_tiny(tmp_path))
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    matrices = {name for name, one in model.named_modules() if isinstance(one, torch.nn.Linear)} - {
        "lm_head"
    }
    stored = load_file(work / "out/dpo/checkpoint-5/adapter_model.safetensors")
    assert set(stored) == {
        f"base_model.model.{name}.lora_{side}.weight" for name in matrices for side in "AB"
    }
    sft = load_file(work / "out/sft/checkpoint-4/adapter_model.safetensors")
    assert all(not torch.equal(stored[name], sft[name]) for name in stored)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file()
    }


def test_held_out_pairs_are_those_that_were_not_trained_on(work: Path) -> None:
    held = [json.loads(line) for line in (work / "out/held_out.jsonl").read_text().splitlines()]
    pairs = [json.loads(line) for line in (work / "pairs.jsonl").read_text().splitlines()]
    known = {one["id"]: one for one in pairs}
    assert len(held) == 2
    assert all(one == known[one["id"]] for one in held)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rounded_checkpoints_are_the_exact_ones_rounded(
    dtype: str, base: Path, work: Path, tmp_path: Path
) -> None:
    """Of SFT: DPO then begins at what is on disk."""
    recipe = write_recipe(tmp_path, base, adapter={"dtype": dtype}, sft=SFT)
    aligned(recipe, tmp_path / "out")
    exact = load_file(work / "out/sft/checkpoint-4/adapter_model.safetensors")
    found = load_file(tmp_path / "out/sft/checkpoint-4/adapter_model.safetensors")
    assert found.keys() == exact.keys()
    for name, one in exact.items():
        assert found[name].dtype == getattr(torch, dtype)
        assert torch.equal(found[name], one.to(found[name].dtype))


@pytest.mark.parametrize(("dtype", "rate"), [("float16", 1e-6), ("bfloat16", 1e-5)])
def test_a_precision_that_loses_what_was_learnt_is_said(
    dtype: str, rate: float, base: Path, tmp_path: Path
) -> None:
    """Small changes of large weights, as of DPO after SFT: how far a checkpoint is from the exact
    one, by the products of its matrices. SFT changes all from 0, which half precision holds."""
    dpo = {**DPO, "learning_rate": rate, "checkpoints": [1, 5]}
    learnt = {}
    for kind in ("float32", dtype):
        recipe = write_recipe(tmp_path, base, adapter={"dtype": kind}, sft=SFT, dpo=dpo)
        _, said = aligned(recipe, tmp_path / kind)
        at = tmp_path / kind
        before, after = (products(at / name) for name in ("sft/checkpoint-4", "dpo/checkpoint-1"))
        learnt[kind] = torch.cat([(after[one] - before[one]).flatten() for one in after])
        assert ("DPO: in checkpoint 1 the error of" in said) == (kind == dtype)
    lost = float((learnt[dtype] - learnt["float32"]).norm() / learnt["float32"].norm())
    assert lost > 0.5
    share = float(said.split(f"the error of {dtype} is ")[1].split("%")[0]) / 100
    # Both begin at another SFT checkpoint: the exact one, and the rounded one.
    assert share == pytest.approx(lost, abs=0.05)
    assert "SFT: in checkpoint" not in said


def products(checkpoint: Path) -> dict[str, torch.Tensor]:
    held = load_file(checkpoint / "adapter_model.safetensors")
    return {
        name: one.double() @ held[name.replace("lora_B", "lora_A")].double()
        for name, one in held.items()
        if "lora_B" in name
    }


def test_samples_in_one_pass_or_one_by_one(base: Path, work: Path, tmp_path: Path) -> None:
    """`together` decides about time and rounding, about nothing else."""
    recipe = write_recipe(
        tmp_path,
        base,
        sft={**SFT, "checkpoints": [1, 4]},
        dpo={**DPO, "checkpoints": [1, 5]},
        machine={"together": 5},
    )
    aligned(recipe, tmp_path / "out")
    for name in ("sft/checkpoint-1", "sft/checkpoint-4", "dpo/checkpoint-1", "dpo/checkpoint-5"):
        one = load_file(work / "out" / name / "adapter_model.safetensors")
        other = load_file(tmp_path / "out" / name / "adapter_model.safetensors")
        for key in one:
            assert torch.allclose(one[key], other[key], rtol=0, atol=2e-5), (name, key)
