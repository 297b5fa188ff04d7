"""How long the contrasts of a large study take, and how much memory.

    python benchmarks/contrast_speed.py [--people 500] [--items 100] [--models 10] [--plays]

Makes up a study of people x items choices, with 40 config keys of six values each, of which one is
the control: 200 contrasts. Half of the keys vary between items, so that they reach the prompt, and
half between people and items. Times what `tremble analyze DIR --contrast ...` does beyond reading
the folder: the predictions, then all three tables. Prints one line of JSON: seconds of each part,
rows, and the peak memory in GB. `--plays`: every decision is a play of its own, with one text each,
so that there are as many clusters as decisions. `--tiny` is for the tests.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from tremble.decisions.record import READ
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.frames.predictions import predictions
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.contrasts import ContrastTables
from tremble.stats.tables.effect_agreement import effect_errors_table, effects_table
from tremble.store.schemas import DECISIONS, SCORES

KEYS, LEVELS = 40, 6


def made_up(
    people: int, items: int, models: int, plays: bool, keys: int = KEYS, seed: int = 1
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and decisions as a study stores them."""
    rng = np.random.default_rng(seed)
    person, item = (part.ravel() for part in np.indices((people, items)))
    count = len(person)
    # Half of the keys are the item's own.
    of_item = rng.integers(LEVELS, size=(items, keys))[item]
    level = np.where(np.arange(keys) % 2, of_item, rng.integers(LEVELS, size=(count, keys)))
    lean = rng.normal(0, 0.5, people)[person] + rng.normal(0, 0.5, items)[item]
    lean = lean + (level @ rng.normal(0, 0.05, keys)) - 1
    chosen = rng.random(count) < 1 / (1 + np.exp(-lean))
    names = [f"d{number}" for number in range(count)]
    configs = [
        json.dumps({f"key {key}": f"level {value}" for key, value in enumerate(row)})
        for row in level.tolist()
    ]
    blank = {name: [None] * count for name in DECISIONS}
    columns: dict[str, Any] = {
        **blank,
        "decision": names,
        "dataset": ["made up"] * count,
        "family": ["custom"] * count,
        "cluster": names,
        "game": names if plays else [None] * count,
        "participant": [f"p{number}" for number in person],
        "keys": [["yes", "no"]] * count,
        "target": ["yes"] * count,
        "choice": np.where(chosen, "yes", "no").tolist(),
        "config": configs,
        "presentations": [1] * count,
        "numbers": [
            json.dumps({"play" if plays else READ: number if plays else f"{number}"})
            for number in (range(count) if plays else item)
        ],
    }
    decisions = pl.DataFrame(columns, schema=DECISIONS)
    # What a model is shown tells the levels apart.
    shown = [f"{a}/{b}" for a, b in zip(item, configs, strict=True)]
    scores = [_scores(decisions, f"m{number}", shown, lean, rng) for number in range(models)]
    return pl.concat(scores), decisions


def _scores(
    decisions: pl.DataFrame,
    model: str,
    shown: list[str],
    lean: np.ndarray,
    rng: np.random.Generator,
) -> pl.DataFrame:
    p = 1 / (1 + np.exp(-lean - rng.normal(0, 0.5, len(lean))))
    logs = np.log(0.9 * np.stack([p, 1 - p], axis=1))
    return decisions.select(
        "decision",
        "dataset",
        "family",
        pl.lit(model).alias("model"),
        pl.lit("plain").alias("format"),
        pl.lit(None, pl.String).alias("template"),
        pl.lit("standard").alias("formulation"),
        pl.lit(0, pl.Int8).alias("presentation"),
        "keys",
        pl.Series("logprobs", logs).arr.to_list(),
        pl.lit(0.9).alias("mass"),
        pl.Series("row_key", shown),
        pl.lit(None, pl.String).alias("error"),
    ).cast({name: SCORES[name] for name in ("presentation", "mass")})


def timed(
    scores: pl.DataFrame, decisions: pl.DataFrame, models: int, keys: int
) -> dict[str, float | int]:
    """Seconds of each part, and how many rows the tables have."""
    clock = [time.perf_counter()]
    evidence = Evidence(
        decisions, outcomes(decisions), predictions(scores, decisions), scores=scores
    )
    clock.append(time.perf_counter())
    asked = [Contrast((f"key {key}",), ("level 0",)) for key in range(keys)]
    made = ContrastTables(evidence, asked)
    rows = made.rows()
    clock.append(time.perf_counter())
    pairs = [
        Comparison(f"m{number}", f"m{number + 1}", "plain", "plain", "plain")
        for number in range(0, models - 1, 2)
    ]
    together = [*effects_table(made), *effect_errors_table(made, pairs)]
    clock.append(time.perf_counter())
    spent = [round(after - before, 2) for before, after in pairwise(clock)]
    return {
        "predictions_seconds": spent[0],
        "contrasts_seconds": spent[1],
        "together_seconds": spent[2],
        "rows": len(rows),
        "rows_together": len(together),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--plays", action="store_true", help="every decision a play of its own")
    parser.add_argument("--tiny", action="store_true", help="a study of seconds")
    asked = parser.parse_args()
    people, items, models, keys = asked.people, asked.items, asked.models, KEYS
    if asked.tiny:
        people, items, models, keys = 20, 12, 2, 3
    made = made_up(people, items, models, asked.plays, keys)
    found = timed(*made, models, keys)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({**found, "peak_memory_gb": round(peak * unit / 1e9, 2)}))


if __name__ == "__main__":
    main()
