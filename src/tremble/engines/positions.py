"""Up to where the place of a token means the same, whatever else is in its pass."""

from __future__ import annotations

import math
from typing import Any


def longest_of_one_kind(model: Any) -> float:
    """Tokens up to which a position means the same in every pass.

    Beyond the original window, dynamic and long rotary scaling turn positions by angles that
    depend on the longest prompt of the pass; Llama 4 scales by the place in the pass.
    """
    config = model.config.get_text_config()
    rope = getattr(config, "rope_parameters", None) or {}
    limit = tempered_from(model)
    for kind in (rope, *(value for value in rope.values() if isinstance(value, dict))):
        if kind.get("rope_type") in ("dynamic", "longrope"):
            own = kind.get("original_max_position_embeddings")
            limit = min(limit, own or config.max_position_embeddings)
    return limit


def tempered_from(model: Any) -> float:
    """Places in a pass below which Llama 4's temperature of attention is one."""
    config = model.config.get_text_config()
    if not getattr(config, "attn_temperature_tuning", False):
        return math.inf
    return float(getattr(config, "floor_scale", None) or 0)


def forget_longer_passes(model: Any) -> None:
    """Has a model of dynamic rotary scaling turn positions by the length of the next pass: else
    transformers goes by the longest one so far, so that numbers depend on what came before."""
    for part in model.modules():
        own = getattr(part, "original_max_seq_len", None)
        if own is not None:
            for name in [name for name in vars(part) if name.endswith("max_seq_len_cached")]:
                setattr(part, name, own - 1)
