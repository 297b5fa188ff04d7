"""How fast a model of over a billion parameters is scored on a GPU, and how exactly.

    python benchmarks/gpu.py [--device cuda] [--prompts 1202] [--sample 64] [--batch 32] [--tiny]

Makes a Llama of 1.2 billion random weights and a byte-level BPE tokenizer, so that nothing is
downloaded, and scores the embedded repeated games with it in float32 and in bfloat16: the shared
path on all prompts, the reference (one prompt, one pass) and the batched loop (`--batch` prompts a
pass, padded) on a sample drawn evenly over the lengths. Prints what `benchmarks/gpu.sh` keeps: a
line of JSON for each, and a table. `share` is what was computed (as `tremble bench` counts it) over
what a square matrix product reaches in the same precision on the same machine in the same run;
`times`, how many times as fast as the batched loop; `difference`, the largest one of an option's
log-probability from the reference in the same precision, in nat. Loading, warm-up and self-check
are outside the clock. `--tiny` is for trying the script itself on a machine without a GPU.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tremble.bench.task import prepare, sample
from tremble.engines.base import Score
from tremble.engines.machine import processor
from tremble.engines.model_size import operations
from tremble.engines.open import give_memory_back, open_engine
from tremble.engines.shared_prefix.matmul_rate import best
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.formulations import standard
from tremble.study.data import load_data
from tremble.tokenization.options import TokenPaths, maximal

FAMILY = "repeated_matrix"
SEED = 20260101
SIZE = {  # the shape of Llama 3.2 1B
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128_256,
}
TINY = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 2000,
}
SQUARE, SMALL = 8192, 512  # rows and columns of the plain product
COLUMNS = ("path", "dtype", "prompts", "per_s", "times", "share", "memory_gb", "difference")


def make_model(folder: Path, size: dict[str, int], device: str) -> int:
    """Write a random model in bfloat16 and its tokenizer; how many parameters it has."""
    decisions = [one for one in load_data("demo", Path()) if one.family == FAMILY]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.train_from_iterator(
        (standard(one).plain() for one in decisions[:500]),
        trainers.BpeTrainer(
            vocab_size=size["vocab_size"],
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(SEED)
    config = LlamaConfig(**size, tie_word_embeddings=True, max_position_embeddings=8192)
    with torch.device(device):
        model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    return sum(weight.numel() for weight in model.parameters())


def wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def peak(dtype: str, device: str, square: int) -> float:
    """FLOP/s of a square matrix product, the best of several."""
    a, b = (torch.randn(square, square, device=device).to(getattr(torch, dtype)) for _ in range(2))

    def product() -> None:
        torch.mm(a, b)
        wait(device)

    return 2 * square**3 / best(product)


def timed(engine: Any, prompts: Sequence[TokenPaths], device: str) -> dict[str, Any]:
    """Scores and what they took, after a warm-up (and so a self-check) on the longest prompt."""
    list(engine.score([max(prompts, key=lambda one: one.length)]))
    before = engine.report()
    wait(device)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    scores = sorted(engine.score(prompts), key=lambda one: one.index)
    wait(device)
    seconds = time.perf_counter() - started
    memory = None if device == "cpu" else torch.cuda.max_memory_allocated() / 1e9
    after = engine.report()
    computed = {
        key: after[key] - before[key]
        for key in ("computed_tokens", "pairs", "decision_rows")
        if key in after
    }
    return {
        "seconds": seconds,
        "per_s": len(prompts) / seconds,
        "memory_gb": memory,
        "scores": scores,
        "computed": computed,
        "report": after,
    }


def done(model: Any, prompts: Sequence[TokenPaths], computed: dict[str, int]) -> float:
    """Floating-point operations of what was computed; of one sequence for each longest node where
    the engine keeps no counts."""
    lengths = [len(one.prefix) + len(node) for one in prompts for node in maximal(one.nodes())]
    each = operations(model)
    tokens = computed.get("computed_tokens", sum(lengths))
    pairs = computed.get("pairs", sum(n * (n + 1) // 2 for n in lengths))
    rows = computed.get("decision_rows", sum(len(one.nodes()) for one in prompts))
    return float(each.token * tokens + each.pair * pairs + each.row * rows)


def difference(one: Sequence[Score], other: Sequence[Score]) -> float:
    return max(
        abs(a - b)
        for x, y in zip(one, other, strict=True)
        for a, b in zip(x.logprobs, y.logprobs, strict=True)
        if a is not None and b is not None
    )


def lines_of(asked: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """The figures, a line for each path and precision."""
    spec = ModelSpec(str(folder))
    task = prepare(spec, "demo", FAMILY, "plain", asked.prompts, print)
    prompts = [
        TokenPaths(
            tuple(one["prefix"]),
            tuple(map(tuple, one["paths"])),
            tuple(one["closed"]),
            tuple(one["closing"]),
            one["join"],
        )
        for one in task.prompts
    ]
    few = sample(task.prompts, asked.sample, SEED)
    some = [prompts[place] for place in few]
    for dtype in ("float32", "bfloat16"):
        rate = peak(dtype, asked.device, SMALL if asked.tiny else SQUARE)
        found: dict[str, dict[str, Any]] = {}
        for path, name, batch in (
            ("reference", "reference", 1),
            ("batched loop", "reference", asked.batch),
            ("shared", "transformers", 1),
        ):
            options = RunOptions(engine=name, dtype=dtype, device=asked.device, batch=batch)
            engine = open_engine(spec, options, lambda line: print(line, file=sys.stderr))
            chosen = prompts if path == "shared" else some
            found[path] = timed(engine, chosen, asked.device)
            model = engine.model  # type: ignore[attr-defined]
            work = done(model, chosen, found[path]["computed"])
            found[path]["share"] = work / found[path]["seconds"] / rate
            del engine, model
            give_memory_back()
        expected = found["reference"]["scores"]
        for path, line in found.items():
            scores = line.pop("scores")
            own = scores if path != "shared" else [scores[place] for place in few]
            report = line.pop("report")
            yield {
                "path": path,
                "dtype": dtype,
                "prompts": len(scores),
                **line,
                "times": line["per_s"] / found["batched loop"]["per_s"],
                "peak_tflops": rate / 1e12,
                "difference": difference(own, expected),
                "took": report["path"],
                "self_check": report.get("self_check"),
                "precision": report.get("precision"),
            }


def shown(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.3g}"
    return "–" if value is None else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--prompts", type=int, default=3900, help="decisions, at most")
    parser.add_argument("--sample", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        parameters = make_model(folder, TINY if asked.tiny else SIZE, asked.device)
        name = processor() if asked.device == "cpu" else torch.cuda.get_device_name()
        print(json.dumps({"device": name, "torch": torch.__version__, "parameters": parameters}))
        lines = []
        for line in lines_of(asked, folder):
            print(json.dumps(line), flush=True)
            lines.append(line)
    print(f"\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for line in lines:
        print(f"| {' | '.join(shown(line[name]) for name in COLUMNS)} |")


if __name__ == "__main__":
    main()
