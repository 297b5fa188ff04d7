"""The reference engine against a bare transformers loop over the same ids, in one run.

    python benchmarks/reference_speed.py [MODEL] [--prompts N] [--repeats R]

Both read the last row of every prompt, one prompt a pass, in turns; the ratio of the medians is
what counts, since machines are shared. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from tremble.datasets import Notes
from tremble.datasets.demo import load
from tremble.engines import ModelSpec, RunOptions
from tremble.engines.files import GEMMA
from tremble.engines.load import open_engine
from tremble.engines.reference import ReferenceEngine
from tremble.prompts import standard
from tremble.tokens import TokenPaths, option_paths


def bare_loop(engine: ReferenceEngine, paths: Sequence[TokenPaths]) -> float:
    """Seconds that a plain loop takes: ids in, the option tokens' log-probabilities out."""
    started = time.perf_counter()
    with torch.inference_mode():
        for path in paths:
            ids = torch.tensor([path.prefix])
            logits = engine.model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1]
            logs = torch.log_softmax(logits.float(), dim=-1)
            _ = [float(logs[option[0]]) for option in path.paths]
    return time.perf_counter() - started


def reference(engine: ReferenceEngine, paths: Sequence[TokenPaths]) -> float:
    started = time.perf_counter()
    for _ in engine.score(paths):
        pass
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default=GEMMA)
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    engine = open_engine(ModelSpec(asked.model), RunOptions(), print)
    assert isinstance(engine, ReferenceEngine)
    decisions = [d for d in load(Path(), Notes()) if d.family == "repeated_matrix"]
    texts = [standard(decision) for decision in decisions[: asked.prompts]]
    paths = option_paths(
        engine.tokenizer, [(t.plain(), [o.label for o in t.options]) for t in texts]
    )
    bare_loop(engine, paths[:3])
    loops, references = [], []
    for _ in range(asked.repeats):
        loops.append(bare_loop(engine, paths))
        references.append(reference(engine, paths))
    result = {
        "model": asked.model,
        "prompts": len(paths),
        "tokens": sum(len(path.prefix) for path in paths),
        "loop_s": round(statistics.median(loops), 3),
        "reference_s": round(statistics.median(references), 3),
        "ratio": round(statistics.median(references) / statistics.median(loops), 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
