"""Whether a model is on this machine, told without asking anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.no_network import refuse_network
from tests.support.toys import save_tiny
from tremble.models.open import source_of
from tremble.models.spec import ModelSpec

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_network(monkeypatch)


def here(name: str, revision: str | None = None) -> tuple[str, int, bool] | None:
    found = source_of(name).here(ModelSpec(name, revision))
    return None if found is None else (found.spec.id, found.stored, found.packed)


def test_a_made_up_model_is_everywhere() -> None:
    assert here("mock:a") == ("mock:a", 0, False)


def test_a_folder_is_here_with_its_weights(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    size = (folder / "model.safetensors").stat().st_size
    assert here(str(folder)) == (str(folder), size, False)
    (folder / "model.safetensors").write_bytes(b"cut")
    assert here(str(folder)) is None
    assert here(str(tmp_path / "none")) is None


def test_a_gguf_file_is_here_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF" * 5)
    assert here(str(path)) == (str(path), 20, True)
    assert here(str(tmp_path / "b.gguf")) is None


def test_an_embedded_model_is_here_if_its_wheel_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert here("embedded/gemma-3-270m") is None
    assert here("embedded/unheard-of") is None


def test_a_model_of_the_hub_is_here_once_all_of_it_is_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert here("acme/tiny") is None
    folder = tmp_path / "models--acme--tiny"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    snapshot = folder / "snapshots" / COMMIT
    save_tiny(snapshot)
    size = (snapshot / "model.safetensors").stat().st_size
    for name, revision in (("acme/tiny", None), ("acme/tiny@main", None), ("acme/tiny", COMMIT)):
        assert here(name, revision) == (str(snapshot), size, False)
    assert here("acme/tiny", "other") is None
    # As `tremble plan` leaves it: configuration and tokenizer, no weights.
    (snapshot / "model.safetensors").unlink()
    assert here("acme/tiny") is None
    assert here("no such\nname at all") is None
