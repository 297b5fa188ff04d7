"""What an engine is asked for, as data: where in a prompt something is read, and what.

A `Read` is one place and what is wanted there; `reads_of` says which reads the options of a prompt
need; an engine answers each with `Values`, in whatever way it computes; `score_of` makes the score
of the prompt out of them. What is wanted of a place beyond that is a further field of both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tremble.engines.base import TOP, ResponseScore, Score
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Ids


@dataclass(frozen=True, slots=True)
class Read:
    """What is read of the next-token distribution at one place.

    `place` is the ids that stand between the prefix of the prompt and the place (the prefix is the
    same for all reads of a prompt; empty: the answer start). `tokens` are those whose
    log-probabilities are wanted; `summed` those of which the log of the summed probability is
    wanted (None: no such sum; of no tokens it is minus infinity); `likeliest`: how many of the
    likeliest tokens (0: none); `whole`: the log-probabilities of the whole vocabulary.
    """

    place: Ids
    tokens: tuple[int, ...]
    summed: Ids | None = None
    likeliest: int = 0
    whole: bool = False


@dataclass(slots=True)
class Values:
    """What was read at one place, in natural logarithms.

    `logprobs`: token -> log-probability, for `Read.tokens`; `summed`: the log of the summed
    probability of `Read.summed`; `likeliest`: (token, log-probability), best first, as many as were
    asked for or as the vocabulary has; `whole`: log-probabilities [vocabulary], where asked for.
    """

    logprobs: dict[int, float] = field(default_factory=dict)
    summed: float | None = None
    likeliest: Sequence[tuple[int, float]] = ()
    whole: npt.NDArray[np.float32] | None = None


def reads_of(paths: TokenPaths) -> tuple[Read, ...]:
    """The reads that a score needs: one for each of `paths.nodes()`, in that order."""
    tokens: dict[Ids, set[int]] = {node: set() for node in paths.nodes()}
    for path in paths.paths:
        for end in range(len(path)):
            tokens[path[:end]].add(path[end])
    ends = {
        path for path, terminated in zip(paths.paths, paths.terminated, strict=True) if terminated
    }
    if paths.response is not None:
        ends.add(paths.paths[paths.response])
    return tuple(
        Read(
            node,
            tuple(wanted),
            paths.terminator if node in ends else None,
            # Whatever the options begin with, one more is among so many.
            0 if node else TOP + len(paths.paths),
            paths.whole and not node,
        )
        for node, wanted in tokens.items()
    )


def score_of(paths: TokenPaths, index: int, values: Mapping[Ids, Values]) -> Score:
    """The score of a prompt out of what its reads gave, by place."""
    logprobs: list[float | None] = []
    for path, terminated in zip(paths.paths, paths.terminated, strict=True):
        total = math.fsum(values[path[:end]].logprobs[path[end]] for end in range(len(path)))
        if terminated:
            summed = values[path].summed
            assert summed is not None  # asked for at the end of every terminated path
            total += summed
        logprobs.append(total)
    start = values[()]
    begins = {path[0] for path in paths.paths}
    other = next((pair for pair in start.likeliest if pair[0] not in begins), (None, None))
    return Score(
        index,
        tuple(logprobs),
        math.fsum(math.exp(start.logprobs[token]) for token in begins),
        other[0],
        other[1],
        tuple(start.likeliest[:TOP]),
        response=_response(paths, values),
        distribution=start.whole,
    )


def _response(paths: TokenPaths, values: Mapping[Ids, Values]) -> ResponseScore | None:
    if paths.response is None:
        return None
    path = paths.paths[paths.response]
    closing, likeliest = values[path].summed, values[()].likeliest
    assert closing is not None and likeliest  # asked for where there is a response
    return ResponseScore(
        math.fsum(values[path[:end]].logprobs[path[end]] for end in range(len(path))),
        closing,
        len(path),
        likeliest[0][0] == path[0],
    )
