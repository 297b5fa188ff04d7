"""Log-probabilities of answers by plain passes of transformers, one row at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import peft
import torch
from transformers import AutoModelForCausalLM


def model_at(base: Path, adapter: Path | None, dtype: torch.dtype = torch.float64) -> Any:
    """A model with an adapter as peft loads it, float64 if nothing else is asked for."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        model = peft.PeftModel.from_pretrained(model, str(adapter))
    return model.to(dtype).eval()


def logs_to_learn(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
    """Of each token of an answer."""
    row = torch.tensor([[*prompt, *answer]])
    found = model(row).logits[0].log_softmax(-1)
    return found[torch.arange(len(prompt) - 1, row.shape[1] - 1), row[0, len(prompt) :]]


def logs(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
    with torch.no_grad():
        return logs_to_learn(model, prompt, answer)
