"""How long the tables of sessions take: `python benchmarks/sessions_speed.py [RESPONSES]`.

So many responses (2,000,000) of made-up people, 100 each, in 40 experiments, by two models, as a
study stores them; seconds and seconds of processor for each step, and the memory at its peak.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.session_responses import session_responses
from tremble.stats.tables.misalignment import misalignment_table
from tremble.stats.tables.positions import position_table
from tremble.stats.tables.responses import response_table
from tremble.store.schemas import DECISIONS, SCORES, completed

EXPERIMENTS, EACH = 40, 100


def study(responses: int, models: int = 2) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and decisions; every response is one of two letters."""
    random = np.random.default_rng(1)
    number = pl.int_range(responses, eager=True)
    person, place = number // EACH, number % EACH + 1
    of = pl.DataFrame({"person": person, "round": place.cast(pl.Int32)}).with_columns(
        experiment=pl.lit("experiment ") + (pl.col("person") % EXPERIMENTS).cast(pl.String)
    )
    who = pl.format("{}/{}", "experiment", "person")
    said = pl.Series(np.where(random.random(responses) < 0.6, "A", "B"))
    decisions = of.select(
        pl.format("{}/{}", who, "round").alias("decision"),
        *(who.alias(name) for name in ("game", "cluster", "participant")),
        pl.col("round"),
        dataset=pl.lit("psych"),
        family=pl.lit("session"),
        keys=pl.lit(pl.Series([["A", "B"]])).first(),
        choice=said,
        response=said,
        config=pl.lit('{"experiment": "') + pl.col("experiment") + pl.lit('"}'),
    )
    parts = []
    for model in range(models):
        chance = np.clip(random.normal(0.6, 0.1, responses), 0.05, 0.95)
        logs = np.log(np.stack([0.9 * chance, 0.9 * (1 - chance)], axis=1))
        own = np.where((said == "A").to_numpy(), logs[:, 0], logs[:, 1])
        scores = decisions.select("decision", "dataset", "family", "keys").with_columns(
            pl.Series("logprobs", logs, pl.Array(pl.Float64, 2)).arr.to_list(),
            model=pl.lit(f"model {model}"),
            format=pl.lit("plain"),
            formulation=pl.lit("standard"),
            mass=pl.lit(0.9),
            response_logprob=pl.Series(own),
            closing_logprob=pl.lit(-0.05),
            response_tokens=pl.lit(1, pl.Int32),
            response_likeliest=pl.Series(random.random(responses) < 0.5),
        )
        parts.append(completed(scores, SCORES).select(list(SCORES)))
    return pl.concat(parts), completed(decisions, DECISIONS).select(list(DECISIONS))


def timed(what: str, make: Callable[[], Any]) -> Any:
    clock, cpu = time.perf_counter(), time.process_time()
    made = make()
    took, worked = time.perf_counter() - clock, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what}: {took:.1f} s, processor {worked:.1f} s, peak {peak:.2f} GiB", flush=True)
    return made


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    scores, decisions = timed("made up", lambda: study(count))
    pair = Comparison("model 0", "model 1", "plain", "plain", "plain")
    sessions = timed("responses of sessions", lambda: session_responses(scores, decisions))
    timed("table responses", lambda: response_table(sessions))
    timed("table misalignment", lambda: misalignment_table(sessions, [pair]))
    timed("table positions", lambda: position_table(sessions))
