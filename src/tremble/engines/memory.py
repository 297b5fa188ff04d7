"""How much a pass may hold: by a setting, or by what the machine has free."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tremble.errors import ModelUnavailable

# Tokens a pass: where matrix products reach their full rate. More would only take memory.
_MOST_TOKENS = {"cpu": 2048, "mps": 4096}
_MOST_TOKENS_ELSEWHERE = 16384
_MOST_ROWS = 512
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


def room_in(model: Any, device: torch.device, memory: int | None) -> Room:
    """What fits into `memory` bytes on a device (None: a part of what is free), by the model's
    sizes."""
    size = model.dtype.itemsize
    config = model.config.get_text_config()
    hidden = config.hidden_size
    inner = max(getattr(config, "intermediate_size", None) or 0, 4 * hidden)
    experts = getattr(config, "num_experts_per_tok", None) or 1
    heads = (getattr(config, "num_attention_heads", 0) or 0) * (
        getattr(config, "head_dim", None) or 0
    )
    # What a layer holds of a token at once, with room for the temporaries of its norms.
    token_bytes = size * (12 * hidden + 4 * inner * experts + 6 * max(heads, hidden))
    # Logits, a float32 copy and the exponentials of their sum.
    row_bytes = config.vocab_size * (size + 8)
    bound = _FREE_SHARE * free_bytes(device) if memory is None else memory
    most = _MOST_TOKENS.get(device.type, _MOST_TOKENS_ELSEWHERE)
    return Room(
        tokens=int(min(most, max(1, bound / 2 / token_bytes))),
        rows=int(min(_MOST_ROWS, max(1, bound / 2 / row_bytes))),
    )


def free_bytes(device: torch.device) -> float:
    """Bytes that are free where the model is."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    import psutil

    free = float(psutil.virtual_memory().available)
    limit = Path("/sys/fs/cgroup/memory.max")  # a container may allow less than the machine has
    try:
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        free = min(free, int(limit.read_text()) - used)
    except (OSError, ValueError):
        pass
    return max(free, 0.0)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(word in text for word in words)


def too_little(tokens: int) -> ModelUnavailable:
    """What a user is told where even a pass of so many tokens does not fit."""
    return ModelUnavailable(
        f"Memory does not suffice for a pass of {tokens} tokens; free some, take a lower dtype or "
        "a smaller batch in [run], or a smaller model."
    )


def keep_freed_memory() -> None:
    """Let glibc keep large blocks instead of handing them back to the system after each use.

    A layer's temporaries are megabytes; mapped anew each time, every page faults again, which
    takes a quarter of a pass on a processor. Elsewhere than on Linux nothing is changed.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    mallopt(mmap_threshold, 1 << 30)
    mallopt(trim_threshold, (1 << 31) - 1)
