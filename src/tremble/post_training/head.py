"""Log-probabilities of tokens out of hidden states, by the model's own output head, without its
logits being kept.

The gradient of one token's log-probability by its hidden state does not depend on what the loss
makes of it but for a factor. So it is computed in the forward pass, piece by piece, while the
logits of a piece are there: no piece is computed twice, and a long answer takes no more memory than
a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

# Elements of the logits of a piece: 128 MiB in float32, 128 rows of Gemma's 262,144.
PIECE = 1 << 25
_LEAST = 16  # rows of a piece; fewer would read all weights of the head for next to nothing

Head = Callable[[torch.Tensor], torch.Tensor]


class _Reached(Exception):
    """The layers of a model have come to their end."""

    def __init__(self, output: Any) -> None:
        super().__init__("reached")
        self.output = output


def split(model: Any, **asked: Any) -> tuple[torch.Tensor, Head] | None:
    """What a model's layers make of a batch of one row, [tokens, hidden], and what its own code
    makes of such rows from there: logits [rows, vocabulary], at least float32. None for a model
    whose layers are not a part of it by name, and where something in the head is trained."""
    layers = model.base_model
    head = model.get_output_embeddings()
    if layers is model or head is None or any(one.requires_grad for one in head.parameters()):
        return None
    whole = layers.forward

    def stop(*given: Any, **named: Any) -> Any:
        raise _Reached(whole(*given, **named))

    try:
        with _instead(layers, stop):
            type(model).forward(model, **asked)
    except _Reached as reached:
        output = reached.output
    else:
        raise TypeError(f"{type(model).__name__} does not run its layers as it says")

    def logits_of(rows: torch.Tensor) -> torch.Tensor:
        other = type(output)(**{**output, "last_hidden_state": rows[None]})
        few = {**asked, **{name: one[:, :1] for name, one in asked.items() if _of_tokens(one)}}
        with _instead(layers, lambda *_, **__: other):
            logits: torch.Tensor = type(model).forward(model, **few).logits
        wide = torch.promote_types(logits.dtype, torch.float32)
        return logits.squeeze(0).to(wide)  # an index would be a copy in the backward pass

    return output.last_hidden_state[0], logits_of


def _of_tokens(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() == 2


@contextmanager
def _instead(layers: Any, forward: Callable[..., Any]) -> Iterator[None]:
    """Another forward pass of a module, for a while."""
    own = vars(layers).get("forward")
    layers.forward = forward
    try:
        yield
    finally:
        if own is None:
            del layers.forward
        else:
            layers.forward = own


def logprobs(head: Head, hidden: torch.Tensor, chosen: torch.Tensor, words: int) -> torch.Tensor:
    """Natural log-probabilities [rows] of tokens `chosen` [rows] behind hidden states [rows,
    hidden], at least float32, with their exact gradient by these; `words`: how many tokens there
    are."""
    most = max(_LEAST, PIECE // words)
    pieces = -(-len(hidden) // most)
    rows = -(-len(hidden) // pieces)  # in each, so that the last is no rest of a few
    if hidden.requires_grad and torch.is_grad_enabled():
        found: torch.Tensor = _Logprobs.apply(head, hidden, chosen, rows)
        return found
    with torch.no_grad():
        both = zip(hidden.split(rows), chosen.split(rows), strict=True)
        return torch.cat([_piece(head(some), tokens)[0] for some, tokens in both])


def _piece(
    logits: torch.Tensor, chosen: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Log-probabilities [rows]; exponentials over the largest, [rows, vocabulary], and their sums
    [rows, 1]."""
    largest = logits.amax(dim=-1, keepdim=True)
    over = (logits - largest).exp_()
    total = over.sum(dim=-1, keepdim=True)
    return (logits.gather(1, chosen[:, None]) - largest - total.log())[:, 0], over, total


class _Logprobs(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(
        ctx: Any, head: Head, hidden: torch.Tensor, chosen: torch.Tensor, rows: int
    ) -> torch.Tensor:
        found, slopes = [], torch.empty_like(hidden)
        for start in range(0, len(hidden), rows):
            tokens = chosen[start : start + rows]
            with torch.enable_grad():
                some = hidden[start : start + rows].detach().requires_grad_()
                logits = head(some)
            with torch.no_grad():
                logs, over, total = _piece(logits, tokens)
                found.append(logs)
                # By the logits: one at the token itself, less the probabilities.
                by_logits = over.mul_(-1 / total)
                by_logits.scatter_add_(1, tokens[:, None], torch.ones_like(total))
            (slopes[start : start + rows],) = torch.autograd.grad(logits, some, by_logits)
            del logits, over, by_logits
        ctx.save_for_backward(slopes)
        return torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *given: torch.Tensor) -> tuple[None, torch.Tensor, None, None]:
        (slopes,) = ctx.saved_tensors
        return None, slopes * given[0][:, None].to(slopes.dtype), None, None
