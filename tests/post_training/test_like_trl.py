"""Training here is training by TRL: the same losses at every step, and the same adapter at the end,
though texts that are shared are computed once and one sample is in a pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.toys import bpe_tokenizer, tiny_model
from tremble.post_training.recipe import AdapterRecipe, StageRecipe
from tremble.post_training.samples import IGNORED, Sample
from tremble.post_training.saving import State
from tremble.tasks.task_file import Item

torch = pytest.importorskip("torch", reason="trains a model")
peft = pytest.importorskip("peft", reason="the adapter is one of PEFT")
trl = pytest.importorskip("trl", reason="it is what training is compared with")

STEPS, BATCH, SEED, RATE = 4, 3, 7, 2e-3
LOSSES = ("sigmoid", "ipo", "hinge", "robust")


def drawn(sides: int) -> list[Sample]:
    """Samples of random ids; the answers of some pairs begin alike."""
    draw = np.random.default_rng(3)
    made = []
    for number in range(STEPS * BATCH):
        prompt, *answers = (
            tuple(draw.integers(2, 400, draw.integers(3, 20)).tolist()) for _ in range(sides + 1)
        )
        if sides == 2 and number % 3 == 0:
            answers[1] = answers[0][:2] + answers[1]
        item = Item(str(number), str(number), (("user", "?"),), ("!",) * sides)
        made.append(Sample(item, prompt, tuple(answers)))
    return made


def stage(loss: str | None) -> StageRecipe:
    asked = ("data.jsonl", None, 0, STEPS, 1, BATCH, RATE, "linear", 0.0, (STEPS,))
    if loss is None:
        return StageRecipe("sft", *asked)
    return StageRecipe("dpo", *asked, 0.3, loss, False)


def reference(model: Any, order: list[Sample]) -> Any:
    """The log-probabilities of each answer, in a pass of its own."""
    found = []
    with torch.no_grad():
        for one in order:
            for answer in one.answers:
                logits = model(torch.tensor([[*one.prompt, *answer]])).logits[0].double()
                logs = logits.log_softmax(-1)[len(one.prompt) - 1 : -1]
                found.append(float(logs[range(len(answer)), list(answer)].sum()))
    return np.array(found).reshape(len(order), -1)


def ours(order: list[Sample], loss: str | None, folder: Path) -> tuple[list[float], Any]:
    from safetensors.torch import load_file

    from tremble.post_training.trainers import StageJob, train

    model = tiny_model("Gemma3")
    known = None if loss is None else reference(model, order)
    adapter = AdapterRecipe(4, 8, 0.0, ("all-linear",), "float32")
    out, state = folder / "out", State(folder / "state")
    where = (known, STEPS, (STEPS,), out, state, None, "tiny", None, "cpu", 1)
    job = StageJob(stage(loss), adapter, SEED, order, *where, lambda *_: None)
    made = train(job, model, bpe_tokenizer())
    assert made.path == "packed", made.why_plain
    weights = load_file(out / f"checkpoint-{STEPS}" / "adapter_model.safetensors")
    return [one["loss"] for one in made.history], weights


def theirs(order: list[Sample], loss: str | None, folder: Path) -> tuple[list[float], Any]:
    """By TRL alone, which computes its reference in every step."""
    from datasets import Dataset
    from transformers import set_seed

    settings: dict[str, Any] = {
        "output_dir": str(folder / "theirs"),
        "max_steps": STEPS,
        "per_device_train_batch_size": BATCH,
        "train_sampling_strategy": "sequential",
        "learning_rate": RATE,
        "lr_scheduler_type": "linear",
        "max_length": None,
        "bf16": False,
        "gradient_checkpointing": False,
        "use_cpu": True,
        "seed": SEED,
        "save_strategy": "no",
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "remove_unused_columns": False,
    }
    if loss is None:
        args = trl.SFTConfig(**settings, dataset_kwargs={"skip_prepare_dataset": True})
        rows = [
            {
                "input_ids": [*one.prompt, *one.answers[0]],
                "labels": [IGNORED] * len(one.prompt) + list(one.answers[0]),
            }
            for one in order
        ]
    else:
        smoothing = 0.1 if loss == "robust" else 0.0
        args = trl.DPOConfig(**settings, beta=0.3, loss_type=[loss], label_smoothing=smoothing)
        names = ("prompt_ids", "chosen_ids", "rejected_ids")
        rows = [
            dict(zip(names, map(list, (one.prompt, *one.answers)), strict=True)) for one in order
        ]

    class Plain(trl.SFTTrainer if loss is None else trl.DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    set_seed(SEED)
    lora = peft.LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    trainer = Plain(
        model=tiny_model("Gemma3"),
        args=args,
        train_dataset=Dataset.from_list(rows),
        processing_class=bpe_tokenizer(),
        peft_config=lora,
    )
    trainer.train()
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    return losses, peft.get_peft_model_state_dict(trainer.model)


@pytest.mark.parametrize("loss", [*LOSSES, None])
def test_every_loss_and_the_adapter_are_those_of_trl(loss: str | None, tmp_path: Path) -> None:
    order = drawn(1 if loss is None else 2)
    losses, weights = ours(order, loss, tmp_path)
    expected, others = theirs(order, loss, tmp_path)
    assert len(expected) == STEPS
    assert len({round(one, 2) for one in expected}) > 1  # it does learn something
    assert losses == pytest.approx(expected, abs=1e-5, rel=1e-5)
    assert weights.keys() == others.keys()
    moved = max(float(one.abs().max()) for name, one in others.items() if "lora_B" in name)
    apart = max(float((weights[name] - one).abs().max()) for name, one in others.items())
    assert moved > 1e-3
    assert apart < 2e-5
