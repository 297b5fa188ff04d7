"""Raw games of lowballm for the tests: made up, or those of the source named by TREMBLE_DATA."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

DATA = os.environ.get("TREMBLE_DATA")
needs_source = pytest.mark.skipif(
    not DATA, reason="TREMBLE_DATA is not set: the files of lowballm are not at hand"
)
Raw = dict[str, Any]
UNREAD = "Failed to parse JSON output"
SECRET = "a thought that nobody reads"
ROLE = {"seller": "Alice", "buyer": "Bob"}


def turn(number: int, offer: float | None, message: str, deal: bool = False, **more: Any) -> Raw:
    role = ("seller", "buyer")[(number - 1) % 2]
    said = {"thought": SECRET, "message": message, "offer": offer, "deal": deal, **more}
    return {"turn": number, "sender": f"X ({role})", "role": role, "content": said}


def game(id_: str = "1", date: str = "2025-12-26T00:00:00Z", **changed: Any) -> Raw:
    """A made-up negotiation over a lamp: four offers, a turn without one, an unread one, a deal."""
    return {
        **{"id": id_, "tournament": "Cup", "date": date, "item": "Lamp", "trueValue": 55},
        "seller": {"name": "One", "model": "acme-2-20250101", "estimate": 40, "score": 0.5,
                   "thinkingTokens": 7},
        "buyer": {"name": "TWO", "model": "other-3", "estimate": 100, "score": 0.4},
        **{"dealReached": True, "dealPrice": 60, "turns": 8},
        "logs": [
            turn(1, 90, "Ninety."),
            turn(2, 30, "Thirty."),
            turn(3, None, '```json {"thought": "raw"}', thought=UNREAD),
            turn(4, 35, "Thirty-five."),
            turn(5, None, "I wait."),
            turn(6, 60, "Sixty."),
            turn(7, 60, "Done.", deal=True),
        ],
        **changed,
    }  # fmt: skip


def put(folder: Path, *games: Raw) -> Path:
    logs = folder / "public" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    for one in games:
        (logs / f"run_{one['id']}.json").write_text(json.dumps(one), "utf-8")
    (logs / "manifest.json").write_text(json.dumps([{"id": one["id"]} for one in games]))
    return folder


def raw() -> list[Raw]:
    files = (Path(DATA or "") / "lowballm").rglob("run_*.json")
    games = [json.loads(file.read_text("utf-8")) for file in files]
    return sorted(games, key=lambda one: (one["date"], one["id"]))
