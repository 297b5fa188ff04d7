"""GGUF files against the folders whose weights they hold: the same numbers, or one sentence.

The files are written as llama.cpp's converter writes them (tests/support/gguf_files.py); what is
expected is what transformers makes of the folder.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.support.gguf_files import as_gguf
from tests.support.toys import bpe_tokenizer
from tremble.errors import ModelUnavailable
from tremble.models import gguf as source
from tremble.models.convert_gguf import convert
from tremble.models.gguf_header import Refused

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


@pytest.fixture(autouse=True)
def as_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the converter does to its own process is undone."""
    from transformers.utils import logging

    monkeypatch.setattr(gguf, "GGUFReader", gguf.GGUFReader)
    level = logging.get_verbosity()
    with warnings.catch_warnings():
        yield
    logging.set_verbosity(level)
    logging.enable_progress_bar()


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


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_gives_the_numbers_of_its_folder(name: str, tmp_path: Path) -> None:
    kind, arguments, fields, tensors = SOUND[name]
    given = {name: value for name, value in arguments.items() if value is not None}
    folder = saved(tmp_path / "folder", kind, **given)
    file = as_gguf(folder, tmp_path / "model.gguf", fields, tensors and tensors(folder))
    convert(file, tmp_path / "made")
    assert furthest(folder, tmp_path / "made") < 1e-5


def test_the_factors_of_llama_3_become_its_own_configuration(tmp_path: Path) -> None:
    """64 frequencies, divided by what Llama 3.1 and 3.2 divide them by."""
    for factor in (8.0, 32.0):
        rope = {**LLAMA3, "factor": factor}
        arguments = {**LLAMA, "head_dim": 128, "rope_parameters": rope}
        folder = saved(tmp_path / f"{factor}", "llama", **arguments)
        file = as_gguf(folder, tmp_path / f"{factor}.gguf", {}, rope_freqs(folder))
        convert(file, tmp_path / f"made-{factor}")
        made = json.loads((tmp_path / f"made-{factor}" / "config.json").read_text())
        assert made["rope_parameters"] == rope


def test_biases_that_a_file_lacks_are_none(tmp_path: Path) -> None:
    """Only queries have some, which llama.cpp turns as it turns their weights."""
    folder = saved(tmp_path / "folder", "llama", **LLAMA, attention_bias=True)
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("k_proj.bias", "v_proj.bias", "o_proj.bias")):
                parameter.zero_()
    model.save_pretrained(folder)
    lacking = {
        f"blk.{layer}.attn_{name}.bias": None for layer in (0, 1) for name in ("k", "v", "output")
    }
    convert(as_gguf(folder, tmp_path / "model.gguf", {}, lacking), tmp_path / "made")
    assert furthest(folder, tmp_path / "made") < 1e-5


# Fields, and tensors, of a file, and what is said of it.
ODD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a tensor is missing": (
        {},
        {"blk.1.attn_q.weight": None},
        "lacks the tensor 'blk.1.attn_q.weight'",
    ),
    "tensors are missing": (
        {},
        {"blk.1.ffn_up.weight": None, "output_norm.weight": None},
        "lacks the tensor 'blk.1.ffn_up.weight' (and 1 more)",
    ),
    "a layer too many": (
        {".block_count": 1},
        {},
        "holds the tensor 'blk.1.attn_norm.weight' (and 8 more), for which transformers",
    ),
    "a strange tensor": (
        {},
        {"blk.0.attn_q_norm.weight": np.ones(8, np.float32)},
        "holds the tensor 'blk.0.attn_q_norm.weight', for which transformers has no place",
    ),
    "another shape": (
        {".feed_forward_length": 64},
        {},
        "holds the tensor 'blk.0.ffn_down.weight' (and 5 more) in another shape than a model",
    ),
    "a part": (
        {"split.no": 0, "split.count": 2, "split.tensors.count": 21},
        {"blk.1.attn_q.weight": None},
        "is part 1 of 2",
    ),
    "an adapter": (
        {"general.type": "adapter", "adapter.type": "lora"},
        {},
        "holds no language model (its 'general.type' is 'adapter')",
    ),
    "a number is scaled": (
        {".logit_scale": 0.25},
        {},
        "holds the field 'llama.logit_scale' = 0.25, which tremble does not understand",
    ),
    "a list": (
        {".rope.dimension_sections": [2, 2, 0, 0]},
        {},
        "holds the field 'llama.rope.dimension_sections' = (2, 2, 0, 0), which tremble does not",
    ),
    "a window": (
        {".attention.sliding_window": 8},
        {},
        "holds the field 'llama.attention.sliding_window' = 8, which",
    ),
    "experts": ({".expert_count": 8}, {}, "holds the field 'llama.expert_count' = 8, which"),
    "not causal": (
        {".attention.causal": False},
        {},
        "holds the field 'llama.attention.causal' = False, which",
    ),
    "attention of another scale": (
        {".attention.scale": 0.5},
        {},
        "holds the field 'llama.attention.scale' = 0.5, which",
    ),
    "partly turned": (
        {".rope.dimension_count": 4},
        {},
        "holds the field 'llama.rope.dimension_count' = 4, which",
    ),
    "turned in a way unheard of": (
        {".rope.scaling.type": "spiral", ".rope.scaling.factor": 2.0},
        {},
        "holds the field 'llama.rope.scaling.type' = 'spiral', which",
    ),
    "turned less by a logarithm": (
        {
            ".rope.scaling.type": "yarn",
            ".rope.scaling.factor": 2.0,
            ".rope.scaling.yarn_log_multiplier": 0.1,
        },
        {},
        "holds the field 'llama.rope.scaling.yarn_log_multiplier' = 0.10000000149011612, which",
    ),
    "factors of another number": (
        {},
        {"rope_freqs.weight": np.ones(3, np.float32)},
        "holds the tensor 'rope_freqs.weight', which tremble does not understand",
    ),
    "short factors alone": (
        {},
        {"rope_factors_short.weight": np.ones(4, np.float32)},
        "holds the tensor 'rope_factors_short.weight', which tremble does not understand",
    ),
    "a field of nobody": ({"xielu.beta": 0.5}, {}, "holds the field 'xielu.beta' = 0.5, which"),
    "texts in small letters": (
        {"tokenizer.ggml.normalizer.lowercase": True},
        {},
        "holds the field 'tokenizer.ggml.normalizer.lowercase' = True, which",
    ),
    "another pre-tokenizer": (
        {"tokenizer.ggml.pre": "afmoe"},
        {},
        "has the pre-tokenizer 'afmoe', which tremble does not know",
    ),
    "the default": (
        {"tokenizer.ggml.pre": "default"},
        {},
        "has the pre-tokenizer 'default', which tremble does not know",
    ),
    "no pre-tokenizer": (
        {"tokenizer.ggml.pre": None},
        {},
        "names no pre-tokenizer ('tokenizer.ggml.pre')",
    ),
    "another tokenizer": (
        {"tokenizer.ggml.model": "rwkv"},
        {},
        "has the tokenizer 'rwkv', which tremble does not know",
    ),
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("folder") / "llama", "llama", **LLAMA)


@pytest.mark.parametrize("name", ODD)
def test_what_would_be_lost_or_made_up_is_refused(name: str, llama: Path, tmp_path: Path) -> None:
    fields, tensors, said = ODD[name]
    file = as_gguf(llama, tmp_path / "model.gguf", fields, tensors)
    with pytest.raises(Refused) as refused:
        convert(file, tmp_path / "made")
    assert refused.value.said.startswith(said)


def test_gemma_3_without_its_window_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "folder", "gemma3_text", **LLAMA, sliding_window=8)
    file = as_gguf(folder, tmp_path / "model.gguf", {".attention.sliding_window": None})
    with pytest.raises(Refused, match=r"lacks the field 'gemma3\.attention\.sliding_window'"):
        convert(file, tmp_path / "made")


def test_a_refusal_is_one_sentence_with_a_cure(llama: Path, tmp_path: Path) -> None:
    """From the process that converts to the user; nothing stays in the cache."""
    parts = {"split.no": 0, "split.count": 2, "split.tensors.count": 21}
    file = as_gguf(llama, tmp_path / "m-00001-of-00002.gguf", parts)
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patched:
        patched.setenv("TREMBLE_CACHE", str(tmp_path / "cache"))
        with pytest.raises(ModelUnavailable) as refused:
            source.converted_file(file, print, True)
    assert str(refused.value) == (
        f"The GGUF file {str(file)!r} is part 1 of 2; join the parts with llama.cpp: "
        "llama-gguf-split --merge FIRST-PART.gguf WHOLE.gguf."
    )
    assert list((tmp_path / "cache").iterdir()) == []
