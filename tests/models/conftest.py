"""A hub that this machine imitates, and a file that stands for a GGUF model, each with a cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.conversions import stub
from tests.support.fake_hub import FakeHub, asked_of, fake_hub, no_hub
from tests.support.toys import save_tiny


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return no_hub(tmp_path, monkeypatch)


@pytest.fixture
def hub(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub() as found:
        asked_of(found, monkeypatch)
        for seed, name in enumerate(("them/one", "them/two", "them/three")):
            found.models[name] = save_tiny(tmp_path / name, seed=seed)
            if seed:  # a commit is that of one content, as on the hub
                found.revisions[name, "main"] = f"{seed:040x}"
        yield found


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands for a model, with a cache and a stub converter."""
    monkeypatch.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
    stub(tmp_path, monkeypatch)
    path = tmp_path / "Tiny-F32.gguf"
    path.write_bytes(b"GGUF")
    return path
