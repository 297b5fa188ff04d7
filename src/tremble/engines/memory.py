"""How much a pass may hold: by a setting, or by what the machine has free."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tremble.errors import ModelUnavailable

# Tokens a pass: where matrix products reach their full rate. More would only take memory.
_MOST_TOKENS = {"cpu": 2048, "mps": 4096}
_MOST_TOKENS_ELSEWHERE = 16384
_MOST_ROWS = 128
APART = 1024  # tokens of a path that all see, from which on they need no copy and no mask
_TOGETHER = 64  # tokens that attend together
_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "alloc_failed",
    "bad_alloc",
)
_FREE_SHARE = 0.25  # of what is free, where no bound was set


@dataclass(frozen=True, slots=True)
class Room:
    """The tokens and the decision rows that one pass may hold."""

    tokens: int
    rows: int

    def half(self, tokens: int) -> Room:
        """Room for half of a pass of so many tokens that did not fit."""
        return Room(max(1, tokens // 2), max(1, self.rows // 2))

    def least(self, other: Room) -> Room:
        """What fits into both."""
        return Room(min(self.tokens, other.tokens), min(self.rows, other.rows))


def room_in(model: Any, device: torch.device, memory: int | None, longest: int) -> Room:
    """What fits into `memory` bytes on a device (None: a part of what is free), by the model's
    sizes, beside the keys and values of a path of `longest` tokens."""
    most = _MOST_TOKENS.get(device.type, _MOST_TOKENS_ELSEWHERE)
    carried, token_bytes, row_bytes = _sizes(model.config, model.dtype.itemsize, longest, most)
    bound = _FREE_SHARE * free_bytes(device) if memory is None else memory
    left = max(0.0, bound - carried)
    return Room(
        tokens=int(min(most, max(1, left / 2 / token_bytes))),
        rows=int(min(_MOST_ROWS, max(1, left / 2 / row_bytes))),
    )


def pass_bytes(config: Any, itemsize: int, device: torch.device, longest: int) -> int:
    """What the largest pass takes on top of the weights where nothing bounds it."""
    most = _MOST_TOKENS.get(device.type, _MOST_TOKENS_ELSEWHERE)
    carried, token_bytes, row_bytes = _sizes(config, itemsize, longest, most)
    return int(carried + most * token_bytes + _MOST_ROWS * row_bytes)


def _sizes(config: Any, size: int, longest: int, most: int) -> tuple[int, int, int]:
    """Bytes of a path of `longest` tokens, of a token and of a decision row in a pass of at most
    `most` tokens, where a number takes `size` bytes."""
    text = config.get_text_config()
    heads = getattr(text, "num_attention_heads", None) or 0
    hidden = getattr(text, "hidden_size", None) or 4096
    shared = getattr(text, "num_key_value_heads", None) or heads
    width = getattr(text, "head_dim", None) or (hidden // heads if heads else 0)
    inner = getattr(text, "intermediate_size", None) or 0
    inner = max(max(inner) if isinstance(inner, (list, tuple)) else inner, 4 * hidden)
    experts = getattr(text, "num_experts_per_tok", None) or 1
    # The carried path, the one that a pass leaves, and a layer's copy with the pass behind it.
    spans = _spans(text, longest)
    carried = 2 * size * shared * width * (2 * sum(spans) + max(spans, default=0))
    # Scores of what all tokens see, and their exponentials, of one layer and a few tokens at once.
    carried += 2 * 4 * _TOGETHER * heads * longest if longest > APART else 0
    # What a layer holds of a token at once, with room for the temporaries of its norms; then its
    # row of two kinds of masks, for the query heads of one key head.
    token_bytes = size * (12 * hidden + 4 * inner * experts + 6 * max(heads * width, hidden))
    token_bytes += 2 * size * min(longest, APART + most) * max(1, heads // max(shared, 1))
    # Logits, and a float32 copy of them.
    return carried, token_bytes, text.vocab_size * (size + 8)


def _spans(text: Any, longest: int) -> list[int]:
    """The tokens of a path of `longest` tokens that each layer keeps."""
    layers = getattr(text, "num_hidden_layers", None) or 0
    windows = {
        "sliding_attention": getattr(text, "sliding_window", None),
        "chunked_attention": getattr(text, "attention_chunk_size", None),
    }
    kinds = getattr(text, "layer_types", None) or ["full_attention"] * layers
    return [min(longest, windows.get(kind) or longest) for kind in kinds]


def free_bytes(device: torch.device) -> float:
    """Bytes that are free where the model is."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    import psutil

    free = float(psutil.virtual_memory().available)
    limit = Path("/sys/fs/cgroup/memory.max")  # a container may allow less than the machine has
    try:
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        lines = Path("/sys/fs/cgroup/memory.stat").read_text().splitlines()
        stat = dict(line.split() for line in lines)
        # Files that were read count as used, and are given up when memory is wanted.
        used -= int(stat["inactive_file"]) + int(stat["active_file"])
        free = min(free, int(limit.read_text()) - used)
    except (OSError, ValueError, KeyError):
        pass
    return max(free, 0.0)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in _NO_MEMORY)


def too_little(tokens: int) -> ModelUnavailable:
    """What a user is told where even a pass of so many tokens does not fit."""
    return ModelUnavailable(
        f"There is not enough memory for a pass of {tokens} tokens; free some memory, set a lower "
        "dtype or a smaller batch in [run], or use a smaller model."
    )


def keep_freed_memory() -> None:
    """Let glibc keep large blocks instead of handing them back to the system after each use.

    A layer's temporaries are megabytes; mapped anew each time, every page faults again, which
    takes a quarter of a pass on a processor. Elsewhere than with glibc nothing is changed.
    """
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    _glibc("mallopt", mmap_threshold, 1 << 30)
    _glibc("mallopt", trim_threshold, (1 << 31) - 1)


def give_freed_memory_back() -> None:
    """Hand what glibc kept back to the system, where nothing uses it any more."""
    _glibc("malloc_trim", 0)


def _glibc(name: str, *arguments: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), name)(*arguments)
