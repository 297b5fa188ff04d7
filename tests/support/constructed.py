"""Studies whose answer is known: people are drawn around what a made-up model predicts.

The model's own predictions of many prompts are asked for first; a study takes the prompts at which
they are what it needs, and lets people choose with probabilities that stand in a known relation to
them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.commands import tremble
from tests.support.studies import run, scores

MODEL = "mock:known"


def study_text(extra: str = "", model: str = MODEL) -> str:
    return (
        '[study]\nname = "known"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n'
        f'[[model]]\nid = "{model}"\n{extra}\n'
    )


def write(folder: Path, records: Sequence[dict[str, Any]], extra: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    path = folder / "known.toml"
    path.write_text(study_text(extra), "utf-8")
    return path


@dataclass(frozen=True)
class Pool:
    """Prompts and what the model predicts of each: (prompts, options)."""

    options: list[dict[str, Any]]
    prompts: list[str]
    shares: np.ndarray

    def nearest(self, targets: np.ndarray) -> list[int]:
        """Different prompts with predictions of the first option next to these."""
        free = np.ones(len(self.prompts), dtype=bool)
        chosen = []
        for target in targets:
            away = np.where(free, np.abs(self.shares[:, 0] - target), np.inf)
            chosen.append(int(away.argmin()))
            free[chosen[-1]] = False
        return chosen


def pool(folder: Path, options: list[dict[str, Any]], count: int = 2000) -> Pool:
    """What the model predicts of `count` prompts."""
    prompts = [f"Question {number}: what do you do?" for number in range(count)]
    records = [
        {"id": str(n), "prompt": text, "options": options, "choice": options[0]["key"]}
        for n, text in enumerate(prompts)
    ]
    out = folder / "pool"
    run(write(folder, records), out)
    frame = scores(out)
    logs = np.array(frame["logprobs"].to_list())
    shares = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    order = np.argsort(frame["decision"].cast(int).to_numpy())
    return Pool(options, prompts, shares[order])


def crossed(
    of: Pool,
    arms: Mapping[str, Sequence[int]],
    chance: Callable[[str, np.ndarray], np.ndarray],
    people: int,
    seed: int = 1,
) -> list[dict[str, Any]]:
    """Everybody reads every prompt of both arms, of which the first ones are versions of one item,
    and so on; `chance` gives, for an arm and what the model
    predicts of its prompts (prompts, options), the shares of people (prompts, options)."""
    rng = np.random.default_rng(seed)
    keys = [option["key"] for option in of.options]
    records = []
    for arm, places in arms.items():
        shares = chance(arm, of.shares[list(places)])
        for item, (place, share) in enumerate(zip(places, shares, strict=True)):
            for person, drawn in enumerate(rng.choice(len(keys), size=people, p=share)):
                records.append(
                    {
                        "prompt": of.prompts[place],
                        "item": f"i{item}",
                        "options": of.options,
                        "choice": keys[drawn],
                        "participant": f"p{person}",
                        "config": {"stakes": arm},
                    }
                )
    return records


def rated(
    of: Pool,
    arms: Mapping[str, Sequence[int]],
    chance: Callable[[str, np.ndarray], np.ndarray],
    people: int,
    seed: int = 1,
) -> list[dict[str, Any]]:
    """As `crossed`, but every prompt has readers of its own, of whom only the rates are known."""
    rng = np.random.default_rng(seed)
    keys = [option["key"] for option in of.options]
    records = []
    for arm, places in arms.items():
        shares = chance(arm, of.shares[list(places)])
        for item, (place, share) in enumerate(zip(places, shares, strict=True)):
            counts = rng.multinomial(people, share)
            records.append(
                {
                    "prompt": of.prompts[place],
                    "item": f"i{item}",
                    "options": of.options,
                    "rates": dict(zip(keys, (counts / people).tolist(), strict=True)),
                    "n": people,
                    "config": {"stakes": arm},
                }
            )
    return records


def verdict_of(folder: Path, records: Sequence[dict[str, Any]], extra: str = "") -> dict[str, Any]:
    """The only row of `tremble verdict --json` of a study of these records."""
    path, out = write(folder, records, extra), folder / "out"
    code, _, said = tremble("run", path, "--out", out)
    assert code == 0, said
    code, text, said = tremble("verdict", out, "--json")
    assert code == 0, said
    rows: list[dict[str, Any]] = json.loads(text)
    assert len(rows) == 1
    return rows[0]
