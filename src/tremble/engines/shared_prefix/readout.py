"""From the logits of decision rows to rows of prompts, whose nodes may lie in several passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from tremble.engines.base import TOP, Score, combine
from tremble.engines.shared_prefix.stream import Ints
from tremble.tokenization.options import Ids, TokenPaths
from tremble.tokenization.refusal import NOT_A_NUMBER

_BLOCK = 512  # tokens


@dataclass(slots=True)
class _Open:
    """A prompt some of whose nodes were read."""

    paths: TokenPaths
    nodes: list[Ids]
    tokens: dict[Ids, dict[int, float]] = field(default_factory=dict)
    terminators: dict[Ids, float] = field(default_factory=dict)
    likeliest: list[tuple[int, float]] = field(default_factory=list)
    read: int = 0
    sound: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass found for its reads, still on the device.

    `asked`: prompt and node per read; `row`: its row among the logits; `norm`: logsumexp per row;
    `picked`: (read, token) with their log-probabilities `values`; `closed`: reads with a closing,
    and `closing_values`; `roots`: reads at an answer start, with the likeliest tokens there."""

    asked: list[tuple[int, Ids]]
    row: list[int]
    norm: torch.Tensor
    picked: list[tuple[int, int]]
    values: torch.Tensor
    terminated: list[int]
    terminator_values: torch.Tensor
    roots: list[int]
    top_values: torch.Tensor
    top_ids: torch.Tensor


class Readout:
    """Reads the rows of `prompts` off passes; a prompt is forgotten once its row is made."""

    def __init__(self, prompts: Sequence[TokenPaths]) -> None:
        self._prompts = prompts
        self._opened: dict[int, _Open] = {}

    def find(self, reads: Ints, logits: torch.Tensor) -> Found:
        """Pick what `reads` (place, prompt, node; sorted) need from float32 `logits` [places,
        vocabulary], one row a distinct place, without waiting for the device; `logits` are used
        up."""
        _, rows = np.unique(reads[:, 0], return_inverse=True)
        row: list[int] = rows.tolist()
        asked: list[tuple[int, Ids]] = []
        picked: list[tuple[int, int]] = []
        terminated: dict[Ids, list[int]] = {}
        roots: list[int] = []
        most = 1
        for read, (prompt, number) in enumerate(reads[:, 1:].tolist()):
            if prompt not in self._opened:
                paths = self._prompts[prompt]
                self._opened[prompt] = _Open(paths, paths.nodes())
            entry = self._opened[prompt]
            node = entry.nodes[number]
            end = len(node)
            asked.append((prompt, node))
            tokens = {p[end] for p in entry.paths.paths if len(p) > end and p[:end] == node}
            picked.extend((read, token) for token in tokens)
            for path, is_terminated in zip(entry.paths.paths, entry.paths.terminated, strict=True):
                if is_terminated and path == node:
                    terminated.setdefault(entry.paths.terminator, []).append(read)
            if not node:
                roots.append(read)
                most = max(most, TOP + len(entry.paths.paths))
        device = logits.device

        def at(found: Sequence[int]) -> torch.Tensor:
            return torch.tensor([row[read] for read in found], dtype=torch.long, device=device)

        rows_picked = at([read for read, _ in picked])
        tokens_picked = torch.tensor([t for _, t in picked], dtype=torch.long, device=device)
        values = logits[rows_picked, tokens_picked]
        terminators = [
            (at(found), logits[at(found)][:, list(ids)].logsumexp(dim=-1))
            for ids, found in terminated.items()
        ]
        top_values, top_ids = likeliest(logits, most)
        largest = top_values[:, :1]
        # In place: a copy of all logits would cost as much as a layer.
        norm = logits.sub_(largest).exp_().sum(dim=-1).log_().add_(largest[:, 0])
        rows_of_roots = at(roots)
        return Found(
            asked,
            row,
            norm,
            picked,
            values - norm[rows_picked],
            [read for found in terminated.values() for read in found],
            torch.cat([value - norm[place] for place, value in terminators])
            if terminators
            else norm.new_empty(0),
            roots,
            top_values[rows_of_roots] - norm[rows_of_roots, None],
            top_ids[rows_of_roots],
        )

    def rows(self, found: Found) -> Iterator[Score]:
        """The rows of the prompts whose last node a pass read."""
        sound = torch.isfinite(found.norm).tolist()
        for (read, token), value in zip(found.picked, found.values.tolist(), strict=True):
            prompt, node = found.asked[read]
            self._opened[prompt].tokens.setdefault(node, {})[token] = value
        for read, value in zip(found.terminated, found.terminator_values.tolist(), strict=True):
            prompt, node = found.asked[read]
            self._opened[prompt].terminators[node] = value
        top = zip(found.roots, found.top_ids.tolist(), found.top_values.tolist(), strict=True)
        for read, ids, values in top:
            entry = self._opened[found.asked[read][0]]
            count = TOP + len(entry.paths.paths)
            entry.likeliest = list(zip(ids[:count], values[:count], strict=True))
        for read, (prompt, _) in enumerate(found.asked):
            entry = self._opened[prompt]
            entry.sound &= sound[found.row[read]]
            entry.read += 1
            if entry.read < len(entry.nodes):
                continue
            del self._opened[prompt]
            if entry.sound:
                yield combine(entry.paths, prompt, entry.tokens, entry.terminators, entry.likeliest)
            else:
                yield Score.refused(prompt, NOT_A_NUMBER)


def likeliest(logits: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest `count` values of each row (fewer where it has fewer) and their places.

    By blocks, since selecting from a whole vocabulary costs more than summing it: the largest
    `count` values lie in the `count` blocks whose largest values are largest.
    """
    width = logits.shape[1]
    if width < 4 * count * _BLOCK:
        found = logits.topk(min(count, width), dim=-1)
        return found.values, found.indices
    whole = width // _BLOCK
    blocks = logits[:, : whole * _BLOCK].unflatten(1, (whole, _BLOCK)).amax(dim=-1)
    chosen = blocks.topk(count, dim=-1).indices
    places = (chosen[:, :, None] * _BLOCK + torch.arange(_BLOCK, device=logits.device)).flatten(1)
    rest = torch.arange(whole * _BLOCK, width, device=logits.device).expand(len(logits), -1)
    places = torch.cat([places, rest], dim=1)
    best = logits.gather(1, places).topk(count, dim=-1)
    return best.values, places.gather(1, best.indices)
