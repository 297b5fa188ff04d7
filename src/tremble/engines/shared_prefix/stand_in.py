"""A few layers of an architecture with made-up weights, to be timed in place of the whole model."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch

from tremble.engines.shared_prefix.layers import decoder_layers
from tremble.models.spec import RunOptions

WORDS = 65_536  # of the vocabulary, at most: so large that logits leave the caches, as they do
LATER = 2  # layers of a kind, at most, besides the first one, which also makes the kind's mask
_BLOCK = 1 << 20  # made-up numbers, over and over


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of one kind that were kept of `count`: the first, and some later ones."""

    kept: tuple[torch.nn.Module, ...]
    count: int

    def more(self, seconds: Sequence[float]) -> float:
        """What the layers that were left out take, where those kept took so much: each as much as
        the later ones on average (as the first, where it is alone)."""
        later = seconds[1:] or seconds
        return (self.count - len(self.kept)) * sum(later) / len(later)


@dataclass(slots=True)
class StandIn:
    """`model` runs as the whole one does, in less time. `layers` are by kind, the last layer apart;
    `words`: how many times its vocabulary the whole one has. `clock` is in seconds."""

    model: Any
    layers: list[Layers]
    last: torch.nn.Module
    words: float
    clock: Callable[[], float] = time.perf_counter
    _spent: dict[int, float] = field(default_factory=dict)
    _left: float = 0.0  # when the last layer was left, most recently

    def time(self, run: Callable[[], object]) -> tuple[float, float]:
        """Seconds that the whole model would take for `run`: up to the end of its last layer, and
        behind it, with the output head."""
        self._spent = {}
        with self._timing():
            self._settle()
            began = self.clock()
            run()
            self._settle()
            ended = self.clock()
        more = sum(
            kind.more([self._spent[id(layer)] for layer in kind.kept]) for kind in self.layers
        )
        return self._left - began + more, (ended - self._left) * self.words

    @contextmanager
    def _timing(self) -> Iterator[None]:
        """Within, every layer's seconds are added up."""
        began: dict[int, float] = {}

        def enter(layer: torch.nn.Module, _: object) -> None:
            self._settle()
            began[id(layer)] = self.clock()

        def leave(layer: torch.nn.Module, _: object, __: object) -> None:
            self._settle()
            self._left = self.clock()
            spent = self._left - began[id(layer)]
            self._spent[id(layer)] = self._spent.get(id(layer), 0.0) + spent

        kept = [*(layer for kind in self.layers for layer in kind.kept), self.last]
        hooks = [layer.register_forward_pre_hook(enter) for layer in kept]
        hooks += [layer.register_forward_hook(leave) for layer in kept]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _settle(self) -> None:
        """Waits until the device has done what it was given."""
        kind = next(self.last.parameters()).device.type
        if kind != "cpu":
            getattr(torch, kind).synchronize()


def stand_in(config: Any, options: RunOptions, trusted: bool, memory: float) -> StandIn | None:
    """One for the architecture of a configuration, in the dtype and on the device of the options;
    None where its layers cannot be told apart or would take more than `memory` bytes.

    Nothing is read but the configuration. Raises whatever an architecture may find wrong.
    """
    from transformers import AutoModelForCausalLM

    config = copy.deepcopy(config)
    text = config.get_text_config()
    words = text.vocab_size
    for some in {id(one): one for one in (config, text)}.values():
        some.pad_token_id = None  # it may lie beyond the vocabulary that is left
    text.vocab_size = min(words, WORDS)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            config, dtype=getattr(torch, options.dtype), trust_remote_code=trusted
        )
    for later in range(LATER, -1, -1):
        kinds, places = _kept(model, later)
        if not places:
            return None
        if _bytes(model, places) <= memory:
            break
    else:
        return None
    layers = _cut(model, places)
    device = "cuda" if options.device == "auto" else options.device
    for part in _parts(model):
        part.to_empty(device=device)
        _fill(part)
    at = {place: layers[number] for number, place in enumerate(places)}
    groups = [
        Layers(tuple(at[place] for place in kind if place in at), len(kind)) for kind in kinds
    ]
    return StandIn(model.eval(), groups, layers[len(places) - 1], words / text.vocab_size)


def _kept(model: Any, later: int) -> tuple[list[list[int]], list[int]]:
    """The places of the layers by kind, the last one apart; and which are kept, in order: of each
    kind the first and so many later ones, and the last layer of all."""
    layers = list(decoder_layers(model))
    kinds: dict[Any, list[int]] = {}
    types = getattr(model.config.get_text_config(), "layer_types", None) or [None] * len(layers)
    for place, layer in enumerate(layers[:-1]):
        shapes = tuple((name, tuple(part.shape)) for name, part in layer.named_parameters())
        kinds.setdefault((type(layer), types[place], shapes), []).append(place)
    kept = [place for kind in kinds.values() for place in kind[: 1 + later]]
    return list(kinds.values()), sorted([*kept, *([len(layers) - 1] if layers else [])])


def _cut(model: Any, places: Sequence[int]) -> Any:
    """Takes all layers but those out of a model, and out of its configuration."""
    layers: Any = decoder_layers(model)
    text = model.config.get_text_config()
    types = getattr(text, "layer_types", None)
    for place in reversed(range(len(layers))):
        if place not in places:
            del layers[place]
    text.num_hidden_layers = len(places)
    if types is not None:
        with suppress(AttributeError):  # where it follows from other settings
            text.layer_types = [types[place] for place in places]
    return layers


def _parts(model: Any) -> list[torch.nn.Module]:
    """What text goes through: the decoder and the output head; what is for images stays away."""
    if not hasattr(model, "get_decoder"):
        return [model]
    parts = (model.get_decoder(), model.get_output_embeddings())
    return [part for part in parts if part is not None]


def _bytes(model: Any, places: Sequence[int]) -> int:
    """What the weights take of a model with those layers only."""
    layers = decoder_layers(model)
    every = sum(_size(part) for part in _parts(model))
    return every - sum(_size(layer) for at, layer in enumerate(layers) if at not in places)


def _size(part: torch.nn.Module) -> int:
    return sum(weight.numel() * weight.element_size() for weight in part.parameters())


def _fill(part: torch.nn.Module) -> None:
    """Made-up numbers, small ones in matrices: what memory happened to hold may be no numbers, and
    slow to compute with."""
    block = torch.randn(_BLOCK, generator=torch.Generator().manual_seed(0)) * 0.02
    with torch.no_grad():
        for weight in part.parameters():
            if weight.ndim < 2:
                weight.fill_(1.0)
                continue
            flat = weight.view(-1)
            for start in range(0, len(flat), _BLOCK):
                some = flat[start : start + _BLOCK]
                some.copy_(block[: len(some)])
        for buffer in part.buffers():
            buffer.fill_(1)
