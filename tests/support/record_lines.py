"""Lines of records as people write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OWN = {"prompt": "Alice offers 10.", "options": ["accept", "reject"], "choice": "accept"}
GAME = {
    "schema": 1,
    "kind": "game",
    "id": "g",
    "dataset": "mine",
    "family": "repeated_matrix",
    "rules": {"rounds": 2},
    "events": [{"type": "moves", "round": 1, "choice": "a", "seen": {"row": 1}}],
    "person": {},
    "config": {},
}
PLAYED = {"id": "g/r1", "game": "g", "at": 1, "options": ["a", "b"], "choice": "b"}


def write_lines(path: Path, *lines: Any) -> Path:
    path.write_text(
        "".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines), "utf-8"
    )
    return path
