"""Tiny models that checkpoints are copies of, and a hub that this machine imitates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkpoints import trained_adapter
from tests.support.fake_hub import FakeHub, asked_of, fake_hub, no_hub
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
