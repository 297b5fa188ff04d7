"""From a model's name to an engine with its weights in memory, and back to free memory."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tremble.engines.base import Engine
from tremble.engines.registry import EXTENSIONS, check_engine, open_with
from tremble.models.files import Notify
from tremble.models.open import model_identity, source_of
from tremble.models.spec import ModelSpec, RunOptions


def open_engine(
    spec: ModelSpec, options: RunOptions, notify: Notify, more_adapters: bool = False
) -> Engine:
    """An engine with the model's weights in memory: that of its source, else the one asked for.
    `more_adapters`: these weights will be used again, with other adapters.

    Raises ModelUnavailable where the weights cannot be had or read, do not belong to the
    configuration, or do not fit into memory; UserError for wrong options and names.
    """
    source = source_of(spec.id)
    if source.engine is None:
        check_engine(options.engine)
    name = source.engine or options.engine
    ready = source.ready(spec, options, notify)
    identity = {**ready.identity, **_of_package(spec, options)}
    ready = replace(ready, identity=identity, more_adapters=more_adapters)
    return open_with(name, ready, options, notify)


def weights_of(identity: Mapping[str, Any]) -> dict[str, Any]:
    """What of an identity says which weights are loaded, before an adapter is merged into them."""
    return {key: value for key, value in identity.items() if key != "adapter"}


class Engines:
    """The engines of a run, one at a time. Of models that differ in their adapter alone the second
    gets the engine of the first, its adapter in place of that one's: nothing is loaded or checked
    twice."""

    def __init__(self, options: RunOptions, notify: Notify) -> None:
        self._options, self._notify = options, notify
        self._held: Engine | None = None

    def open(self, spec: ModelSpec, more: bool = False) -> Engine:
        """The engine of a model, in place of the one before; `more`: one with another adapter on
        the same weights comes next. Raises as `open_engine`."""
        held, self._held = self._held, None
        exchange = getattr(held, "exchange", None)
        if held is not None and exchange is not None and self._shares(spec, held):
            ready = source_of(spec.id).ready(spec, self._options, self._notify)
            if exchange(replace(ready, more_adapters=more), self._options):
                self._held = held
                return held
        held = exchange = None
        give_memory_back()
        self._held = open_engine(spec, self._options, self._notify, more)
        return self._held

    def _shares(self, spec: ModelSpec, held: Engine) -> bool:
        """Whether a model has the weights of an engine; nothing is downloaded for it."""
        source = source_of(spec.id)
        if source.engine is not None:
            return False
        identity = source.identity(spec, self._options, self._notify)
        ready = getattr(getattr(held, "reference", held), "ready", None)
        if ready is None or weights_of(identity) != weights_of(ready.identity):
            return False
        here = source.files(spec, self._notify, weights=False)
        return ready.files is not None and ready.files.folder == here.folder

    def close(self) -> None:
        """Give back what the last one holds, once nobody else refers to it."""
        self._held = None
        give_memory_back()


def scored_identity(spec: ModelSpec, options: RunOptions, notify: Notify) -> dict[str, Any]:
    """What identifies the numbers of a model (`models.open.model_identity`), with the package of an
    engine that is not tremble's own under `extension`. Raises as that does."""
    return {**model_identity(spec, options, notify), **_of_package(spec, options)}


def _of_package(spec: ModelSpec, options: RunOptions) -> dict[str, Any]:
    """What the identity of a model says of the package that its engine comes from, if any."""
    if source_of(spec.id).engine is not None:
        return {}
    origin = EXTENSIONS.origin(options.engine)
    return {} if origin is None else {"extension": origin}


def give_memory_back() -> None:
    """Return what a model held to the machine, once nothing refers to it any more."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    from tremble.engines.memory import give_freed_memory_back

    give_freed_memory_back()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
