"""Studies with a wording of their own, for its tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.commands import tremble

CALM = '[[wording]]\nname = "calm"\ntemplate = "{{ prompt }} Take your time."\n'
MODEL = '[[model]]\nid = "mock:one"\n'


def people(count: int = 24) -> list[dict[str, Any]]:
    """Prompts of a user's own, with what people chose and facts about them."""
    return [
        {
            "id": f"d{at}",
            "prompt": f"Take {at} points? Say yes or no.",
            "options": ["yes", "no"],
            "choice": "yes" if at % 3 else "no",
            "participant": f"p{at % 12}",
            "config": {"kind": f"k{at % 2}"},
            "person": {"age": 20 + at % 5, "did": "Yes" if at % 3 else "no", "code": at % 3 and 1},
        }
        for at in range(count)
    ]


def write(folder: Path, own: str = CALM, records: Any = None, **study: Any) -> Path:
    lines = people() if records is None else records
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    entries = {"name": "s", "data": ["mine.jsonl"], "formulations": ["standard", "calm"], **study}
    body = "".join(f"{key} = {json.dumps(held)}\n" for key, held in entries.items())
    path = folder / "study.toml"
    path.write_text(f"[study]\n{body}{MODEL}{own}", "utf-8")
    return path


def run(path: Path) -> str:
    code, _, error = tremble("run", path, "--out", path.parent / "out")
    assert code == 0, error
    return error
