"""lm-evaluation-harness: `HFLM.loglikelihood` on (context, option) pairs, as its tasks do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PACKAGE = "lm_eval"
INSTALL = "pip install lm-eval==0.4.13"
VERSIONS = ("lm-eval", "torch", "transformers")
IN_FULL = False
# Requests with the same tokens before the last one share their logits within a call.
DUPLICATES = "once"


def load(job: dict[str, Any]) -> Callable[[list[dict[str, Any]]], Any]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    lm = HFLM(pretrained=job["model"], dtype="float32", device="cpu", batch_size=1)

    def score(prompts: list[dict[str, Any]]) -> Any:
        pairs = [(p["context"], label) for p in prompts for label in p["labels"]]
        asked = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
        values = iter([value for value, _ in lm.loglikelihood(asked, disable_tqdm=True)])
        logprobs = []
        for prompt in prompts:
            # A space that ends the context is moved to the option: another question.
            other = prompt["join"] or prompt["context"] != prompt["context"].rstrip()
            row = [next(values) for _ in prompt["labels"]]
            logprobs.append(
                [
                    None if other or terminated else value
                    for value, terminated in zip(row, prompt["closed"], strict=True)
                ]
            )
        return logprobs, {}

    return score
