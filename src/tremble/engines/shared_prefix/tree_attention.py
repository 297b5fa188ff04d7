"""Attention over a slice of the stream (see `stream`): each token sees its own history only.

Registered with transformers as an attention implementation and as what makes masks for it. The
slice runs through the model as one sequence, so that every matrix product sees all its tokens;
only here are they told apart. What kind of layer this is (full, sliding window, chunked) the
model's own code says, as the mask function it asks for; that is evaluated on depths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import causal_mask_function

from tremble.engines.shared_prefix.stream import Ints, Slice

NAME = "tremble_tree"
UNIT = 64  # tokens that attend together; a smaller unit wastes less, a larger one calls less
BUNDLE = {"cpu": 1}  # units in one call; many where calls are dear
_BUNDLE_ELSEWHERE = 64
_LARGE = np.iinfo(np.int64).max

Carry = list[tuple[torch.Tensor, torch.Tensor]]


class Unsupported(Exception):
    """A model's attention asks for something that cannot be done over a tree."""


class Stopped(Exception):
    """A layer that was to run up to its attention has come there."""


@dataclass(frozen=True)
class _Unit:
    """Tokens [start, stop) of the slice. `outside`: the path they come from, as indices into the
    carried path followed by the slice; `sees`: bool [stop - start, outside + own tokens];
    `depths`: of those columns."""

    start: int
    stop: int
    columns: torch.Tensor
    depths: torch.Tensor
    sees: torch.Tensor


@dataclass(frozen=True)
class _Kind:
    """What a model asks for where it would make a mask: which depths see which."""

    sees: Callable[..., Any]


@dataclass(frozen=True)
class _Manner:
    """How a layer attends: `kind` says which depths see which (None: all before them), `scaling`
    what scores are multiplied by (None: one over the root of the head size), `softcap` what they
    are squashed to, and `sinks` [query heads] are scores that take a share and give nothing (None:
    no such thing)."""

    kind: _Kind | None
    scaling: float | None = None
    softcap: float | None = None
    sinks: torch.Tensor | None = None


@dataclass(frozen=True)
class _Heads:
    """Query, key and value of some tokens, each [1 or units, heads, tokens, size]."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor

    def taken(self, bundle: _Bundle) -> _Heads:
        """Those of the units of a bundle, [units, heads, tokens, size]."""
        return _Heads(
            _taken(self.query, bundle.rows),
            _taken(self.key, bundle.columns),
            _taken(self.value, bundle.columns),
        )


class TreePass:
    """One slice on its way through the layers.

    `carry`: keys and values per attention call, each [1, heads, depth, head size], of the path
    that leads to the slice. After the forward pass `carried` holds those of the path that leads to
    what follows the slice, at `next_depth`.
    """

    def __init__(self, cut: Slice, carry: Carry, next_depth: int) -> None:
        before = int(cut.depths[0])
        if carry and carry[0][0].shape[2] != before:
            raise ValueError(f"the carried path has {carry[0][0].shape[2]} tokens, not {before}")
        self.carry = carry
        self.carried: Carry = []
        self.calls = 0
        self.tokens = len(cut.ids)
        self._stops = False
        self._rows: torch.Tensor | None = None
        self._held: tuple[torch.Tensor, torch.Tensor] | None = None
        self._units, latest = _units(cut.depths, next_depth)
        self._onward = {torch.device("cpu"): torch.from_numpy(latest[:next_depth])}
        self._masks: dict[tuple[int, torch.device], tuple[_Kind | None, list[_Bundle]]] = {}

    def attend(self, heads: _Heads, manner: _Manner) -> torch.Tensor:
        """[1, tokens, heads, size] out of query, key and value [1, heads, tokens, size].

        Raises Unsupported where these are not those of the pass, and Stopped within
        `until_attention`.
        """
        query, key, value = heads.query, heads.key, heads.value
        if query.shape[0] != 1 or query.shape[2] != key.shape[2]:
            raise Unsupported("attention over something else than the tokens of the pass")
        if self._rows is not None:
            return self._attend_rows(self._rows, query, manner)
        if self.carry:
            if self.calls >= len(self.carry):
                raise Unsupported("a number of attention calls that changes")
            before = self.carry[self.calls]
            key = torch.cat([before[0], key], dim=2)
            value = torch.cat([before[1], value], dim=2)
        self.calls += 1
        if key.device not in self._onward:
            onward = self._onward[torch.device("cpu")]
            self._onward[key.device] = onward.to(key.device, non_blocking=True)
        onward = self._onward[key.device]
        self.carried.append((key.index_select(2, onward), value.index_select(2, onward)))
        if self._stops:
            self._held = key, value
            raise Stopped
        return self._attended(_Heads(query, key, value), manner)

    @contextmanager
    def until_attention(self) -> Iterator[None]:
        """Within, the next attention keeps its keys and values and raises Stopped."""
        self._stops = True
        try:
            yield
        finally:
            self._stops = False

    @contextmanager
    def attending_rows(self, rows: torch.Tensor) -> Iterator[None]:
        """Within, an attention has the tokens `rows` of the pass only, and attends to the keys
        and values that were kept."""
        self._rows = rows
        try:
            yield
        finally:
            self._rows = None

    def _attend_rows(
        self, rows: torch.Tensor, query: torch.Tensor, manner: _Manner
    ) -> torch.Tensor:
        """As `attend`, with the keys and values that were kept, once."""
        if self._held is None:
            raise Unsupported("several attentions in its last layer")
        (key, value), self._held = self._held, None
        places = rows.to(query.device)
        everywhere = query.new_zeros(query.shape[1], self.tokens, query.shape[3])
        everywhere[:, places] = query[0]
        heads = _Heads(everywhere[None], key, value)
        return self._attended(heads, manner).index_select(1, places)

    def _attended(self, heads: _Heads, manner: _Manner) -> torch.Tensor:
        """[1, tokens, heads, size], with the keys and values of the carried path in front."""
        query = heads.query
        groups = query.shape[1] // heads.key.shape[1]
        out = query.new_empty(query.shape[2], query.shape[1], heads.value.shape[3])
        for bundle in self._bundles(manner.kind, groups, query):
            attended = _attention(heads.taken(bundle), bundle.mask, manner)
            out[bundle.start : bundle.stop] = attended.transpose(1, 2).flatten(0, 1)[: bundle.count]
        return out[None]

    def _bundles(self, kind: _Kind | None, groups: int, like: torch.Tensor) -> list[_Bundle]:
        """The units with their masks for one kind of layer, made at its first layer."""
        known = self._masks.get((id(kind), like.device))
        if known is None:
            sees = causal_mask_function if kind is None else kind.sees
            together = BUNDLE.get(like.device.type, _BUNDLE_ELSEWHERE)
            made = [
                _bundle(self._units[start : start + together], sees, groups, like)
                for start in range(0, len(self._units), together)
            ]
            known = self._masks[id(kind), like.device] = (kind, made)
        return known[1]


@dataclass(frozen=True)
class _Bundle:
    """Units that attend in one call, as one kind of layer sees them: tokens [start, stop) of the
    slice, all units but the last of one length. `rows` [units, tokens]: places in the slice,
    padded at the end; `columns` [units, keys]: the keys in reach, padded; `mask` [units, 1,
    groups * tokens, keys]: additive, for all query heads of one key head."""

    start: int
    stop: int
    rows: torch.Tensor
    columns: torch.Tensor
    mask: torch.Tensor

    @property
    def count(self) -> int:
        return self.stop - self.start


def _units(depths: Ints, next_depth: int) -> tuple[list[_Unit], Ints]:
    """The units of a slice, and after it the latest place of every depth."""
    before = int(depths[0])
    latest = np.zeros(max(int(depths.max()) + 1, next_depth, before), np.int64)
    latest[:before] = np.arange(before)
    units = []
    for start in range(0, len(depths), UNIT):
        own = depths[start : start + UNIT]
        count = len(own)
        outside = latest[: own[0]].copy()
        # A token sees a depth outside that no token of the unit up to itself has replaced.
        lowest = np.minimum.accumulate(own)
        path = np.arange(own[0]) < lowest[:, None]
        # And inside the unit an earlier token, if all between them and itself lie deeper.
        between = np.where(np.triu(np.ones((count, count), bool), 1), own, _LARGE)
        inside = (own[:, None] < np.minimum.accumulate(between, axis=1)).T
        inside &= np.tril(np.ones((count, count), bool))
        columns = np.concatenate([outside, before + np.arange(start, start + count)])
        units.append(
            _Unit(
                start,
                start + count,
                torch.from_numpy(columns),
                torch.from_numpy(np.concatenate([np.arange(own[0]), own])),
                torch.from_numpy(np.concatenate([path, inside], axis=1)),
            )
        )
        latest[own] = before + np.arange(start, start + count)
    return units, latest


def _bundle(
    units: Sequence[_Unit], sees: Callable[..., Any], groups: int, like: torch.Tensor
) -> _Bundle:
    seen = [_sight(unit, sees) for unit in units]
    tokens = max(unit.stop - unit.start for unit in units)
    keys = max(len(columns) for columns, _ in seen)
    rows = torch.zeros(len(units), tokens, dtype=torch.long)
    columns = torch.zeros(len(units), keys, dtype=torch.long)
    allowed = torch.zeros(len(units), tokens, keys, dtype=torch.bool)
    for index, (unit, (reach, sight)) in enumerate(zip(units, seen, strict=True)):
        count = unit.stop - unit.start
        rows[index, :count] = torch.arange(unit.start, unit.stop)
        columns[index, : len(reach)] = reach
        allowed[index, :count, : len(reach)] = sight
        allowed[index, count:] = True  # padded rows see anything, so that they stay numbers
    mask = torch.zeros(allowed.shape, dtype=like.dtype).masked_fill_(~allowed, float("-inf"))
    return _Bundle(
        units[0].start,
        units[-1].stop,
        rows.to(like.device, non_blocking=True),
        columns.to(like.device, non_blocking=True),
        mask[:, None].repeat(1, 1, groups, 1).to(like.device, non_blocking=True),
    )


def _sight(unit: _Unit, sees: Callable[..., Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """The keys in reach of a unit, and which of its tokens see which of them."""
    if sees is causal_mask_function:  # a path holds nothing that comes later
        return unit.columns, unit.sees
    own = unit.depths[len(unit.depths) - (unit.stop - unit.start) :]
    zero = torch.zeros((), dtype=torch.long)
    allowed = unit.sees & torch.as_tensor(sees(zero, zero, own[:, None], unit.depths[None, :]))
    reached = allowed.any(dim=0)  # leaves out what lies beyond a window
    return unit.columns[reached], allowed[:, reached]


def _taken(states: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """[units, heads, tokens, size] out of [1, heads, all, size], by places [units, tokens]."""
    flat = states.index_select(2, places.flatten())
    return flat.unflatten(2, places.shape)[0].transpose(0, 1)


def _attention(states: _Heads, mask: torch.Tensor, manner: _Manner) -> torch.Tensor:
    """[units, heads, tokens, size]; `mask` as in `_Bundle`. Query heads that share a key head are
    folded into its rows, so that keys are never copied per head."""
    query, key, value = states.query, states.key, states.value
    scaling, softcap, sinks = manner.scaling, manner.softcap, manner.sinks
    units, heads, count, size = query.shape
    shared = key.shape[1]
    folded = query.reshape(units, shared, heads // shared * count, size)
    if softcap is None and sinks is None:
        attended = scaled_dot_product_attention(folded, key, value, attn_mask=mask, scale=scaling)
    else:
        scores = folded @ key.transpose(2, 3) * (size**-0.5 if scaling is None else scaling)
        if softcap is not None:
            scores = torch.tanh(scores / softcap) * softcap
        scores = scores + mask
        if sinks is None:
            shares = scores.softmax(dim=-1, dtype=torch.float32)
        else:
            # One more score a head, which takes its share and gives nothing.
            sink = sinks.reshape(1, shared, -1, 1).repeat_interleave(count, dim=2).to(scores)
            sink = sink.expand(units, -1, -1, -1)
            shares = torch.cat([scores, sink], -1).softmax(dim=-1, dtype=torch.float32)[..., :-1]
        attended = shares.to(value.dtype) @ value
    return attended.reshape(units, heads, count, value.shape[3])


_current: ContextVar[TreePass] = ContextVar("tremble_tree_pass")


def _forward(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: _Kind | None,
    **asked: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers calls in place of its own attention.

    Models pass what they need by name: `scaling`, `dropout`, `softcap`, `s_aux` (sinks) and
    `position_bias`, each left out or None where a model has no such thing; whatever else they pass
    (`is_causal`, `sliding_window` and so on) says again what the mask function says.
    """
    if asked.get("dropout") or asked.get("position_bias") is not None:
        raise Unsupported("dropout or a position bias in attention")
    if not (attention_mask is None or isinstance(attention_mask, _Kind)):
        raise Unsupported("a mask of the model's own making")
    manner = _Manner(attention_mask, asked.get("scaling"), asked.get("softcap"), asked.get("s_aux"))
    return _current.get().attend(_Heads(query, key, value), manner), None


def _mask(*, mask_function: Callable[..., Any], **_: Any) -> _Kind:
    """What transformers calls to have a mask made."""
    return _Kind(mask_function)


AttentionInterface.register(NAME, _forward)
AttentionMaskInterface.register(NAME, _mask)


def leave_uncompiled() -> None:
    """Have compilers of layers call attention over a tree, not look into it."""
    # Only where layers are compiled, since this loads the compiler.
    AttentionInterface.register(NAME, torch.compiler.disable(_forward))


def configs_of(model: torch.nn.Module) -> list[Any]:
    """The configurations that the parts of a model read: one, or one a part."""
    configs = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    return list(configs.values())


@contextmanager
def tree_attention(configs: Sequence[Any], tree: TreePass) -> Iterator[None]:
    """Within, the attention of a model with these configurations is that of one slice."""
    before = [config._attn_implementation for config in configs]
    token = _current.set(tree)
    try:
        for config in configs:
            config._attn_implementation = NAME
        yield
    finally:
        for config, implementation in zip(configs, before, strict=True):
            config._attn_implementation = implementation
        _current.reset(token)
