"""A hub that this machine imitates, and a file that stands for a GGUF model, each with a cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.conversions import stub
from tests.support.fake_hub import FakeHub, fake_hub
from tests.support.toys import save_tiny


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def hub(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    from huggingface_hub import constants

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with fake_hub() as found:
        monkeypatch.setattr(constants, "ENDPOINT", found.url)
        template = found.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        for seed, name in enumerate(("them/one", "them/two", "them/three")):
            found.models[name] = save_tiny(tmp_path / name, seed=seed)
        yield found


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands for a model, with a cache and a stub converter."""
    monkeypatch.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
    stub(tmp_path, monkeypatch)
    path = tmp_path / "Tiny-F32.gguf"
    path.write_bytes(b"GGUF")
    return path
