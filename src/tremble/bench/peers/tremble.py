"""tremble's own engine, as a study uses it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

PACKAGE = "tremble"
INSTALL = 'pip install "tremble[torch]"'
VERSIONS = ("tremble", "torch", "transformers")
IN_FULL = True
DUPLICATES = "once"

Scored = tuple[list[list[float | None] | None], dict[str, Any]]
COUNTS = ("passes", "computed_tokens")


def load(job: dict[str, Any]) -> Callable[[list[dict[str, Any]]], Scored]:
    return scorer(job, "transformers")


def scorer(
    job: dict[str, Any], engine_name: str, batch: int = 1, compile: bool = False
) -> Callable[[list[dict[str, Any]]], Scored]:
    """Scores prompts with an engine; `batch` sequences a pass, layers compiled or not."""
    from tremble.engines.open import open_engine
    from tremble.engines.shared_prefix.stream import Plan
    from tremble.models.spec import ModelSpec, RunOptions
    from tremble.tokenization.options import TokenPaths, maximal

    options = RunOptions(engine=engine_name, batch=batch, compile=compile)
    engine = open_engine(
        ModelSpec(**job["spec"]), options, lambda line: print(line, file=sys.stderr)
    )

    def score(prompts: list[dict[str, Any]]) -> Scored:
        before = engine.report()
        asked = [
            TokenPaths(
                tuple(prompt["prefix"]),
                tuple(map(tuple, prompt["paths"])),
                tuple(prompt["closed"]),
                tuple(prompt["closing"]),
                prompt["join"],
            )
            for prompt in prompts
        ]
        logprobs: list[list[float | None] | None] = [None] * len(prompts)
        for scored in engine.score(asked):
            logprobs[scored.index] = None if scored.error else list(scored.logprobs)
        after = engine.report()
        # Without counts of its own, an engine runs one sequence per maximal node of an option
        # tree, `batch` of them a pass.
        lengths = [len(p.prefix) + len(node) for p in asked for node in maximal(p.nodes())]
        facts: dict[str, Any] = {
            "passes": -(-len(lengths) // batch),
            "computed_tokens": sum(lengths),
            "seen": sum(n * (n + 1) / 2 for n in lengths) / sum(lengths),
        }
        if after["path"] == "shared":
            facts |= {key: after[key] - before[key] for key in COUNTS}
            plan = Plan(asked)
            facts["seen"] = plan.pairs / plan.distinct
        if compile and not after.get("compiled_layers"):
            raise RuntimeError("no layer was compiled; the lines above say why")
        return logprobs, {**facts, "report": after}

    return score
