"""Engines: what turns token paths into log-probabilities. One module each, one short protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tremble.decisions.record import Option
from tremble.tokenization.options import Ids, Tokenizer, TokenPaths
from tremble.tokenization.refusal import ErrorKind, Refusal

# Raised by hand when the numbers an engine returns change; part of every model key.
SCORING_VERSION = 2


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one prompt. `index` is the prompt's place in the list that was given.

    `logprobs` are unnormalised natural log-probabilities per option, in shown order (None where
    not computed); `first_mass` is the probability at the answer start of all tokens with which
    an option begins; `other_token` the id of the likeliest token that begins none; `top` the
    likeliest tokens there, as (id, log-probability). `error` says why there is no
    score, `error_kind` of which kind that is.
    """

    index: int
    logprobs: tuple[float | None, ...] = ()
    first_mass: float | None = None
    other_token: int | None = None
    other_logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    error: str | None = None
    error_kind: ErrorKind | None = None

    @classmethod
    def refused(cls, index: int, refusal: Refusal) -> Score:
        """That of a prompt that has none."""
        return cls(index, error=refusal.sentence, error_kind=refusal.kind)


TOP = 5  # tokens listed in Row.top


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine can take: `window` in tokens (None where unbounded)."""

    window: int | None
    dtype: str
    device: str


class Engine(Protocol):
    """Scores prompts of one model."""

    @property
    def tokenizer(self) -> Tokenizer: ...

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Score]:
        """Rows in any order; a prompt that cannot be scored gives a row with `error`."""

    def identity(self) -> dict[str, Any]:
        """What belongs in the model key: weights, adapter, dtype, engine kind."""

    def limits(self) -> Limits: ...

    def report(self) -> dict[str, Any]:
        """How rows were computed so far, for the manifest: `path` and what belongs to it."""


def combine(
    paths: TokenPaths,
    index: int,
    token_logprobs: Mapping[Ids, Mapping[int, float]],
    terminator_logprobs: Mapping[Ids, float],
    likeliest: Sequence[tuple[int, float]],
) -> Score:
    """One row out of the log-probabilities at each node of the option tree.

    `token_logprobs`: node -> next token -> log-probability; `closing_logprobs`: node -> log of
    the summed probability of the closing tokens; `likeliest`: (token, log-probability) at the
    answer start, best first, at least one more than there are options.
    """
    logprobs: list[float | None] = []
    for path, terminated in zip(paths.paths, paths.terminated, strict=True):
        total = math.fsum(token_logprobs[path[:end]][path[end]] for end in range(len(path)))
        logprobs.append(total + terminator_logprobs[path] if terminated else total)
    first = token_logprobs[()]
    begins = {path[0] for path in paths.paths}
    other = next((pair for pair in likeliest if pair[0] not in begins), (None, None))
    return Score(
        index,
        tuple(logprobs),
        math.fsum(math.exp(first[token]) for token in begins),
        other[0],
        other[1],
        tuple(likeliest[:TOP]),
    )


def option_mass(logprobs: Sequence[float | None] | None) -> float | None:
    """The summed probability of the options, before normalising; None where one is missing."""
    if not logprobs or None in logprobs:
        return None
    return math.fsum(math.exp(value) for value in logprobs if value is not None)


def scored_options(options: Sequence[Option], row: Score, tokenizer: Tokenizer) -> dict[str, Any]:
    """One row in words, for people and JSON: `options` (as shown: key, label, logprob, probability,
    prediction), mass, first_mass and top; None where something was not computed."""
    shares = [None if value is None else math.exp(value) for value in row.logprobs]
    # JSON has no minus infinity: an option without any probability has no log-probability.
    logprobs = [value if value is None or value > -math.inf else None for value in row.logprobs]
    mass = option_mass(row.logprobs) if row.error is None else None
    return {
        "options": [
            {
                "key": option.key,
                "label": option.label,
                "logprob": logprobs[place] if logprobs else None,
                "probability": shares[place] if shares else None,
                "prediction": _share(shares[place], mass) if shares else None,
            }
            for place, option in enumerate(options)
        ],
        "mass": mass,
        "first_mass": row.first_mass,
        "top": [
            {"token": tokenizer.decode([token]), "probability": math.exp(value)}
            for token, value in row.top
        ],
    }


def _share(probability: float | None, mass: float | None) -> float | None:
    return probability / mass if probability is not None and mass else None
