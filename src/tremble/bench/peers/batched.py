"""The reference with eight prompts of like length in a pass, padded on the right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PACKAGE = "tremble"
INSTALL = 'pip install "tremble[torch]"'
VERSIONS = ("tremble", "torch", "transformers")
IN_FULL = False
DUPLICATES = "again"
BATCH = 8


def load(job: dict[str, Any]) -> Callable[[list[dict[str, Any]]], Any]:
    from tremble.bench.peers.tremble import scorer

    return scorer(job, "reference", BATCH)
