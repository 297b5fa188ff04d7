"""GGUF files: a tiny model as one, and headers that claim whatever a test wants."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

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


def as_gguf(folder: Path, path: Path) -> Path:
    """The model of a folder (a Llama) as a float32 GGUF file, written tensor by tensor."""
    import gguf
    import numpy as np
    import torch
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    config = json.loads((folder / "config.json").read_text())
    heads, keys = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(keys)
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in ("<s>", "</s>") else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, tensor in load_file(folder / "model.safetensors").items():
        values = tensor.to(torch.float32).numpy()
        if ".q_proj." in name or ".k_proj." in name:
            # llama.cpp stores rotary halves interleaved; the reader undoes it.
            number = heads if ".q_proj." in name else keys
            values = values.reshape(number, 2, -1, values.shape[1]).swapaxes(1, 2)
            values = values.reshape(-1, values.shape[-1])
        writer.add_tensor(
            names.get_name(name, try_suffixes=(".weight",)), np.ascontiguousarray(values)
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
