"""How long a plan of many prompts takes, and how much memory.

    python benchmarks/planning_speed.py [--prompts N] [--tokens T]

Made-up games of ten rounds under shared rules, prompts of T tokens on average, streamed into the
plan as they are made; the stream is then cut into slices as an engine would. Prints one line of
JSON; making the prompts is part of `plan_s`.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from tremble.engines.shared_prefix.stream import Plan
from tremble.tokenization.options import TokenPaths

ROUNDS, VOCABULARY = 10, 260_000


def prompts(count: int, mean: int, seed: int = 0) -> Iterator[TokenPaths]:
    """Nested histories: rules of half the mean length, then rounds of equal length."""
    rng = np.random.default_rng(seed)
    rules = rng.integers(0, VOCABULARY, mean // 2).tolist()
    a_round = max(1, round(mean / ROUNDS))
    made = 0
    while made < count:
        text = list(rules)
        for _ in range(min(ROUNDS, count - made)):
            yield TokenPaths((*text, 5, 6, 7), ((1,), (2,)), (False, False))
            made += 1
            text += rng.integers(0, VOCABULARY, a_round).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=1_000_000)
    parser.add_argument("--tokens", type=int, default=300, help="mean tokens of a prompt")
    asked = parser.parse_args()
    started = time.perf_counter()
    plan = Plan(prompts(asked.prompts, asked.tokens))
    planned = time.perf_counter()
    start = passes = 0
    while start < plan.distinct:
        stop = plan.stop(start, 2048, 512)
        plan.slice(start, stop)
        start, passes = stop, passes + 1
    cut = time.perf_counter()
    unit = 1 if sys.platform == "darwin" else 1024
    timings = {
        "prompts": plan.prompts,
        "tokens": plan.tokens,
        "mean_tokens": plan.tokens / plan.prompts,
        "distinct_tokens": plan.distinct,
        "passes": passes,
        "plan_s": round(planned - started, 2),
        "slices_s": round(cut - planned, 2),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 2),
    }
    print(json.dumps(timings))


if __name__ == "__main__":
    main()
