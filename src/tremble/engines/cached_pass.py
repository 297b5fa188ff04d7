"""One prompt with a cache of keys and values, as the model generates, against a pass without one.

All paths here run without a cache. In transformers 5.0 to 5.5 models that share keys and values
between layers (Gemma 3n, Gemma 4) were wrong without one, and each path agreed with the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tremble.engines.base import TOLERANCE, TOP
from tremble.models.from_files import quiet
from tremble.text import one_line

_LONGEST = 256  # tokens of the prompt that are read


@dataclass(frozen=True, slots=True)
class CacheCheck:
    """The largest difference, in nat, between the log-probabilities of the likeliest tokens with
    and without a cache: behind the first `tokens` of a prompt (`prefilled`), and behind one more,
    computed from the cache alone (`stepped`). `states`: whether the cache holds states besides
    keys and values. `why`: why there was no pass with a cache, None where there was one."""

    tokens: int
    tolerance: float
    prefilled: float | None = None
    stepped: float | None = None
    states: bool = False
    why: str | None = None

    @property
    def differs(self) -> float | None:
        """The difference that speaks against the model; None where none does.

        A step from the cache counts where it is the same sum: in a lower precision it rounds
        otherwise, and a recurrent model has code of its own for it (Zamba 2 in transformers 5.6
        steps 0.006 nat away from what it computes of the whole). Recurrences amplify roundings.
        """
        both, most = [self.prefilled], self.tolerance
        if self.states:
            most = TOLERANCE["bfloat16"]
        elif self.tolerance <= TOLERANCE["float32"]:
            both.append(self.stepped)
        return next((one for one in both if one is not None and not one <= most), None)


def cache_check(
    model: Any,
    ids: Sequence[int],
    device: torch.device,
    tolerance: float,
    last_rows: Callable[[Sequence[int], int], torch.Tensor],
) -> CacheCheck:
    """The model's own way with a cache against `last_rows`, which gives log-probabilities
    [rows, vocabulary] of the last so many positions of a sequence, without a cache."""
    ids = list(ids)[:_LONGEST]
    try:
        step, cached, cache = _generated(model, torch.tensor([ids], device=device))
    except Exception as error:  # not every model generates
        why = f"{type(error).__name__}: {one_line(error)}"
        return CacheCheck(len(ids), tolerance, why=why)
    plain = last_rows([*ids, step], 2)
    if any(bool(torch.isnan(row).any()) for row in (*cached, *plain)):
        return CacheCheck(len(ids), tolerance, why="the result was not a number")
    prefilled, stepped = (_difference(a, b) for a, b in zip(cached, plain, strict=True))
    return CacheCheck(len(ids), tolerance, prefilled, stepped, _has_states(cache))


def _generated(model: Any, ids: torch.Tensor) -> tuple[int, list[torch.Tensor], Any]:
    """The first token that a model generates, its log-probabilities, [vocabulary] each, at that
    place and at the next one, and the cache."""
    from transformers import GenerationConfig

    settings = GenerationConfig(
        max_new_tokens=2,
        min_new_tokens=2,
        do_sample=False,
        use_cache=True,
        output_logits=True,
        return_dict_in_generate=True,
        pad_token_id=0,
    )
    kept = model.generation_config
    # What the folder says of generating would fill in what these leave open.
    model.generation_config = GenerationConfig()
    try:
        with warnings.catch_warnings(), quiet(), torch.inference_mode():
            warnings.simplefilter("ignore")
            made = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings
            )
    finally:
        model.generation_config = kept
    rows = [one[0].float() for one in made.logits]
    logprobs = [row - row.logsumexp(dim=-1) for row in rows]
    return int(made.sequences[0, ids.shape[1]]), logprobs, getattr(made, "past_key_values", None)


def _has_states(cache: Any) -> bool:
    """Whether a cache is another than one of keys and values (which layers may share)."""
    layers = getattr(cache, "layers", None)
    return not layers or any(hasattr(layer, "recurrent_states") for layer in layers)


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest difference over the tokens that are likeliest in one of two rows."""
    other = other.to(one.device)
    most = min(TOP, one.numel())
    likely = torch.cat([one.topk(most).indices, other.topk(most).indices])
    return float((one[likely] - other[likely]).abs().max())
