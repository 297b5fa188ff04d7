"""Tremble's own engine with its layers compiled; compiling is outside the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PACKAGE = "tremble"
INSTALL = 'pip install "tremble[torch]"'
VERSIONS = ("tremble", "torch", "transformers")
IN_FULL = True
DUPLICATES = "once"


def load(job: dict[str, Any]) -> Callable[[list[dict[str, Any]]], Any]:
    from tremble.bench.peers.tremble import scorer

    return scorer(job, "transformers", compile=True)
