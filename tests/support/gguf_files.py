"""GGUF files: a tiny model as one, and headers that claim whatever a test wants."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Value = int | str | list[str] | bytes


def header(
    entries: Mapping[str, Value], tensors: bytes = b"", order: str = "<", **counts: int
) -> bytes:
    """A header, written after the description of the format: a number is a uint32, bytes are what
    follows a key as it stands. `counts`: `version`, `tensor_count`, `kv_count`, as they lie."""
    said = {"version": 3, "tensor_count": 0, "kv_count": len(entries), **counts}
    out = b"GGUF" + struct.pack(order + "IQQ", *said.values())
    for key, value in entries.items():
        out += text(key, order)
        if isinstance(value, bytes):
            out += value
        elif isinstance(value, int):
            out += struct.pack(order + "II", 4, value)
        elif isinstance(value, str):
            out += struct.pack(order + "I", 8) + text(value, order)
        else:
            out += struct.pack(order + "IIQ", 9, 8, len(value))
            out += b"".join(text(each, order) for each in value)
    return out + tensors


def tensor(name: str, *dimensions: int, order: str = "<") -> bytes:
    """What a header says of a float32 tensor at the beginning of the data."""
    sizes = struct.pack(f"{order}I{len(dimensions)}Q", len(dimensions), *dimensions)
    return text(name, order) + sizes + struct.pack(order + "IQ", 0, 0)


def text(content: str, order: str = "<") -> bytes:
    return struct.pack(order + "Q", len(content.encode())) + content.encode()


def as_gguf(
    folder: Path,
    path: Path,
    fields: Mapping[str, Any] | None = None,
    tensors: Mapping[str, Any] | None = None,
) -> Path:
    """The model of a folder as a float32 GGUF file, written as llama.cpp's converter writes it.

    `fields` and `tensors` are written beside, or in place of, its own; those that are None are left
    out. Names of fields without a dot before them get the architecture's: ".rope.freq_base".
    """
    import gguf
    from transformers import PreTrainedTokenizerFast

    config = json.loads((folder / "config.json").read_text())
    architecture = ARCHITECTURES[config["model_type"]]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    own = {**_fields(config), **_tokenizer(tokenizer)}
    if architecture.startswith("qwen"):
        own["tokenizer.ggml.pre"] = "qwen2"  # the only split that transformers has for them
    if architecture.startswith("gemma"):
        own |= sentencepiece(False)
    writer = gguf.GGUFWriter(path, architecture)
    for name, value in {**own, **(fields or {})}.items():
        if value is not None:
            _add(writer, f"{architecture}{name}" if name.startswith(".") else name, value)
    for name, values in {**_tensors(folder, config, architecture), **(tensors or {})}.items():
        if values is not None:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


# By `model_type` of a configuration: the names that llama.cpp has.
ARCHITECTURES = {
    "llama": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
    "phi3": "phi3",
    "gpt2": "gpt2",
    "starcoder2": "starcoder2",
    "stablelm": "stablelm",
}
# Fields by what a configuration calls them, where it has them.
_FIELDS = {
    ".context_length": ("max_position_embeddings", "n_positions"),
    ".embedding_length": ("hidden_size", "n_embd"),
    ".block_count": ("num_hidden_layers", "n_layer"),
    ".feed_forward_length": ("intermediate_size", "n_inner"),
    ".attention.head_count": ("num_attention_heads", "n_head"),
    ".attention.head_count_kv": ("num_key_value_heads",),
    ".attention.layer_norm_rms_epsilon": ("rms_norm_eps",),
    ".attention.layer_norm_epsilon": ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"),
    ".attention.key_length": ("head_dim",),
    ".attention.value_length": ("head_dim",),
    ".attn_logit_softcapping": ("attn_logit_softcapping",),
    ".final_logit_softcapping": ("final_logit_softcapping",),
}


def _fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the converter writes of a configuration, but for the scaling of positions."""
    fields: dict[str, Any] = {
        field: next((config[name] for name in names if config.get(name) is not None), None)
        for field, names in _FIELDS.items()
    }
    kind = config["model_type"]
    rope = config.get("rope_parameters") or {}
    fields[".rope.freq_base"] = rope.get("full_attention", rope).get("rope_theta")
    head = fields[".attention.key_length"] or (
        fields[".embedding_length"] // fields[".attention.head_count"]
    )
    if kind == "gpt2":
        fields[".feed_forward_length"] = 4 * config["n_embd"]
    if kind == "llama":
        fields |= {".vocab_size": config["vocab_size"], ".rope.dimension_count": head}
    if kind in ("phi3", "stablelm"):
        fields[".rope.dimension_count"] = int(rope["partial_rotary_factor"] * head)
    if kind == "phi3":
        fields[".rope.scaling.original_context_length"] = config["original_max_position_embeddings"]
    if kind in ("gemma2", "gemma3_text", "phi3"):
        fields[".attention.sliding_window"] = config["sliding_window"] or 0
    if kind == "stablelm":
        fields[".use_parallel_residual"] = config["use_parallel_residual"]
        fields[".rope.freq_base"] = None
    return fields


def _tokenizer(tokenizer: Any) -> dict[str, Any]:
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in ("<s>", "</s>") else 1 for token in tokens],
        "tokenizer.ggml.merges": [" ".join(pair) for pair in state["model"]["merges"]],
        "tokenizer.ggml.bos_token_id": tokenizer.bos_token_id,
        "tokenizer.ggml.eos_token_id": tokenizer.eos_token_id,
        "tokenizer.ggml.padding_token_id": tokenizer.pad_token_id,
    }


def _add(writer: Any, name: str, value: Any) -> None:
    import gguf

    if isinstance(value, list):
        writer.add_array(name, value)
        return
    kinds = {bool: "BOOL", int: "UINT32", float: "FLOAT32", str: "STRING"}
    writer.add_key_value(name, value, gguf.GGUFValueType[kinds[type(value)]])


def _tensors(folder: Path, config: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    import gguf
    import numpy as np
    import torch
    from safetensors.torch import load_file

    layers = config.get("num_hidden_layers") or config["n_layer"]
    kind = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}[architecture]
    names = gguf.get_tensor_name_map(kind, layers)
    tensors = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        values = tensor.to(torch.float32).numpy()
        if architecture == "llama" and (".q_proj." in name or ".k_proj." in name):
            heads = "num_attention_heads" if ".q_proj." in name else "num_key_value_heads"
            values = interleaved(values, config[heads])
        if architecture in ("gemma2", "gemma3") and name.endswith("norm.weight"):
            values = values + 1
        if architecture == "gpt2" and name.endswith(
            ("c_attn.weight", "c_proj.weight", "c_fc.weight")
        ):
            values = values.T
        written = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert written is not None, name
        tensors[written] = np.ascontiguousarray(values)
    return tensors


def interleaved(values: Any, heads: int) -> Any:
    """Rows of queries or keys, or their biases, as llama.cpp turns them: pair by pair."""
    return values.reshape(heads, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def sentencepiece(space: bool | None) -> dict[str, Any]:
    """The fields of a SentencePiece tokenizer of 304 tokens; `space`: whether one comes before each
    text, None for a file that says nothing."""
    pieces = ["▁", "a", "b", "ab", "▁a", "▁ab", "1", "0", "10", "▁1", "▁10", ",", "\n"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    kinds = [2, 3, 3, *[6] * 256, *[1] * len(pieces)]
    unused = 304 - len(tokens)
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [*tokens, *(f"[PAD{number}]" for number in range(unused))],
        "tokenizer.ggml.scores": [
            *[0.0] * 259,
            *(float(-number) for number in range(len(pieces))),
            *[-1000.0] * unused,
        ],
        "tokenizer.ggml.token_type": [*kinds, *[5] * unused],
        "tokenizer.ggml.merges": None,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.padding_token_id": None,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_space_prefix": space,
    }
