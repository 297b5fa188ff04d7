"""Models of which a batch cannot be one row, and of other kinds: they train right all the same."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import torch

from tests.support.answer_logs import logs, model_at
from tests.support.recipes import DPO, SFT, aligned, write_recipe
from tests.support.toys import save_tiny
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
