"""Two models of known worth and the people that they predict, as a study stores them."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl

from tests.support.stat_frames import score
from tremble.stats.frames.comparisons import Comparison
from tremble.store.schemas import DECISIONS, SCORES

PAIR = Comparison("base", "aligned", "plain", "plain", "plain")


def people(count: int = 40, rounds: int = 6, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`count` people who play `rounds` rounds, and two models; the base one knows them better."""
    drawn = np.random.default_rng(seed)
    leaning = drawn.normal(size=count)
    decisions, scores = [], []
    for person in range(count):
        for number in range(1, rounds + 1):
            name = f"{person}/{number}"
            chosen = drawn.random() < 1 / (1 + math.exp(-leaning[person]))
            decisions.append(
                {
                    "decision": name,
                    "dataset": "toy",
                    "family": "repeated_matrix",
                    "game": f"g{person}",
                    "cluster": f"g{person}",
                    "participant": str(person),
                    "at": number - 1,
                    "round": number,
                    "keys": ["yes", "no"],
                    "target": "yes",
                    "choice": "yes" if chosen else "no",
                    "config": json.dumps({"stakes": "high" if person % 2 else "low"}),
                    "presentations": 1,
                    "normative": [1.0, 0.0] if number == rounds else None,
                    "normative_why": None if number == rounds else "not unique",
                }
            )
            for model, weight in (("base", 1.0), ("aligned", 0.2)):
                noise = drawn.normal()
                p = 1 / (1 + math.exp(-weight * leaning[person] - noise))
                scores.append(score(name, [p, 1 - p], family="repeated_matrix", model=model))
    return pl.DataFrame(scores, schema=SCORES), pl.DataFrame(decisions, schema=DECISIONS)
