"""kill -9 at any moment, and what the next runs make of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.killed_trainings import Trainings
from tests.support.recipes import DPO, SFT, files_of, write_recipe

KILLED = 9
# In the order in which an undisturbed run comes by; a file that is left is half written, of `step`
# the optimizer has not been asked.
MOMENTS = (
    r"rename \.align\.json",
    r"open \.recipe\.toml",
    r"rename \.held_out\.jsonl",
    r"half sft/\.checkpoint-1\.tmp/adapter_model",
    r"rename sft/\.checkpoint-1",
    r"mkdir \.state/sft/\.step-1",  # between a checkpoint and its state
    r"half \.state/sft/\.step-1\.tmp/optimizer",
    r"step",
    r"rmdir \.state/sft/\.step-1",
    r"open sft/\.checkpoint-3\.tmp/adapter_config",
    r"half \.state/sft/\.step-4\.tmp/rng_state",
    r"rename sft/\.steps\.parquet",
    r"rename \.align\.json",  # the stage is not done yet
    r"rename \.state/sft",  # or is, and its state is there still
    r"rename dpo/\.reference\.parquet",
    r"half \.state/dpo/\.step-1\.tmp/adapter_model",
    r"rename dpo/\.checkpoint-2",
    r"rename \.state/dpo/\.step-2",
    r"open \.state/dpo/\.step-3\.tmp/trainer_state",
    r"rename \.align\.json",
    r"rmdir \.state/\.dpo",
)


@pytest.fixture(scope="module")
def recipe(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With dropout, so that what is drawn has to go on where it stopped."""
    return write_recipe(
        tmp_path_factory.mktemp("killed"),
        base,
        adapter={"dropout": 0.1},
        sft={**SFT, "checkpoints": [1, 3]},
        dpo={**DPO, "steps": 4, "checkpoints": [2]},
    )


@pytest.fixture(scope="module")
def trainings(recipe: Path) -> Iterator[Trainings]:
    with Trainings(recipe) as found:
        yield found


@pytest.fixture(scope="module")
def whole(recipe: Path, trainings: Trainings) -> Path:
    out = recipe.parent / "whole"
    assert trainings.run(out, log=recipe.parent / "whole.log") == 0
    return out


def test_after_twenty_kills_all_is_as_if_there_had_been_none(
    recipe: Path, trainings: Trainings, whole: Path
) -> None:
    """Every run goes on where the one before was killed, and is killed a little later."""
    assert len(MOMENTS) > 20
    out = recipe.parent / "killed"
    for where in MOMENTS:
        assert trainings.run(out, where, 1) == KILLED, where
        check_whole(out)
    assert trainings.run(out) == 0
    assert files_of(out) == files_of(whole)
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}


def check_whole(out: Path) -> None:
    """What has the name of a checkpoint is one, or is not seen."""
    for folder in out.glob("*/checkpoint-*"):
        assert {one.name for one in folder.iterdir()} == {
            "adapter_config.json",
            "adapter_model.safetensors",
            "chat_template.jinja",
        }
