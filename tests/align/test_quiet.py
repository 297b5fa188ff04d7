"""A training asks nobody and tells nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.no_network import refuse_network
from tests.support.recipes import DPO, SFT, aligned, write_recipe

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


def test_the_hub_package_is_told_whenever_it_was_imported() -> None:
    code = """
import huggingface_hub
from tremble.align.trainers import check_installed
check_installed()
from huggingface_hub import constants
import os
assert constants.HF_HUB_DISABLE_TELEMETRY
assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
"""
    env = {name: one for name, one in os.environ.items() if name != "HF_HUB_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
