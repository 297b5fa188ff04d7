"""From the logits of decision rows to scores of prompts, whose reads may lie in several passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tremble.engines.base import Score
from tremble.engines.reads import Read, Values, reads_of, score_of
from tremble.engines.shared_prefix.layout import Ints
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.refusal import NOT_A_NUMBER
from tremble.tokenization.trunk import Ids

_BLOCK = 512  # tokens


@dataclass(slots=True)
class _Open:
    """A prompt some of whose reads were answered: `values` by number of the read, None where it is
    still to come."""

    paths: TokenPaths
    reads: tuple[Read, ...]
    values: list[Values | None]
    answered: int = 0
    sound: bool = True

    def score(self, prompt: int) -> Score:
        if not self.sound:
            return Score.refused(prompt, NOT_A_NUMBER)
        pairs = zip(self.reads, self.values, strict=True)
        return score_of(
            self.paths, prompt, {read.place: values for read, values in pairs if values is not None}
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers of a pass to its reads, still on the device.

    `asked`: prompt and number of its read; `row`: its row among the logits; `norm`: logsumexp per
    row; `picked`: (read, token) with their log-probabilities `values`; `summed`: reads with a sum,
    and `summed_values`; `ranked`: reads that ask for the likeliest tokens, with `top_ids` and
    `top_values`; `whole`: reads that ask for all tokens, with their log-probabilities
    `whole_values`, None where none does. A read is counted by its place in `asked`."""

    asked: list[tuple[int, int]]
    row: list[int]
    norm: torch.Tensor
    picked: list[tuple[int, int]]
    values: torch.Tensor
    summed: list[int]
    summed_values: torch.Tensor
    ranked: list[int]
    top_values: torch.Tensor
    top_ids: torch.Tensor
    whole: list[int]
    whole_values: torch.Tensor | None


class Readout:
    """Answers the reads of `prompts` out of passes; a prompt is forgotten once it has its score."""

    def __init__(self, prompts: Sequence[TokenPaths]) -> None:
        self._prompts = prompts
        self._opened: dict[int, _Open] = {}

    def find(self, reads: Ints, logits: torch.Tensor) -> Answered:
        """Pick what `reads` (place in the slice, prompt, number of the read; sorted) ask for from
        float32 `logits` [places, vocabulary], one row a distinct place, without waiting for the
        device; `logits` are used up."""
        _, rows = np.unique(reads[:, 0], return_inverse=True)
        row: list[int] = rows.tolist()
        asked: list[tuple[int, int]] = []
        picked: list[tuple[int, int]] = []
        sums: dict[Ids, list[int]] = {}
        ranked: list[int] = []
        whole: list[int] = []
        most = 1
        for at_read, (prompt, number) in enumerate(reads[:, 1:].tolist()):
            read = self._entry(prompt).reads[number]
            asked.append((prompt, number))
            picked.extend((at_read, token) for token in read.tokens)
            if read.summed is not None:
                sums.setdefault(read.summed, []).append(at_read)
            if read.likeliest:
                ranked.append(at_read)
                most = max(most, read.likeliest)
            if read.whole:
                whole.append(at_read)
        device = logits.device

        def at(which: Sequence[int]) -> torch.Tensor:
            return torch.tensor([row[read] for read in which], dtype=torch.long, device=device)

        def tokens_of(ids: Ids) -> torch.Tensor:
            return torch.tensor(ids, dtype=torch.long, device=device)

        rows_picked = at([read for read, _ in picked])
        tokens_picked = tokens_of(tuple(token for _, token in picked))
        values = logits[rows_picked, tokens_picked]
        summed = [
            (at(which), logits[at(which)[:, None], tokens_of(ids)].logsumexp(dim=-1))
            for ids, which in sums.items()
        ]
        top_values, top_ids = likeliest(logits, most)
        largest = top_values[:, :1]
        whole_values = logits[at(whole)] if whole else None  # a copy, of these rows alone
        # In place: a copy of all logits would cost as much as a layer.
        norm = logits.sub_(largest).exp_().sum(dim=-1).log_().add_(largest[:, 0])
        rows_ranked = at(ranked)
        return Answered(
            asked,
            row,
            norm,
            picked,
            values - norm[rows_picked],
            [read for which in sums.values() for read in which],
            torch.cat([value - norm[place] for place, value in summed])
            if summed
            else norm.new_empty(0),
            ranked,
            top_values[rows_ranked] - norm[rows_ranked, None],
            top_ids[rows_ranked],
            whole,
            None if whole_values is None else whole_values.sub_(norm[at(whole), None]),
        )

    def scores(self, answered: Answered) -> Iterator[Score]:
        """The scores of the prompts whose last read a pass answered."""
        sound = torch.isfinite(answered.norm).tolist()
        answers = [Values() for _ in answered.asked]
        for (at_read, token), value in zip(answered.picked, answered.values.tolist(), strict=True):
            answers[at_read].logprobs[token] = value
        for at_read, value in zip(answered.summed, answered.summed_values.tolist(), strict=True):
            answers[at_read].summed = value
        top_ids, top_values = answered.top_ids.tolist(), answered.top_values.tolist()
        for at_read, ids, values in zip(answered.ranked, top_ids, top_values, strict=True):
            prompt, number = answered.asked[at_read]
            count = self._opened[prompt].reads[number].likeliest
            answers[at_read].likeliest = list(zip(ids[:count], values[:count], strict=True))
        if answered.whole_values is not None:
            for at_read, vector in zip(answered.whole, answered.whole_values, strict=True):
                # A prompt that waits for another pass would keep all rows of this one with a view.
                answers[at_read].whole = vector.cpu().numpy().copy()
        for (prompt, number), at_row, answer in zip(
            answered.asked, answered.row, answers, strict=True
        ):
            entry = self._opened[prompt]
            entry.values[number] = answer
            entry.sound &= sound[at_row]
            entry.answered += 1
            if entry.answered == len(entry.reads):
                del self._opened[prompt]
                yield entry.score(prompt)

    def _entry(self, prompt: int) -> _Open:
        if prompt not in self._opened:
            paths = self._prompts[prompt]
            reads = reads_of(paths)
            self._opened[prompt] = _Open(paths, reads, [None] * len(reads))
        return self._opened[prompt]


def likeliest(logits: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest `count` values of each row (fewer where it has fewer) and their places.

    By blocks, since selecting from a whole vocabulary costs more than summing it: the largest
    `count` values lie in the `count` blocks whose largest values are largest.
    """
    width = logits.shape[1]
    if width < 4 * count * _BLOCK:
        largest = logits.topk(min(count, width), dim=-1)
        return largest.values, largest.indices
    whole = width // _BLOCK
    blocks = logits[:, : whole * _BLOCK].unflatten(1, (whole, _BLOCK)).amax(dim=-1)
    chosen = blocks.topk(count, dim=-1).indices
    places = (chosen[:, :, None] * _BLOCK + torch.arange(_BLOCK, device=logits.device)).flatten(1)
    rest = torch.arange(whole * _BLOCK, width, device=logits.device).expand(len(logits), -1)
    places = torch.cat([places, rest], dim=1)
    best = logits.gather(1, places).topk(count, dim=-1)
    return best.values, places.gather(1, best.indices)
