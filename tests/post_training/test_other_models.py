"""Models of which a batch cannot be one row, and of other kinds: they train right all the same."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import torch

from tests.support.answer_logs import logs, model_at
from tests.support.commands import tremble
from tests.support.recipes import DPO, SFT, aligned, demonstrations, write_lines, write_recipe
from tests.support.toys import save_tiny
from tremble.post_training import reference, run
from tremble.post_training.order import in_training
from tremble.post_training.recipe import read_recipe
from tremble.post_training.run import look_at

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("architecture", "targets", "path"),
    [
        ("RecurrentGemma", ["q_proj", "linear_y"], "plain"),  # a state beside attention
        ("GptOss", ["q_proj", "v_proj"], "plain"),  # attention with sinks
        ("GPT2", ["c_attn"], "packed"),  # with dropout of its own in training
    ],
)
def test_losses_are_right_whatever_the_way(
    architecture: str, targets: list[str], path: str, tmp_path: Path
) -> None:
    """Of the first step, with several rows in a pass: by hand, as a mean over answer tokens, and
    log 2."""
    base = save_tiny(tmp_path / "model", architecture)
    settings = json.loads((base / "config.json").read_text())
    for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
        if architecture == "GPT2":
            settings[name] = 0.0
    (base / "config.json").write_text(json.dumps(settings))
    recipe = write_recipe(
        tmp_path / "work",
        base,
        adapter={"targets": targets},
        sft={**SFT, "batch": 4, "steps": 2},
        dpo={**DPO, "steps": 2},
        machine={"together": 2},
    )
    _, said = aligned(recipe, tmp_path / "out")
    record = json.loads((tmp_path / "out/align.json").read_text())
    for done in record["stages_done"].values():
        assert done["path"] == path
        assert (done["why_plain"] is None) == (path == "packed")
        assert path == "packed" or done["why_plain"] in said
    steps = pl.read_parquet(tmp_path / "out/dpo/steps.parquet")
    assert steps["loss"][0] == pytest.approx(0.6931472, abs=2e-6)
    assert steps["loss"][1] < steps["loss"][0]
    first = first_sft_loss(recipe, base, 4)
    found = pl.read_parquet(tmp_path / "out/sft/steps.parquet")
    assert found["loss"][0] == pytest.approx(first, abs=5e-6)


def test_the_same_sample_twice_hides_no_state(tmp_path: Path) -> None:
    """A batch over more than one pass has its longest sample twice; as one row that is one text,
    which a recurrent model reads right."""
    base = save_tiny(tmp_path / "model", "RecurrentGemma")
    (tmp_path / "work").mkdir()
    write_lines(tmp_path / "work/seed.jsonl", demonstrations(3))
    recipe = write_recipe(
        tmp_path / "work",
        base,
        adapter={"targets": ["q_proj", "linear_y"]},
        sft={**SFT, "batch": 6, "steps": 1},
        machine={"together": 2},
    )
    aligned(recipe, tmp_path / "out")
    found = pl.read_parquet(tmp_path / "out/sft/steps.parquet")["loss"][0]
    assert found == pytest.approx(first_sft_loss(recipe, base, 6), abs=5e-6)


@pytest.mark.parametrize("together", [1, 4])
def test_positions_are_those_of_each_answer_alone(together: int, tmp_path: Path) -> None:
    """From 56 tokens on, LongRoPE turns all positions by other angles; most pairs have an answer on
    either side. With a learning rate of nearly nothing, every loss is log 2."""
    base = save_tiny(tmp_path / "model")
    settings = json.loads((base / "config.json").read_text())
    few = settings["head_dim"] // 2
    settings["rope_parameters"] = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "factor": 8.0,
        "short_factor": [1.0] * few,
        "long_factor": [4.0] * few,
        "original_max_position_embeddings": 55,
    }
    (base / "config.json").write_text(json.dumps(settings))
    recipe = write_recipe(
        tmp_path / "work",
        base,
        dpo={**DPO, "batch": 4, "learning_rate": 1e-12},
        machine={"together": together},
    )
    aligned(recipe, tmp_path / "out")
    steps = pl.read_parquet(tmp_path / "out/dpo/steps.parquet")
    assert steps["loss"].to_list() == pytest.approx([0.6931472] * 5, abs=2e-6)
    assert steps["margin"].to_list() == pytest.approx([0.0] * 5, abs=4e-6)


@pytest.mark.parametrize(("loss", "first"), [("sigmoid", 0.6931472), ("ipo", 25.0), ("hinge", 1.0)])
def test_dropout_inside_of_functions_is_off_in_dpo(loss: str, first: float, tmp_path: Path) -> None:
    """Of attention, which is no module of its own. At the reference the losses are log 2,
    (1 / (2 beta))^2 and 1."""
    base = save_tiny(tmp_path / "model")
    settings = json.loads((base / "config.json").read_text())
    settings["attention_dropout"] = 0.3
    (base / "config.json").write_text(json.dumps(settings))
    recipe = write_recipe(tmp_path / "work", base, dpo={**DPO, "steps": 2, "loss": loss})
    aligned(recipe, tmp_path / "out")
    steps = pl.read_parquet(tmp_path / "out/dpo/steps.parquet")
    assert steps["loss"][0] == pytest.approx(first, rel=2e-6)


@pytest.mark.parametrize("loss", ["ipo", "hinge"])
def test_a_reference_of_another_model_is_noticed(
    loss: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = reference.reference_of
    monkeypatch.setattr(run, "reference_of", lambda *given: right(*given) - [0.0, 0.5])
    recipe = write_recipe(tmp_path / "work", base, dpo={**DPO, "steps": 2, "loss": loss})
    code, _, said = tremble("align", recipe, "--out", tmp_path / "out")
    assert code == 1 and "0.5 nat" in said and "reference" in said
    assert not list((tmp_path / "out").rglob("checkpoint-*"))


def test_precision_and_batch_are_not_those_of_the_environment(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `accelerate launch` sets it, and where there are several devices."""
    import transformers

    whole = transformers.TrainingArguments.__post_init__

    def with_two(self: transformers.TrainingArguments) -> None:
        whole(self)
        self._n_gpu = 2

    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setattr(transformers.TrainingArguments, "__post_init__", with_two)
    recipe = write_recipe(tmp_path / "work", base, sft={**SFT, "steps": 2})
    aligned(recipe, tmp_path / "out")
    steps = pl.read_parquet(tmp_path / "out/sft/steps.parquet")
    assert steps["loss"][0] == pytest.approx(first_sft_loss(recipe, base, 3), abs=2e-6)


def first_sft_loss(recipe: Path, base: Path, batch: int) -> float:
    known = look_at(read_recipe(str(recipe)), print)
    order = in_training(known.samples[0].training, batch, known.recipe.seed)
    model = model_at(base, None, torch.float32)
    return -float(torch.cat([logs(model, one.prompt, one.answers[0]) for one in order]).mean())


def test_a_model_with_dropout_of_its_own_begins_dpo_at_log_2(tmp_path: Path) -> None:
    """DPO goes without any dropout, as the reference does: of the model, and of the adapter."""
    base = save_tiny(tmp_path / "model", "GPT2")
    settings = json.loads((base / "config.json").read_text())
    assert settings["resid_pdrop"] > 0
    recipe = write_recipe(
        tmp_path / "work",
        base,
        adapter={"targets": ["c_attn"], "dropout": 0.3},
        dpo={**DPO, "steps": 2},
    )
    aligned(recipe, tmp_path / "out")
    steps = pl.read_parquet(tmp_path / "out/dpo/steps.parquet")
    assert steps["loss"][0] == pytest.approx(0.6931472, abs=2e-6)
