"""Which fields of a GGUF file are understood, and what they set in a configuration of transformers.

transformers reads the fields that its mapping names and passes over all others in silence. Here
every field has its place: what its mapping names (which an upgrade widens), what is set below, what
describes a file and no model; a file with any other is refused. What a field means, and what holds
where it is absent, is as llama.cpp has it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tremble.models.gguf_header import ANOTHER_FORM, Header, Refused, Value
from tremble.models.gguf_rope import Refuse, set_rope
from tremble.text import visible

# Descriptions, provenance, and names for tokens, by which no text is read and no number computed.
_DESCRIPTIONS = re.compile(
    r"general\.(?!type$).+|quantize\.imatrix\..+|mradermacher\..+|split\.(no|count|tensors\.count)"
    r"|tokenizer\.ggml\.(tokens|scores|token_type|merges|model|pre|token_type_count"
    r"|(bos|eos|eot|eom|unknown|padding|sep(a|e)rator|cls|mask|prefix|suffix|middle|fim_\w+)_token_id"
    r"|add_(bos|eos)_token|add_space_prefix)"
    r"|tokenizer\.(chat_templates?(\..+)?|huggingface\.json)"
)
# Without these, which llama.cpp asks for as well, a configuration has some other model's.
_NEEDED = ("context_length", "block_count", "embedding_length", "attention.head_count")
_EPSILON = "attention.layer_norm_rms_epsilon"
# Fields that change nothing with these values.
_IDLE: dict[str, tuple[Value, ...]] = {
    "tokenizer.ggml.add_sep_token": (False,),
    "tokenizer.ggml.remove_extra_whitespaces": (False,),
    "general.type": ("model",),
    "feed_forward_length": (0,),
    "attention.head_count": (0,),
    "ssm.dt_b_c_rms": (False,),
    "expert_count": (0,),
    "expert_used_count": (0,),
    "expert_shared_count": (0,),
    "expert_group_count": (0, 1),
    "expert_group_used_count": (0, 1),
    "expert_weights_scale": (0.0, 1.0),
    "nextn_predict_layers": (0,),
    "leading_dense_block_count": (0,),
    "attention.causal": (True,),
    "attention.clamp_kqv": (0.0,),
    "attention.max_alibi_bias": (0.0,),
    "pooling_type": (0,),
    "logit_scale": (0.0, 1.0),
    "embedding_scale": (0.0, 1.0),
    "residual_scale": (0.0, 1.0),
    "rope.scaling.finetuned": (True, False),
    "tensor_data_layout": ("Meta AI original pth", "jploski"),
}
# Fields that a configuration holds as they are, under the first of these names that it has.
_HELD: dict[str, tuple[str, ...]] = {
    "context_length": ("max_position_embeddings", "n_positions"),
    "vocab_size": ("vocab_size",),
    "feed_forward_length": ("intermediate_size", "n_inner", "ffn_hidden_size", "d_ff"),
    "attention.layer_norm_rms_epsilon": ("rms_norm_eps", "norm_eps", "layer_norm_epsilon"),
    "attention.layer_norm_epsilon": (
        "layer_norm_eps",
        "layer_norm_epsilon",
        "norm_eps",
        "norm_epsilon",
    ),
    "attn_logit_softcapping": ("attn_logit_softcapping",),
    "final_logit_softcapping": ("final_logit_softcapping",),
    "use_parallel_residual": ("use_parallel_residual",),
    "expert_feed_forward_length": ("moe_intermediate_size",),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size",),
    "expert_weights_norm": ("norm_topk_prob",),
}
_KEYS = "attention.head_count_kv"
_HEADS = _KEYS, "attention.key_length", "attention.value_length", "attention.scale"
_WINDOW, _PATTERN = "attention.sliding_window", "attention.sliding_window_pattern"
# Model types whose attention goes by `sliding_window` wherever it is set.
_WINDOWED = ("gemma2", "gemma3_text", "gemma4_text", "gpt_oss", "mistral", "phi3")
# The sizes of Gemma whose queries are scaled by the width per head, not by the head's.
WIDE_QUERIES = {"gemma2": 46, "gemma3": 62}  # layers
# Flags of configurations, and the tensors that ask for them.
_BIASES = {
    "attention_bias": r"blk\.\d+\.attn_(q|k|v|output)\.bias",
    "mlp_bias": r"blk\.\d+\.ffn_(gate|up|down)\.bias",
}


def refused(name: str, value: Value) -> Refused:
    """A field that cannot be taken into account."""
    shown = visible(repr(value))
    shown = "a list" if value is None else f"{shown[:60]}{'...' * (len(shown) > 60)}"
    return Refused(
        f"holds the field {visible(name)[:100]!r} = {shown}, which tremble does not understand",
        ANOTHER_FORM,
    )


def check_whole(header: Header) -> None:
    """Raises Refused for what is no model of its own: parts, adapters, image encoders."""
    parts = header.fields.get("split.count", 0)
    if isinstance(parts, int) and parts > 1:
        number = header.fields.get("split.no", 0)
        part = number + 1 if isinstance(number, int) else "?"
        raise Refused(
            f"is part {part} of {parts}",
            "join the parts with llama.cpp: llama-gguf-split --merge FIRST-PART.gguf WHOLE.gguf",
        )
    kind = header.fields.get("general.type", "model")
    if kind != "model":
        raise Refused(
            "does not contain a language model (its 'general.type' is "
            f"{visible(str(kind))[:60]!r})",
            "give the file of the model itself",
        )


def set_fields(header: Header, config: Any, factors: Mapping[str, Sequence[float]]) -> None:
    """Bring all that a file says into `config`, which transformers made of it.

    `factors` are the rotary factors per frequency, by tensor (see `gguf_rope`). Raises Refused for
    a field that is not understood.
    """
    own = header.of_architecture()
    read = _read_by_transformers(header, config)

    def refuse(name: str) -> Refused:
        if name in factors:
            return Refused(
                f"holds the tensor {name!r}, which tremble does not understand", ANOTHER_FORM
            )
        whole = f"{header.architecture}.{name}"
        return refused(whole, header.fields.get(whole, None))

    for name, value in header.fields.items():
        if not name.startswith(f"{header.architecture}."):
            idle = value in _IDLE.get(name, ())
            if not (idle or _DESCRIPTIONS.fullmatch(name) or _charsmap(name, header)):
                raise refused(name, value)
    needed = [name for name in (*_NEEDED, _EPSILON) if name not in own]
    if needed and not (needed == [_EPSILON] and "attention.layer_norm_epsilon" in own):
        raise Refused(
            f"lacks the field '{header.architecture}.{needed[0]}'", "download or convert it again"
        )
    for name, value in own.items():
        if name in read or value in _IDLE.get(name, ()):
            continue
        if _by_hand(name):
            continue  # below, with what holds where they are absent
        if not _held(config, name, value):
            raise refuse(name)
    if "output.weight" in header.tensors:
        config.tie_word_embeddings = False
    if _reader_of(header.architecture) is None:
        _set_heads(own, config, read, refuse)
        _set_window(own, config, refuse)
        set_rope(config, own, factors, refuse)
        return
    # transformers reads these architectures field by field: what it leaves must say nothing more.
    key = own.get("attention.key_length")
    if own.get("attention.value_length", key) != key:
        raise refuse("attention.value_length")
    left = [name for name in own if name not in read and name != "attention.value_length"]
    for name in (*factors, *(n for n in left if _by_hand(n) and own[n] not in _IDLE.get(n, ()))):
        raise refuse(name)


def _by_hand(name: str) -> bool:
    return name.startswith("rope.") or name in (*_HEADS, _WINDOW, _PATTERN)


def _charsmap(name: str, header: Header) -> bool:
    kind = header.fields.get("tokenizer.ggml.model")
    return name == "tokenizer.ggml.precompiled_charsmap" and kind == "t5"


def _held(config: Any, name: str, value: Value) -> bool:
    """Whether `config` has a place for a field, in which it then stands."""
    known = type(config)()
    place = next((place for place in _HELD.get(name, ()) if hasattr(known, place)), None)
    if place is None:
        # Architectures without a longest text, or without a width of their own, which tensors show.
        return name in ("context_length", "feed_forward_length")
    setattr(config, place, None if name.endswith("softcapping") and value == 0 else value)
    return True


class _Watched(dict[str, Any]):
    """Fields, and which of them were asked for."""

    def __init__(self, fields: Mapping[str, Value]) -> None:
        super().__init__(fields)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def _reader_of(architecture: str) -> Any:
    """The function of transformers that reads an architecture's fields one by one, if it has one;
    other architectures, and older versions, go by a table of names alone."""
    try:
        from transformers.integrations.gguf import GGUF_CONFIG_ARCHS
    except ImportError:
        return None
    return GGUF_CONFIG_ARCHS.get(architecture)


def _read_by_transformers(header: Header, config: Any) -> set[str]:
    """The fields of the architecture, without its name, that transformers made `config` of."""
    reader = _reader_of(header.architecture)
    if reader is not None:
        fields = _Watched({**header.fields, "tokenizer.ggml.tokens": 0})
        reader(fields, header.tensors)
        return {name.removeprefix(f"{header.architecture}.") for name in fields.asked}
    from transformers.integrations import GGUF_CONFIG_MAPPING

    known = type(config)()
    read = set()
    for called in (config.model_type, header.architecture, header.architecture.replace("-", "_")):
        for name, place in GGUF_CONFIG_MAPPING.get(called, {}).items():
            value = header.fields.get(f"{header.architecture}.{name}")
            if name.startswith("rope.") or not isinstance(place, str) or not hasattr(known, place):
                continue
            if getattr(config, place, None) == value:
                read.add(name)
    return read


def _set_heads(
    own: Mapping[str, Value], config: Any, read: Collection[str], refuse: Refuse
) -> None:
    """Widths of heads, and by what queries are scaled. Widths are those of the whole embedding
    shared out, where no field says otherwise."""
    known = type(config)()
    size, heads = own.get("embedding_length"), own.get("attention.head_count")
    if hasattr(known, "num_key_value_heads"):
        config.num_key_value_heads = own.get(_KEYS, heads)
    elif own.get(_KEYS, heads) != (1 if getattr(known, "multi_query", False) else heads):
        raise refuse(_KEYS)
    shared = size // heads if isinstance(size, int) and isinstance(heads, int) and heads else None
    key = own.get("attention.key_length", shared)
    if own.get("attention.value_length", key) != key:
        raise refuse("attention.value_length")
    if "attention.key_length" not in read:
        fixed = isinstance(getattr(type(config), "head_dim", None), property)
        if hasattr(known, "head_dim") and not fixed and isinstance(key, int):
            config.head_dim = key
        elif key != shared:
            raise refuse("attention.key_length")
    scale = own.get("attention.scale") or None
    if hasattr(known, "query_pre_attn_scalar"):
        wide = own.get("block_count") == WIDE_QUERIES.get(config.model_type.removesuffix("_text"))
        config.query_pre_attn_scalar = shared if wide else config.head_dim
        if isinstance(scale, float):
            config.query_pre_attn_scalar = scale**-2
    elif scale is not None and not (
        isinstance(scale, float)
        and isinstance(key, int)
        and math.isclose(scale, key**-0.5, rel_tol=1e-6)
    ):
        raise refuse("attention.scale")


def _set_window(own: Mapping[str, Value], config: Any, refuse: Refuse) -> None:
    """How far layers look back, and which of them do."""
    window = own.get(_WINDOW) or None
    pattern = own.get(_PATTERN)
    if config.model_type not in _WINDOWED:
        for name, value in ((_WINDOW, window), (_PATTERN, pattern)):
            if value is not None:
                raise refuse(name)
        return
    if window is None and config.model_type == "gemma3_text":
        raise Refused(f"lacks the field 'gemma3.{_WINDOW}'", ANOTHER_FORM)
    if window is not None or config.model_type != "gemma2":  # both have 4096 for Gemma 2
        config.sliding_window = window
    if pattern is None:
        return
    if isinstance(pattern, int) and pattern > 0:
        pattern = tuple((layer + 1) % pattern != 0 for layer in range(config.num_hidden_layers))
    if not isinstance(pattern, tuple) or len(pattern) != config.num_hidden_layers:
        raise refuse(_PATTERN)
    kinds = ["sliding_attention" if near else "full_attention" for near in pattern]
    if getattr(config, "layer_types", None) is None and not all(pattern):
        raise refuse(_PATTERN)
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = kinds


def set_biases(header: Header, config: Any) -> bool:
    """Give `config` the biases whose tensors a file has; whether it has them only by that, so that
    those which the file lacks are none."""
    given = False
    for flag, tensors in _BIASES.items():
        asked = any(re.fullmatch(tensors, name) for name in header.tensors)
        if asked and getattr(type(config)(), flag, None) is False:
            setattr(config, flag, True)
            given = True
    return given
