"""A tiny model, and trainings on it that many tests read and none changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.recipes import ADAPTER, DPO, SFT, aligned, write_recipe
from tests.support.toys import save_tiny

EVERY = [1, 2, 3, 4]


@pytest.fixture(autouse=True)
def quick(untried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state after every step, so that there is one to go on from in trainings of seconds."""
    from tremble.post_training import trainers

    monkeypatch.setattr(trainers, "STATE_SECONDS", 0.0, raising=True)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def work(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`recipe.toml` of both stages, with its data and `out`, its training: a checkpoint after every
    step, nothing rounded."""
    folder = tmp_path_factory.mktemp("work")
    recipe = write_recipe(
        folder,
        base,
        adapter=ADAPTER,
        sft={**SFT, "checkpoints": EVERY},
        dpo={**DPO, "checkpoints": [*EVERY, 5]},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tremble.prompts.chat.why_not", lambda *_: None)
        aligned(recipe, folder / "out")
    yield folder
