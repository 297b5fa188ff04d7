"""How long a model's matrix products alone would take, at the sizes that its passes have."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn.functional import linear

from tremble.engines.tree_attention import UNIT
from tremble.plan import Plan

_REPEATS = 5


def matrix_gflops(size: int = 2048) -> float:
    """The machine's rate for a square float32 matrix product, in 10**9 operations a second."""
    one, other = torch.randn(size, size), torch.randn(size, size)
    return float(2 * size**3 / _best(lambda: one @ other) / 1e9)


def bare_seconds(model: Any, plan: Plan, report: Mapping[str, Any]) -> dict[str, float] | None:
    """Seconds that the matrix products of a plan's stream take by themselves, best of five.

    `linear_layers`: every linear layer but the output head, for all computed tokens, at the mean
    number of tokens a pass; `head`: the output head for all decision rows, at the mean number of
    rows a pass; `attention`: queries by keys and shares by values, in units as the engine takes
    them, at the mean number of tokens that a token sees, nothing masked; `all_products`: their
    sum. None where the model has layers that are no plain linear ones (experts).
    """
    config = model.config.get_text_config()
    if getattr(config, "num_experts", None) or getattr(config, "num_local_experts", None):
        return None
    passes, tokens, rows = report["passes"], report["computed_tokens"], report["decision_rows"]
    head = model.get_output_embeddings()
    shapes = Counter(
        tuple(part.weight.shape)
        for part in model.modules()
        if isinstance(part, torch.nn.Linear) and part is not head
    )
    mean_tokens, mean_rows = max(1, round(tokens / passes)), max(1, round(rows / passes))
    layers = sum(count * _linear(mean_tokens, *shape) for shape, count in shapes.items())
    heads = config.num_attention_heads
    shared = getattr(config, "num_key_value_heads", None) or heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    seen = max(1, round(plan.pairs / plan.distinct))
    attention = config.num_hidden_layers * _attention(mean_tokens, heads, shared, size, seen)
    found = {
        "linear_layers": layers * tokens / mean_tokens,
        "head": _linear(mean_rows, *head.weight.shape) * rows / mean_rows,
        "attention": attention * tokens / mean_tokens,
    }
    return {**found, "all_products": sum(found.values())}


def _linear(rows: int, outputs: int, inputs: int) -> float:
    weight, states = torch.randn(outputs, inputs), torch.randn(1, rows, inputs)
    return _best(lambda: linear(states, weight))


def _attention(tokens: int, heads: int, shared: int, size: int, seen: int) -> float:
    units = max(1, tokens // UNIT)
    rows = heads // shared * min(UNIT, tokens)
    query = torch.randn(shared, rows, size)
    key, value = torch.randn(shared, size, seen), torch.randn(shared, seen, size)
    shares = torch.randn(shared, rows, seen)
    return units * _best(lambda: (query @ key, shares @ value))


def _best(run: Callable[[], Any]) -> float:
    with torch.inference_mode():
        run()
        found = []
        for _ in range(_REPEATS):
            started = time.perf_counter()
            run()
            found.append(time.perf_counter() - started)
    return min(found)
