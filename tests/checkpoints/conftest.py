"""Tiny models that checkpoints are copies of, and a hub that this machine imitates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkpoints import trained_adapter
from tests.support.fake_hub import FakeHub, asked_of, fake_hub, no_hub
from tests.support.series_studies import STEPS, write_inputs
from tests.support.toys import save_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def lora(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("peft")
    return trained_adapter(tiny, tmp_path_factory.mktemp("lora"))


@pytest.fixture
def hub(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """With the repository `them/series`, whose branches are for tests to add."""
    no_hub(tmp_path, monkeypatch)
    with fake_hub() as found:
        asked_of(found, monkeypatch)
        found.models["them/series"] = tiny
        yield found


@pytest.fixture(scope="session")
def loras(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four adapters on one base; on the task of `write_inputs` they get better, the last little."""
    root = tmp_path_factory.mktemp("loras")
    peft = pytest.importorskip("peft")
    from tests.support.adapters import LORA, trained

    seeds, alphas = (1, 11, 5, 5), (8, 8, 8, 8.3)
    return [
        trained(tiny, root / str(step), peft.LoraConfig(**{**LORA, "lora_alpha": alpha}), seed)
        for step, alpha, seed in zip(STEPS, alphas, seeds, strict=True)
    ]


@pytest.fixture(scope="session")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("wholes")
    return [save_tiny(root / str(seed), seed=seed) for seed in (0, 1, 2, 3)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with decisions and a task."""
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
