"""What a training does, against plain passes of the model and a loop of a few lines."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import peft
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from tests.support.answer_logs import logs, logs_to_learn, model_at
from tests.support.recipes import ADAPTER, DPO, SFT, aligned, write_recipe
from tremble.post_training.order import in_training
from tremble.post_training.recipe import read_recipe
from tremble.post_training.run import look_at
from tremble.post_training.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")
WEIGHTS = "adapter_model.safetensors"


@cache
def batches(work: Path, stage: int) -> list[list[Sample]]:
    """The samples of each step of a stage."""
    known = look_at(read_recipe(str(work / "recipe.toml")), print)
    asked, steps = known.recipe.stages[stage], known.steps[stage]
    order = in_training(known.samples[stage].training, steps * asked.batch, known.recipe.seed)
    return [order[at : at + asked.batch] for at in range(0, len(order), asked.batch)]


def test_sft_loss_is_the_mean_over_the_tokens_of_answers(base: Path, work: Path) -> None:
    steps = pl.read_parquet(work / "out/sft/steps.parquet")
    for number, batch in enumerate(batches(work, 0)):
        before = work / f"out/sft/checkpoint-{number}" if number else None
        model = model_at(base, before)
        all_tokens = torch.cat([logs(model, one.prompt, one.answers[0]) for one in batch])
        # A float32 of this size has a rounding of 2e-7 to 5e-7.
        assert steps["loss"][number] == pytest.approx(-float(all_tokens.mean()), abs=1.5e-6)


def test_dpo_loss_is_that_of_the_formula(base: Path, work: Path) -> None:
    """-log sigmoid(beta ((chosen - its reference) - (rejected - its reference))), the reference
    being the last adapter of SFT; the losses are float32."""
    reference = model_at(base, work / "out/sft/checkpoint-4")
    steps = pl.read_parquet(work / "out/dpo/steps.parquet")
    for number, batch in enumerate(batches(work, 1)):
        before = f"out/dpo/checkpoint-{number}" if number else "out/sft/checkpoint-4"
        model = model_at(base, work / before)
        losses, margins = [], []
        for one in batch:
            gains = [
                float((logs(model, one.prompt, answer) - logs(reference, one.prompt, answer)).sum())
                for answer in one.answers
            ]
            margins.append(0.1 * (gains[0] - gains[1]))
            losses.append(np.log1p(np.exp(-margins[-1])))
        assert steps["loss"][number] == pytest.approx(np.mean(losses), abs=1e-6)
        # A reward is a difference of sums of about 100 nat, which a float32 has to 8e-6 nat.
        assert steps["margin"][number] == pytest.approx(np.mean(margins), abs=4e-6)
    assert steps["loss"][0] == pytest.approx(np.log(2), abs=1e-6)
    assert steps["loss"][4] < 0.68  # it has learnt


def test_the_stored_reference_is_the_sft_adapter(base: Path, work: Path) -> None:
    reference = model_at(base, work / "out/sft/checkpoint-4")
    stored = pl.read_parquet(work / "out/dpo/reference.parquet")
    known = look_at(read_recipe(str(work / "recipe.toml")), print)
    assert stored["item"].to_list() == [one.item.id for one in known.samples[1].training]
    for one, row in zip(known.samples[1].training, stored.iter_rows(named=True), strict=True):
        sums = [float(logs(reference, one.prompt, answer).sum()) for answer in one.answers]
        assert [row["chosen"], row["rejected"]] == pytest.approx(sums, abs=2e-5)


class Loop:
    """A stage of training as the recipe asks for it, in a few lines: AdamW without decay, gradients
    cut to a norm of 1, a learning rate that falls in a line after `warmup` steps (here none)."""

    def __init__(self, model: Any, rate: float, steps: int) -> None:
        self.model, self.rate, self.steps, self.done = model, rate, steps, 0
        self.weights = [one for one in model.parameters() if one.requires_grad]
        self.adam = torch.optim.AdamW(self.weights, lr=rate, weight_decay=0.0)

    def step(self, loss: torch.Tensor) -> None:
        for group in self.adam.param_groups:
            group["lr"] = self.rate * (1 - self.done / self.steps)
        self.adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.adam.step()
        self.done += 1


def check_same(model: Any, checkpoint: Path, rate: float) -> None:
    """AdamW divides by the size of gradients, so where one is nearly zero its rounding moves a
    weight by a part of the learning rate."""
    own = peft.get_peft_model_state_dict(model)
    stored = load_file(checkpoint / WEIGHTS)
    assert own.keys() == stored.keys()
    differ = torch.cat([(own[name] - stored[name]).abs().flatten() for name in own])
    assert float(differ.mean()) < 1e-7
    assert float(differ.max()) < rate / 100


def test_a_plain_loop_makes_the_same_adapters(base: Path, work: Path) -> None:
    torch.manual_seed(3)
    config = peft.LoraConfig(
        r=ADAPTER["rank"], lora_alpha=ADAPTER["alpha"], target_modules="all-linear"
    )
    model = peft.get_peft_model(model_at(base, None, torch.float32), config)
    first = {name: one.clone() for name, one in model.named_parameters() if "lora_" not in name}
    sft = Loop(model, SFT["learning_rate"], SFT["steps"])
    for number, batch in enumerate(batches(work, 0), 1):
        tokens = torch.cat([logs_to_learn(model, one.prompt, one.answers[0]) for one in batch])
        sft.step(-tokens.mean())
        check_same(model, work / f"out/sft/checkpoint-{number}", sft.rate)
    samples = {id(one): one for batch in batches(work, 1) for one in batch}
    reference = {
        name: [logs(model, one.prompt, answer).sum() for answer in one.answers]
        for name, one in samples.items()
    }
    dpo = Loop(model, DPO["learning_rate"], DPO["steps"])
    for number, batch in enumerate(batches(work, 1), 1):
        losses = []
        for one in batch:
            chosen, rejected = (
                logs_to_learn(model, one.prompt, answer).sum() - known
                for answer, known in zip(one.answers, reference[id(one)], strict=True)
            )
            losses.append(-torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)))
        dpo.step(torch.stack(losses).mean())
        check_same(model, work / f"out/dpo/checkpoint-{number}", dpo.rate)
    held = dict(model.named_parameters())
    assert all(torch.equal(one, held[name]) for name, one in first.items())


def test_the_learning_rate_rises_and_falls_as_asked(work: Path) -> None:
    for stage, asked in (("sft", SFT), ("dpo", DPO)):
        steps, rate = asked["steps"], asked["learning_rate"]
        known = pl.read_parquet(work / f"out/{stage}/steps.parquet")
        expected = [rate * (1 - done / steps) for done in range(steps)]
        assert known["learning_rate"].to_list() == pytest.approx(expected, rel=1e-12)
        assert known["step"].to_list() == list(range(1, steps + 1))


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("linear", [1 / 3, 2 / 3, 1, 0.5]),
        ("constant", [1 / 3, 2 / 3, 1, 1]),
        ("cosine", [1 / 3, 2 / 3, 1, 0.5]),  # (1 + cos(pi / 2)) / 2
    ],
)
def test_a_rise_begins_above_0(
    schedule: str, factors: list[float], tmp_path: Path, base: Path
) -> None:
    """Half of four steps to rise in. A first step at 0 would make a checkpoint of the start."""
    asked = {**SFT, "warmup": 0.5, "schedule": schedule, "checkpoints": [1, 4]}
    recipe = write_recipe(tmp_path / "work", base, sft=asked)
    aligned(recipe, tmp_path / "out")
    known = pl.read_parquet(tmp_path / "out/sft/steps.parquet")["learning_rate"].to_list()
    assert known == pytest.approx([SFT["learning_rate"] * one for one in factors], rel=1e-12)
    tensors = load_file(tmp_path / "out/sft/checkpoint-1/adapter_model.safetensors")
    assert any(bool(one.any()) for name, one in tensors.items() if "lora_B" in name)


def test_the_record_names_what_decides_the_result(work: Path) -> None:
    record = json.loads((work / "out/align.json").read_text())
    assert record["optimizer"]["gradient_norm"] == 1.0
    assert record["optimizer"]["weight_decay"] == 0.0
