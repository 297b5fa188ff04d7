"""What a series costs, asked before anything of it is downloaded."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from huggingface_hub import constants, snapshot_download

from tests.support.checkpoints import branch, bytes_of, checkpoint
from tests.support.fake_hub import FakeHub
from tremble.checkpoints.cost import Cost, cost_of
from tremble.checkpoints.series import Series
from tremble.checkpoints.sources import series_of

NAME = "them/series"


def series(source: str, base: str | None = None) -> Series:
    return series_of(source, base, lambda note: None)


def test_a_thousand_branches(hub: FakeHub, tiny: Path) -> None:
    """As many requests as for ten, and no weights."""
    asked = []
    for number in (10, 1000):
        for step in range(len(hub.revisions), number):
            branch(hub, NAME, f"step{step * 1000}-tokens{step}B")
        hub.asked.clear()
        start = time.monotonic()
        found = series(f"{NAME}@step*")
        cost = cost_of(found)
        took = time.monotonic() - start
        assert [one.step for one in found.checkpoints] == [step * 1000 for step in range(number)]
        size = bytes_of(tiny)
        assert cost == Cost(number, number, size, size * number, number)
        # The hub's library asks things of its own, once a process.
        asked.append([path for path in hub.asked if NAME in path])
    assert took < 10
    assert len(asked[0]) == len(asked[1]) == 6  # branches, access, files of both ends twice
    assert hub.served == []


def test_what_is_here_is_not_downloaded_again(hub: FakeHub, tiny: Path) -> None:
    for step in (1, 2, 3):
        branch(hub, NAME, f"step{step}")
    snapshot_download(NAME, revision="step1")
    cost = cost_of(series(f"{NAME}@step*"))
    assert cost == Cost(3, 2, bytes_of(tiny), 2 * bytes_of(tiny), 3)


def test_the_larger_of_two_sizes_counts(hub: FakeHub, tiny: Path, tmp_path: Path) -> None:
    large = Path(shutil.copytree(tiny, tmp_path / "large"))
    (large / "more.json").write_bytes(b" " * 1000)
    for name in ("consolidated.safetensors", "optimizer.pt"):  # which nobody reads
        (large / name).write_bytes(b" " * 5000)
    for step, folder in ((1, None), (2, None), (3, large)):
        branch(hub, NAME, f"step{step}", folder)
    size = bytes_of(tiny) + 1000
    assert cost_of(series(f"{NAME}@step*")) == Cost(3, 3, size, 3 * size, 3)
    hub.revisions[NAME, "step1"], hub.revisions[NAME, "step3"] = (
        hub.revisions[NAME, "step3"],
        hub.revisions[NAME, "step1"],
    )
    assert cost_of(series(f"{NAME}@step*")) == Cost(3, 3, size, 3 * size, 3)


def test_a_hub_that_does_not_say_what_a_series_costs(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2):
        branch(hub, NAME, f"step{step}")
    found = series(f"{NAME}@step*")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert cost_of(found) == Cost(2, 2, None, None, 2)


def test_what_a_series_on_this_machine_costs(tmp_path: Path, tiny: Path, lora: Path) -> None:
    for step in (1, 2, 3):
        checkpoint(tmp_path / "whole" / f"checkpoint-{step}", tiny)
        checkpoint(tmp_path / "lora" / f"checkpoint-{step}", lora)
    assert cost_of(series(str(tmp_path / "whole"))) == Cost(3, 0, 0, 0, 3)
    assert cost_of(series(str(tmp_path / "whole"), str(tiny))) == Cost(3, 0, 0, 0, 4)
    assert cost_of(series(str(tmp_path / "lora"))) == Cost(3, 0, 0, 0, 1)


def test_adapters_on_two_models_are_two_loads(tmp_path: Path, tiny: Path, lora: Path) -> None:
    """However the path of one is written."""
    shutil.copytree(tiny, tmp_path / "merged")
    entry = '[[checkpoint]]\nmodel = "step_{}"\nbase = "{}"\n'
    for step in (1, 2):
        checkpoint(tmp_path / f"step_{step}", lora)
    path = tmp_path / "series.toml"
    path.write_text(entry.format(1, f"{tiny}/../{tiny.name}") + entry.format(2, "merged"))
    assert cost_of(series(str(path), str(tiny))).loads == 2
