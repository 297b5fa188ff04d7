"""Sizes that no model has, found before anything is built of them: a configuration of a billion
layers is built for hours, one of a billion labels until memory is full."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tremble.errors import ModelUnavailable
from tremble.models.files import read_json
from tremble.text import visible


class _Limit(NamedTuple):
    keys: str  # a pattern that fits all of them
    least: int | None
    most: int


# In config.json and, last in each pattern, in the header of a GGUF file: whole numbers, or lists of
# them.
_LIMITS = (
    _Limit(r"num_hidden_layers|num_layers|n_layers?|block_count", 1, 10_000),
    _Limit(r"hidden_size|n_embd|d_model|embedding_length", 1, 10_000_000),
    _Limit(r"vocab_size", 1, 1_000_000_000),
    _Limit(r"max_position_embeddings|n_positions|n_ctx|context_length", None, 1_000_000_000),
    _Limit(r"num_labels|extra_ids", None, 1_000_000),
    _Limit(r"intermediate_size|n_inner|d_ff|ffn_dim|feed_forward_length", None, 1_000_000_000),
    _Limit(r"head_dim|d_kv|key_length|value_length", None, 10_000_000),
    _Limit(r"num_(local_|routed_)?experts|n_(routed|shared)_experts|expert_count", None, 10_000),
    _Limit(r"num_(attention|key_value)_heads|n_heads?|head_count|head_count_kv", None, 1_000_000),
    _Limit(r"(mamba_)?chunk_size", None, 10_000),  # prompts are filled up to a multiple of it
    _Limit(r"(num_|n_)?(encoder|decoder|nextn_predict|mtp)_layers", None, 10_000),
)
# What is no part of the text model (towers for images may have no layers), or no configuration.
_TEXT_PARTS = ("text_config", "decoder", "llm_config", "language_config")
_NO_CONFIG = ("id2label", "label2id", "task_specific_params", "auto_map", "quantization_config")


def check_config(folder: Path) -> None:
    """Raises ModelUnavailable, with key and value, for a size in the configuration of a model, or
    of its tokenizer, that no model has, and where one of these files is no JSON object."""
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        if not path.is_file():
            continue
        config = read_json(path)
        if not isinstance(config, dict):
            raise ModelUnavailable(
                f"{str(path)!r} does not contain a JSON object; copy or download it again."
            )
        for key, value, text in _entries(config):
            why = over_limit(key, value, text)
            if why is not None:
                shown = visible(repr(value))
                raise ModelUnavailable(
                    f"{str(path)!r} has {key} = {shown[:60]}{'...' * (len(shown) > 60)}, {why}; "
                    "copy or download it again."
                )


def over_limit(key: str, value: Any, text: bool = True) -> str | None:
    """Why a size cannot be that of a model, as "which is more than 10,000"; None where it can.

    `text` says that it is of the model's text part, which no smaller one will do for.
    """
    limit = next((one for one in _LIMITS if re.fullmatch(one.keys, key)), None)
    if limit is None or value is None:
        return None
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, bool) or not isinstance(each, int | float) or each != each // 1:
            return "which is not a whole number"
        if each > limit.most:
            return f"which is more than {limit.most:,}"
        if text and limit.least is not None and each < limit.least:
            return f"which is less than {limit.least}"
    return None


def _entries(config: dict[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """The keys and values of a configuration and of those inside it, and whether each is of the
    text model."""
    waiting = [(config, True)]
    while waiting:
        part, text = waiting.pop()
        for key, value in part.items():
            if not isinstance(value, dict):
                yield key, value, text
            elif key not in _NO_CONFIG:
                waiting.append((value, text and key in _TEXT_PARTS))
