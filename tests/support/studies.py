"""Studies from file to folder with the mock engine, for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from tremble.store.study_folder import Store
from tremble.study.file import read_study
from tremble.study.run import score_study

PAIR = '[[pair]]\nbase = "mock:base"\naligned = "mock:aligned"\n'


def own_prompts(count: int, what: str = "Offer") -> list[dict[str, Any]]:
    """Records of so many prompts of a user's own, all different, with what people chose."""
    return [
        {"id": str(i), "prompt": f"{what} {i}?", "options": ["yes", "no"], "choice": "yes"}
        for i in range(count)
    ]


def write_own_prompts(folder: Path, count: int, what: str = "Offer") -> None:
    """These as mine.jsonl."""
    text = "\n".join(map(json.dumps, own_prompts(count, what)))
    (folder / "mine.jsonl").write_text(text, "utf-8")


def study_file(folder: Path, text: str = PAIR, **study: Any) -> Path:
    entries = {"name": "trial", "data": ["mine.jsonl"], **study}
    body = "".join(f"{key} = {json.dumps(value)}\n" for key, value in entries.items())
    path = folder / "trial.toml"
    path.write_text(f"[study]\n{body}{text}", encoding="utf-8")
    return path


def run(path: Path, out: Path, said: list[str] | None = None) -> int:
    return score_study(read_study(path), out, (said if said is not None else []).append)


def scores(out: Path) -> pl.DataFrame:
    return Store(out).scores().sort("model", "format", "formulation", "decision", "presentation")


def parts(out: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(out.rglob("part-*"))}
