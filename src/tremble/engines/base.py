"""Engines: what turns token paths into log-probabilities. One module each, one short protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tremble.decisions.record import Option
from tremble.tokenization.options import Tokenizer, TokenPaths
from tremble.tokenization.refusal import ErrorKind, Refusal

# Raised by hand when the numbers an engine returns change; part of every model key.
SCORING_VERSION = 2
# Largest difference in a log-probability, in nat, that a check lets pass: float32 sums in another
# order differ by some 1e-5; lower precisions round in every layer.
TOLERANCE = {"float32": 1e-4, "float64": 1e-6, "float16": 0.05, "bfloat16": 0.3}


@dataclass(frozen=True, slots=True)
class ResponseScore:
    """How likely what a person said is, under the whole vocabulary. `logprob`: natural, summed over
    its `tokens` (a count) tokens; `closing`: the log of the summed probability of the tokens that
    close it, behind it; `likeliest`: whether its first token is the likeliest first token."""

    logprob: float
    closing: float
    tokens: int
    likeliest: bool


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one prompt. `index` is the prompt's place in the list that was given.

    `logprobs` are unnormalised natural log-probabilities per option, in shown order (None where
    not computed); `first_mass` is the probability at the answer start of all tokens with which
    an option begins; `other_token` the id of the likeliest token that begins none; `top` the
    likeliest tokens there, as (id, log-probability); `response` how likely what the person said
    is, where that is asked for; `distribution` [vocabulary] the natural log-probabilities of all
    tokens at the answer start, where `TokenPaths.whole` asks for them. `error` says why there is no
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
    response: ResponseScore | None = None
    distribution: npt.NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def refused(cls, index: int, refusal: Refusal) -> Score:
        """That of a prompt that has none."""
        return cls(index, error=refusal.sentence, error_kind=refusal.kind)


TOP = 5  # tokens listed in Score.top


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
        """Scores in any order; that of a prompt that cannot be scored has an `error`."""

    def efforts(self, prompts: Sequence[TokenPaths]) -> Sequence[float]:
        """What each of them takes when all are scored in one call, in a unit of the engine's own;
        nothing where it is refused. The unit may be another one once `report` names another
        path."""

    def identity(self) -> dict[str, Any]:
        """What belongs in the model key (weights, adapter, dtype, engine kind): that of the model
        it was opened with, or a run takes that model for one that changed meanwhile."""

    def limits(self) -> Limits: ...

    def report(self) -> dict[str, Any]:
        """How scores were computed so far, for the manifest: `path` and what belongs to it;
        `checking_seconds`, where time went into checks."""


def option_mass(logprobs: Sequence[float | None] | None) -> float | None:
    """The summed probability of the options, before normalising; None where one is missing."""
    if not logprobs or None in logprobs:
        return None
    return math.fsum(math.exp(value) for value in logprobs if value is not None)


def scored_options(options: Sequence[Option], score: Score, tokenizer: Tokenizer) -> dict[str, Any]:
    """One score in words, for people and JSON: `options` (as shown: key, label, logprob,
    probability, prediction), mass, first_mass and top; None where something was not computed."""
    shares = [None if value is None else math.exp(value) for value in score.logprobs]
    # JSON has no minus infinity: an option without any probability has no log-probability.
    logprobs = [value if value is None or value > -math.inf else None for value in score.logprobs]
    mass = option_mass(score.logprobs) if score.error is None else None
    predictions = _predictions(score.logprobs) if score.error is None else None
    return {
        "options": [
            {
                "key": option.key,
                "label": option.label,
                "logprob": logprobs[place] if logprobs else None,
                "probability": shares[place] if shares else None,
                "prediction": None if predictions is None else predictions[place],
            }
            for place, option in enumerate(options)
        ],
        "mass": mass,
        "first_mass": score.first_mass,
        "top": [
            {"token": tokenizer.decode([token]), "probability": math.exp(value)}
            for token, value in score.top
        ],
    }


def _predictions(logprobs: Sequence[float | None]) -> list[float] | None:
    """Shares of the options that add up to one; None where one of them is missing, or none has any
    probability. As in a study, also where the probabilities are too small for a number: those of
    labels of many words."""
    values = [value for value in logprobs if value is not None]
    top = max(values, default=-math.inf)
    if len(values) < len(logprobs) or not math.isfinite(top):
        return None
    weights = [math.exp(value - top) for value in values]
    total = math.fsum(weights)
    return [weight / total for weight in weights]
