"""Attention of the units of a bundle: query heads that share a key head are folded into its rows,
so that keys are never copied per head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention

from tremble.engines.shared_prefix.units import Bundle

_SCORES = 1 << 25  # numbers that are held at once for keys that all see, at most


@dataclass(frozen=True)
class Manner:
    """How a layer attends: `scaling` is what scores are multiplied by (None: one over the root of
    the head size), `softcap` what they are squashed to, and `sinks` [query heads] are scores that
    take a share and give nothing (None: no such thing)."""

    scaling: float | None = None
    softcap: float | None = None
    sinks: torch.Tensor | None = None


@dataclass(frozen=True)
class Heads:
    """Query, key and value of some tokens, each [1 or units, heads, tokens, size]."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor


def attended(heads: Heads, bundle: Bundle, manner: Manner) -> torch.Tensor:
    """[units, heads, tokens, size] of the units of a bundle, out of all tokens of a pass."""
    query = _taken(heads.query, bundle.rows)
    if bundle.columns is None:
        keys = bundle.mask.shape[-1]
        near = Heads(query, heads.key[:, :, :keys], heads.value[:, :, :keys])
        return _under_mask(near, bundle.mask, manner)
    key, value = _taken(heads.key, bundle.columns), _taken(heads.value, bundle.columns)
    if not bundle.apart:
        return _under_mask(Heads(query, key, value), bundle.mask, manner)
    far = heads.key[0, :, : bundle.apart], heads.value[0, :, : bundle.apart]
    step = max(1, _SCORES // (query[0, :, :, 0].numel() * bundle.apart))
    return torch.cat(
        [
            _behind(far, Heads(some, *near), mask, manner)
            for some, mask, *near in zip(
                *(one.split(step) for one in (query, bundle.mask, key, value)), strict=True
            )
        ]
    )


def _taken(states: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """[units, heads, tokens, size] out of [1, heads, all, size], by places [units, tokens]."""
    flat = states.index_select(2, places.flatten())
    return flat.unflatten(2, places.shape)[0].transpose(0, 1)


def _under_mask(states: Heads, mask: torch.Tensor, manner: Manner) -> torch.Tensor:
    """[units, heads, tokens, size]; `mask` as in `Bundle`."""
    query, key, value = states.query, states.key, states.value
    scaling, softcap, sinks = manner.scaling, manner.softcap, manner.sinks
    units, heads, count, size = query.shape
    shared = key.shape[1]
    folded = query.reshape(units, shared, heads // shared * count, size)
    if softcap is None and sinks is None:
        found = scaled_dot_product_attention(folded, key, value, attn_mask=mask, scale=scaling)
    else:
        scores = folded @ key.transpose(2, 3) * (size**-0.5 if scaling is None else scaling)
        if softcap is not None:
            scores = torch.tanh(scores / softcap) * softcap
        scores = scores + mask
        if sinks is None:
            shares = scores.softmax(dim=-1, dtype=torch.float32)
        else:
            # One more score a head, which takes its share and gives nothing.
            sink = _sink(sinks, shared, count).to(scores).expand(units, -1, -1, -1)
            shares = torch.cat([scores, sink], -1).softmax(dim=-1, dtype=torch.float32)[..., :-1]
        found = shares.to(value.dtype) @ value
    return found.reshape(units, heads, count, value.shape[3])


def _sink(sinks: torch.Tensor, shared: int, count: int) -> torch.Tensor:
    """Sinks [query heads] as scores [1, key heads, groups * tokens, 1]."""
    return sinks.reshape(1, shared, -1, 1).repeat_interleave(count, dim=2)


def _behind(
    far: tuple[torch.Tensor, torch.Tensor], states: Heads, mask: torch.Tensor, manner: Manner
) -> torch.Tensor:
    """As `_under_mask`, with keys and values `far` [key heads, keys, size] in front that every
    token sees: they are the same for all units, and need no mask."""
    query, key, value = states.query, states.key, states.value
    units, heads, count, size = query.shape
    shared = key.shape[1]
    scaling = size**-0.5 if manner.scaling is None else manner.scaling
    folded = (query * scaling).reshape(units, shared, heads // shared * count, size)
    rows = folded.transpose(0, 1).flatten(1, 2)  # [key heads, units * groups * tokens, size]
    scores = [
        (rows @ far[0].transpose(1, 2)).unflatten(1, (units, -1)).transpose(0, 1),
        folded @ key.transpose(2, 3),
    ]
    if manner.softcap is not None:
        scores = [one.div_(manner.softcap).tanh_().mul_(manner.softcap) for one in scores]
    scores = [scores[0].float(), scores[1].float() + mask]
    most = torch.maximum(*(one.amax(dim=-1, keepdim=True) for one in scores))
    sink = None if manner.sinks is None else _sink(manner.sinks, shared, count).to(most)
    if sink is not None:
        most = torch.maximum(most, sink)
    shares = [one.sub_(most).exp_() for one in scores]
    total = shares[0].sum(dim=-1, keepdim=True) + shares[1].sum(dim=-1, keepdim=True)
    if sink is not None:
        total = total + (sink - most).exp()
    ahead, behind = (one.to(value.dtype) for one in shares)
    found = (ahead.transpose(0, 1).flatten(1, 2) @ far[1]).unflatten(1, (units, -1))
    found = (found.transpose(0, 1) + behind @ value).float() / total
    return found.to(value.dtype).reshape(units, heads, count, value.shape[3])
