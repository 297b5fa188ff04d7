"""Decisions for the tests that look at one closely."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tremble.xray.decision import look_at
from tremble.xray.request import Request

PROMPT = "Alice <script>alert(1)</script> offers 10. [/red] Caf\u00e9 \u4f60\n\nYou may: \x1b[31m!"
OWN = {
    "id": "game-1/alice",
    "prompt": PROMPT,
    "system": "A market.",
    "options": [{"key": "zebra", "label": "yes"}, {"key": "yak", "label": "yes please"}],
    "choice": "zebra",
}
OTHER = {"id": "game-1/bob", "prompt": "Bob?", "options": ["accept", "reject"], "choice": "reject"}
LONG = {**OTHER, "id": "game-2", "prompt": "\n".join(f"Round {n}: J." for n in range(1, 101))}


def look(where: Path | str, id_: str, *models: str, **more: Any) -> dict[str, Any]:
    found = look_at(Request(str(where), id_, models, **more), lambda _: None)
    return json.loads(json.dumps(found, allow_nan=False))  # what --json prints
