"""Files of transcripts as Psych-201 has them, and what is imported of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tremble.datasets.base import Notes
from tremble.datasets.psych import load
from tremble.decisions.record import Decision

INTRO = "Two machines, J and F, stand before you.\n\n"
JF = ["J", "F"]


def session(
    who: Any, responses: Sequence[str], experiment: Any = "bandit", **more: Any
) -> dict[str, Any]:
    trials = "".join(f"You press <<{r}>>. You get {i} points.\n" for i, r in enumerate(responses))
    return {"text": INTRO + trials, "experiment": experiment, "participant": who, **more}


def written(folder: Path, lines: Sequence[Any], name: str = "sessions.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def imported(tmp_path: Path, lines: Sequence[Any]) -> tuple[list[Decision], Notes]:
    notes = Notes()
    return list(load(written(tmp_path, lines), notes)), notes


def keys(decision: Decision) -> list[str]:
    return [option.key for option in decision.options]


def declare(tmp_path: Path, options: Any) -> None:
    (tmp_path / "options.json").write_text(json.dumps(options))
