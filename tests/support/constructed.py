"""Studies whose answer is known: people are drawn around what a made-up model predicts.

The model's own predictions of many prompts are asked for first; a study takes the prompts at which
they are what it needs, and lets people choose with probabilities that stand in a known relation to
them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
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


Arms = Mapping[str, Sequence[int]]
Chance = Callable[[str, np.ndarray], np.ndarray]


def _asked(of: Pool, arms: Arms, chance: Chance) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """What every prompt's records have in common, and the shares of people who choose its options.
    The first prompts of the arms are versions of one item, and so on; `chance` gives, for an arm
    and what the model predicts of its prompts (prompts, options), the shares of people."""
    for arm, places in arms.items():
        shares = chance(arm, of.shares[list(places)])
        for item, (place, share) in enumerate(zip(places, shares, strict=True)):
            asked = {"prompt": of.prompts[place], "item": f"i{item}", "options": of.options}
            yield {**asked, "config": {"stakes": arm}}, share


def crossed(
    of: Pool, arms: Arms, chance: Chance, people: int, seed: int = 1
) -> list[dict[str, Any]]:
    """Everybody reads every prompt of both arms (`_asked`)."""
    rng = np.random.default_rng(seed)
    keys = [option["key"] for option in of.options]
    return [
        {**asked, "config": {**asked["config"]}, "choice": keys[drawn], "participant": f"p{person}"}
        for asked, share in _asked(of, arms, chance)
        for person, drawn in enumerate(rng.choice(len(keys), size=people, p=share))
    ]


def rated(of: Pool, arms: Arms, chance: Chance, people: int, seed: int = 1) -> list[dict[str, Any]]:
    """As `crossed`, but every prompt has readers of its own, of whom only the rates are known."""
    rng = np.random.default_rng(seed)
    keys = [option["key"] for option in of.options]
    records = []
    for asked, share in _asked(of, arms, chance):
        rates = (rng.multinomial(people, share) / people).tolist()
        records.append({**asked, "rates": dict(zip(keys, rates, strict=True)), "n": people})
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
