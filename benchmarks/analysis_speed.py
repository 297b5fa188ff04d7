"""How long the tables of a large study take, and how much memory.

    python benchmarks/analysis_speed.py [--pairs 120] [--scale 1.0]

Made-up scores of 240 models on the core study's 10,050 decisions (1,788 bargaining, 3,180
persuasion, 1,182 negotiation, 3,900 of repeated games; with 2,416 one-shot problems and 1,001
lotteries added by --all), straight into frames: reading files is no part of it. Prints a line per
step, then one of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from tremble.stats import Comparison, outcomes, pair_table, predictions, significance
from tremble.stats.breakdowns import breakdown, wins_table
from tremble.stats.ceiling import ceiling_table
from tremble.stats.measures import measure_table
from tremble.stats.model_groups import by_model_group, filter_sweep
from tremble.stats.normative_table import normative_models, normative_pairs

FAMILIES = {"bargaining": 1788, "persuasion": 3180, "negotiation": 1182, "repeated_matrix": 3900}
PROBLEMS = {"one_shot_matrix": 2416, "lottery": 1001}


def decision_rows(scale: float, problems: bool, rng: np.random.Generator) -> pl.DataFrame:
    """Decisions as a study stores them: six parameters, rounds, theory, numbers."""
    rows: list[dict[str, Any]] = []
    for family, count in (FAMILIES | (PROBLEMS if problems else {})).items():
        rates = family in PROBLEMS
        keys = ["yes", "no", "other"] if family == "negotiation" else ["yes", "no"]
        for i in range(round(count * scale)):
            game, at = (i, 0) if rates else divmod(i, 10)
            draws = rng.integers(0, 4, 6)
            share = rng.random()
            rows.append(
                {
                    "decision": f"{family}/{game}/r{at + 1}",
                    "dataset": "synthetic",
                    "family": family,
                    "cluster": f"{family}/{game}",
                    "participant": f"p{game}",
                    "round": None if rates else at + 1,
                    "role": None,
                    "keys": keys,
                    "target": "yes",
                    "choice": None if rates else keys[int(rng.integers(len(keys)))],
                    "rates": [share, 1 - share] if rates else None,
                    "n": 30 if rates else None,
                    "rate_sd": None,
                    "config": json.dumps({f"P{j}": int(v) for j, v in enumerate(draws)}),
                    "presentations": 1,
                    "normative": [float(rng.integers(2)), 0.0, 0.0][: len(keys)],
                    "normative_why": None,
                    "numbers": json.dumps({"history": int(rng.integers(500))}),
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def score_rows(decisions: pl.DataFrame, models: int, rng: np.random.Generator) -> pl.DataFrame:
    """One score per model and decision; the chosen option is a little likelier."""
    names = decisions.select("decision", "dataset", "family", "keys")
    hit = (decisions["choice"] == decisions["target"]).fill_null(True).to_numpy()
    three = (decisions["keys"].list.len() == 3).to_numpy()
    frames = []
    for model in range(models):
        first = rng.normal(0.6 * hit, 1.5 + model % 2)
        p = 1 / (1 + np.exp(-first))
        rest = np.where(three, 0.5, 1.0) * (1 - p)
        logs = np.log(np.stack([p, rest, rest], axis=1))
        frames.append(
            names.with_columns(
                model=pl.lit(f"m{model}"),
                format=pl.lit("chat" if model % 2 else "plain"),
                template=pl.lit(None, pl.String),
                formulation=pl.lit("standard"),
                presentation=pl.lit(0, pl.Int8),
                logprobs=pl.Series(logs).arr.to_list(),
                mass=pl.Series(rng.uniform(0.7, 1, len(p))),
                error=pl.lit(None, pl.String),
            ).with_columns(logprobs=pl.col("logprobs").list.head(pl.col("keys").list.len()))
        )
    return pl.concat(frames)


def peak_gb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=120)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the decisions")
    parser.add_argument("--all", action="store_true", help="one-shot games and lotteries too")
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    decisions = decision_rows(asked.scale, asked.all, rng)
    scores = score_rows(decisions, 2 * asked.pairs, rng)
    comparisons = [
        Comparison(f"m{2 * i}", f"m{2 * i + 1}", "plain", "chat", "native")
        for i in range(asked.pairs)
    ]
    catalogue = {f"m{2 * i}": (f"family {i % 23}", 0.1 * 1.06**i) for i in range(asked.pairs)}
    seconds: dict[str, float] = {}
    made = peak_gb()

    def timed(name: str, step: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = step()
        seconds[name] = round(time.perf_counter() - started, 2)
        print(f"{name:24} {seconds[name]:7.2f} s   {len(result):>8} rows   {peak_gb():.2f} GB")
        return result

    points = timed("outcomes", lambda: outcomes(decisions))
    predicted = timed("predictions", lambda: predictions(scores, decisions))
    held = (predicted, points, decisions)
    pairs = timed("pair table", lambda: pair_table(*held, comparisons))
    timed("tests", lambda: significance.significance_table(pairs))
    for by in ("parameter", "round", "formulation", "family"):
        rows = timed(f"by {by}", lambda by=by: breakdown(*held, comparisons, by))
        timed(f"wins by {by}", lambda rows=rows: wins_table(rows))
    timed("model groups", lambda: by_model_group(pairs, catalogue))
    timed("filter sweep", lambda: filter_sweep(pairs))
    timed("normative, models", lambda: normative_models(*held))
    timed("normative, pairs", lambda: normative_pairs(*held, comparisons))
    timed("ceiling", lambda: ceiling_table(decisions, points))
    timed("measures", lambda: measure_table(*held))
    found = {
        "scores": scores.height,
        "decisions": decisions.height,
        "seconds": round(sum(seconds.values()), 1),
        "input_gb": made,
        "peak_memory_gb": peak_gb(),
        "steps": seconds,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
