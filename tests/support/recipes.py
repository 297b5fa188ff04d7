"""Recipes of `tremble align` over tiny models, their data, and trainings by the command."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.commands import tremble

Row = dict[str, Any]
WORDS = ("accept", "reject", "option J", "Option F", "yes please", "no, not at all", "maybe")


def demonstrations(count: int = 10) -> list[Row]:
    """Prompts of different lengths with one answer each."""
    return [
        {
            "id": f"s{n}",
            "prompt": f"Question {n}: {WORDS[n % 7]}, or what else? {'Say why. ' * (n % 4)}",
            "completion": f"{WORDS[(3 * n + 1) % 7]} {n}",
        }
        for n in range(count)
    ]


def preferences(count: int = 12, each: int = 2) -> list[Row]:
    """Pairs, of which so many begin alike: some share a beginning of their answers, and some go on
    after the first turn."""
    made = []
    for n in range(count):
        turns = [{"role": "user", "content": f"Opening {n // each}: which of {n // each % 5}?"}]
        if n % 3 == 1:
            turns += [
                {"role": "assistant", "content": WORDS[n % 7]},
                {"role": "user", "content": f"And then, {n}?"},
            ]
        shared = f"{WORDS[n % 7]} " if n % 2 else ""
        made.append(
            {
                "id": f"p{n}",
                "prompt": turns,
                "chosen": f"{shared}yes {n} please" if n % 4 else f"{shared}yes {n}",
                "rejected": f"{shared}no {n}, not at all",
            }
        )
    return made


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in rows) + "\n", "utf-8")
    return path


ALIGN: Row = {"base": "base", "seed": 3}
ADAPTER: Row = {"rank": 4, "alpha": 8, "dtype": "float32"}
SFT: Row = {"data": "seed.jsonl", "batch": 3, "steps": 4, "learning_rate": 2e-3}
DPO: Row = {"data": "pairs.jsonl", "batch": 2, "steps": 5, "learning_rate": 1e-3, "held_out": 2}
EVERY: Row = {"checkpoints": [1, 2, 3, 4, 5]}


def recipe_text(
    align: Mapping[str, Any] | None = None,
    adapter: Mapping[str, Any] | None = None,
    sft: Mapping[str, Any] | None = None,
    dpo: Mapping[str, Any] | None = None,
    runs: Sequence[Mapping[str, Any]] = (),
    machine: Mapping[str, Any] | None = None,
) -> str:
    """A recipe of these tables; None leaves one out, except `[align]` and `[adapter]`."""
    tables: list[tuple[str, Mapping[str, Any] | None]] = [
        ("[align]", {**ALIGN, **(align or {})}),
        ("[adapter]", {**ADAPTER, **(adapter or {})}),
        ("[sft]", sft),
        ("[dpo]", dpo),
        *(("[[run]]", one) for one in runs),
        ("[machine]", {"threads": 1, **(machine or {})}),
    ]
    lines = []
    for name, held in tables:
        if held is not None:
            lines += [name, *(f"{key} = {json.dumps(value)}" for key, value in held.items())]
    return "\n".join(lines) + "\n"


def write_recipe(folder: Path, base: Path, **tables: Any) -> Path:
    """A recipe with its data in a folder, `base` a link to the model. Both stages where neither is
    asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "base").exists():
        (folder / "base").symlink_to(base, target_is_directory=True)
    if not (folder / "seed.jsonl").exists():
        write_lines(folder / "seed.jsonl", demonstrations())
    if not (folder / "pairs.jsonl").exists():
        write_lines(folder / "pairs.jsonl", preferences())
    if "sft" not in tables and "dpo" not in tables:
        tables = {"sft": SFT, "dpo": DPO, **tables}
    path = folder / "recipe.toml"
    path.write_text(recipe_text(**tables), "utf-8")
    return path


def aligned(recipe: Path, out: Path, *more: Any) -> tuple[Row, str]:
    """What a training that ended well says of itself, and its lines."""
    code, said, error = tremble("align", recipe, "--out", out, "--json", *more)
    assert code == 0, error
    found: Row = json.loads(said)
    return found, error


def stopped(recipe: Path, out: Path) -> str:
    """The sentence that a training ends with which a user's mistake, or the disk, stops once it has
    begun to say what it does."""
    code, said, error = tremble("align", recipe, "--out", out)
    assert (code, said) == (2, ""), (said, error)
    assert "Traceback" not in error
    last = error.splitlines()[-1]
    assert last.startswith("tremble: ") and last.endswith("."), error
    return last


def files_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their paths in it, without locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
