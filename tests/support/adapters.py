"""LoRA adapters of made-up weights on tiny models, as peft saves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peft
import torch
from transformers import AutoModelForCausalLM

LORA: dict[str, Any] = {
    "r": 4,
    "lora_alpha": 8,
    "target_modules": ["q_proj", "v_proj"],
    "init_lora_weights": False,
}


def plain(base: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()


def trained(base: Path, folder: Path, config: Any, seed: int = 1) -> Path:
    """An adapter of made-up weights, as peft saves it."""
    torch.manual_seed(seed)
    model = peft.get_peft_model(plain(base), config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:  # some are born as copies, ones, zeros, or cancelled out
                weight.add_(torch.randn_like(weight), alpha=0.1)
    model.save_pretrained(folder)
    return folder


def unmerged(base: Path, adapter: Path) -> Any:
    return peft.PeftModel.from_pretrained(plain(base), str(adapter)).eval()


def configured(adapter: Path, **settings: Any) -> Path:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return adapter
