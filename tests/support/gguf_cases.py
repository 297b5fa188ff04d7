"""Tiny models as folders and what they are as GGUF files, for tests of the conversion."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.support.gguf_files import as_gguf
from tests.support.toys import bpe_tokenizer
from tremble.models.convert_gguf import convert

LLAMA: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 10_000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 128,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def converted(file: Path, target: Path) -> Path:
    """What the converter makes of a file, here; what it does to its own process is undone."""
    import gguf
    from transformers.utils import logging

    reader, level = gguf.GGUFReader, logging.get_verbosity()
    try:
        with warnings.catch_warnings():
            convert(file, target)
    finally:
        gguf.GGUFReader = reader
        logging.set_verbosity(level)
        logging.enable_progress_bar()
    return target


def saved(folder: Path, kind: str, texts: Sequence[str] = (), **arguments: Any) -> Path:
    """A random model of an architecture; no weight or bias is zero. Its tokenizer is the tests', or
    one whose merges were learned from `texts` without splitting them."""
    tokenizer = unsplit(texts) if texts else bpe_tokenizer()
    ids = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**arguments, **ids}))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
            else:
                parameter.mul_(4.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def unsplit(texts: Sequence[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    inner.train_from_iterator([text[start:] for text in texts for start in range(9)], trainer)
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **names)


def logprobs(folder: Path) -> torch.Tensor:
    """Of every token after each of 200, as transformers computes them."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(2, model.config.vocab_size, (1, 200), generator=generator)
    with torch.no_grad():
        return model(ids).logits[0].log_softmax(-1)


def furthest(one: Path, other: Path) -> float:
    return float((logprobs(one) - logprobs(other)).abs().max())


def rope_freqs(folder: Path) -> dict[str, Any]:
    """By what each frequency of a folder's model is divided, as transformers computes it."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    frequencies = model.model.rotary_emb.inv_freq.double()
    rope = model.config.rope_parameters
    dimensions = torch.arange(0, 2 * len(frequencies), 2).double() / (2 * len(frequencies))
    plain = rope["rope_theta"] ** -dimensions
    return {"rope_freqs.weight": (plain / frequencies).float().numpy()}


def longrope(folder: Path) -> dict[str, Any]:
    rope = json.loads((folder / "config.json").read_text())["rope_parameters"]
    return {
        f"rope_factors_{name}.weight": np.array(rope[f"{name}_factor"], np.float32)
        for name in ("short", "long")
    }


# Kind and arguments of the folder's model; fields, and tensors, that its file has beside.
SOUND: dict[str, tuple[str, dict[str, Any], dict[str, Any], Any]] = {
    "llama": ("llama", LLAMA, {}, None),
    "untied": ("llama", {**LLAMA, "tie_word_embeddings": False}, {}, None),
    "tied": ("llama", {**LLAMA, "tie_word_embeddings": True}, {}, None),
    "heads wider than shared": ("qwen3", {**LLAMA, "head_dim": 16}, {}, None),
    "as many keys as queries": (
        "qwen2",
        {**LLAMA, "num_key_value_heads": 4},
        {".attention.head_count_kv": None},
        None,
    ),
    "linear": (
        "llama",
        {
            **LLAMA,
            "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10_000.0},
        },
        {".rope.scaling.type": "linear", ".rope.scaling.factor": 4.0},
        None,
    ),
    "linear, as it was once written": (
        "llama",
        {
            **LLAMA,
            "rope_parameters": {"rope_type": "linear", "factor": 2.5, "rope_theta": 10_000.0},
        },
        {".rope.scale_linear": 2.5},
        None,
    ),
    "yarn": (
        "qwen2",
        {**LLAMA, "rope_parameters": YARN},
        {
            ".rope.scaling.type": "yarn",
            ".rope.scaling.factor": 4.0,
            ".rope.scaling.original_context_length": 128,
        },
        None,
    ),
    "yarn with bounds": (
        "llama",
        {**LLAMA, "rope_parameters": {**YARN, "beta_fast": 16.0, "beta_slow": 2.0}},
        {
            ".rope.scaling.type": "yarn",
            ".rope.scaling.factor": 4.0,
            ".rope.scaling.original_context_length": 128,
            ".rope.scaling.yarn_beta_fast": 16.0,
            ".rope.scaling.yarn_beta_slow": 2.0,
            ".rope.scaling.finetuned": True,
        },
        None,
    ),
    "rope_freqs of Llama 3.1": ("llama", {**LLAMA, "rope_parameters": LLAMA3}, {}, rope_freqs),
    "rope_freqs of another kind": (
        "llama",
        {
            **LLAMA,
            "rope_parameters": {
                **LLAMA3,
                "rope_theta": 500.0,
                "original_max_position_embeddings": 64,
            },
        },
        {},
        rope_freqs,
    ),
    "no scaling, and it is said": (
        "llama",
        LLAMA,
        {".rope.scaling.type": "none", ".rope.scaling.factor": 8.0},
        None,
    ),
    "biases of queries, keys and values": (
        "llama",
        {**LLAMA, "attention_bias": True, "mlp_bias": True},
        {},
        None,
    ),
    "biases of qwen3": ("qwen3", {**LLAMA, "attention_bias": True}, {}, None),
    "qwen2": ("qwen2", LLAMA, {}, None),
    "gemma2": (
        "gemma2",
        {
            **LLAMA,
            "sliding_window": 8,
            "query_pre_attn_scalar": 8,
            "attn_logit_softcapping": 0.5,
            "final_logit_softcapping": 3.0,
        },
        {},
        None,
    ),
    "gemma3": (
        "gemma3_text",
        {**LLAMA, "num_hidden_layers": 7, "sliding_window": 8, "query_pre_attn_scalar": 8},
        {},
        None,
    ),
    "gemma3 with all that is new": (
        "gemma3_text",
        {
            **LLAMA,
            "num_hidden_layers": 4,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "sliding_window": 8,
            "query_pre_attn_scalar": 8,
            "rope_parameters": {
                "full_attention": {
                    "rope_type": "linear",
                    "factor": 8.0,
                    "rope_theta": 1e6,
                },
                "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
            },
        },
        {
            ".rope.scaling.type": "linear",
            ".rope.scaling.factor": 8.0,
            ".rope.freq_base_swa": 500.0,
            ".attention.sliding_window_pattern": [True, False, True, False],
        },
        None,
    ),
    "phi3 with a window": ("phi3", {**LLAMA, "head_dim": None, "sliding_window": 16}, {}, None),
    "phi3 with short and long factors": (
        "phi3",
        {
            **LLAMA,
            "head_dim": None,
            "original_max_position_embeddings": 128,
            "rope_parameters": {
                "rope_type": "longrope",
                "rope_theta": 10_000.0,
                "partial_rotary_factor": 0.5,
                "short_factor": [1.0, 1.5],
                "long_factor": [2.0, 3.0],
                "original_max_position_embeddings": 128,
            },
        },
        {
            ".rope.scaling.type": "longrope",
            ".rope.scaling.attn_factor": math.sqrt(1 + math.log(4) / math.log(128)),
        },
        longrope,
    ),
    "gpt2": ("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}, {}, None),
    "starcoder2": (
        "starcoder2",
        {
            **LLAMA,
            "use_bias": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 999_999.0},
        },
        {},
        None,
    ),
    "stablelm": (
        "stablelm",
        {**LLAMA, "use_qkv_bias": True, "use_parallel_residual": False},
        {},
        None,
    ),
}


def folder_and_file(name: str, place: Path) -> tuple[Path, Path]:
    """The model of a case (`SOUND`), as a folder and as a file in `place`."""
    kind, arguments, fields, tensors = SOUND[name]
    given = {name: value for name, value in arguments.items() if value is not None}
    folder = saved(place / "folder", kind, **given)
    return folder, as_gguf(folder, place / "model.gguf", fields, tensors and tensors(folder))
