"""What is said of a machine, against what the system says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from tremble.engines.machine import cores, machine


@pytest.mark.usefixtures("one_thread")
def test_a_machine_is_its_processor_threads_and_device() -> None:
    found = machine(torch.device("cpu"))
    assert (found["threads"], found["device"]) == (1, "cpu")
    info = Path("/proc/cpuinfo")
    if info.exists() and "model name" in info.read_text():
        assert f": {found['processor']}\n" in info.read_text()
    assert found["processor"]
    assert 1 <= (cores() or 1) <= (os.cpu_count() or 1)
