"""How fast this machine computes the model's own matrix products, and a plain square one.

    python -m tremble.bench.rates MODEL_FOLDER POINTS.json RESULT.json

POINTS.json lists [tokens, rows, seen] of a pass; the result holds, for each, the seconds that the
bare products of one pass take: every linear layer of the model with `tokens` rows, the output head
with `rows`, and the two products of attention (queries by keys, shares by values) where each token
sees `seen`. No mask, no softmax, no norms, nothing else: the least a pass can take on this machine.
Parameters that a model multiplies outside linear layers (fused experts) are not counted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tremble.engines.shared_prefix.matmul_rate import best, square_rate

UNIT = 64  # tokens that attend together


def products(
    model: Any, tokens: int, rows: int
) -> tuple[Callable[[], None], int, Callable[[], None], int]:
    """One pass's bare products, and its floating-point operations: body, then output head."""
    import torch

    head = model.get_output_embeddings()
    layers = [
        m.weight.detach()
        for m in model.modules()
        if isinstance(m, torch.nn.Linear) and m is not head
    ]
    inputs = {width: torch.randn(tokens, width) for width in {w.shape[1] for w in layers}}
    last = torch.randn(rows, head.weight.shape[1])

    def body() -> None:
        for weight in layers:
            torch.nn.functional.linear(inputs[weight.shape[1]], weight)

    def output() -> None:
        torch.nn.functional.linear(last, head.weight.detach())

    work = 2 * tokens * sum(weight.numel() for weight in layers)
    return body, work, output, 2 * rows * head.weight.numel()


def attention(model: Any, tokens: int, seen: int) -> tuple[Callable[[], None], int]:
    """The two products of attention in every layer of a pass, and their operations."""
    import torch

    config = model.config.get_text_config()
    heads = getattr(config, "num_attention_heads", None) or 0
    shared = getattr(config, "num_key_value_heads", None) or heads
    size = getattr(config, "head_dim", None) or (config.hidden_size // heads if heads else 0)
    layers = config.num_hidden_layers if heads else 0
    units = -(-tokens // UNIT)
    query = torch.randn(shared, heads // max(shared, 1) * -(-tokens // units), size)
    key, value = torch.randn(shared, size, seen), torch.randn(shared, seen, size)

    def products() -> None:
        for _ in range(layers * units):
            (query @ key) @ value

    return products, 4 * layers * units * query.shape[0] * query.shape[1] * size * seen


def measure(model: Any, points: list[tuple[int, int, int]]) -> dict[str, Any]:
    measured = []
    for tokens, rows, seen in points:
        body, body_work, output, output_work = products(model, tokens, rows)
        attend, attend_work = attention(model, tokens, seen)
        body_s, head_s, attention_s = best(body), best(output), best(attend)
        work = body_work + output_work + attend_work
        measured.append(
            {
                **{"tokens": tokens, "rows": rows, "seen": seen},
                **{"body_s": body_s, "head_s": head_s, "attention_s": attention_s},
                "gflops": work / (body_s + head_s + attention_s) / 1e9,
            }
        )
    return {"square_gflops": square_rate(), "points": measured}


def main(folder: Path, points: Path, result: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    asked = [tuple(point) for point in json.loads(points.read_text(encoding="utf-8"))]
    result.write_text(json.dumps(measure(model, asked)), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
