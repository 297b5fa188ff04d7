"""From a model's name to its source, and so to its tokenizer, window, identity and precision.

A source is a kind of place that models come from, a module each with a `SOURCE`. No weights are
loaded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from tremble.models.files import ModelFiles, Notify
from tremble.models.spec import ModelSpec, RunOptions
from tremble.tokenization.options import Tokenizer

# Asked in this order whether a name is theirs; the last one takes what no other does.
_MODULES = ("mock", "embedded", "gguf", "folder", "hub")


@dataclass(frozen=True, slots=True)
class Opened:
    """A model's tokenizer and window (tokens, None where unbounded), without its weights."""

    tokenizer: Tokenizer
    window: int | None
    quantised: str | None


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """A model as an engine gets it: all but its weights in memory.

    `tokenizer` is a HubTokenizer where the model has files; `window` is in tokens (None where
    unbounded); `identity` belongs in the model key. A made-up model has no `files` and no `config`.
    `more_adapters`: its weights will be used again, with other adapters.
    """

    spec: ModelSpec
    tokenizer: Any
    window: int | None
    identity: Mapping[str, Any]
    files: ModelFiles | None = None
    config: Any = None
    more_adapters: bool = False


@dataclass(frozen=True, slots=True)
class Here:
    """A model whose files are all on this machine: `spec` opens it without asking a hub; `stored`
    are the bytes of its weights on disk, `packed` ones are several times as many once read."""

    spec: ModelSpec
    stored: int
    packed: bool = False


class ModelSource(Protocol):
    """Where models come from. `made_up`: its models are none; `has_revisions`: they are those of a
    hub; `engine`: the one engine that runs them, None where the user chooses."""

    @property
    def made_up(self) -> bool: ...

    @property
    def has_revisions(self) -> bool: ...

    @property
    def engine(self) -> str | None: ...

    def owns(self, name: str) -> bool:
        """Whether a model of that name is from here, as far as no earlier source owns it."""

    def files(self, spec: ModelSpec, notify: Notify, weights: bool = True) -> ModelFiles:
        """The files of a model; `weights=False` asks for configuration and tokenizer only.

        Raises UserError where there can be no such model, ModelUnavailable where it cannot be had
        now, or its weights are damaged, pickled or missing.
        """

    def opened(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> Opened:
        """Its tokenizer and window. Raises as `files`, and where the tokenizer cannot be read."""

    def precision(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> str | None:
        """What is done to its published weights, None for nothing."""

    def identity(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> dict[str, Any]:
        """What identifies its numbers: engine, weights, adapter and dtype, and `quantise` where
        weights are quantised. Raises as `files`, and for options that cannot be had."""

    def ready(self, spec: ModelSpec, options: RunOptions, notify: Notify) -> ReadyModel:
        """The model for an engine, weights on this machine. Raises as `identity` and `opened`."""

    def missing_bytes(self, spec: ModelSpec) -> int | None:
        """What is still to be downloaded; None where that is not known."""

    def here(self, spec: ModelSpec) -> Here | None:
        """The model, where all of its files are on this machine, which alone is looked at; None
        where something of it is missing or damaged."""


@cache
def _sources() -> tuple[ModelSource, ...]:
    return tuple(import_module(f"tremble.models.{module}").SOURCE for module in _MODULES)


def source_of(name: str) -> ModelSource:
    """The source of a model, by its name (`ModelSpec.id`)."""
    return next(source for source in _sources() if source.owns(name))


def is_made_up(name: str) -> bool:
    """Whether a name is that of a model that is none; the disk is not looked at."""
    return any(source.made_up and source.owns(name) for source in _sources())


def find(spec: ModelSpec, notify: Notify, weights: bool = True) -> ModelFiles:
    """The files of a model, as `ModelSource.files`."""
    return source_of(spec.id).files(spec, notify, weights)


def open_tokenizer(spec: ModelSpec, options: RunOptions, notify: Notify) -> Opened:
    """The tokenizer and the window of a model.

    Raises UserError where the model cannot be found or its tokenizer cannot be read.
    """
    return source_of(spec.id).opened(spec, options, notify)


def weights_precision(spec: ModelSpec, options: RunOptions, notify: Notify) -> str | None:
    """What was done to a model's published weights, None for nothing."""
    return source_of(spec.id).precision(spec, options, notify)


def model_identity(spec: ModelSpec, options: RunOptions, notify: Notify) -> dict[str, Any]:
    """What identifies a model's numbers, as `ModelSource.identity`; no weights are loaded."""
    return source_of(spec.id).identity(spec, options, notify)
