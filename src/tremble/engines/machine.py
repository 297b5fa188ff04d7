"""The machine that passes run on, as far as their times depend on it."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import Any


def machine(device: Any) -> dict[str, Any]:
    """Its `processor`, the `threads` that torch uses, and the `device`: "cpu", or the name of a
    GPU. Models have equal costs where all of it is equal."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {"processor": processor(), "threads": torch.get_num_threads(), "device": name}


@cache
def processor() -> str:
    """The processor by name, as the system knows it."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int | None:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
