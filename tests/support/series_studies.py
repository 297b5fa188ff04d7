"""Series of tiny checkpoints as `tremble trajectory` is given them, and what its tables say,
counted again from the stored rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.support.checkpoints import checkpoint
from tests.support.commands import tremble
from tremble.store.study_folder import Store
from tremble.store.task_items import items_of

Row = dict[str, Any]
KEEP = 0.93
STEPS = (2, 4, 8, 16)  # of the checkpoints in a trainer's folder


def write_inputs(folder: Path, items: int = 48, decisions: int = 24) -> None:
    """`mine.jsonl`, decisions with prompts of their own in three rounds, and `task.jsonl`, pairs of
    which two each begin alike."""
    lines = [
        {
            "id": f"d{n}",
            "prompt": f"Go on with {n} of {n % 5}?",
            "options": ["accept", "reject"],
            "choice": "reject" if n % 3 == 0 or n % 7 == 1 else "accept",
            "participant": f"p{n % 8}",
            "round": 1 + n % 3,
        }
        for n in range(decisions)
    ]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    (folder / "task.jsonl").write_text("\n".join(map(json.dumps, pairs(items))), "utf-8")


def pairs(items: int) -> list[Row]:
    return [
        {
            "id": f"i{n}",
            "prompt": f"Question {n // 2}: is it yes or no, and which option?",
            "chosen": f"yes {n} please" if n % 3 else f"yes {n}",
            "rejected": f"no {n}" if n % 2 else f"no, not at all {n}",
        }
        for n in range(items)
    ]


def asked(*more: Any) -> tuple[Any, ...]:
    return ("--data", "mine.jsonl", "--task", "task.jsonl", "--out", "out", *more)


def trainers_folder(folder: Path, models: list[Path]) -> list[str]:
    """A trainer's folder of such checkpoints; their names."""
    for step, model in zip(STEPS, models, strict=True):
        checkpoint(folder / f"checkpoint-{step}", model)
    return [f"{folder.name}/checkpoint-{step}" for step in STEPS]


def run_trajectory(*arguments: Any) -> tuple[dict[str, list[Row]], str]:
    """The tables of a run that ended well, and what it said."""
    code, out, error = tremble("trajectory", *arguments, "--json")
    assert code == 0, error
    tables: dict[str, list[Row]] = json.loads(out)
    return tables, error


def tables_of(folder: Path) -> dict[str, list[Row]]:
    code, out, error = tremble("analyze", folder, "--json")
    assert code in (0, 1), error
    tables: dict[str, list[Row]] = json.loads(out)
    return tables


def scores_of(folder: Path) -> pl.DataFrame:
    """All stored rows of the last run, of decisions and of the task."""
    store = Store(folder)
    frame = pl.concat([store.rows(entry) for entry in store.entries(task=None)])
    return frame.sort("model", "format", "formulation", "dataset", "decision")


def counted_again(folder: Path, models: Sequence[str], format_: str) -> list[Row]:
    """Of each model r, log loss, mass, changed favourites and KL from the first, by numpy from the
    rows on disk, over all decisions (two options, one presentation)."""
    store = Store(folder)
    scores = store.scores().filter((pl.col("format") == format_) & pl.col("error").is_null())
    people = store.decisions().select("decision", "choice", "target")
    made, base = [], None
    for model in models:
        rows = scores.filter(pl.col("model") == model).join(people, on="decision").sort("decision")
        logs = np.array(rows["logprobs"].to_list())
        p = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
        keys = [list(one) for one in rows["keys"]]
        at = np.arange(len(keys))
        target = np.array([one.index(key) for one, key in zip(keys, rows["target"], strict=True)])
        chosen = np.array([one.index(key) for one, key in zip(keys, rows["choice"], strict=True)])
        base = p if base is None else base
        made.append(
            {
                "n": len(keys),
                "r": np.corrcoef(p[at, target], chosen == target)[0, 1],
                "log_loss": -np.log(p[at, chosen]).mean(),
                "mass": np.exp(logs).sum(axis=1).mean(),
                "changed": (p.argmax(axis=1) != base.argmax(axis=1)).mean(),
                "kl": (p * np.log(p / base)).sum(axis=1).mean(),
            }
        )
    return made


class TaskAgain:
    """The answers of a task's pairs, [models, items, sides], from the rows on disk."""

    def __init__(self, folder: Path, models: Sequence[str]) -> None:
        store = Store(folder)
        items = items_of(store)
        assert items is not None
        rows = pl.concat([store.rows(entry) for entry in store.entries(task=True)])
        held: Mapping[tuple[str, str], Row] = {
            (row["model"], row["decision"]): row for row in rows.to_dicts()
        }
        chosen = items.filter(pl.col("side") == "chosen")
        names = chosen["item"].to_list()
        self.clusters = np.array(chosen["cluster"].to_list())
        places = [[f"{name}/{side}" for side in ("chosen", "rejected")] for name in names]
        shape = len(models), len(names), 2
        self.nats, self.tokens = np.zeros(shape), np.zeros(shape)
        for m, model in enumerate(models):
            for i, two in enumerate(places):
                for s, place in enumerate(two):
                    row = held[model, place]
                    assert row["error"] is None
                    self.nats[m, i, s] = row["response_logprob"] + row["closing_logprob"]
                    self.tokens[m, i, s] = row["response_tokens"] + 1

    def measures(self, model: int, reference: int) -> Row:
        nats, tokens = self.nats[model], self.tokens[model]
        reward = nats - self.nats[reference]
        won = nats[:, 0] > nats[:, 1]
        shorter, longer = tokens[:, 0] < tokens[:, 1], tokens[:, 0] > tokens[:, 1]
        implicit = np.sign(reward[:, 0] - reward[:, 1]) / 2 + 0.5
        return {
            "loss": -nats[:, 0].sum() / tokens[:, 0].sum(),
            "accuracy": won.mean(),
            "accuracy_per_token": ((nats / tokens)[:, 0] > (nats / tokens)[:, 1]).mean(),
            "margin": (nats[:, 0] - nats[:, 1]).mean(),
            "accuracy_shorter": won[shorter].mean() if shorter.any() else None,
            "accuracy_longer": won[longer].mean() if longer.any() else None,
            "implicit_accuracy": implicit.mean(),
            "dpo_loss": self.dpo(reference)[model].mean(),
        }

    def dpo(self, reference: int, beta: float = 0.1) -> np.ndarray:
        """[models, items]"""
        reward = self.nats - self.nats[reference]
        return np.asarray(np.log1p(np.exp(-beta * (reward[:, :, 0] - reward[:, :, 1]))))

    def chooses(self) -> np.ndarray:
        """[items]: whether an item's cluster is of the half that chooses the stop."""
        names = set(self.clusters.tolist())
        order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        return np.isin(self.clusters, order[: (len(order) + 1) // 2])


def progress(loss: np.ndarray) -> np.ndarray:
    """g of each model from the mean of a loss [models, items]."""
    mean = loss.mean(axis=1)
    return np.asarray((mean - mean[0]) / (mean[-1] - mean[0]))


def earliest(g: np.ndarray, keep: float = KEEP) -> int:
    """The first checkpoint from which g stays."""
    return next(n for n in range(len(g)) if (g[n:] >= keep).all())
