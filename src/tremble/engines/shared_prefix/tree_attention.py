"""Attention over a slice of the stream (see `stream`): each token sees its own history only.

Registered with transformers as an attention implementation and as what makes masks for it. The
slice runs through the model as one sequence, so that every matrix product sees all its tokens;
only here are they told apart. What kind of layer this is (full, sliding window, chunked) the
model's own code says, as the mask function it asks for; that is evaluated on depths (see `units`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface

from tremble.engines.shared_prefix.attention import Heads, Manner, attended
from tremble.engines.shared_prefix.layout import Ints
from tremble.engines.shared_prefix.stream import Slice
from tremble.engines.shared_prefix.units import (
    Bundle,
    Sees,
    Sight,
    Unsupported,
    kept_depths,
    units_of,
)

NAME = "tremble_tree"
BUNDLE = {"cpu": 1}  # units in one call; many where calls are dear
_BUNDLE_ELSEWHERE = 64


@dataclass(frozen=True)
class Kept:
    """What one attention call keeps of a path of `length` tokens: keys and values, each
    [1, heads, depths, size], and the `depths` that they are of (None: all)."""

    length: int
    key: torch.Tensor
    value: torch.Tensor
    depths: Ints | None = None


Carry = list[Kept]


class Stopped(Exception):
    """A layer that was to run up to its attention has come there."""


@dataclass(frozen=True)
class _Kind:
    """What a model asks for where it would make a mask: which depths see which."""

    sees: Sees


@dataclass(frozen=True)
class _View:
    """One kind of layer in a pass: its bundles, and what it keeps onward: `depths` (None: all), as
    places among the keys of the pass."""

    kind: _Kind | None  # held, so that its identity stays its own
    held: Ints | None
    bundles: list[Bundle]
    depths: Ints | None
    onward: torch.Tensor


class TreePass:
    """One slice on its way through the layers.

    `carry`: what each attention call kept of the path that leads to the slice. After the forward
    pass `carried` holds what they keep of the path that leads to what follows the slice, at the
    depth `onward[0]` (`onward` as in `Plan.onward`).
    """

    def __init__(self, cut: Slice, carry: Carry, onward: Sequence[int]) -> None:
        self._before = int(cut.depths[0])
        if carry and carry[0].length != self._before:
            raise ValueError(f"the carried path has {carry[0].length} tokens, not {self._before}")
        self.carry = carry
        self.carried: Carry = []
        self.calls = 0
        self.tokens = len(cut.ids)
        self._stops = False
        self._rows: torch.Tensor | None = None
        self._held: tuple[Heads, Ints | None] | None = None
        self._units, self._latest = units_of(cut.depths)
        self._onward = onward
        self._views: dict[tuple[int, int, torch.device], _View] = {}

    def attend(self, heads: Heads, kind: _Kind | None, manner: Manner) -> torch.Tensor:
        """[1, tokens, heads, size] out of query, key and value [1, heads, tokens, size]; `kind`
        says which depths see which (None: all before them).

        Raises Unsupported where these are not those of the pass, and Stopped within
        `until_attention`.
        """
        query, key, value = heads.query, heads.key, heads.value
        if query.shape[0] != 1 or query.shape[2] != key.shape[2]:
            raise Unsupported("attention over something else than the tokens of the pass")
        if self._rows is not None:
            return self._attend_rows(self._rows, query, kind, manner)
        held: Ints | None = None
        if self.carry:
            if self.calls >= len(self.carry):
                raise Unsupported("a number of attention calls that changes")
            before = self.carry[self.calls]
            held = before.depths
            key = torch.cat([before.key, key], dim=2)
            value = torch.cat([before.value, value], dim=2)
        self.calls += 1
        whole = Heads(query, key, value)
        view = self._view(kind, held, whole)
        keys, values = key.index_select(2, view.onward), value.index_select(2, view.onward)
        self.carried.append(Kept(self._onward[0], keys, values, view.depths))
        if self._stops:
            self._held = whole, held
            raise Stopped
        return self._attended(whole, view, manner)

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
        self, rows: torch.Tensor, query: torch.Tensor, kind: _Kind | None, manner: Manner
    ) -> torch.Tensor:
        """As `attend`, with the keys and values that were kept, once."""
        if self._held is None:
            raise Unsupported("several attentions in its last layer")
        (all_heads, held), self._held = self._held, None
        places = rows.to(query.device)
        everywhere = query.new_zeros(query.shape[1], self.tokens, query.shape[3])
        everywhere[:, places] = query[0]
        heads = Heads(everywhere[None], all_heads.key, all_heads.value)
        view = self._view(kind, held, heads)
        return self._attended(heads, view, manner).index_select(1, places)

    @staticmethod
    def _attended(heads: Heads, view: _View, manner: Manner) -> torch.Tensor:
        """[1, tokens, heads, size], with what is kept of the carried path in front."""
        query = heads.query
        out = query.new_empty(query.shape[2], query.shape[1], heads.value.shape[3])
        for bundle in view.bundles:
            found = attended(heads, bundle, manner)
            out[bundle.start : bundle.stop] = found.transpose(1, 2).flatten(0, 1)[: bundle.count]
        return out[None]

    def _view(self, kind: _Kind | None, held: Ints | None, heads: Heads) -> _View:
        """What one kind of layer sees in this pass, made at its first layer."""
        like = heads.query
        key = (id(kind), id(held), like.device)
        if key not in self._views:
            sees = None if kind is None else kind.sees
            sight = Sight(sees, self._before, held, self.tokens)
            together = BUNDLE.get(like.device.type, _BUNDLE_ELSEWHERE)
            groups = like.shape[1] // heads.key.shape[1]
            bundles = [
                sight.bundle(self._units[start : start + together], groups, like)
                for start in range(0, len(self._units), together)
            ]
            depths = kept_depths(sees, self._onward)
            latest = self._latest[: self._onward[0]]
            onward = torch.from_numpy(sight.places(latest if depths is None else latest[depths]))
            onward = onward.to(like.device, non_blocking=True)
            self._views[key] = _View(kind, held, bundles, depths, onward)
        return self._views[key]


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
    manner = Manner(asked.get("scaling"), asked.get("softcap"), asked.get("s_aux"))
    return _current.get().attend(Heads(query, key, value), attention_mask, manner), None


def _mask(*, mask_function: Sees, **_: Any) -> _Kind:
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
    token = _current.set(tree)
    try:
        with attending_by(NAME, configs):
            yield
    finally:
        _current.reset(token)


@contextmanager
def attending_by(name: str, configs: Sequence[Any]) -> Iterator[None]:
    """Within, a model with these configurations has the attention registered by a name."""
    before = [config._attn_implementation for config in configs]
    try:
        for config in configs:
            config._attn_implementation = name
        yield
    finally:
        for config, implementation in zip(configs, before, strict=True):
            config._attn_implementation = implementation
