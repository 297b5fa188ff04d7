"""Contestants that tremble brings itself: run as a script, CONTESTANT and the exchange folder."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from tremble.bench import paths_of
from tremble.bench.efficiency import bare_seconds, matrix_gflops
from tremble.engines import Engine, ModelSpec, RunOptions
from tremble.engines.load import open_engine
from tremble.plan import Plan
from tremble.tokens import TokenPaths, maximal


def main(contestant: str, exchange: Path) -> None:
    asked = json.loads((exchange / "asked.json").read_text(encoding="utf-8"))
    paths = paths_of(asked["prompts"])
    if asked["threads"] is not None:
        torch.set_num_threads(asked["threads"])
    kind = "transformers" if contestant == "tremble" else "reference"
    options = RunOptions(engine=kind, batch=8 if contestant == "batched" else 1)
    engine = open_engine(ModelSpec(asked["model"]), options, _silent)
    if contestant == "tremble":
        result = _all_at_once(engine, paths)
    elif contestant == "batched":
        result = _together(engine, paths, asked["sample"])
    elif contestant == "reference":
        result = _one_by_one(paths, asked["sample"], lambda path: _scored(engine, path))
    else:
        result = _one_by_one(paths, asked["sample"], lambda path: _bare(engine.model, path))  # type: ignore[attr-defined]
    result |= {
        "threads": torch.get_num_threads(),
        "versions": {name: metadata.version(name) for name in ("torch", "transformers")},
    }
    (exchange / f"{contestant}.json").write_text(json.dumps(result), encoding="utf-8")


def _silent(_: str) -> None:
    """A benchmark says what it has to say in its table."""


def _peak() -> float:
    """Peak memory of this process in megabytes (10**6 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _scored(engine: Engine, path: TokenPaths) -> Sequence[float | None]:
    return next(iter(engine.score([path]))).logprobs


def _all_at_once(engine: Engine, paths: list[TokenPaths]) -> dict[str, Any]:
    """Everything through the engine; the self-check (on the first prompts) is not timed."""
    list(engine.score(paths[:8]))
    before = engine.report()
    started = time.perf_counter()
    rows = sorted(engine.score(paths), key=lambda row: row.index)
    seconds = time.perf_counter() - started
    peak = _peak()
    report = engine.report()
    for name, value in before.items():
        if isinstance(value, int) and not isinstance(value, bool):
            report[name] -= value
    plan = Plan(paths)
    bare = bare_seconds(engine.model, plan, report) if report["path"] == "shared" else None  # type: ignore[attr-defined]
    return {
        "indices": [row.index for row in rows],
        "logprobs": [row.logprobs for row in rows],
        "seconds": seconds,
        "peak_memory_mb": peak,
        "report": report,
        "matrix_gflops": matrix_gflops(),
        "efficiency": None
        if bare is None
        else {**bare, "seconds": seconds, "share": bare["all_products"] / seconds},
    }


def _together(engine: Engine, paths: list[TokenPaths], sample: list[int]) -> dict[str, Any]:
    chosen = [paths[index] for index in sample]
    _scored(engine, chosen[0])
    started = time.perf_counter()
    rows = sorted(engine.score(chosen), key=lambda row: row.index)
    seconds = time.perf_counter() - started
    return {
        "indices": sample,
        "logprobs": [row.logprobs for row in rows],
        "seconds": seconds,
        "peak_memory_mb": _peak(),
    }


def _one_by_one(
    paths: list[TokenPaths],
    sample: list[int],
    score: Callable[[TokenPaths], Sequence[float | None]],
) -> dict[str, Any]:
    score(paths[sample[0]])
    logprobs, each = [], []
    for index in sample:
        started = time.perf_counter()
        logprobs.append(score(paths[index]))
        each.append(time.perf_counter() - started)
    return {
        "indices": sample,
        "logprobs": logprobs,
        "seconds": sum(each),
        "seconds_each": each,
        "peak_memory_mb": _peak(),
    }


def _bare(model: Any, path: TokenPaths) -> list[float | None]:
    """What a plain loop does: ids in, log-softmax, the labels' log-probabilities out; a pass per
    label where labels have several tokens. Closings are left to others."""
    logs: dict[tuple[int, ...], torch.Tensor] = {}
    with torch.inference_mode():
        for node in maximal(path.nodes()):
            ids = torch.tensor([path.prefix + node])
            rows = model(input_ids=ids, use_cache=False, logits_to_keep=len(node) + 1).logits[0]
            found = torch.log_softmax(rows.float(), dim=-1)
            for end in range(len(node) + 1):
                logs[node[:end]] = found[end]
        return [
            None if closed else sum(float(logs[p[:end]][p[end]]) for end in range(len(p)))
            for p, closed in zip(path.paths, path.closed, strict=True)
        ]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
