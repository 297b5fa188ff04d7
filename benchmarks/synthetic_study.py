"""A made-up study folder of the size of Shapira et al. (2026), in the store's own format.

`write_study` writes what `tremble run` would leave behind: decisions of the four families with
the numbers that baselines read, and the scores of base models and their aligned counterparts,
named as in the catalogue. The same seed gives the same frames.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tremble.published import pairs
from tremble.stats.frames.comparisons import Comparison
from tremble.store.job_folder import JobFolder
from tremble.store.provenance import hash8, slug
from tremble.store.schemas import DECISIONS, EXPECTED, SCORES
from tremble.store.study_folder import Store

Row = dict[str, Any]
# Decisions by family, as in Shapira et al. (2026); those of repeated games are 195 people's.
FAMILIES = {"bargaining": 1788, "persuasion": 3180, "negotiation": 1182, "repeated_matrix": 3900}
# Decisions per game: a round each in the last two, a few offers in the others.
ROUNDS = {"bargaining": 3, "persuasion": 20, "negotiation": 3, "repeated_matrix": 10}
PART = 500  # rows of a part, as of some seconds of scoring


def decision_frame(scale: float, rng: np.random.Generator) -> pl.DataFrame:
    """Decisions as a study stores them, `scale` times as many as in Shapira et al. (2026)."""
    rows: list[Row] = []
    for family, count in FAMILIES.items():
        wanted = round(count * scale)
        made: Iterator[Row] = (row for game in range(wanted) for row in _game(family, game, rng))
        rows += [row for row, _ in zip(made, range(wanted), strict=False)]
    return pl.DataFrame(rows, schema=DECISIONS)


def _game(family: str, game: int, rng: np.random.Generator) -> Iterator[Row]:
    dataset = "akata2025" if family == "repeated_matrix" else "glee"
    keys = ["AcceptOffer", "RejectOffer", "DealWithJohn"] if family == "negotiation" else []
    keys = keys or (["yes", "no"] if family == "persuasion" else ["accept", "reject"])
    which = ("PD", "BoS")[game % 2]
    config: Row = {f"parameter {j}": int(v) for j, v in enumerate(rng.integers(0, 4, 6))}
    if family == "repeated_matrix":
        keys, config = ["cooperate", "defect"], {"game": which, "study": dataset}
    history: list[tuple[bool, ...]] = []
    leaning = rng.normal()
    for number in range(1, ROUNDS[family] + 1):
        numbers, pull = _numbers(family, number, history, which, keys, rng)
        chosen = rng.random() < 1 / (1 + np.exp(-leaning - pull))
        rest = keys[1 + int(rng.integers(len(keys) - 1))]
        yield {
            "decision": f"{dataset}/{family}/{game}/r{number}",
            "dataset": dataset,
            "family": family,
            "game": f"{dataset}/{family}/{game}",
            "cluster": f"{dataset}/{family}/{game}",
            "at": number - 1,
            "participant": f"{game // 2}" if family == "repeated_matrix" else None,
            "round": number,
            "keys": keys,
            "target": keys[0],
            "choice": keys[0] if chosen else rest,
            "config": json.dumps(config),
            "presentations": 1,
            "normative": [float(rng.integers(2)), 0.0, 0.0][: len(keys)],
            "numbers": json.dumps(numbers),
        }
        history.append((bool(rng.random() < 0.5), bool(rng.random() < 0.5), bool(chosen)))


_POINTS = {
    "PD": (((8, 8), (0, 10)), ((10, 0), (5, 5))),
    "BoS": (((7, 10), (0, 0)), ((0, 0), (10, 7))),
}


def _numbers(
    family: str,
    number: int,
    history: list[tuple[bool, ...]],
    which: str,
    keys: list[str],
    rng: np.random.Generator,
) -> tuple[Row, float]:
    """What baselines read, and how much it pulls a person towards the target."""
    if family == "bargaining":
        share = round(float(rng.random()), 2)
        seen = {"share": share, "delta": 0.9, "other_delta": 0.95, "round": number, "rounds": 12}
        return seen, 6 * share - 3
    if family == "negotiation":
        gain = round(float(rng.normal(0, 0.3)), 2)
        sells = bool(rng.integers(2))
        seen = {"gain": gain, "other_gain": None, "sells": sells, "round": number, "rounds": 10}
        return seen, 4 * gain
    if family == "persuasion":
        advice = bool(rng.random() < 0.6)
        worths = {"p": 0.5, "price": 100.0, "worth_high": 200.0, "worth_low": 0.0}
        seen = {**worths, "recommends": advice, "history": history, "round": number, "rounds": 20}
        return seen, 2.0 * advice - 1
    table = {
        own: {other: _POINTS[which][i][j] for j, other in enumerate(keys)}
        for i, own in enumerate(keys)
    }
    mine = [keys[0] if past[2] else keys[1] for past in history]
    theirs = [keys[0] if past[0] else keys[1] for past in history]
    points = [table[own][other][0] for own, other in zip(mine, theirs, strict=True)]
    seen = {"payoffs": table, "mine": mine, "theirs": theirs, "points": points, "rounds": 10}
    return seen, (1.5 if history and history[-1][2] else 0.0)


def score_frame(
    decisions: pl.DataFrame, model: str, format: str, noise: float, rng: np.random.Generator
) -> pl.DataFrame:
    """One score per decision; the chosen option is a little likelier."""
    hit = (decisions["choice"] == decisions["target"]).to_numpy()
    three = (decisions["keys"].list.len() == 3).to_numpy()
    p = 1 / (1 + np.exp(-rng.normal(0.6 * hit, noise)))
    rest = np.where(three, 0.5, 1.0) * (1 - p)
    mass = rng.uniform(0.75, 1, len(p))
    logs = np.log(mass[:, None] * np.stack([p, rest, rest], axis=1))
    numbers = rng.integers(2**48, size=len(p))
    frame = decisions.with_columns(pl.Series("logprobs", logs).arr.to_list()).select(
        "decision",
        "dataset",
        "family",
        pl.lit(model).alias("model"),
        pl.lit(format).alias("format"),
        pl.lit(None, pl.String).alias("template"),
        pl.lit("standard").alias("formulation"),
        pl.lit(0, pl.Int8).alias("presentation"),
        "keys",
        pl.col("logprobs").list.head(pl.col("keys").list.len()),
        pl.Series("mass", mass),
        pl.Series("first_mass", mass),
        pl.lit("The").alias("other_token"),
        pl.Series("other_logprob", rng.normal(-4, 1, len(p))),
        pl.lit(600, pl.Int32).alias("prompt_tokens"),
        pl.lit(False).alias("join"),
        pl.Series("row_key", [f"{number:024x}" for number in numbers]),
        pl.lit(None, pl.String).alias("error"),
    )
    # Only the labels are read: the columns of other surface forms are left out.
    return frame.cast({name: kind for name, kind in SCORES.items() if name in frame.columns})


def write_study(folder: Path, count: int, scale: float = 1.0, seed: int = 0) -> int:
    """Write a study of `count` pairs of the catalogue; how many scores it holds."""
    rng = np.random.default_rng(seed)
    decisions = decision_frame(scale, rng)
    store = Store(folder)
    datasets = decisions["dataset"].unique(maintain_order=True).to_list()
    by_dataset = {name: decisions.filter(pl.col("dataset") == name) for name in datasets}
    store.mark()
    decided = {name: store.write_decisions(name, frame) for name, frame in by_dataset.items()}
    chosen = pairs.catalogue()[:count]
    # The catalogue's names with their number: a base model may have several counterparts.
    compared = [
        Comparison(f"{p.number}/{p.base}", f"{p.number}/{p.aligned}", "plain", "chat", "native")
        for p in chosen
    ]
    jobs, folders = [], []
    for one in compared:
        for model, format in ((one.base, one.base_format), (one.aligned, one.aligned_format)):
            for name, frame in by_dataset.items():
                path = f"scores/{slug(model)}-{hash8(model)}/{name}/standard.{format}"
                # Parts come in the order of scoring, which is not that of the data.
                order = frame.sample(fraction=1, shuffle=True, seed=seed)
                rows = score_frame(order, model, format, 1.5, rng)
                job = JobFolder(folder, path)
                for start in range(0, rows.height, PART):
                    job.append(rows.slice(start, PART))
                job.expect(rows.select(list(EXPECTED)))
                job.finish(
                    {"model": model, "dataset": name, "identity": {}, "errors": []}
                    | {"weights_precision": "as published"}
                )
                folders.append(job)
                jobs.append({"folder": path, "model": model, "partner": None})
    store.commit(
        {
            "study": folder.name,
            "datasets": datasets,
            "models": {},
            "absent": {},
            "comparisons": [asdict(one) for one in compared],
            "jobs": jobs,
        },
        decided,
        folders,
    )
    return 2 * len(compared) * decisions.height
