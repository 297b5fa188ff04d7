"""From rows of logits of one prompt to its score, in the plainest way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from tremble.engines.base import Score
from tremble.engines.reads import Read, Values, score_of
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.refusal import NOT_A_NUMBER
from tremble.tokenization.trunk import Ids


def logprobs_of(logits: torch.Tensor) -> torch.Tensor:
    """Float32 log-probabilities of logits [..., vocabulary]."""
    logits = logits.float()
    # torch's float32 log_softmax drifts by up to 1e-4 nat over 262,144 tokens on a processor; its
    # logsumexp stays within 1e-6.
    return logits - logits.logsumexp(dim=-1, keepdim=True)


def scored_rows(
    paths: TokenPaths, index: int, reads: Sequence[Read], rows: Iterable[torch.Tensor]
) -> Score:
    """The score of a prompt out of the log-probabilities [vocabulary] at its reads."""
    values: dict[Ids, Values] = {}
    for read, row in zip(reads, rows, strict=True):
        if bool(torch.isnan(row).any()):
            return Score.refused(index, NOT_A_NUMBER)
        values[read.place] = _read(read, row)
    return score_of(paths, index, values)


def _read(read: Read, row: torch.Tensor) -> Values:
    """What is asked for at a place, out of its log-probabilities [vocabulary]."""
    likeliest: list[tuple[int, float]] = []
    if read.likeliest:
        values, tokens = row.topk(min(read.likeliest, row.numel()))
        likeliest = list(zip(tokens.tolist(), values.tolist(), strict=True))
    return Values(
        {token: float(row[token]) for token in read.tokens},
        None if read.summed is None else float(torch.logsumexp(row[list(read.summed)], dim=0)),
        likeliest,
        row.cpu().numpy().copy() if read.whole else None,  # a view would keep all rows of its pass
    )
