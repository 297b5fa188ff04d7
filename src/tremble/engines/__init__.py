"""Engines: what turns token paths into log-probabilities. One module each, one short protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tremble.tokens import Ids, Tokenizer, TokenPaths

# Raised by hand when the numbers an engine returns change; part of every model key.
SCORING_VERSION = 2


@dataclass(frozen=True, slots=True)
class Row:
    """The score of one prompt. `index` is the prompt's place in the list that was given.

    `logprobs` are unnormalised natural log-probabilities per option, in shown order (None where
    not computed); `first_mass` is the probability at the answer start of all tokens with which
    an option begins; `other_token` the id of the likeliest token that begins none; `top` the
    likeliest tokens there, as (id, log-probability).
    """

    index: int
    logprobs: tuple[float | None, ...] = ()
    first_mass: float | None = None
    other_token: int | None = None
    other_logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    error: str | None = None


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

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Row]:
        """Rows in any order; a prompt that cannot be scored gives a row with `error`."""

    def identity(self) -> dict[str, Any]:
        """What belongs in the model key: weights, adapter, dtype, engine kind."""

    def limits(self) -> Limits: ...

    def report(self) -> dict[str, Any]:
        """How rows were computed so far, for the manifest: `path` and what belongs to it."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as the user names it: hub name, name@revision, folder, or .gguf file.

    `template` is a named template, a jinja file, or None for the model's own.
    """

    id: str
    revision: str | None = None
    adapter: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The [run] table of a study file.

    `batch` is the number of sequences a pass holds; `memory` in bytes bounds what a pass may take
    (None: by what is free); `quantise` is "8bit", "4bit" or None for the weights as they are;
    `keep_models` says whether models downloaded by this run stay in the hub's cache; `compile`
    has torch compile the layers of the shared path.
    """

    engine: str = "transformers"
    dtype: str = "float32"
    device: str = "cpu"
    batch: int = 1
    remote_code: Sequence[str] = field(default_factory=tuple)
    memory: int | None = None
    quantise: str | None = None
    keep_models: bool = True
    compile: bool = False


def combine(
    paths: TokenPaths,
    index: int,
    token_logprobs: Mapping[Ids, Mapping[int, float]],
    closing_logprobs: Mapping[Ids, float],
    likeliest: Sequence[tuple[int, float]],
) -> Row:
    """One row out of the log-probabilities at each node of the option tree.

    `token_logprobs`: node -> next token -> log-probability; `closing_logprobs`: node -> log of
    the summed probability of the closing tokens; `likeliest`: (token, log-probability) at the
    answer start, best first, at least one more than there are options.
    """
    logprobs: list[float | None] = []
    for path, closed in zip(paths.paths, paths.closed, strict=True):
        total = math.fsum(token_logprobs[path[:end]][path[end]] for end in range(len(path)))
        logprobs.append(total + closing_logprobs[path] if closed else total)
    first = token_logprobs[()]
    begins = {path[0] for path in paths.paths}
    other = next((pair for pair in likeliest if pair[0] not in begins), (None, None))
    return Row(
        index,
        tuple(logprobs),
        math.fsum(math.exp(first[token]) for token in begins),
        other[0],
        other[1],
        tuple(likeliest[:TOP]),
    )
