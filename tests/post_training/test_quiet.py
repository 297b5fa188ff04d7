"""A training asks nobody and tells nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.support.no_network import refuse_network
from tests.support.recipes import DPO, SFT, aligned, write_recipe
from tremble.post_training.trainers import check_installed

pytestmark = pytest.mark.usefixtures("one_thread")


def test_no_network_and_no_telemetry(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the hub's package has long been imported, and outside of a CI, where TRL would
    speak."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY", raising=False)
    sent = []
    monkeypatch.setattr("trl.trainer.base_trainer.send_telemetry", lambda *_, **__: sent.append(1))
    refuse_network(monkeypatch)
    recipe = write_recipe(tmp_path, base, sft={**SFT, "steps": 1}, dpo={**DPO, "steps": 1})
    aligned(recipe, tmp_path / "out")
    assert sent == []


def test_the_hub_package_is_told_though_it_was_imported_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It reads the variable as it is imported, and a tokenizer has long done that."""
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    check_installed()
    assert constants.HF_HUB_DISABLE_TELEMETRY is True
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
