"""One long session through the engine, beside bare passes of transformers over the same tokens.

    python benchmarks/sessions_engine.py [--tokens 32768] [--reads 2000] [--branches 0.0]
                                         [--rounds 1] [--everywhere] [--threads 1] [--smollm2]

A model of the shape of Gemma 3 270M (or SmolLM2 135M) with random weights: nothing is downloaded,
and times do not depend on what weights hold. Printed are seconds of the processor (other programs
count little; with several threads these add up), interleaved in each round, of the engine (without
its check), of a bare pass with logits at the responses alone, and with --everywhere of one with
logits at every token; the ratios of the engine to these; and how far the resident memory of the
process rises above where it was with the weights loaded, for the engine alone (which runs first).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

from tremble.engines.memory import Room
from tremble.engines.reference import ReferenceEngine
from tremble.engines.shared_prefix.engine import SharedEngine
from tremble.engines.shared_prefix.self_check import SelfCheck
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Stretch, Trunk


def model(words: int) -> Any:
    """Gemma 3 270M as its configuration says: 18 layers, every sixth of full attention."""
    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=words,
        hidden_size=640,
        intermediate_size=2048,
        num_hidden_layers=18,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        max_position_embeddings=32768,
        sliding_window=512,
        query_pre_attn_scalar=256,
        layer_types=["full_attention" if n % 6 == 5 else "sliding_attention" for n in range(18)],
    )
    return Gemma3ForCausalLM(config).eval()


def smollm2() -> Any:
    """SmolLM2 135M as its configuration says: 30 layers of full attention."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=32768,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


def session(tokens: int, reads: int, branches: float, words: int) -> list[TokenPaths]:
    """One trunk with responses of one token at even places, some of which leave it."""
    drawn = np.random.default_rng(0)
    trunk = Trunk(drawn.integers(10, words, tokens))
    prompts = []
    for stop in np.linspace(20, tokens - 1, reads).astype(int).tolist():
        said = int(trunk.ids[stop])
        leaves = drawn.random() < branches
        prefix = Stretch(trunk, stop, (3,) if leaves else ())
        path = ((said,), ((said + 1) % words,))
        prompts.append(TokenPaths(prefix, path, (False, False), (5, 6), response=0))
    return prompts


def memory() -> tuple[float, float]:
    """Resident memory of the process now, and the most since the last call (Linux), in MB."""
    said = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {line.partition(":")[0]: line.split()[1] for line in said if "kB" in line}
    Path("/proc/self/clear_refs").write_text("5")  # forgets the most so far
    return float(kilobytes["VmRSS"]) / 1e3, float(kilobytes["VmHWM"]) / 1e3


def bare(whole: Any, trunk: Trunk, places: torch.Tensor | int) -> float:
    began = time.process_time()
    ids = torch.from_numpy(trunk.ids.astype(np.int64))[None]
    with torch.inference_mode():
        whole(input_ids=ids, use_cache=False, logits_to_keep=places)
    return time.process_time() - began


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--tokens", type=int, default=32768)
    asked.add_argument("--reads", type=int, default=2000)
    asked.add_argument("--branches", type=float, default=0.0)
    asked.add_argument("--words", type=int, default=262144)
    asked.add_argument("--rounds", type=int, default=1)
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--everywhere", action="store_true")
    asked.add_argument("--no-bare", action="store_true")
    asked.add_argument("--smollm2", action="store_true")
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    whole = smollm2() if given.smollm2 else model(given.words)
    words = whole.config.vocab_size
    prompts = session(given.tokens, given.reads, given.branches, words)
    trunk = cast(Stretch, prompts[0].prefix).trunk
    reference = ReferenceEngine(whole, cast(Any, None), {}, None)
    engine = SharedEngine(reference, print, room=Room(2048, 128))
    engine.check = SelfCheck(0, 0.0, 1.0, None)
    engine._checked, engine._on_trunks = given.tokens, True  # so that none is made
    bare(whole, Trunk(trunk.ids[:64]), 1)  # what is made at the first pass
    places = torch.tensor([len(one.prefix) - 1 for one in prompts])
    for number in range(given.rounds):
        before, _ = memory()
        began = time.process_time()
        scores = list(engine.score(prompts))
        shared = time.process_time() - began
        print(f"{len(scores):,} prompts, {given.tokens:,} tokens: {shared:.1f} s", flush=True)
        if number == 0:
            print(f"memory above the weights: {memory()[1] - before:,.0f} MB", flush=True)
        if given.no_bare:
            continue
        alone = bare(whole, trunk, places)
        print(f"bare, logits at responses: {alone:.1f} s, ratio {shared / alone:.2f}", flush=True)
        if given.everywhere:
            every = bare(whole, trunk, 0)
            print(f"bare, logits everywhere: {every:.1f} s, ratio {shared / every:.2f}", flush=True)


if __name__ == "__main__":
    main()
