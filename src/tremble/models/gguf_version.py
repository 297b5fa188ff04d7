"""Which version of the converter a GGUF model's numbers go by.

The first converter passed over fields and tensors in silence, so what it made of some files is
another model. Such files carry the version in their identity and in the name of their folder in
the cache: nothing that it left is taken for them. Files that it read rightly are identified as
ever, and studies of them go on. Where only its tokens were wrong the identity stays as well, since
every score goes by its own tokens; but the folder, which has the tokenizer, is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tremble.models.gguf_fields import WIDE_QUERIES
from tremble.models.gguf_header import Header, Value, read_header
from tremble.models.gguf_rope import FREQS, LONG, SHORT
from tremble.models.gguf_tokenizer import tokens_right_at_first

VERSION = 2
_MARK = f"-v{VERSION}"

# Fields that the first converter read, or that change nothing.
_READ = {
    *("context_length", "embedding_length", "block_count", "feed_forward_length", "vocab_size"),
    *("attention.head_count", "attention.head_count_kv", "attention.layer_norm_rms_epsilon"),
    *("attention.layer_norm_epsilon", "attention.key_length", "attention.value_length"),
    *("rope.dimension_count", "rope.freq_base", "rope.scaling.finetuned", "expert_count"),
    *("expert_used_count", "expert_feed_forward_length", "expert_shared_feed_forward_length"),
    "tensor_data_layout",
}
# Values of fields that it did not read, and had all the same.
_HAD: dict[str, Value] = {
    "rope.scaling.type": "none",
    "attention.causal": True,
    "pooling_type": 0,
}


class _First(NamedTuple):
    """What the first converter made of an architecture: fields that it read beside, values that it
    had whatever the file said, the share of a head that it turned, whether it kept biases."""

    read: tuple[str, ...] = ()
    had: Mapping[str, Value] = MappingProxyType({})
    turned: float = 1.0
    biases: bool = False


_FIRST: dict[str, _First] = {
    "llama": _First(),
    "qwen2": _First(biases=True),
    "qwen2moe": _First(biases=True),
    "qwen3": _First(had={"attention.key_length": 128}),
    "qwen3moe": _First(),
    "gemma2": _First(
        ("attention.sliding_window",),
        {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    ),
    "gemma3": _First(("attention.sliding_window",), {"rope.freq_base_swa": 10_000.0}),
    "phi3": _First(
        ("rope.scaling.original_context_length",), {"attention.sliding_window": 0}
    ),  # without factors the original length means nothing
    "gpt2": _First(biases=True),
    "falcon": _First(biases=True),
    "starcoder2": _First(had={"rope.freq_base": 10_000.0}, biases=True),
    "stablelm": _First(
        ("use_parallel_residual",), {"rope.freq_base": 10_000.0}, turned=0.25, biases=True
    ),
    "mamba": _First(
        ("ssm.conv_kernel", "ssm.state_size", "ssm.time_step_rank", "ssm.inner_size"),
        {"ssm.dt_b_c_rms": False},
        biases=True,
    ),
    "lfm2": _First(("shortconv.l_cache",)),
}


class Mark(NamedTuple):
    """What is added to the identity of a file's model, and to the name of its folder."""

    identity: str = ""
    folder: str = ""


@cache
def mark_of(path: Path, digest: str) -> Mark:
    """The marks of a GGUF file with this digest. Raises OSError; what has no sound header is marked
    as ever, since it will not be converted."""
    try:
        header = read_header(path)
    except ValueError:
        return Mark()
    if not numbers_right_at_first(header):
        return Mark(_MARK, _MARK)
    return Mark("", "" if tokens_right_at_first(header) else _MARK)


def numbers_right_at_first(header: Header) -> bool:
    """Whether the first converter had all that decides a model's numbers."""
    first, own = _FIRST.get(header.architecture), header.of_architecture()
    if first is None or header.fields.get("general.name") == "mistral":  # it gave these a window
        return False
    had = {**_HAD, **first.had}
    for name, value in own.items():
        if name in had:
            if value != had[name]:
                return False
        elif name not in _READ and name not in first.read:
            return False
    if any(name in header.tensors for name in (FREQS, SHORT, LONG)):
        return False
    if not first.biases and any(name.endswith(".bias") for name in header.tensors):
        return False
    if header.architecture == "falcon" and "output.weight" in header.tensors:
        return False
    return _heads_right_at_first(header.architecture, first, own)


def _heads_right_at_first(architecture: str, first: _First, own: Mapping[str, Value]) -> bool:
    """Whether as much of a head was turned, and queries were scaled as they are to be."""
    size, heads = own.get("embedding_length"), own.get("attention.head_count")
    if not isinstance(size, int) or not isinstance(heads, int) or not heads:
        return architecture == "mamba"
    head = own.get("attention.key_length", size // heads)
    if not isinstance(head, int):
        return False
    if own.get("rope.dimension_count", head) != first.turned * head:
        return architecture == "gpt2"
    if architecture in ("gemma2", "gemma3"):
        wide = own.get("block_count") == WIDE_QUERIES[architecture]
        return (size // heads if wide else head) == 256
    return True
