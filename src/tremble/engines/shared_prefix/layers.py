"""How a model's own decoder layers are run: compiled, and the last for the rows that are read only.

Nothing attends to what the last layer puts out, so behind its attention only decision rows matter.
Its own code runs twice: over all tokens up to its attention, for keys and values, and over the
decision rows to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from tremble.engines.shared_prefix.tree_attention import Stopped, TreePass, leave_uncompiled
from tremble.engines.shared_prefix.units import Unsupported

Forward = Callable[..., Any]


def decoder_layers(model: Any) -> Sequence[torch.nn.Module]:
    """The layers that text goes through: of the lists of the model's decoder the one as long as its
    config says, else the longest; none where it has no list. Lists within lists are something
    else, experts for example."""
    part = model.get_decoder() if hasattr(model, "get_decoder") else model
    lists = _outer_lists(part) or _outer_lists(model)
    count = getattr(model.config.get_text_config(decoder=True), "num_hidden_layers", None)
    fitting = [one for one in lists if len(one) == count]
    return max(fitting or lists, key=len, default=torch.nn.ModuleList())


def _outer_lists(part: torch.nn.Module) -> list[torch.nn.ModuleList]:
    outer: dict[str, torch.nn.ModuleList] = {}
    for name, inner in part.named_modules():
        inside = any(name.startswith(f"{other}.") for other in outer)
        if isinstance(inner, torch.nn.ModuleList) and not inside:
            outer[name] = inner
    return list(outer.values())


@contextmanager
def running(layer: torch.nn.Module, forward: Forward) -> Iterator[None]:
    """Within, a layer runs `forward` in place of its own, for all who hold the model: not for two
    threads at once."""
    before = layer.__dict__.get("forward")  # what a hook may have put there
    layer.__dict__["forward"] = forward
    try:
        yield
    finally:
        if before is None:
            del layer.__dict__["forward"]
        else:
            layer.__dict__["forward"] = before


def compiled(layers: Sequence[torch.nn.Module]) -> list[tuple[torch.nn.Module, Forward]]:
    """Layers with their forward as torch compiles it at its first calls, for passes of any
    length. Attention over a tree stays as it is."""
    if layers:
        leave_uncompiled()
    return [(layer, torch.compile(layer.forward, dynamic=True)) for layer in layers]


def for_rows(layer: torch.nn.Module, tree: TreePass, rows: torch.Tensor) -> Forward:
    """A layer's forward that takes hidden states [1, tokens, width] and puts out the tokens `rows`
    (places in the pass), so that what follows sees those alone."""
    full = layer.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        try:
            with tree.until_attention():
                full(*args, **kwargs)
        except Stopped:
            pass
        else:
            raise Unsupported("its last layer has no attention that can be given a tree")
        with tree.attending_rows(rows):
            return full(
                *(_of_rows(value, rows, tree.tokens) for value in args),
                **{name: _of_rows(value, rows, tree.tokens) for name, value in kwargs.items()},
            )

    return forward


def _of_rows(value: Any, rows: torch.Tensor, tokens: int) -> Any:
    """What belongs to some tokens, out of an argument that belongs to all: hidden states,
    positions, rotary angles, [1, tokens, ...]; anything else as it is."""
    if isinstance(value, torch.Tensor):
        if value.ndim > 1 and value.shape[:2] == (1, tokens):
            return value.index_select(1, rows.to(value.device))
    elif isinstance(value, tuple):
        return tuple(_of_rows(part, rows, tokens) for part in value)
    elif isinstance(value, dict):
        return {name: _of_rows(part, rows, tokens) for name, part in value.items()}
    return value
