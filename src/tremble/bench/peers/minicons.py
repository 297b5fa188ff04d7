"""minicons: `IncrementalLMScorer.conditional_score`, summed over an option's tokens.

All options of a prompt go in one call, which computes each of them with its whole context.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PACKAGE = "minicons"
INSTALL = "pip install minicons==0.3.39"
VERSIONS = ("minicons", "torch", "transformers")
IN_FULL = False
DUPLICATES = "again"


def load(job: dict[str, Any]) -> Callable[[list[dict[str, Any]]], Any]:
    import torch
    from minicons.scorer import IncrementalLMScorer

    lm = IncrementalLMScorer(job["model"], device="cpu", dtype=torch.float32)

    def score(prompts: list[dict[str, Any]]) -> Any:
        logprobs = []
        for prompt in prompts:
            values = lm.conditional_score(
                [prompt["context"]] * len(prompt["labels"]),
                prompt["labels"],
                separator="",
                reduction=lambda logprobs: logprobs.sum(0).item(),
            )
            logprobs.append(
                [
                    None if prompt["join"] or terminated else value
                    for value, terminated in zip(values, prompt["closed"], strict=True)
                ]
            )
        return logprobs, {}

    return score
