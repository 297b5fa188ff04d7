"""The turning of positions (RoPE) that a GGUF file asks for, as a configuration of transformers.

What the fields mean, and what holds where one is absent, is as llama.cpp has it (llama-model.cpp,
llama-context.cpp). Factors per frequency divide the frequency: Llama 3.1 stores them as
`rope_freqs.weight`, Phi-3 as `rope_factors_short.weight` and `rope_factors_long.weight`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tremble.models.gguf_header import Value

FREQS = "rope_freqs.weight"
SHORT, LONG = "rope_factors_short.weight", "rope_factors_long.weight"
_THETA = 10_000.0  # where a file names none
# The factors of Llama 3.1 to 3.3 follow from these and the largest of them.
_LLAMA3 = {
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
_CLOSE = 1e-6  # relative; float32 keeps 6e-8
_UNDERSTOOD = {
    *("rope.freq_base", "rope.freq_base_swa", "rope.dimension_count", "rope.scale_linear"),
    *(
        f"rope.scaling.{name}"
        for name in (
            *("type", "factor", "attn_factor", "original_context_length", "finetuned", "alpha"),
            *("yarn_ext_factor", "yarn_attn_factor", "yarn_beta_fast", "yarn_beta_slow"),
            "yarn_log_multiplier",
        )
    ),
}

Refuse = Callable[[str], Exception]  # the refusal of a field, or of a tensor, by its name


def set_rope(
    config: Any,
    fields: Mapping[str, Value],
    factors: Mapping[str, Sequence[float]],
    refuse: Refuse,
) -> None:
    """Set the turning of positions in `config`.

    `fields` are the architecture's own, their names without it; `factors` what the tensors named
    above hold, as far as the file has them. Raises what `refuse` makes of a name for what
    transformers has no like of.
    """
    own = getattr(config, "rope_parameters", None)
    asked = [*factors, *(name for name in fields if name.startswith("rope."))]
    if not isinstance(own, dict) or not own:
        if asked:
            raise refuse(asked[0])
        return
    for name in asked:
        if name not in _UNDERSTOOD and name not in factors:
            raise refuse(name)
    nested = [part for part in own.values() if isinstance(part, dict)]
    base = own.get("full_attention") if nested else own
    if base is None:
        raise refuse("rope.freq_base")
    _set_theta(own, base, bool(nested), fields, refuse)
    _set_width(config, base, bool(nested), fields, refuse)
    scaling = _scaling(config, base, fields, factors, refuse)
    if nested and scaling and scaling["rope_type"] != "linear":
        # llama.cpp stretches the layers with a window as well, but for linear scaling.
        raise refuse("rope.scaling.type" if not factors else next(iter(factors)))
    kept = ["rope_theta", "partial_rotary_factor"]
    if scaling.get("rope_type") == "yarn":
        kept.append("truncate")  # the class's own, which no field says
    plain = {name: base[name] for name in kept if name in base}
    base.clear()
    base.update({**plain, "rope_type": "default", **scaling})
    original = scaling.get("original_max_position_embeddings")
    if original is not None and hasattr(config, "original_max_position_embeddings"):
        config.original_max_position_embeddings = original  # takes precedence in Phi-3


def _set_theta(
    own: dict[str, Any],
    base: dict[str, Any],
    nested: bool,
    fields: Mapping[str, Value],
    refuse: Refuse,
) -> None:
    base["rope_theta"] = fields.get("rope.freq_base", _THETA)
    windowed = fields.get("rope.freq_base_swa")
    if nested:
        own["sliding_attention"]["rope_theta"] = _THETA if windowed is None else windowed
    elif windowed not in (None, base["rope_theta"]):
        raise refuse("rope.freq_base_swa")


def _set_width(
    config: Any, base: dict[str, Any], nested: bool, fields: Mapping[str, Value], refuse: Refuse
) -> None:
    """How much of a head is turned; llama.cpp turns all of it where no field says less."""
    head = _head(config)
    width = fields.get("rope.dimension_count", head)
    if not isinstance(width, int) or not 0 < width <= head or width % 2:
        raise refuse("rope.dimension_count")
    if "partial_rotary_factor" in base and not nested:
        base["partial_rotary_factor"] = width / head
    elif width != head:
        raise refuse("rope.dimension_count")


def _head(config: Any) -> int:
    own = getattr(config, "head_dim", None)
    return int(own or config.hidden_size // config.num_attention_heads)


def _scaling(
    config: Any,
    base: Mapping[str, Any],
    fields: Mapping[str, Value],
    factors: Mapping[str, Sequence[float]],
    refuse: Refuse,
) -> dict[str, Any]:
    """What to add to the parameters; nothing where frequencies stay as they are."""

    def number(name: str, default: float) -> float:
        value = fields.get(f"rope.scaling.{name}", default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse(f"rope.scaling.{name}")
        return float(value)

    # What no configuration of transformers holds, unless it changes nothing.
    for name, idle in (("yarn_log_multiplier", 0), ("alpha", 0)):
        if number(name, idle) != idle:
            raise refuse(f"rope.scaling.{name}")
    kind = fields.get("rope.scaling.type", "linear")
    if kind not in ("none", "linear", "yarn", "longrope"):
        raise refuse("rope.scaling.type")
    named = "rope.scaling.factor" if "rope.scaling.factor" in fields else "rope.scale_linear"
    factor = fields.get(named, 0)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 <= factor < 1e6:
        raise refuse(named)
    factor = 1.0 if factor == 0 or kind == "none" else float(factor)
    attention = number("attn_factor", 1)
    original = number("original_context_length", config.max_position_embeddings)
    width = int(_head(config) * base.get("partial_rotary_factor", 1.0))
    for name, values in factors.items():
        if len(values) != width // 2 or not all(0 < v < math.inf for v in values):
            raise refuse(name)
    if SHORT in factors or LONG in factors:
        return _longrope(factors, factor, original, attention, refuse)
    if attention != 1 and kind != "yarn":
        raise refuse("rope.scaling.attn_factor")
    if FREQS in factors and not all(value == 1 for value in factors[FREQS]):
        if factor != 1 or kind == "yarn":
            raise refuse(FREQS)
        return _per_frequency(factors[FREQS], base["rope_theta"], int(original))
    if kind == "longrope":
        raise refuse("rope.scaling.type")
    if kind == "yarn" and (factor != 1 or attention != 1):
        if factor < 1:
            raise refuse(named)
        return _yarn(number, factor, original, attention, refuse)
    return {} if factor == 1 else {"rope_type": "linear", "factor": factor}


def _yarn(
    number: Callable[[str, float], float],
    factor: float,
    original: float,
    attention: float,
    refuse: Refuse,
) -> dict[str, Any]:
    if number("yarn_ext_factor", 1) not in (1, -1):  # negative: not set
        raise refuse("rope.scaling.yarn_ext_factor")
    usual = 0.1 * math.log(factor) + 1.0
    # Converters write what they find here, and llama.cpp computes it anew.
    if not math.isclose(number("yarn_attn_factor", usual), usual, rel_tol=_CLOSE):
        raise refuse("rope.scaling.yarn_attn_factor")
    return {
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": int(original),
        "attention_factor": attention * usual,
        "beta_fast": number("yarn_beta_fast", 32),
        "beta_slow": number("yarn_beta_slow", 1),
    }


def _longrope(
    factors: Mapping[str, Sequence[float]],
    factor: float,
    original: float,
    attention: float,
    refuse: Refuse,
) -> dict[str, Any]:
    for name in (SHORT, LONG):
        if name not in factors or FREQS in factors or factor != 1:
            raise refuse(next(iter(factors)))
    return {
        "rope_type": "longrope",
        "short_factor": list(factors[SHORT]),
        "long_factor": list(factors[LONG]),
        "original_max_position_embeddings": int(original),
        "attention_factor": attention,
    }


def _per_frequency(factors: Sequence[float], theta: float, longest: int) -> dict[str, Any]:
    """Factors that do not depend on the length of a text.

    Those of Llama 3.1 as its own configuration has them, where that gives these very factors; all
    others as short and long factors alike, which are taken as they are.
    """
    largest = float(f"{max(factors):.6g}")  # the number that was rounded to float32
    llama3 = {"rope_type": "llama3", "factor": largest, **_LLAMA3}
    expected = _factors_of_llama3(len(factors), theta, llama3)
    pairs = zip(factors, expected, strict=True)
    if all(math.isclose(one, other, rel_tol=_CLOSE) for one, other in pairs):
        return llama3
    return {
        "rope_type": "longrope",
        "short_factor": list(factors),
        "long_factor": list(factors),
        "original_max_position_embeddings": longest,
        "attention_factor": 1.0,
    }


def _factors_of_llama3(number: int, theta: float, own: Mapping[str, Any]) -> list[float]:
    """By what Llama 3.1 divides each of its frequencies."""
    low, high, factor = own["low_freq_factor"], own["high_freq_factor"], own["factor"]
    factors = []
    for place in range(number):
        turns = own["original_max_position_embeddings"] / (2 * math.pi * theta ** (place / number))
        share = min(max((turns - low) / (high - low), 0.0), 1.0)
        factors.append(1 / ((1 - share) / factor + share))
    return factors
