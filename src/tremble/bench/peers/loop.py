"""A plain transformers loop: one pass a prompt, no cache, the last rows read.

Options of several tokens take a pass for each longest sequence of tokens before an option's
last one, as in the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PACKAGE = "transformers"
INSTALL = "pip install torch transformers"
VERSIONS = ("torch", "transformers")
IN_FULL = False
DUPLICATES = "again"


def load(job: dict[str, Any]) -> Callable[[list[dict[str, Any]]], Any]:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32).eval()

    def score(prompts: list[dict[str, Any]]) -> Any:
        with torch.inference_mode():
            return looped(prompts)

    def looped(prompts: list[dict[str, Any]]) -> Any:
        logprobs, lengths = [], []
        for prompt in prompts:
            logs = {}
            for node in prompt["sequences"]:
                ids = torch.tensor([prompt["prefix"] + node])
                kept = len(node) + 1
                logits = model(input_ids=ids, use_cache=False, logits_to_keep=kept).logits
                rows = torch.log_softmax(logits[0, -kept:].float(), dim=-1)
                for end in range(kept):
                    logs[tuple(node[:end])] = rows[end]
                lengths.append(ids.shape[1])
            values = []
            for path, terminated in zip(prompt["paths"], prompt["closed"], strict=True):
                value = sum(float(logs[tuple(path[:i])][path[i]]) for i in range(len(path)))
                if terminated:
                    value += float(logs[tuple(path)][prompt["closing"]].logsumexp(0))
                values.append(value)
            logprobs.append(values)
        seen = sum(n * (n + 1) / 2 for n in lengths) / sum(lengths)
        return logprobs, {"passes": len(lengths), "computed_tokens": sum(lengths), "seen": seen}

    return score
