"""Tiny models in folders, changed tensor by tensor and setting by setting, and how they score."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tremble.engines.open import open_engine
from tremble.errors import UserError
from tremble.models.spec import ModelSpec, RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import option_paths

Tensors = dict[str, torch.Tensor]

PROMPTS = [
    ('You can accept or reject.\n{"decision": "', ["accept", "reject"]),
    ("A long story. " * 6 + "Answer: ", ["yes please", "no"]),
]


def altered(
    folder: Path,
    tensors: Callable[[Tensors], Tensors] | None = None,
    config: dict[str, Any] | None = None,
    weights: str = "model.safetensors",
) -> Path:
    """The folder, with other tensors in its file of weights and other settings in config.json."""
    if tensors is not None:
        changed = tensors(load_file(folder / weights))
        whole = {name: tensor.contiguous().clone() for name, tensor in changed.items()}
        save_file(whole, folder / weights, metadata={"format": "pt"})
    if config is not None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return folder


def copied(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


def by_hand(
    model: torch.nn.Module, tokenizer: HubTokenizer, context: str, labels: list[str]
) -> list[float]:
    """Sum of log-probabilities from the first place where context and options part."""
    texts = tokenizer.encode([context, *(context + label for label in labels)])
    shortest = min(map(len, texts))
    start = next((at for at in range(shortest) if len({ids[at] for ids in texts}) > 1), shortest)
    sums = []
    for ids in texts[1:]:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0].double()
        chosen = [
            logits[at - 1, ids[at]] - torch.logsumexp(logits[at - 1], 0)
            for at in range(start, len(ids))
        ]
        sums.append(float(sum(chosen)))
    return sums


def assert_scored_as(
    model: torch.nn.Module, folder: Path, within: float = 1e-5, **spec: Any
) -> dict[str, Any]:
    """Holds the scores of a folder, by both engines, against sums by hand over the logits of
    `model`; what the manifest says of its weights."""
    account: dict[str, Any] = {}
    for name in ("reference", "transformers"):
        options = RunOptions(engine=name)
        engine = open_engine(ModelSpec(str(folder), **spec), options, lambda _: None)
        tokenizer: Any = engine.tokenizer
        found = sorted(engine.score(option_paths(tokenizer, PROMPTS)), key=lambda row: row.index)
        for row, (context, labels) in zip(found, PROMPTS, strict=True):
            expected = by_hand(model, tokenizer, context, labels)
            assert row.logprobs == pytest.approx(expected, abs=within)
        report = engine.report()
        assert report["path"] == ("reference" if name == "reference" else "shared")
        assert report["cache_check"]["why"] is None
        account = report["weights"]
    return account


def refused(folder: Path, engine: str = "reference", **spec: Any) -> str:
    """The one sentence by which a model is refused before it has scored anything."""
    with pytest.raises(UserError) as caught:
        opened = open_engine(
            ModelSpec(str(folder), **spec), RunOptions(engine=engine), lambda _: None
        )
        tokenizer: Any = opened.tokenizer
        next(opened.score(option_paths(tokenizer, PROMPTS)))
    sentence = str(caught.value)
    assert "\n" not in sentence and "; " in sentence and sentence.endswith(".")
    return sentence
