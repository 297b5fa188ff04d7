"""Series of checkpoints as trainers write them, over tiny models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.support.fake_hub import FakeHub

# What a Trainer stores beside a model, to go on later.
STATE = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json")


def checkpoint(folder: Path, model: Path, *without: str) -> Path:
    """A model or an adapter with the state of its training, as a Trainer stores it."""
    shutil.copytree(model, folder)
    for name in STATE:
        (folder / name).write_bytes(b"{}")
    for name in without:
        (folder / name).unlink()
    return folder


def trained_adapter(base: Path, folder: Path, **settings: Any) -> Path:
    """A LoRA adapter as peft saves it, with `settings` of its configuration changed."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    peft.get_peft_model(model, config).save_pretrained(folder)
    return configured(folder, base_model_name_or_path=str(base), **settings)


def configured(adapter: Path, **settings: Any) -> Path:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return adapter


def other_tokenizer(folder: Path) -> Path:
    """The same folder, a token of its tokenizer renamed: as long as before, another content."""
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["model"]["vocab"]
    last = max(vocabulary, key=vocabulary.get)
    content["model"]["vocab"] = {
        (name[::-1] if name == last else name): number for name, number in vocabulary.items()
    }
    path.write_text(json.dumps(content))
    return folder


def branch(hub: FakeHub, model: str, name: str, folder: Path | None = None) -> None:
    """A branch of a hub model, with files of its own or those of `main`."""
    commit = f"{len(hub.revisions) + 1:040x}"
    hub.revisions[model, name] = commit
    if folder is not None:
        hub.commits[model, commit] = folder


def bytes_of(folder: Path, *patterns: str) -> int:
    """Of the files of a model that are read."""
    patterns = patterns or ("*.safetensors", "*.json", "*.jinja")
    return sum(path.stat().st_size for pattern in patterns for path in folder.glob(pattern))
